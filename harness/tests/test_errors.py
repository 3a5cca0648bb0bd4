"""The hint at the name that was meant."""

import pytest

from harness.errors import nearest, unknown, unknown_key


@pytest.mark.parametrize(
    ("name", "known", "hint"),
    [
        ("piar", ["pair", "own"], "did you mean pair?"),
        ("zzz", {"b": 1, "a": 2}, "known: a, b"),
        ("zzz", [], "known: none"),
        (True, ["true"], "did you mean true?"),
        ("1", [1], "did you mean 1?"),
    ],
)
def test_nearest(name, known, hint):
    assert nearest(name, known) == hint
    assert unknown("task", name, known) == f"task: unknown; {hint}"
    assert unknown_key("tasks.x", name, known) == f"tasks.x: unknown key; {hint}"
