"""Run a method in double precision, to tell a fault from rounding.

A parameter on which no loss depends, such as the last bias of a critic whose scores are compared only with each other,
has a gradient of rounding alone, about 1e-8 in float32. Adam divides it by its own size and makes whole steps of it. In
float64 it is about 1e-17, far below the epsilon of the optimiser, and moves nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from unittest import mock

from torch import Tensor

from harness.contracts import Source
from harness.run.seeds import CounterDraws


class DoubleDraws(CounterDraws):
    """The same float32 numbers, as float64."""

    def uniform(self, stream: str, name: str, shape: Sequence[int]) -> Tensor:
        return super().uniform(stream, name, shape).double()

    def normal(self, stream: str, name: str, shape: Sequence[int]) -> Tensor:
        return super().normal(stream, name, shape).double()


class DoubleSource:
    """A source of data whose batches are float64 where they were float32."""

    def __init__(self, source: Source):
        self._source = source

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)

    def batch(self, *args: Any, **words: Any) -> dict[str, Tensor]:
        found = self._source.batch(*args, **words)
        return {name: x.double() if x.is_floating_point() else x for name, x in found.items()}


@contextmanager
def float_is_double() -> Iterator[None]:
    """Let `x.float()` return float64, as a mean over a mask must have the precision of what it multiplies."""
    with mock.patch.object(Tensor, "float", Tensor.double):
        yield
