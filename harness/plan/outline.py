"""The plan without its code: what of each cell names its run, as plain values.

Checking a block imports its algorithm, and with it torch. Whether the blocks are right follows from params.yaml, the
project's code and the packages installed, so it is asked once for each state of these and then remembered:
`bench list` and `bench check` take no torch.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from harness import registry
from harness.plan import needs
from harness.plan.installed import installed_code
from harness.plan.plan import Cell, Plan, load_plan
from harness.remembered import Remembered, digest
from harness.store import CellName, cell_folder

FORM = b"2"  # of what is kept: another one is worked out anew


@dataclass(frozen=True)
class Outline(CellName):
    """A cell as plain values.

    task_params: without `seeds` and `score`; reward: TASK/CELL whose reward it takes. named, rewards: as of `Cell`.
    """

    method: str
    family: str
    algorithm: str
    encoder: str | None
    seeds: tuple[int, ...]
    blocks: tuple[tuple[int, ...], ...]
    steps: int
    protocol: int
    preset: str
    ablated: bool
    task_params: dict[str, Any]
    score: dict[str, Any] | None
    method_params: dict[str, Any]
    reward: str | None
    named: tuple[int, ...] = ()
    rewards: int | None = None

    def folder(self, root: Path) -> Path:
        return cell_folder(root, self.task, self.name)


@dataclass(frozen=True)
class Outlines:
    """params: as those of the plan."""

    params: dict[str, Any]
    cells: list[Outline]


def outline(cell: Cell | Outline) -> Outline:
    """What names the runs of a cell."""
    if isinstance(cell, Outline):
        return cell
    task = cell.task_params.model_dump(mode="json")
    return Outline(
        cell.task,
        cell.name,
        cell.method,
        cell.family,
        cell.algorithm,
        cell.task_params.encoder,
        cell.seeds,
        tuple(cell.blocks),
        cell.task_params.steps,
        cell.protocol,
        cell.preset,
        cell.ablation is not None,
        {key: value for key, value in task.items() if key not in ("score", "seeds")},
        task.get("score"),
        cell.method_params.model_dump(mode="json"),
        needs.reward(cell),
        cell.named,
        cell.rewards,
    )


def outlines(root: Path) -> Outlines:
    """The plan of params.yaml, checked whole, now or when it was the same before; errors as of `load_plan`."""
    if registry.packaged_algorithms():  # what these import of their own is not known here
        return _of(load_plan(root))
    with Remembered(root, "plan", most=8) as known:
        kept = known.get(_follows_from(root), lambda: asdict(_of(load_plan(root))))
    return Outlines(kept["params"], [_read(cell) for cell in kept["cells"]])


def _of(plan: Plan) -> Outlines:
    return Outlines(plan.params, [outline(cell) for cell in plan.cells])


def _read(kept: dict[str, Any]) -> Outline:
    made = kept | {
        "seeds": tuple(kept["seeds"]),
        "named": tuple(kept["named"]),
        "blocks": tuple(map(tuple, kept["blocks"])),
    }
    return Outline(**{field.name: made[field.name] for field in fields(Outline)})


def _follows_from(root: Path) -> str:
    """A digest of all that decides whether params.yaml is right and what it stands for."""
    path = root / "params.yaml"
    return digest(FORM, installed_code(), path.read_bytes() if path.is_file() else b"")
