"""Feature maps of a stack of seeds in a convolutional net, and the strategies to convolve them.

Each seed has its own weights, for which no library has one kernel that is always the fastest. The strategy is therefore
chosen by device, and only in this file. The strategies agree up to rounding, and `bench speed convolutions` measures
them. The plain path is `Grouped`: one torch convolution after the other, without deferring or reordering.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import lru_cache
from typing import Self, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor

from baselines.parts.fast.convolve import convolve
from baselines.parts.fast.switch import plain
from harness.contracts import BenchError

Part = TypeVar("Part", bound=Tensor | None)


class Maps(ABC):
    """x [S, B, C, H, W] in a chain of steps, in the layout that the strategy requires."""

    @classmethod
    @abstractmethod
    def of(cls, x: Tensor) -> Self:
        """Start a chain from x [S, B, C, H, W]."""

    @abstractmethod
    def stack(self) -> Tensor:
        """Return the end of the chain as [S, B, C, H, W]."""

    @abstractmethod
    def each(self, function: Callable[..., Tensor], *others: Self) -> Self:
        """Apply `function` to images [N, D, H, W], with the images of `others` as its further arguments.

        The function must treat all samples and channels independently and in the same way.
        """

    @abstractmethod
    def convolve(self, weight: Tensor, bias: Tensor | None, stride: int, padding: int) -> Self:
        """Convolve each seed's maps with its own part of weight [S, out, C, k, k] and bias [S, out]."""


class Loop(Maps):
    """Compute the whole chain for one seed [B, C, H, W] after the other.

    Each step then finds the result of the previous one in the cache, and so does the backward pass. Steps are therefore
    recorded first and executed at the end. On the CPU, going layer by layer takes 6 % longer, and stacking the maps
    between layers 25 % longer.
    """

    def __init__(self, n_seeds: int, step: Callable[[int, Made], Tensor]):
        """Take step(k, made), the last step of seed k's chain, which takes earlier results from `made`."""
        self.n_seeds, self.step = n_seeds, step

    @classmethod
    def of(cls, x: Tensor) -> Self:
        seeds = x.unbind()
        return cls(len(x), lambda k, made: cls.receive(seeds[k]))

    def stack(self) -> Tensor:
        return torch.stack([self.of_seed(k, {}) for k in range(self.n_seeds)])

    def each(self, function: Callable[..., Tensor], *others: Self) -> Self:
        return type(self)(self.n_seeds, lambda k, made: function(*[maps.of_seed(k, made) for maps in (self, *others)]))

    def convolve(self, weight: Tensor, bias: Tensor | None, stride: int, padding: int) -> Self:
        weights, biases = weight.unbind(), [None] * self.n_seeds if bias is None else bias.unbind()

        def step(k: int, made: Made) -> Tensor:
            return convolve(self.of_seed(k, made), self.receive(weights[k]), self.receive(biases[k]), stride, padding)

        return type(self)(self.n_seeds, step)

    def of_seed(self, k: int, made: Made) -> Tensor:
        """Return seed k's maps at this step of the chain; `made` holds the results so far."""
        if self not in made:
            made[self] = self.step(k, made)
        return made[self]

    @staticmethod
    def receive(x: Part) -> Part:
        """Return x, one seed's part of a tensor from outside the chain."""
        return x


Made = dict[Loop, Tensor]


class Branches(Loop):
    """The loop with a CUDA stream for each seed's chain; in a captured graph the streams become parallel branches.

    A backward kernel runs on the stream of its forward kernel. Where a gradient crosses from one stream to another,
    autograd itself waits and keeps the memory.
    """

    def stack(self) -> Tensor:
        caller, parts = torch.cuda.current_stream(), []
        for k, stream in enumerate(_streams(self.n_seeds)):
            stream.wait_stream(caller)
            with torch.cuda.stream(stream):
                parts.append(self.of_seed(k, {}))
        for stream in _streams(self.n_seeds):
            caller.wait_stream(stream)
        # No branch gives the parts' memory away too early: whatever it does next waits for the caller first.
        return torch.stack(parts)

    @staticmethod
    def receive(x: Part) -> Part:
        """Record the use of x, so that the caller's stream does not release its memory while the branch may still read
        it.
        """
        if x is not None:
            x.record_stream(torch.cuda.current_stream())
        return x


