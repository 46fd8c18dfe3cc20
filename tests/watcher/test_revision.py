from pathlib import Path

import pytest

from watcher.revision import Place, commit_of, files_digest, revision

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def repository(root: Path, head: str = "ref: refs/heads/main\n", loose: bool = True) -> Path:
    """A program in a repository's subfolder."""
    git, program = root / ".git", root / "program"
    (git / "refs" / "heads").mkdir(parents=True)
    program.mkdir()
    (git / "HEAD").write_text(head)
    if loose:
        (git / "refs" / "heads" / "main").write_text(f"{COMMIT}\n")
    return program


def test_the_commit_is_found_above_the_program(tmp_path: Path) -> None:
    assert commit_of(repository(tmp_path)) == COMMIT


def test_a_detached_head_is_the_commit_itself(tmp_path: Path) -> None:
    assert commit_of(repository(tmp_path, head=COMMIT)) == COMMIT


def test_a_packed_reference_is_found(tmp_path: Path) -> None:
    program = repository(tmp_path, loose=False)
    (tmp_path / ".git" / "packed-refs").write_text(f"# pack-refs\n{'f' * 40} refs/heads/x\n{COMMIT} refs/heads/main\n")
    assert commit_of(program) == COMMIT


def test_a_work_tree_of_its_own_is_followed(tmp_path: Path) -> None:
    repository(tmp_path)
    own = tmp_path / ".git" / "worktrees" / "own"
    own.mkdir(parents=True)
    (own / "HEAD").write_text("ref: refs/heads/main\n")
    (own / "commondir").write_text("../..\n")
    tree = tmp_path / "elsewhere"
    tree.mkdir()
    (tree / ".git").write_text(f"gitdir: {own}\n")
    assert commit_of(tree) == COMMIT


@pytest.mark.parametrize("head", ["", "ref: HEAD\n", "ref: refs/heads/none\n", "no commit\n"])
def test_a_repository_that_says_nothing_has_no_commit(tmp_path: Path, head: str) -> None:
    assert commit_of(repository(tmp_path, head=head)) == ""


def test_the_files_tell_a_changed_copy(tmp_path: Path) -> None:
    program = repository(tmp_path)
    file, gone = program / "a.py", program / "gone.py"
    file.write_text("x = 1\n")
    before = revision(program, [file, gone])
    assert before == f"01234567 (files {files_digest(program, [file])})"
    file.write_text("x = 2\n")
    assert revision(program, [file]) != before


def test_without_a_repository_the_files_alone_tell(tmp_path: Path) -> None:
    assert revision(tmp_path, []).startswith("files ") or commit_of(tmp_path)


def test_declarations_from_elsewhere_are_told_by_their_own_commit_and_files(tmp_path: Path) -> None:
    program = repository(tmp_path)
    jobs = tmp_path / "elsewhere"
    jobs.mkdir()
    (jobs / "a.py").write_text("x = 1\n")
    own, other = Place(jobs, COMMIT), Place(jobs, "f" * 40)
    told = revision(program, [jobs / "a.py"], other)
    assert told == f"01234567 (files {files_digest(program, [jobs / 'a.py'], jobs)}), jobs ffffffff"
    assert "jobs" not in revision(program, [jobs / "a.py"], own), "the program's own commit says it"
    (jobs / "a.py").write_text("x = 2\n")
    assert revision(program, [jobs / "a.py"], other) != told
