"""What can be called of a trained method without this project: its generator, its policy, its learnt reward."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import ExportedProgram

from harness.contracts import ControlOutputs, ImageOutputs, RewardOutputs, TaskSpec
from harness.errors import BenchError


@dataclass(frozen=True)
class Net:
    """One function of one seed.

    inputs: name -> the size of a row, of tensors [N, size]. law: what these are. makes: what it gives, and its range.
    """

    name: str
    module: nn.Module
    inputs: dict[str, int]
    law: str
    makes: str

    def exported(self) -> ExportedProgram:
        """The function as a graph of torch's own operators, for any N."""
        examples = tuple(torch.zeros(3, size) for size in self.inputs.values())
        rows = torch.export.Dim("n", min=1)
        with torch.no_grad():
            return torch.export.export(self.module, examples, dynamic_shapes=tuple({0: rows} for _ in examples))


def nets_of(outputs: Any, spec: TaskSpec, what: str) -> list[Net]:
    """The nets behind the outputs of a method with one seed; what: its cell, for the reader of an error.

    Raises BenchError where they make neither images nor actions.
    """
    if isinstance(outputs, ImageOutputs):
        shape = ", ".join(map(str, spec.shape))
        makes, size = f"images [N, {shape}] in [-1, 1]", _latents(outputs)
        return [Net("images", _Sampler(outputs), {"z": size}, f"z [N, {size}]: standard normal", makes)]
    if not isinstance(outputs, ControlOutputs):
        raise BenchError(f"{what} produces neither images nor actions")
    n_in, n_out = spec.shape[0], spec.n_actions or spec.action_size
    rows = "one-hot rows" if spec.n_actions else "which the environment cuts to its range"
    law = f"observations [N, {n_in}] as the environment gives them"
    mode = f"actions [N, {n_out}], {rows}: the policy's mode"
    found = [Net("actions", _Actor(outputs), {"observations": n_in}, law, mode)]
    if isinstance(outputs, RewardOutputs):
        both = f"{law}; actions [N, {n_out}] as the policy drew them"
        inputs = {"observations": n_in, "actions": n_out}
        found.append(Net("reward", _Reward(outputs), inputs, both, "the learnt reward [N], without bounds"))
    return found


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


class _Reward(nn.Module):
    def __init__(self, outputs: RewardOutputs):
        super().__init__()
        self.outputs = outputs

    def forward(self, observations: Tensor, actions: Tensor) -> Tensor:
        return self.outputs.reward(observations[None], actions[None])[0]


class _Given:
    """Draws that are the latents which the net is called with."""

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
