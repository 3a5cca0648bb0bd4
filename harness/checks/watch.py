"""Observe a method at work.

This detects calls on global generators, changes in place to what was handed out, and values that a GPU would have to
wait for.
"""

from __future__ import annotations

import copy
import random
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import numpy as np
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from harness.checks.same import differences
from harness.run.seeds import CounterDraws

FUNCTIONS = (
    "rand",
    "randn",
    "randint",
    "randperm",
    "bernoulli",
    "multinomial",
    "normal",
    "rand_like",
    "randn_like",
    "randint_like",
    "manual_seed",
)
METHODS = ("normal_", "uniform_", "bernoulli_", "random_", "exponential_", "multinomial", "bernoulli")
OTHER_STATE = 98765
TORCH = str(Path(torch.__file__).parent)
Used = list[tuple[str, Any, Any]]  # what was asked for, what was handed out, a copy of it


class Place(NamedTuple):
    """A call and its location, which is the innermost line outside torch."""

    call: str
    file: str
    line: int


@contextmanager
def global_draws() -> Iterator[tuple[list[Place], list[str]]]:
    """Yield the calls on torch's global generator and, at the end, the names of the global generators that were used.

    Their state is changed meanwhile, so that whatever reads one ends in a different state.
    """
    places: list[Place] = []
    moved: list[str] = []

    def noted(call: str, function: Callable) -> Callable:
        def wrapped(*args: Any, **words: Any) -> Any:
            frames = [f for f in traceback.extract_stack()[:-1] if not f.filename.startswith(TORCH)]
            places.append(Place(call, frames[-1].filename, frames[-1].lineno))
            return function(*args, **words)

        return wrapped

    held = torch.random.get_rng_state(), np.random.get_state(), random.getstate()
    torch.random.manual_seed(OTHER_STATE)
    np.random.seed(OTHER_STATE)
    random.seed(OTHER_STATE)
    before = _states()
    try:
        with ExitStack() as stack:
            for owner, title, names in ((torch, "torch", FUNCTIONS), (Tensor, "Tensor", METHODS)):
                for name in names:
                    stack.enter_context(mock.patch.object(owner, name, noted(f"{title}.{name}", getattr(owner, name))))
            yield places, moved
        moved += [name for name, state in _states().items() if differences(state, before[name])]
    finally:
        torch.random.set_rng_state(held[0])
        np.random.set_state(held[1])
        random.setstate(held[2])


def _states() -> dict[str, Any]:
    kind, words, *rest = np.random.get_state()
    return {
        "torch's": torch.random.get_rng_state(),
        "numpy's": [kind, words.tolist(), rest],
        "Python's": random.getstate(),
    }


class WatchedSource:
    """A source that records what it has handed out."""

    def __init__(self, source: Any):
        self.source = source
        self.used: Used = []

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.source, name)
        if name not in ("batch", "rollout", "demonstrations", "tracking_episodes"):
            return found

        def asked(*args: Any, **words: Any) -> Any:
            result = found(*args, **words)
            content = result if isinstance(result, dict) else vars(result)
            self.used.append((f"source.{name}", content, copy.deepcopy(content)))
            return result

        return asked


class WatchedDraws(CounterDraws):
    """Draws that are recorded; some steps are drawn ahead, so a change in place would be seen again."""

    def __init__(self, seeds: Sequence[int], scope: str):
        super().__init__(seeds, scope)
        self.used: Used = []

    def uniform(self, stream: str, name: str, shape: Sequence[int]) -> Tensor:
        return self._kept("uniform", stream, name, super().uniform(stream, name, shape))

    def normal(self, stream: str, name: str, shape: Sequence[int]) -> Tensor:
        return self._kept("normal", stream, name, super().normal(stream, name, shape))

    def integers(self, stream: str, name: str, shape: Sequence[int], high: int) -> Tensor:
        return self._kept("integers", stream, name, super().integers(stream, name, shape, high))

    def permutation(self, stream: str, name: str, n: int, epoch: int | Tensor) -> Tensor:
        return self._kept("permutation", stream, name, super().permutation(stream, name, n, epoch))

    def _kept(self, kind: str, stream: str, name: str, drawn: Tensor) -> Tensor:
        self.used.append((f'draws.{kind}("{stream}", "{name}")', drawn, drawn.clone()))
        return drawn


def changed_in_place(used: Used) -> list[str]:
    """Return what is no longer as it was handed out: what was requested, with the tensor's name among several."""
    found = {f"{title}{path.replace('/', ' ')}": None for title, now, then in used for path in differences(now, then)}
    return list(found)


class NoHost(TorchDispatchMode):
    """Reject whatever would transfer a value to the host, as a capture does, after `allowed` such reads."""

    LOOKS = tuple(
        getattr(torch.ops.aten, name).default for name in ("_local_scalar_dense", "nonzero", "equal", "masked_select")
    )
    INDEXING = torch.ops.aten.index.Tensor, torch.ops.aten.index_put_.default

    def __init__(self, allowed: int = 0):
        super().__init__()
        self.left = allowed

    def __enter__(self) -> NoHost:
        self._patches = ExitStack()
        for name in ("cpu", "numpy", "tolist"):
            self._patches.enter_context(mock.patch.object(Tensor, name, self._counted(getattr(Tensor, name))))
        return super().__enter__()

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        self._patches.close()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        by_mask = function in self.INDEXING and any(i is not None and i.dtype == torch.bool for i in args[1])
        if function in self.LOOKS or by_mask:
            self._look()
        return function(*args, **(kwargs or {}))

    def _counted(self, method: Callable) -> Callable:
        return lambda *args, **words: (self._look(), method(*args, **words))[1]

    def _look(self) -> None:
        if not self.left:
            raise RuntimeError("a value of a tensor is read on the host")
        self.left -= 1