@lru_cache
def _streams(n: int) -> list[torch.cuda.Stream]:
    return [torch.cuda.Stream() for _ in range(n)]


class _Stacked(Maps):
    """All seeds in one tensor of images, computed step by step."""

    def __init__(self, n_seeds: int, x: Tensor):
        self.n_seeds, self.x = n_seeds, x

    def each(self, function: Callable[..., Tensor], *others: Self) -> Self:
        return type(self)(self.n_seeds, function(self.x, *(maps.x for maps in others)))


class Grouped(_Stacked):
    """Store x as [B, S * C, H, W] and make one convolution with a group for each seed."""

    @classmethod
    def of(cls, x: Tensor) -> Self:
        return cls(len(x), x.transpose(0, 1).flatten(1, 2))

    def stack(self) -> Tensor:
        return self.x.unflatten(1, (self.n_seeds, -1)).transpose(0, 1)

    def convolve(self, weight: Tensor, bias: Tensor | None, stride: int, padding: int) -> Self:
        bias = None if bias is None else bias.flatten()
        return type(self)(self.n_seeds, convolve(self.x, weight.flatten(0, 1), bias, stride, padding, self.n_seeds))


class Products(_Stacked):
    """Store x as [S * B, C, H, W] and multiply its windows with the weights in one batched product.

    Copying windows and adding them up are each other's derivatives, and products have simple ones, so torch's own rules
    are good enough here. A 1x1 window is the pixel itself, and if channels come last in memory, nothing is copied.
    """

    @classmethod
    def of(cls, x: Tensor) -> Self:
        return cls(len(x), x.flatten(0, 1))

    def stack(self) -> Tensor:
        return self.x.unflatten(0, (self.n_seeds, -1))

    def convolve(self, weight: Tensor, bias: Tensor | None, stride: int, padding: int) -> Self:
        kernel = weight.shape[3]
        x = F.pad(self.x, [padding] * 4).permute(0, 2, 3, 1)  # [S * B, H, W, C]
        if (kernel, stride) != (1, 1):
            x = x.unfold(1, kernel, stride).unfold(2, kernel, stride)
            x = x.permute(0, 1, 2, 4, 5, 3)  # [S * B, H', W', k, k, C]
        rows, weight = x.reshape(self.n_seeds, -1, weight[0, 0].numel()), weight.permute(0, 3, 4, 2, 1).flatten(1, 3)
        y = torch.bmm(rows, weight) if bias is None else torch.baddbmm(bias.unsqueeze(1), rows, weight)
        return type(self)(self.n_seeds, y.view(*x.shape[:3], -1).permute(0, 3, 1, 2))


STRATEGIES: dict[str, type[Maps]] = {"loop": Loop, "grouped": Grouped, "branches": Branches, "products": Products}
BEST = {"cpu": "loop", "cuda": "loop"}
PLAIN = "grouped"
VARIABLE = "BENCH_CONVOLUTIONS"  # names another way than the best one, to measure it


def maps_of(x: Tensor) -> Maps:
    """Start a chain from x [S, B, C, H, W] with the strategy for its device."""
    return STRATEGIES[strategy(x.device.type)].of(x)


def strategy(device: str) -> str:
    """Return the strategy for a kind of device: the requested one, the plain one, or the fastest.

    Raises BenchError if the environment requests a strategy that is unknown or not available on this kind of device.
    """
    chosen = os.environ.get(VARIABLE) or (PLAIN if plain() else BEST[device])
    if chosen not in (known := strategies(device)):
        raise BenchError(f"{VARIABLE}={chosen}: is not available on {device}; known: {', '.join(known)}")
    return chosen


def strategies(device: str) -> list[str]:
    """Return the names of the strategies for a kind of device; only CUDA has streams."""
    return [name for name in STRATEGIES if name != "branches" or device == "cuda"]
