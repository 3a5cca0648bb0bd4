"""`bench export --program`: the net of one seed as a file that plain torch runs, without this project.

What it holds: of a method of images the generator that is scored, from latents [N, D], standard normal, to images
[N, C, H, W] in [-1, 1]; of a method of control the policy's mode, from observations [N, O] to actions [N, A].
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from harness.contracts import ControlOutputs, ImageOutputs, Method, Task
from harness.errors import BenchError
from harness.places.train import build_method, build_task
from harness.plan.plan import Cell
from harness.run.seeds import CounterDraws
from harness.workspace.export import export


def program(root: Path, cell: Cell, out: Path, seed: int) -> list[str]:
    """Write the program of one seed to `out` and return the lines that load and call it.

    Raises BenchError where the cell has no finished checkpoint here, or its outputs are neither images nor actions.
    """
    task, method = trained(root, cell, seed)
    return written(method.outputs(), task.spec.shape, out, str(cell))


def trained(root: Path, cell: Cell, seed: int) -> tuple[Task, Method]:
    """The task, and the method of one seed at the end of its training; errors as of `export`."""
    with tempfile.TemporaryDirectory() as folder:
        export(root, cell, Path(folder) / "state.pt", seed)
        state = torch.load(Path(folder) / "state.pt", weights_only=True)
    task, draws = build_task(root, cell), CounterDraws((seed,), f"{cell.protocol}/{cell.task}", "cpu", lookahead=1)
    method = build_method(cell, task, draws, torch.device("cpu"))
    method.load_state_dict({name: value[None] for name, value in state.items()})
    return task, method


def written(outputs: Any, shape: tuple[int, ...], out: Path, what: str) -> list[str]:
    """As `program`, of the outputs of a method with one seed; shape: of one observation."""
    if isinstance(outputs, ImageOutputs):
        net, size, name = _Sampler(outputs), _latents(outputs), "torch.randn(16, {})"
    elif isinstance(outputs, ControlOutputs):
        net, size, name = _Actor(outputs), shape[0], "torch.zeros(16, {})  # observations"
    else:
        raise BenchError(f"{what} makes neither images nor actions: leave --program out for its weights")
    example = torch.zeros(3, size)
    with torch.no_grad():
        made = torch.export.export(net, (example,), dynamic_shapes=({0: torch.export.Dim("n", min=1)},))
    torch.export.save(made, str(out))
    return [
        "import torch",
        f'net = torch.export.load("{out}").module()',
        f"print(net({name.format(size)}).shape)",
    ]


class _Sampler(nn.Module):
    def __init__(self, outputs: ImageOutputs):
        super().__init__()
        self.outputs = outputs

    def forward(self, z: Tensor) -> Tensor:
        return self.outputs.images(_Given(z), 0, z.shape[0])[0]


class _Actor(nn.Module):
    def __init__(self, outputs: ControlOutputs):
        super().__init__()
        self.outputs = outputs

    def forward(self, observations: Tensor) -> Tensor:
        return self.outputs.act(observations[None])[0]


class _Given:
    """Draws that are the latents which the program is called with."""

    step, n_seeds = 0, 1

    def __init__(self, z: Tensor):
        self.z = z

    def normal(self, stream: str, name: str, shape: Sequence[int]) -> Tensor:
        return self.z[None]


def _latents(outputs: ImageOutputs) -> int:
    """The number of a latent's dimensions: what the outputs ask their draws for."""
    asked: list[Sequence[int]] = []

    class Asked(_Given):
        def normal(self, stream: str, name: str, shape: Sequence[int]) -> Tensor:
            asked.append(shape)
            return torch.zeros(1, *shape)

    outputs.images(Asked(torch.zeros(0)), 0, 1)
    return asked[0][-1]
