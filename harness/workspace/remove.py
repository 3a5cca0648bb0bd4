"""`bench remove`: remove a method with its block of params.yaml, its key and its record."""

from __future__ import annotations

import shutil
from pathlib import Path

from harness import registry
from harness.errors import BenchError, nearest
from harness.files import write_text
from harness.plan.keys import KEYS
from harness.plan.outline import Outlines
from harness.plan.pipelines import write_pipelines
from harness.plan.plan import Plan, load_plan
from harness.store import HEAD, RECORDS, CellName
from harness.workspace.new_block import without_block

PARAMS = "params.yaml"


def remove(root: Path, name: str, task: str | None = None) -> list[str]:
    """Remove the method from `task`, or from the one task that has it; returns lines that say what was done.

    What was trained stays in the scratch folder, so that restoring the same block trains nothing again. Raises
    BenchError, without changing anything, if the name occurs nowhere or in several tasks, or if a block, an ablation or
    the report still names the method.
    """
    plan = load_plan(root)
    cell = _found(root, plan, name, task)
    told = []
    if name in plan.params["methods"].get(cell.task, {}):
        _take_block(root, cell)
        told.append(f"methods.{cell.task}.{name} was removed from {PARAMS}")
    else:
        write_pipelines(root, plan.params)  # the block may have been removed by hand
    for path in (root / KEYS / cell.task / f"{name}.json", root / RECORDS / cell.task / name):
        if path.is_dir():
            shutil.rmtree(path)
        elif path.exists():
            path.unlink()
        else:
            continue
        told.append(f"{path.relative_to(root)} was removed")
    return [*told, *_unused_file(plan, cell), "next: `dvc repro`, which renders the page without it"]


def orphaned_records(root: Path, plan: Plan | Outlines) -> list[CellName]:
    """The live records that no block, row of control or ablation of params.yaml names."""
    known = {(cell.task, cell.name) for cell in plan.cells}
    found = [path.parts[-3:-1] for path in sorted(root.glob(f"{RECORDS}/*/*/{HEAD}"))]
    return [CellName(*place) for place in found if place not in known]


def _found(root: Path, plan: Plan, name: str, task: str | None) -> CellName:
    blocks = [CellName(t, m) for t, methods in plan.params["methods"].items() for m in methods]
    known = [cell for cell in [*blocks, *orphaned_records(root, plan)] if task in (None, cell.task)]
    found = [cell for cell in known if cell.name == name]
    if not found:
        where = f"task {task}" if task else "params.yaml"
        raise BenchError(
            f"{where} has neither a block nor a record {name} to remove; {nearest(name, {c.name for c in known})}"
        )
    if len(found) > 1:
        raise BenchError(f"{name} is a method of {', '.join(cell.task for cell in found)}: choose one with --task")
    return found[0]


def _take_block(root: Path, cell: CellName) -> None:
    path = root / PARAMS
    before = path.read_bytes().decode("utf-8")
    write_text(path, without_block(before, cell.task, cell.name))
    try:
        try:
            params = load_plan(root).params
        except BenchError as error:
            raise BenchError(f"{cell} cannot be removed because something still names it: {error}") from None
        write_pipelines(root, params)
    except BaseException:
        write_text(path, before)
        raise


def _unused_file(plan: Plan, cell: CellName) -> list[str]:
    """Return a line about an algorithm's file that no block uses any more."""
    algorithm = plan.params["methods"].get(cell.task, {}).get(cell.name, {}).get("algorithm")
    others = {c.algorithm for c in plan.cells if (c.task, c.name) != (cell.task, cell.name)}
    if algorithm is None or algorithm in others or algorithm in registry.packaged_algorithms():
        return []
    return [f"{registry.METHODS}/{algorithm}.py is used by no other block: delete it if you no longer need it"]
