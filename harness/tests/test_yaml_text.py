"""YAML is read as DVC reads it; what is broken, too large or of another kind is refused in one line."""

from __future__ import annotations

import os
import string
from itertools import pairwise
from pathlib import Path

import pytest
from dvc.utils.serialize import load_yaml

from harness.errors import BenchError
from harness.yaml_text import LARGEST_FILE, dump, load, parse

NUMBERS = "[1e-3, 1.0e-3, 010, 0o17, 0x1F, 1_000, .5, -.inf, 1e5, yes, on, true, null, ~, '1', 1.]"


def test_values_are_those_that_dvc_reads(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(f"a: {NUMBERS}\nb: &b {{x: 1, y: 2}}\nc: {{<<: *b, y: 3}}\n")
    found = load(path)
    assert found == load_yaml(path) and found["c"] == {"x": 1, "y": 3}
    assert [type(value) for value in found["a"]] == [type(value) for value in load_yaml(path)["a"]]
    assert found["a"][0] == 0.001


def aliases(inner: str) -> str:
    """Nine levels, each ten times the one before: 10^9 values in a few lines."""
    names = string.ascii_lowercase[:10]
    return "a: &a {x: 1}\n" + "".join(
        f"{name}: &{name} " + inner.format(", ".join([f"*{before}"] * 10)) + "\n" for before, name in pairwise(names)
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: [1\n", "is not valid YAML: while parsing a flow sequence .* at line 2, column 1"),
        ("a: 1\nb: 2\na: 3\n", 'is not valid YAML: .*duplicate key "a"'),
        ("a: 1\n---\nb: 2\n", "is not valid YAML: expected a single document"),
        ("a: !!python/object:os.system x", "is not valid YAML: could not determine a constructor"),
        (aliases("[{}]"), "expands to more than 200000 values"),
        (aliases("{{<<: [{}]}}"), "expands to more than 200000 values"),
        ("a: &a [*a]", "expands to more than 200000 values"),
        ("[" * 200_000 + "]" * 200_000, "has more than 100 levels of nested blocks"),
        ("a: {b: [2020-01-01]}", r"\.a\.b\[0\] = 2020-01-01: must be a string or a number"),
        ("null: 1", "the key None must be a string"),
        ("? [1, 2]\n: 1", r"the key \(1, 2\) must be a string"),
        ("#" * (LARGEST_FILE + 1), "has 2097153 bytes"),
        (f"a: [0x{'f' * 6000}]", r"\.a\[0\] is an integer of 24000 bits, which is too large: use one below 1e308"),
        (f"? 0x{'f' * 6000}\n: 1", "a key is an integer of 24000 bits"),
        ('"a\\0b": 1', r"a key contains the control character '\\x00'"),
    ],
    ids=str.split("flow twice documents tag aliases merges itself deep date null list large huge key nul"),
)
def test_what_is_refused_and_in_what_words(text: str, told: str, tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(text)
    with pytest.raises(BenchError, match=told) as error:
        load(path)
    assert str(error.value).startswith(str(path)) and "\n" not in str(error.value)


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_bytes(b"a: \xff")
    with pytest.raises(BenchError, match="p.yaml, line 1: is not UTF-8 text: save the file"):
        load(tmp_path / "p.yaml")
    with pytest.raises(BenchError, match="is not valid YAML: .*Is a directory"):
        load(tmp_path)
    os.mkfifo(tmp_path / "pipe.yaml")
    with pytest.raises(BenchError, match="pipe.yaml is not valid YAML: .*not a regular file"):
        load(tmp_path / "pipe.yaml")


def test_what_is_written_reads_the_same_and_has_no_aliases() -> None:
    shared = {"lr": 1e-05, "betas": [0.0, 0.99], "words": ["true", "1", "é", "a: b # c"]}
    content = {"z": shared, "a": shared, "none": None, "empty": {}, "rate": 1e-3, "long": "word " * 60}
    text = dump(content)
    assert parse(text) == content and list(parse(text)) == list(content)
    assert "*" not in text and "&" not in text
