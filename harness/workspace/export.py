"""`bench export`: the trained nets of a cell as a plain state dict, read from the scratch checkpoints."""

from __future__ import annotations

import io
from pathlib import Path

import torch

from harness.errors import BenchError
from harness.files import write_bytes
from harness.plan.identity import block_folder, identity
from harness.plan.plan import Cell
from harness.run import checkpoint


def export(root: Path, cell: Cell, out: Path, seed: int | None = None) -> dict[str, tuple[int, ...]]:
    """Write {name: tensor [S, ...]} of all seeds in the cell's order, or [...] of one `seed`.

    Returns the shapes. Raises BenchError where the cell has no finished checkpoint here.
    """
    if seed is not None and seed not in cell.seeds:
        raise BenchError(f"{cell.task}/{cell.name} has no seed {seed}; known: {', '.join(map(str, cell.seeds))}")
    blocks = [_method_state(root, cell, seeds) for seeds in cell.blocks]
    state = {name: torch.cat([block[name] for block in blocks]) for name in blocks[0]}
    if seed is not None:
        # A clone, or the file would hold the storage of all seeds.
        state = {name: value[cell.seeds.index(seed)].clone() for name, value in state.items()}
    buffer = io.BytesIO()
    torch.save(state, buffer)
    write_bytes(out, buffer.getvalue())
    return {name: tuple(value.shape) for name, value in state.items()}


def _method_state(root: Path, cell: Cell, seeds: tuple[int, ...]) -> dict[str, torch.Tensor]:
    path = block_folder(root, cell, seeds) / checkpoint.CHECKPOINT
    again = f"run `bench train {cell.task} {cell.name}` first"
    if not path.is_file():
        raise BenchError(f"no checkpoint of {cell.task}/{cell.name} for its present code and parameters: {again}")
    try:
        state = checkpoint.load(path, {**identity(root, cell), "seeds": list(seeds)})
    except checkpoint.Refused as error:
        raise BenchError(f"{error}: {again}") from None
    if state["run"]["step"] < cell.task_params.steps:
        raise BenchError(
            f"{cell.task}/{cell.name} is at step {state['run']['step']} of {cell.task_params.steps}: {again}"
        )
    return state["method"]
