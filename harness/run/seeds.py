"""Random numbers as a function of (seed, stream, name, step, index), independent of what was drawn before."""

from __future__ import annotations

import hashlib
import math
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from harness.contracts import STREAMS, BenchError
from harness.maths.philox import MASK, to_normal, to_uniform, words

CACHED_PERMUTATIONS = 16


class CounterDraws:
    """The harness's implementation of `Draws` for the seeds of one block.

    scope: protocol version and task; all methods with the same scope get the same numbers.
    lookahead: the number of steps drawn at once on the CPU, which amortises the cost of small tensor operations. Blocks
        of steps are aligned to its multiples, so that a resumed run computes each number at the same place of the same
        tensor and hence bit-equal.
    """

    def __init__(self, seeds: Sequence[int], scope: str, device: torch.device | str = "cpu", lookahead: int = 16):
        if not seeds or min(seeds) < 0 or max(seeds) > MASK:
            raise BenchError(f"seeds {list(seeds)}: at least one is needed, and each must be from 0 to {MASK}")
        self.seeds = tuple(seeds)
        self.n_seeds = len(self.seeds)
        self.scope = scope
        self.device = torch.device(device)
        self.lookahead = lookahead if self.device.type == "cpu" else 1
        self._clocked = False
        self.clock: Tensor | None = None  # the step as a tensor, int64 [], where draws follow it
        self.step = 0
        self._words = torch.tensor(self.seeds, dtype=torch.int64, device=self.device)
        self._ahead: dict[tuple, tuple[int, Tensor]] = {}
        self._permutations: OrderedDict[tuple, Tensor] = OrderedDict()

    @property
    def step(self) -> Any:
        """The step that numbers are drawn for: an int, or while `clocked` a tensor int64 [] on the device."""
        return self._step if not self._clocked else self.clock

    @step.setter
    def step(self, step: int) -> None:
        self._step = step
        if self.clock is not None:
            self.clock.fill_(step)

    @contextmanager
    def clocked(self) -> Iterator[None]:
        """Compute draws from a tensor on the device that follows `step`, as replayed CUDA graphs require."""
        if self.clock is None:
            self.clock = torch.tensor(self._step, device=self.device)
        self.forget()
        self._clocked = True
        try:
            yield
        finally:
            self._clocked = False

    def forget(self) -> None:
        """Drop all cached draws. This affects the time only."""
        self._ahead.clear()
        self._permutations.clear()

    def at(self, step: int) -> CounterDraws:
        """Return draws of the same seeds at a fixed step, for evaluation; the training draws are not affected."""
        other = CounterDraws(self.seeds, self.scope, self.device, lookahead=1)
        other.step = step
        return other

    def uniform(self, stream: str, name: str, shape: Sequence[int]) -> Tensor:
        return self._draw(stream, name, shape, lambda w: to_uniform(w).float(), 1)

    def normal(self, stream: str, name: str, shape: Sequence[int]) -> Tensor:
        return self._draw(stream, name, shape, lambda w: to_normal(w).float(), 2)

    def integers(self, stream: str, name: str, shape: Sequence[int], high: int) -> Tensor:
        return self._draw(stream, f"{name}<{high}", shape, lambda w: (w * high) >> 32, 1)

    def permutation(self, stream: str, name: str, n: int, epoch: int | Tensor) -> Tensor:
        if torch.is_tensor(epoch):
            return self._order(stream, name, n, epoch)
        which = (stream, name, n, epoch)
        if which not in self._permutations:
            self._permutations[which] = self._order(stream, name, n, epoch)
            if len(self._permutations) > CACHED_PERMUTATIONS:
                self._permutations.popitem(last=False)
        return self._permutations[which]

    def _order(self, stream: str, name: str, n: int, epoch: int | Tensor) -> Tensor:
        return torch.argsort(words(self._key(stream, f"{name}/order"), n, high=epoch), dim=-1, stable=True)

    def _key(self, stream: str, name: str) -> tuple[Tensor, Tensor]:
        if stream not in STREAMS:
            raise ValueError(f"unknown stream {stream!r}; the streams are {', '.join(STREAMS)}")
        digest = hashlib.sha256(f"{self.scope}/{stream}/{name}".encode()).digest()
        return self._words, torch.full_like(self._words, int.from_bytes(digest[:4], "little"))

    def _draw(self, stream: str, name: str, shape: Sequence[int], transform, multiple: int) -> Tensor:
        shape = tuple(shape)
        if self._clocked:
            assert self.clock is not None
            return self._computed(stream, name, shape, transform, multiple, self.clock.view(1, 1))[0]
        block = self._step // self.lookahead
        which = (stream, name, shape, multiple, transform.__code__)
        held = self._ahead.get(which)
        if held is None or held[0] != block:
            first = block * self.lookahead
            steps = torch.arange(first, first + self.lookahead, device=self.device).unsqueeze(-1)
            held = block, self._computed(stream, name, shape, transform, multiple, steps)
            self._ahead[which] = held
        return held[1][self._step - block * self.lookahead]

    def _computed(
        self, stream: str, name: str, shape: tuple[int, ...], transform, multiple: int, steps: Tensor
    ) -> Tensor:
        """Return numbers [T, S, *shape] for steps [T, 1]."""
        n = math.prod(shape)
        seeds, name_word = (k.expand(len(steps), -1) for k in self._key(stream, name))
        w = words((seeds, name_word), n + n % multiple, high=steps & MASK, highest=steps >> 32, then=transform)
        return w[..., :n].reshape(len(steps), self.n_seeds, *shape)
