"""A name is one component of a path wherever it enters, and an ablation's cell has one spelling."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.errors import BenchError
from harness.store import archive_folder, cell_folder, cell_name, check_names, checked_name

HOSTILE = [
    "../x",
    "a/b",
    "a\\b",
    "x; touch f",
    "$(x)",
    "`x`",
    "x'y",
    "..",
    ".",
    ".x",
    "-x",
    "/etc",
    "a\nb",
    "a\n",
    "a\0b",
    "",
    " ",
    "x ",
    "é",
    "x" * 65,
    "x" * 300,
    "${key}",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_refused_in_one_printable_line(name: str) -> None:
    with pytest.raises(BenchError) as caught:
        checked_name("a method", name)
    line = str(caught.value)
    assert line.startswith("a method cannot be called ") and line.isprintable() and len(line) < 250


@pytest.mark.parametrize("name", ["vgan", "wgan_gp", "T-GAN.2", "1", "on", "_x", "x" * 64])
def test_a_plain_name_is_returned(name: str) -> None:
    assert checked_name("a method", name) == name


@pytest.mark.parametrize(
    ("name", "read_as"), [(True, "true"), (False, "false"), (1, "1"), (1.5, "1.5"), (None, "null")]
)
def test_what_yaml_reads_as_no_text_is_to_be_quoted(name: Any, read_as: str) -> None:
    with pytest.raises(BenchError, match=f"reads this name as {read_as}, not as text: put it in quotes"):
        checked_name("a method", name)


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (0.10, "m-a-0.1"),
        (0.0, "m-a-0.0"),
        (64, "m-a-64"),
        (64.0, "m-a-64.0"),
        (True, "m-a-true"),
        (False, "m-a-false"),
        ("hinge", "m-a-hinge"),
    ],
)
def test_the_name_of_an_ablated_cell(value: Any, name: str) -> None:
    assert cell_name("m", "a", value) == name


def test_the_cells_on_disk_keep_their_names() -> None:
    """The records of ablations in the repository lie where `cell_name` says."""
    import json

    root = Path(__file__).resolve().parents[2]
    found = 0
    for path in root.glob("results/*/**/record.json"):
        record = json.loads(path.read_text())
        if ablation := record.get("ablation"):
            assert path.parent.name == cell_name(ablation["of"], ablation["name"], ablation["value"])
            found += 1
    assert found > 20


def test_folders_are_made_of_checked_names() -> None:
    assert cell_folder(Path("r"), "t", "m-a-0.1") == Path("r/results/records/t/m-a-0.1")
    assert archive_folder(Path("r"), "paper") == Path("r/results/archive/paper")
    for wrong in (
        lambda: cell_folder(Path(), "..", "m"),
        lambda: cell_folder(Path(), "t", "a/b"),
        lambda: archive_folder(Path(), "/"),
    ):
        with pytest.raises(BenchError):
            wrong()


def params(**changes: Any) -> dict[str, Any]:
    ablation = {"method": "m", "key": "batch", "values": [8, 16], "seeds": [0]}
    return {
        "preset": "p",
        "tasks": {"t": {}},
        "methods": {"t": {"m": {}}},
        "ablations": {"t": {"a": ablation}},
    } | changes


def swept(**changes: Any) -> dict[str, Any]:
    return {"ablations": {"t": {"a": {"method": "m", "values": [8, 16]} | changes}}}


def test_good_names_pass() -> None:
    check_names(params())
    check_names(
        params(tasks={"t": {"demonstrations": "archive/paper/t/m"}, "u": {"demonstrations": "t/m", "rewards": "t"}})
    )


@pytest.mark.parametrize("bad", ["../x", "x; touch f", "", True, 1])
@pytest.mark.parametrize(
    "place",
    [
        lambda bad: {"preset": bad},
        lambda bad: {"tasks": {bad: {}}},
        lambda bad: {"methods": {bad: {}}},
        lambda bad: {"methods": {"t": {bad: {}}}},
        lambda bad: {"ablations": {bad: {}}},
        lambda bad: {"ablations": {"t": {bad: {}}}},
        lambda bad: swept(method=bad),
        lambda bad: {"tasks": {"t": {"rewards": bad}}},
        lambda bad: {"tasks": {"t": {"demonstrations": bad}}},
        lambda bad: {"tasks": {"t": {"demonstrations": f"archive/p/{bad}/../../m"}}},
    ],
)
def test_every_place_of_a_name_is_checked(place: Any, bad: Any) -> None:
    with pytest.raises(BenchError, match="^params.yaml: "):
        check_names(params(**place(bad)))


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"methods": {"t": {"vgan": {}, "VGAN": {}}}}, "cells of t: vgan and VGAN would share a folder"),
        ({"tasks": {"t": {}, "T": {}}}, "tasks: t and T would share a folder"),
        ({"methods": {"t": {"m": {}, "m-a-8": {}}}}, "cells of t: m-a-8 and m-a-8 would share a folder"),
        (swept(values=["A", "a"]), "cells of t: m-a-A and m-a-a would share a folder"),
        (swept(values=["8", 8]), "cells of t: m-a-8 and m-a-8 would share a folder"),
        (swept(values=[8, 16, 8.0]), "ablations.t.a.values: 8.0 equals an earlier value"),
        (swept(values=[0.1, 0.10]), "ablations.t.a.values: 0.1 equals an earlier value"),
        (swept(values=["a/b"]), "a cell of the ablation a cannot be called 'm-a-a/b'"),
        ({"methods": {"t": {"a.b": {}}}}, "a key of methods.t cannot be called a.b: a dot separates keys for DVC"),
    ],
)
def test_cells_never_share_a_folder(changes: dict[str, Any], line: str) -> None:
    with pytest.raises(BenchError) as caught:
        check_names(params(**changes))
    assert line in str(caught.value)


@pytest.mark.parametrize("part", ["tasks", "methods", "ablations"])
@pytest.mark.parametrize(
    "block", [None, [1], "x", {"t": [1]}, {"t": {"a": 1}}, {"t": {"a": {"method": "m", "values": "x"}}}]
)
def test_what_is_no_mapping_is_left_to_the_schema(part: str, block: Any) -> None:
    check_names(params(**{part: block}))
