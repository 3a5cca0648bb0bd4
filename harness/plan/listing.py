"""`bench list`: every task, method and preset, and the state of every cell."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from harness.errors import BenchError
from harness.plan.identity import keys_of
from harness.plan.plan import Cell, Plan
from harness.workspace.presets import names

UP_TO_DATE = "up to date"


def lines(root: Path, plan: Plan) -> Iterator[str]:
    """The listing, line by line."""
    yield f"preset {plan.params['preset']} (params.yaml); overlays: {', '.join(names(root)) or 'none'}"
    for task, block in plan.params["tasks"].items():
        cells = [cell for cell in plan.cells if cell.task == task]
        methods = sum(cell.ablation is None for cell in cells)
        yield ""
        yield f"{task}: {block['family']}, {block['steps']} steps, {methods} methods, {len(cells)} cells"
        for cell in cells:
            seeds = f"{len(cell.seeds)} seeds"
            yield f"  {cell.name:26s} {cell.algorithm:8s} {seeds:9s} {state(root, cell)}"
    archived = sorted((root / "results/archive").glob("*/*/*/record.json"))
    if archived:
        yield ""
        yield "archived runs:"
        yield from (f"  {'/'.join(path.parts[-4:-1])}" for path in archived)


def state(root: Path, cell: Cell) -> str:
    """UP_TO_DATE, 'not run', or 'stale' with what it would take: to train or only to score again."""
    path = cell.folder(root) / "record.json"
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return "not run"
    except (ValueError, OSError):
        return f"unreadable: {path}"
    try:
        keys = keys_of(root, cell)
    except BenchError as error:
        return f"unknown: {error}"
    if record.get("training_key") != keys.training or record.get("seeds") != list(cell.seeds):
        return "stale: to train again"
    if record.get("scoring_key") != keys.scoring:
        return "stale: to score again"
    return UP_TO_DATE
