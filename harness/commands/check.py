"""Validate the parameters, or check what a method promises."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import BenchError

if TYPE_CHECKING:
    from harness.plan.outline import Outline
    from harness.plan.plan import Cell, Plan

EXAMPLE = "bench check vgan"


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "what",
        nargs="?",
        metavar="METHOD|TASK",
        help="a method to check, or a task whose cells are validated (default: all tasks)",
    )
    parser.add_argument(
        "where",
        nargs="?",
        metavar="TASK|CELL",
        help="the method's task (default: all that have it); or the task's cell, whose parameters are shown",
    )
    parser.add_argument("--preset", metavar="NAME", help="validate presets/NAME.yaml, laid over params.yaml")


def run(args: Namespace) -> int:
    if args.preset is not None:
        if args.what is not None:
            raise BenchError("--preset checks a whole preset: omit the other names")
        return _preset(args.root, args.preset)
    if args.what is None:
        return _whole(args.root)
    from harness.plan.plan import load_plan

    plan = load_plan(args.root)
    if args.what in plan.params["tasks"]:
        return _validate(args.root, plan, args.what, args.where)
    return _check(args.root, plan, args.what, plan.method(args.what, args.where))


def _preset(root: Path, name: str) -> int:
    from harness.workspace.presets import preset_plan

    print(_tally(preset_plan(root, name).cells))
    return 0


def _whole(root: Path) -> int:
    from harness.plan.outline import outlines
    from harness.plan.plan import some

    plan = outlines(root)
    cells = some(plan.cells)
    _of_this_time(root, plan.params)
    print(_tally(cells))
    return 0


def _tally(cells: Sequence[Cell | Outline]) -> str:
    return f"OK: {len({c.task for c in cells})} tasks, {len(cells)} cells, {sum(len(c.seeds) for c in cells)} runs"


def _validate(root: Path, plan: Plan, task: str, name: str | None) -> int:
    cells = plan.chosen(task, name)
    if name:
        print(cells[0].task_params.model_dump_json(indent=1))
        print(cells[0].method_params.model_dump_json(indent=1))
    _of_this_time(root, plan.params)
    print(_tally(cells))
    return 0


def _check(root: Path, plan: Plan, method: str, cells: list[Cell]) -> int:
    """Return 1 if the method breaks a promise in one of its cells."""
    _of_this_time(root, plan.params)
    from harness.checks.run import check_cells
    from harness.checks.trial import Tree

    found = 0
    for line, faults in check_cells(Tree(root, plan.cells), cells):
        print(line, flush=True)
        found += faults
    print(f"{method}: {found} checks failed, cells: {len(cells)}" if found else f"OK: {method}, cells: {len(cells)}")
    return int(found > 0)


def _of_this_time(root: Path, params: dict[str, Any]) -> None:
    """Check that the written pipelines and keys match the parameters and the installed packages."""
    from harness.plan import keys, pipelines

    pipelines.must_match(root, params)
    for path in keys.stale(root, params):
        raise BenchError(f"{path} does not match the installed package: run `bench keys`")
