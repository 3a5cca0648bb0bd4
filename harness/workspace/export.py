"""`bench export`: write the trained nets of a cell as a plain state dict, from checkpoints in the scratch folder."""

from __future__ import annotations

import io
from pathlib import Path

import torch

from harness.contracts import Method, Task
from harness.errors import BenchError
from harness.files import write_bytes
from harness.places.train import build_method, build_task
from harness.plan.identity import block_folder, identity
from harness.plan.plan import Cell
from harness.run import checkpoint
from harness.run.seeds import CounterDraws


def export(root: Path, cell: Cell, out: Path, seed: int | None = None) -> dict[str, tuple[int, ...]]:
    """Write {name: tensor [S, ...]} of all seeds in the cell's order, or [...] of one `seed`, and return the shapes.

    Raises BenchError if there is no finished checkpoint of the cell here.
    """
    state = trained_state(root, cell, seed)
    buffer = io.BytesIO()
    torch.save(state, buffer)
    write_bytes(out, buffer.getvalue())
    return {name: tuple(value.shape) for name, value in state.items()}


def trained_state(root: Path, cell: Cell, seed: int | None = None) -> dict[str, torch.Tensor]:
    """{name: tensor} as `export` writes it; errors likewise."""
    if seed is not None and seed not in cell.seeds:
        raise BenchError(f"{cell} has no seed {seed}; known: {', '.join(map(str, cell.seeds))}")
    blocks = [_method_state(root, cell, seeds) for seeds in cell.blocks if seed is None or seed in seeds]
    state = {name: torch.cat([block[name] for block in blocks]) for name in blocks[0]}
    if seed is None:
        return state
    place = next(seeds.index(seed) for seeds in cell.blocks if seed in seeds)
    # A clone, or a file of it would hold the storage of all seeds.
    return {name: value[place].clone() for name, value in state.items()}


def trained(root: Path, cell: Cell, task: Task, seed: int) -> Method:
    """The method of one seed on the CPU, as it was at the end of its training; errors as of `export`."""
    state = trained_state(root, cell, seed)
    method = untrained(cell, task, seed)
    method.load_state_dict({name: value[None] for name, value in state.items()})
    return method


def untrained(cell: Cell, task: Task, seed: int) -> Method:
    """The method of one seed on the CPU, as it starts."""
    draws = CounterDraws((seed,), f"{cell.protocol}/{cell.task}", "cpu", lookahead=1)
    return build_method(cell, task, draws, torch.device("cpu"))


def _method_state(root: Path, cell: Cell, seeds: tuple[int, ...]) -> dict[str, torch.Tensor]:
    """Return the state at the end of a finished block, checked as for scoring: names and shapes are the method's."""
    folder = block_folder(root, cell, seeds)
    path, last = folder / checkpoint.CHECKPOINT, checkpoint.snapshot_path(folder, cell.task_params.steps)
    again = f"run `{cell.command}` first"
    if not path.is_file():
        raise BenchError(f"no checkpoint of {cell} for its present code and parameters: {again}")
    names = {**identity(root, cell), "seeds": list(seeds)}
    try:
        step = checkpoint.load(path, names)["run"]["step"]
        if step < cell.task_params.steps:
            raise BenchError(f"{cell} is at step {step} of {cell.task_params.steps}: {again}")
        draws = CounterDraws(seeds, f"{cell.protocol}/{cell.task}", lookahead=1)
        method = build_method(cell, build_task(root, cell), draws, draws.device)
        return checkpoint.load(last, names, {"method": method.state_dict()})["method"]
    except checkpoint.Refused as error:
        raise BenchError(f"{error}: {again}") from None
