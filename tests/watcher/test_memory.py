import json
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watcher.memory import Change, Identity, Memory, MemoryFile, Sighting, from_json, to_json
from watcher.unkept import Written

FULL = Memory(
    Identity("ours", "p/dev", "http://a"),
    frozenset("ab"),
    {"jobs/a.py": ("a", "b")},
    {"gatewayUrl": "12"},
    "files 1",
    {"x": Sighting(1.0, "why")},
    (Change(2.0, 3),),
    (Change(4.0, 5),),
    {"a": {"owner": Written("12", 3)}},
)


def test_what_is_remembered_is_found_again_by_its_owner_only(tmp_path: Path) -> None:
    file = MemoryFile(tmp_path, "p-dev")
    assert file.load() == Memory()
    file.save(FULL)
    assert MemoryFile(tmp_path, "p-dev").load() == FULL
    assert file.path.name == ".watcher-p-dev.memory.json"
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [file.path]


def test_what_has_not_changed_is_not_written_again(tmp_path: Path) -> None:
    file = MemoryFile(tmp_path, "p-dev")
    file.save(FULL)
    file.path.unlink()
    file.save(FULL)
    assert not file.path.exists()


def test_what_a_killed_watcher_left_half_written_is_no_hindrance(tmp_path: Path) -> None:
    file = MemoryFile(tmp_path, "p-dev")
    file.path.with_name(f"{file.path.name}.tmp").write_text("{")
    file.save(FULL)
    assert file.load() == FULL


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "{}", '{"identity": 5}', "[" * 100_000])
def test_a_file_that_cannot_be_read_is_no_memory(tmp_path: Path, text: str) -> None:
    file = MemoryFile(tmp_path, "p-dev")
    file.path.write_text(text)
    assert file.load() == Memory()


names = st.text(max_size=5)
changes = st.lists(st.builds(Change, st.floats(0, 1e9), st.integers(0, 99))).map(tuple)
memories = st.builds(
    Memory,
    st.none() | st.builds(Identity, names, names, names),
    st.frozensets(names),
    st.dictionaries(names, st.lists(names).map(tuple)),
    st.dictionaries(names, names),
    names,
    st.dictionaries(names, st.builds(Sighting, st.floats(0, 1e9), names)),
    changes,
    changes,
    st.dictionaries(names, st.dictionaries(names, st.builds(Written, names, st.integers(0, 9)))),
)


@given(memories)
def test_every_memory_survives_its_file(memory: Memory) -> None:
    assert from_json(to_json(memory)) == memory


@given(st.recursive(st.none() | st.integers() | st.text(max_size=3), lambda inner: st.dictionaries(names, inner)))
def test_no_other_json_is_taken_for_one(value: object) -> None:
    with pytest.raises(ValueError, match="memory"):
        from_json(json.dumps(value))


def test_changes_count_for_an_hour() -> None:
    memory = Memory().with_changes(1000, 3, 0).with_changes(2000, 1, 7)
    assert memory.recent(memory.deletions, 2000) == 4
    assert memory.recent(memory.updates, 2000) == 7
    assert memory.recent(memory.deletions, 4601) == 1
    assert memory.with_changes(9000, 0, 0) == Memory()


def test_a_clock_that_was_set_back_makes_changes_neither_forgotten_nor_recent_for_ever() -> None:
    memory = Memory().with_changes(1_000_000, 3, 0).as_of(1000)
    assert memory.recent(memory.deletions, 1000) == 3
    assert memory.recent(memory.deletions, 4600) == 0
    assert memory.as_of(5000) == memory
