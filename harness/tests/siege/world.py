"""The project under siege: a cell of every family of tasks, trained at smoke size, and copies of it to be attacked."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from random import Random
from typing import Any

from harness import packed, registry
from harness.plan import needs
from harness.plan.plan import Cell, Plan, load_plan
from harness.registry import ROOT
from harness.schema import read_head
from harness.store import PROVENANCE, SEAL
from harness.tests.siege.child import Result, bench
from harness.workspace.presets import compose_preset
from harness.yaml_text import dump

PICKED = {"locomotion": ("pendulum", "vail")}  # the task of a family with the shortest runs; of others the first
CODE = ("harness", "baselines")  # which `bench keys` reads below the project
UNSEALED = {PROVENANCE, SEAL}  # what differs between equal runs


class World:
    """whole: the project as nobody attacked it. Every attack gets a copy of it in a folder of its own."""

    def __init__(self, base: Path):
        self.base, self.whole = base, base / "whole"
        self.params = _parameters()
        self.whole.mkdir(parents=True)
        (self.whole / "params.yaml").write_text(dump(self.params))
        for path in (ROOT / "results/data").glob("*.npz"):
            (self.whole / "results/data").mkdir(parents=True, exist_ok=True)
            shutil.copy(path, self.whole / "results/data")
        for code in CODE:
            (self.whole / code).symlink_to(ROOT / code)
        self.plan: Plan = load_plan(self.whole)
        named = {(task, name) for task, rows in self.params["methods"].items() for name in rows}
        levels = needs.levels([cell for cell in self.plan.cells if (cell.task, cell.name) in named])
        self.cells: list[Cell] = [cell for level in levels for cell in level]
        for cell in self.cells:
            for command in (["prepare", cell.task], ["train", cell.task, cell.name]):
                done(bench(self.whole, *command))
        for command in (["keys"], ["pipelines"], ["evaluate"], ["report", "--out", self.whole / "build/out"]):
            done(bench(self.whole, *command))

    @cached_property
    def states(self) -> dict[str, list[Path]]:
        """Family -> its checkpoints and snapshots."""
        found: dict[str, list[Path]] = {}
        for cell in self.cells:
            found.setdefault(cell.family, []).extend(sorted(self.runs(self.whole, cell).glob("seeds-*/*.pt")))
        return found

    def runs(self, root: Path, cell: Cell) -> Path:
        """The folder of the checkpoints of a cell."""
        return root / ".scratch/runs" / read_head(cell.folder(self.whole)).training_key

    @contextmanager
    def copied(self, without: Cell | None = None) -> Iterator[Path]:
        """A copy, with nothing trained of the cell `without`, in a folder that holds nothing else."""
        place = self.base / "attacked"
        shutil.rmtree(place, ignore_errors=True)
        root = place / "project"
        shutil.copytree(self.whole, root, symlinks=True)
        if without is not None:
            shutil.rmtree(without.folder(root))
            shutil.rmtree(self.runs(root, without))
        yield root
        shutil.rmtree(place, ignore_errors=True)

    def cell(self, random: Random) -> Cell:
        return random.choice(self.cells)


def outside(root: Path) -> set[str]:
    """What lies beside the project: its own folder, and the log of the command."""
    return {path.name for path in root.parent.iterdir()} - {root.name, f"{root.name}.log"}


def tree(root: Path) -> dict[str, str]:
    """Path -> hash of all that a project holds but scratch, caches, and what differs between equal runs.

    A table that the archive holds compressed counts as the table.
    """
    found = {}
    for path in sorted(root.rglob("*")):
        parts = path.relative_to(root).parts
        if any(part.startswith(".") for part in parts) or parts[0] in CODE or path.name in UNSEALED:
            continue
        if path.is_file() and not path.is_symlink():
            name = "/".join((*parts[:-1], packed.FORMS.get(path.name, path.name)))
            found[name] = hashlib.sha256(packed.contents(path)).hexdigest()
    return found


def differing(root: Path, other: Path) -> str:
    """The first file that one of the trees has and the other has not, or has with other content; '' where none is."""
    ours, theirs = tree(root), tree(other)
    return next((name for name in sorted(ours | theirs) if ours.get(name) != theirs.get(name)), "")


def done(result: Result) -> None:
    """Raises RuntimeError where an undisturbed command fails: then there is nothing to besiege."""
    if result.status != 0:
        raise RuntimeError(result.text[-2000:])


def _parameters() -> dict[str, Any]:
    """The smoke preset with one cell of each family, and the cells that it takes from."""
    params = compose_preset(ROOT, "smoke")
    kept: dict[str, dict[str, Any]] = {}

    def keep(task: str, name: str) -> None:
        block = params["tasks"][task]
        kept.setdefault(task, {})[name] = params["methods"][task][name]
        if expert := block.get("demonstrations"):
            keep(*expert.split("/"))
        if source := block.get("rewards"):
            keep(source, name)

    for family in registry.families():
        tasks = [task for task, block in params["tasks"].items() if block["family"] == family]
        tasks = [task for task in tasks if params["methods"].get(task)]
        if tasks:
            task, name = PICKED.get(family, (tasks[0], next(iter(params["methods"][tasks[0]]))))
            keep(task, name)
    tasks = {task: block for task, block in params["tasks"].items() if task in kept}
    return params | {"tasks": tasks, "methods": kept, "ablations": {}, "report": {"baseline": {}}}
