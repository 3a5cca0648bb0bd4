"""The siege sees a fault where there is one, and gives each kind of attack its share."""

from __future__ import annotations

import json
import sys
from itertools import count
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from harness.cli import main
from harness.report.tables.siege import tables
from harness.run import checkpoint
from harness.tests import small
from harness.tests.siege import __main__ as siege
from harness.tests.siege import attacks
from harness.tests.siege.__main__ import _due, attacked, order
from harness.tests.siege.attacks import FAULT, KINDS, REFUSED
from harness.tests.siege.child import Result


@pytest.mark.parametrize(
    ("result", "word"),
    [
        (Result(0, "fine"), ""),
        (Result(2, "error: no such task"), ""),
        (Result(2, "error: one\nerror: two"), "tells 2 lines"),
        (Result(2, ""), "tells 0 lines"),
        (Result(1, "Traceback (most recent call last):\n  x\nKeyError: 1"), "traceback: KeyError: 1"),
        (Result(None, ""), "hangs"),
        (Result(-11, ""), "ends with status -11"),
        (Result(0, "", orphans=2), "2 processes outlive it"),
    ],
)
def test_what_no_command_may_do_is_wrong(result: Result, word: str) -> None:
    assert result.wrong.startswith(word) and bool(result.wrong) == bool(word)


@pytest.fixture
def world(tmp_path: Path) -> Any:
    """The checkpoints of a trained cell."""
    small.write(tmp_path)
    assert (
        main(["--root", str(tmp_path), "prepare", "pair"])
        == main(["--root", str(tmp_path), "train", "pair", "plain"])
        == 0
    )
    return SimpleNamespace(states={"gaussians": sorted(tmp_path.glob(".scratch/runs/*/*/*.pt"))})


def test_a_door_that_lets_damage_in_is_a_fault(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in ("flip", "truncate"):
        assert {attacked(world, kind, 0, number)[0] for number in range(20)} == {REFUSED}
    monkeypatch.setattr(checkpoint, "check", lambda path, content, identity: {"method": torch.zeros(1)})
    assert attacked(world, "flip", 0, 0)[0] == FAULT
    monkeypatch.setattr(checkpoint, "check", lambda path, content, identity: {}["lost"])
    verdict, note = attacked(world, "flip", 0, 0)
    assert verdict == FAULT and "KeyError" in note


def test_an_attack_is_repeated_by_its_number(world: Any) -> None:
    assert attacked(world, "flip", 3, 7) == attacked(world, "flip", 3, 7) != attacked(world, "flip", 3, 8)
    text = [attacks._mutated(SimpleNamespace(params=small.PARAMS), Random("3/7")) for _ in range(2)]  # type: ignore[arg-type]
    assert text[0] == text[1]


def test_each_kind_has_its_share() -> None:
    from collections import Counter

    done: Counter[str] = Counter()
    for number in range(300):
        kind = _due(list(KINDS), done)
        if number in (0, 1, 299):
            assert order(list(KINDS), number) == kind
        done[kind] += 1
    assert done["flip"] > done["kill"] > done["orphan"] >= 1
    assert abs(done["flip"] / done["kill"] - 540 / 200) < 0.2


def test_a_siege_lasts_its_minutes_and_a_whole_one_until_every_kind_had_its_number(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    hours = count(0, 3600)
    monkeypatch.setattr(siege, "World", lambda base: SimpleNamespace(cells=[]))
    monkeypatch.setattr(siege, "KINDS", {"flip": (3, lambda world, random: (REFUSED, "told"))})
    monkeypatch.setattr(siege.time, "monotonic", lambda: float(next(hours)))
    minutes = ["--minutes", "150"]
    for words, attacks_made in (([], 0), (["--whole"], 3), (minutes, 2), ([*minutes, "--whole"], 3)):
        monkeypatch.setattr(sys, "argv", ["siege", "--kinds", "flip", *words])
        assert siege.main() == 0
        assert f"{attacks_made} attacks in" in capsys.readouterr().out


def test_the_page_shows_the_tally_and_the_limits(tmp_path: Path) -> None:
    assert tables(tmp_path) == []
    for damaged in ("{", "[]", '{"seed": 3}'):
        (tmp_path / "siege.json").write_text(damaged)
        assert tables(tmp_path) == []
    said: dict[str, Any] = {"seed": 3, "seconds": 9, "commit": None}
    said["attacks"] = [{"kind": "flip", "refused": 5, "harmless": 0, "FAULT": 1}]
    (tmp_path / "siege.json").write_text(json.dumps(said))
    (made,) = tables(tmp_path)
    assert [cell.value for cell in made.rows[0][2:]] == [5, 0, 1]  # type: ignore[attr-defined]
    assert made.rows[0][4].strong  # type: ignore[attr-defined]
    said["limits"] = [{"limit": "no HOME", "end": end, "note": "train: as ever"} for end in (REFUSED, FAULT)]
    (tmp_path / "siege.json").write_text(json.dumps(said))
    _, limits = tables(tmp_path)
    assert [row[1].alarm for row in limits.rows] == [False, True]  # type: ignore[attr-defined]


def test_the_row_of_a_cell_is_that_of_its_task() -> None:
    text = "preset p\n\na_expert: x, 1 cell\n  ppo   up to date\na: x\n  ppo-2  stale\n  ppo  not run\n"
    cells = [SimpleNamespace(task=task, name="ppo") for task in ("a", "a_expert", "b")]
    assert [attacks._row(text, cell) for cell in cells] == ["  ppo  not run", "  ppo   up to date", ""]  # type: ignore[arg-type]
