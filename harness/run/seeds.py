"""Draws: random numbers as a function of (seed, stream, name, step, index), never of history."""

from __future__ import annotations

import hashlib
import math
from collections import OrderedDict
from collections.abc import Sequence

import torch
from torch import Tensor

from harness.contracts import STREAMS, BenchError
from harness.maths.philox import MASK, to_normal, to_uniform, words

CACHED_PERMUTATIONS = 16


class CounterDraws:
    """The harness's `Draws` for the seeds of one block.

    scope: protocol version and task; the same scope gives every method the same numbers.
    lookahead: steps drawn at once on the CPU to spread the cost of small tensor operations.
        Blocks of steps are aligned to its multiples, so that a resumed run computes each number
        in the same place of the same tensor, hence bit-equal.
    """

    def __init__(self, seeds: Sequence[int], scope: str, device: torch.device | str = "cpu", lookahead: int = 16):
        if not seeds or min(seeds) < 0 or max(seeds) > MASK:
            raise BenchError(f"seeds {list(seeds)}: give at least one, each from 0 to {MASK}")
        self.seeds = tuple(seeds)
        self.scope = scope
        self.device = torch.device(device)
        self.lookahead = lookahead if self.device.type == "cpu" else 1
        self.step = 0
        self._words = torch.tensor(self.seeds, dtype=torch.int64, device=self.device)
        self._ahead: dict[tuple, tuple[int, Tensor]] = {}
        self._permutations: OrderedDict[tuple, Tensor] = OrderedDict()

    @property
    def n_seeds(self) -> int:
        return len(self.seeds)

    def at(self, step: int) -> CounterDraws:
        """The same seeds at a fixed step, for evaluation: moves nothing of the training draws."""
        other = CounterDraws(self.seeds, self.scope, self.device, lookahead=1)
        other.step = step
        return other

    def uniform(self, stream: str, name: str, shape: Sequence[int]) -> Tensor:
        return self._draw(stream, name, shape, lambda w: to_uniform(w).float(), 1)

    def normal(self, stream: str, name: str, shape: Sequence[int]) -> Tensor:
        return self._draw(stream, name, shape, lambda w: to_normal(w).float(), 2)

    def integers(self, stream: str, name: str, shape: Sequence[int], high: int) -> Tensor:
        return self._draw(stream, f"{name}<{high}", shape, lambda w: (w * high) >> 32, 1)

    def permutation(self, stream: str, name: str, n: int, epoch: int) -> Tensor:
        which = (stream, name, n, epoch)
        if which not in self._permutations:
            w = words(self._key(stream, f"{name}/order"), n, high=epoch)
            self._permutations[which] = torch.argsort(w, dim=-1, stable=True)
            if len(self._permutations) > CACHED_PERMUTATIONS:
                self._permutations.popitem(last=False)
        return self._permutations[which]

    def _key(self, stream: str, name: str) -> tuple[Tensor, Tensor]:
        if stream not in STREAMS:
            raise ValueError(f"unknown stream {stream!r}; the streams are {', '.join(STREAMS)}")
        digest = hashlib.sha256(f"{self.scope}/{stream}/{name}".encode()).digest()
        return self._words, torch.full_like(self._words, int.from_bytes(digest[:4], "little"))

    def _draw(self, stream: str, name: str, shape: Sequence[int], transform, multiple: int) -> Tensor:
        shape = tuple(shape)
        block = self.step // self.lookahead
        which = (stream, name, shape, multiple, transform.__code__)
        held = self._ahead.get(which)
        if held is None or held[0] != block:
            n = math.prod(shape)
            first = block * self.lookahead
            steps = torch.arange(first, first + self.lookahead, device=self.device).unsqueeze(-1)
            key = self._key(stream, name)
            w = words(tuple(k.expand(self.lookahead, -1) for k in key), n + n % multiple, high=steps & MASK, highest=steps >> 32)
            held = block, transform(w)[..., :n].reshape(self.lookahead, self.n_seeds, *shape)
            self._ahead[which] = held
        return held[1][self.step - block * self.lookahead]
