"""The listing of `bench list`: every task, method and preset, and the state of every cell."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from harness.plan.plan import Plan
from harness.plan.state import state
from harness.workspace.presets import names


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
