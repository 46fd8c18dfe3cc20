import pytest

from watcher.causes import changed_keys, fingerprints, large_change


def test_a_value_is_known_by_its_fingerprint_only() -> None:
    prints = fingerprints({"gatewayUrl": "http://secret-host"})
    assert "secret-host" not in str(prints)
    assert prints == fingerprints({"gatewayUrl": "http://secret-host"})
    assert prints != fingerprints({"gatewayUrl": "http://other"})


def test_keys_that_came_went_or_changed_are_named() -> None:
    assert changed_keys({"a": "1", "b": "1", "c": "1"}, {"a": "1", "b": "2", "d": "1"}) == ("b", "c", "d")
    assert changed_keys({}, {"a": "1"}) == ()


@pytest.mark.parametrize(
    ("updated", "existing", "keys", "told"),
    [
        (100, 100, ("gatewayUrl",), "gatewayUrl changed: 100 of 100 jobs are updated"),
        (6, 10, (), "the declarations changed: 6 of 10 jobs are updated"),
        (5, 10, ("a",), ""),
        (1, 1, ("a",), ""),
        (2, 2, ("a", "b"), "a, b changed: 2 of 2 jobs are updated"),
        (0, 0, (), ""),
    ],
)
def test_only_a_large_change_is_told(updated: int, existing: int, keys: tuple[str, ...], told: str) -> None:
    assert large_change(updated, existing, keys) == told
