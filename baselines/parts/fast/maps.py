"""The maps of a stack of seeds on their way through a net of convolutions, and the ways to convolve them.

Each seed has weights of its own, for which no library has one kernel that is best everywhere. So the way is chosen
here, by device, and nowhere else. The ways agree but for rounding, and `bench speed convolutions` measures them. The
plain path is `Grouped`: one convolution of torch's after the other, nothing put off or reordered.
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
    """x [S, B, C, H, W] on its way through a chain of steps, laid out as the way to convolve it requires."""

    @classmethod
    @abstractmethod
    def of(cls, x: Tensor) -> Self:
        """The start of a chain, from x [S, B, C, H, W]."""

    @abstractmethod
    def stack(self) -> Tensor:
        """[S, B, C, H, W] at the end of the chain."""

    @abstractmethod
    def each(self, function: Callable[..., Tensor], *others: Self) -> Self:
        """Apply `function` to images [N, D, H, W], with the `others`' images as its further arguments.

        The function must treat every sample and every channel alike and by itself.
        """

    @abstractmethod
    def convolve(self, weight: Tensor, bias: Tensor | None, stride: int, padding: int) -> Self:
        """Convolve each seed's maps with its own part of weight [S, out, C, k, k] and bias [S, out]."""


class Loop(Maps):
    """Take each seed's [B, C, H, W] through the whole chain, one seed after the other.

    What one step makes, the next step then finds in the cache, and backward autograd goes the same way. So steps are
    noted first and made at the end. On the CPU, going layer by layer takes 6 % longer, and stacking the maps between
    layers 25 % longer.
    """

    def __init__(self, n_seeds: int, step: Callable[[int, Made], Tensor]):
        """step(k, made) is the last step of seed k's chain, which takes earlier ones from `made`."""
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
        """Seed k's maps at this place of the chain; `made` holds what has been made of them."""
        if self not in made:
            made[self] = self.step(k, made)
        return made[self]

    @staticmethod
    def receive(x: Part) -> Part:
        """Take in one seed's part of what comes from outside the chain."""
        return x


Made = dict[Loop, Tensor]


class Branches(Loop):
    """The loop with a CUDA stream for each seed's chain; in a captured graph the streams become parallel branches.

    A backward kernel runs on the stream of its forward kernel. Where a gradient goes from one stream to another,
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
        """Record x, so that the caller's stream does not give its memory away while the branch may still read it."""
        if x is not None:
            x.record_stream(torch.cuda.current_stream())
        return x


@lru_cache
def _streams(n: int) -> list[torch.cuda.Stream]:
    return [torch.cuda.Stream() for _ in range(n)]


class _Stacked(Maps):
    """All seeds in one tensor of images, step by step."""

    def __init__(self, n_seeds: int, x: Tensor):
        self.n_seeds, self.x = n_seeds, x

    def each(self, function: Callable[..., Tensor], *others: Self) -> Self:
        return type(self)(self.n_seeds, function(self.x, *(maps.x for maps in others)))


class Grouped(_Stacked):
    """Hold x as [B, S * C, H, W], and make one convolution with a group for each seed."""

    @classmethod
    def of(cls, x: Tensor) -> Self:
        return cls(len(x), x.transpose(0, 1).flatten(1, 2))

    def stack(self) -> Tensor:
        return self.x.unflatten(1, (self.n_seeds, -1)).transpose(0, 1)

    def convolve(self, weight: Tensor, bias: Tensor | None, stride: int, padding: int) -> Self:
        bias = None if bias is None else bias.flatten()
        return type(self)(self.n_seeds, convolve(self.x, weight.flatten(0, 1), bias, stride, padding, self.n_seeds))


class Products(_Stacked):
    """Hold x as [S * B, C, H, W], and make one batched product of its windows with the weights.

    Copying windows and adding them up are each other's derivatives, and so are products, so torch's own rules are good
    enough here. A 1x1 window is the pixel itself: where channels come last in memory, nothing is copied.
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
    """The start of a chain from x [S, B, C, H, W], by the way of its device."""
    return STRATEGIES[strategy(x.device.type)].of(x)


def strategy(device: str) -> str:
    """The way to convolve on a kind of device: the one that is asked for, the plain one, or the best.

    Raises BenchError where the environment asks for a way that is not known, or not there on this kind of device.
    """
    chosen = os.environ.get(VARIABLE) or (PLAIN if plain() else BEST[device])
    if chosen not in (known := strategies(device)):
        raise BenchError(f"{VARIABLE}={chosen}: is not available on {device}; known: {', '.join(known)}")
    return chosen


def strategies(device: str) -> list[str]:
    """The ways that a kind of device has; only CUDA has streams."""
    return [name for name in STRATEGIES if name != "branches" or device == "cuda"]
