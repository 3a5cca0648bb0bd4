"""The maps of a stack of seeds on their way through a net of convolutions, and the ways to convolve them.

Each seed has weights of its own, for which no library has one kernel that is best everywhere. So the way is chosen by
device, here and nowhere else. The ways agree but for rounding; `bench speed convolutions` measures them.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from baselines.parts.convolution import convolve
from harness.contracts import BenchError


class Maps:
    """x [S, B, C, H, W], held in parts as a way wants them: images that keep samples and channels apart."""

    def __init__(self, n_seeds: int, parts: list[Tensor]):
        self.n_seeds, self.parts = n_seeds, parts

    @classmethod
    def of(cls, x: Tensor) -> Maps:
        raise NotImplementedError

    def stacked(self) -> Tensor:
        """[S, B, C, H, W] again."""
        raise NotImplementedError

    def convolved(self, weight: Tensor, bias: Tensor | None, stride: int, padding: int) -> Maps:
        """weight [S, out, C, k, k], bias [S, out]: each seed's maps with its own."""
        raise NotImplementedError

    def each(self, function: Callable[..., Tensor], *others: Maps) -> Maps:
        """`function` of each part, and of the others' parts beside it; it leaves samples and channels apart."""
        beside = zip(self.parts, *(other.parts for other in others))
        return self._with(self.run(k, function, *parts) for k, parts in enumerate(beside))

    def run(self, k: int, function: Callable[..., Tensor], *args: Any) -> Tensor:
        """Compute what becomes part k."""
        return function(*args)

    def _with(self, parts: Any) -> Maps:
        return type(self)(self.n_seeds, list(parts))


class Loop(Maps):
    """A part [B, C, H, W] for each seed, one after the other.

    Nothing is stacked before the end: that would only copy (on the CPU five seeds then take 5.8 times one seed's time
    instead of 4.8).
    """

    @classmethod
    def of(cls, x: Tensor) -> Maps:
        return cls(len(x), list(x.unbind()))

    def stacked(self) -> Tensor:
        return torch.stack(self.parts)

    def convolved(self, weight: Tensor, bias: Tensor | None, stride: int, padding: int) -> Maps:
        biases = [None] * self.n_seeds if bias is None else bias.unbind()
        seeds = enumerate(zip(self.parts, weight.unbind(), biases))
        return self._with(self.run(k, convolve, *tensors, stride, padding) for k, tensors in seeds)


class Branches(Loop):
    """The loop with a CUDA stream for each seed, from where the seeds part to where they are stacked again.

    Under capture the streams become parallel branches of the graph. A backward kernel runs on its forward's stream, and
    autograd itself waits, and keeps memory, where a gradient goes from one stream to another.
    """

    def run(self, k: int, function: Callable[..., Tensor], *args: Any) -> Tensor:
        """What comes from the caller's stream (weights, the first maps) is waited for, and recorded so that its memory is
        not given away while a branch may still read it. A branch's own memory needs neither."""
        stream = _streams(args[0].device, self.n_seeds)[k]
        stream.wait_stream(torch.cuda.current_stream())
        for tensor in args:
            if isinstance(tensor, Tensor):
                tensor.record_stream(stream)
        with torch.cuda.stream(stream):
            return function(*args)

    def stacked(self) -> Tensor:
        """Stacked by the caller's stream. It records nothing: whatever a branch does next waits for the caller first."""
        for stream in _streams(self.parts[0].device, self.n_seeds):
            torch.cuda.current_stream().wait_stream(stream)
        return super().stacked()


@lru_cache
def _streams(device: torch.device, n: int) -> list[torch.cuda.Stream]:
    return [torch.cuda.Stream(device) for _ in range(n)]


class Grouped(Maps):
    """One part [B, S * C, H, W], and one convolution with a group for each seed."""

    @classmethod
    def of(cls, x: Tensor) -> Maps:
        return cls(len(x), [x.transpose(0, 1).flatten(1, 2)])

    def stacked(self) -> Tensor:
        return self.parts[0].unflatten(1, (self.n_seeds, -1)).transpose(0, 1)

    def convolved(self, weight: Tensor, bias: Tensor | None, stride: int, padding: int) -> Maps:
        bias = None if bias is None else bias.flatten()
        return self._with([convolve(self.parts[0], weight.flatten(0, 1), bias, stride, padding, self.n_seeds)])


class Products(Maps):
    """One part [S * B, C, H, W], and one batched product of its windows with the weights.

    Copying windows and adding them up are each other's derivatives, as are products, so torch's own rules do here. A 1x1
    window is the pixel itself: where channels come last in memory, nothing is copied.
    """

    @classmethod
    def of(cls, x: Tensor) -> Maps:
        return cls(len(x), [x.flatten(0, 1)])

    def stacked(self) -> Tensor:
        return self.parts[0].unflatten(0, (self.n_seeds, -1))

    def convolved(self, weight: Tensor, bias: Tensor | None, stride: int, padding: int) -> Maps:
        kernel = weight.shape[3]
        x = F.pad(self.parts[0], [padding] * 4).permute(0, 2, 3, 1)  # [S * B, H, W, C]
        if (kernel, stride) != (1, 1):
            x = x.unfold(1, kernel, stride).unfold(2, kernel, stride).permute(0, 1, 2, 4, 5, 3)  # [S * B, H', W', k, k, C]
        rows, weight = x.reshape(self.n_seeds, -1, weight[0, 0].numel()), weight.permute(0, 3, 4, 2, 1).flatten(1, 3)
        y = torch.bmm(rows, weight) if bias is None else torch.baddbmm(bias.unsqueeze(1), rows, weight)
        return self._with([y.view(*x.shape[:3], -1).permute(0, 3, 1, 2)])


WAYS: dict[str, type[Maps]] = {"loop": Loop, "grouped": Grouped, "branches": Branches, "products": Products}
BEST = {"cpu": "loop", "cuda": "loop"}
VARIABLE = "BENCH_CONVOLUTIONS"  # another way than the best, to measure it


def maps_of(x: Tensor) -> Maps:
    """x [S, B, C, H, W], held as the way of its device wants it."""
    return WAYS[way(x.device.type)].of(x)


def way(device: str) -> str:
    """Raises BenchError where the environment asks for a way that is not known, or not on this kind of device."""
    chosen = os.environ.get(VARIABLE) or BEST[device]
    if chosen not in (known := ways(device)):
        raise BenchError(f"{VARIABLE}={chosen}: no such way on {device}; known: {', '.join(known)}")
    return chosen


def ways(device: str) -> list[str]:
    """All that this kind of device has; only CUDA has streams."""
    return [name for name in WAYS if name != "branches" or device == "cuda"]
