"""Make one update of the training loop: eagerly, or on CUDA as a graph that is captured once and replayed.

A graph repeats the very same kernels on the same memory. Whatever changes from step to step must therefore be computed
on the device: draws, schedules and the order of the data come from the step as a tensor (`CounterDraws.clock`), which
is set before each replay. An update that reads a value on the host, or that acts in an environment there, cannot be
captured and runs eagerly.
"""

from __future__ import annotations

import gc
import os
import warnings
from functools import lru_cache

import torch
from torch import Tensor

from harness.contracts import Environments, Method, Source
from harness.run.seeds import CounterDraws

WARM_UP = 3  # real steps before the capture: kernels are chosen and the optimisers' moments made in them


class Step:
    """A callable: step(k) makes update k and returns its logs, each [S].

    `mode` is "eager", "captured", or the reason why a capture failed. BENCH_GRAPHS=0 disables capturing.
    """

    def __init__(self, method: Method, source: Source | Environments, draws: CounterDraws):
        _freeze_garbage_collector()
        self.method, self.source, self.draws = method, source, draws
        self.graph: torch.cuda.CUDAGraph | None = None
        self.logs: dict[str, Tensor] = {}
        self.done, self.mode = 0, "eager"
        on_cuda = method.alive.device.type == "cuda"
        wanted = on_cuda and hasattr(source, "batch") and os.environ.get("BENCH_GRAPHS") != "0"
        self.beside = torch.cuda.Stream() if wanted else None  # the stream of the capture, as long as one is wanted

    def __call__(self, step: int) -> dict[str, Tensor]:
        self.draws.step = step
        if self.graph is None and self.beside is not None and self.done == WARM_UP:
            self._capture()
        self.done += 1
        if self.graph is not None:
            self.graph.replay()
            return self.logs
        if self.beside is None:
            return self.method.update(self.source, self.draws)
        # As torch requires, what is to be captured first runs on a separate stream.
        self.beside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self.beside):
            logs = self.method.update(self.source, self.draws)
        torch.cuda.current_stream().wait_stream(self.beside)
        return logs

    def _capture(self) -> None:
        """Record one update without executing it; each replay then updates the logs in place."""
        graph = torch.cuda.CUDAGraph()
        try:
            with self.draws.clocked(), torch.cuda.graph(graph, stream=self.beside):
                logs = self.method.update(self.source, self.draws)
                self.logs = {name: value.detach().double() for name, value in logs.items()}
            self.graph, self.mode = graph, "captured"
        except Exception as error:  # torch raises many kinds of errors here; the update then runs eagerly
            torch.cuda.synchronize()
            self.beside, self.mode = None, f"eager: {str(error).splitlines()[0]}"
            warnings.warn(
                f"the update of {type(self.method).__name__} cannot be captured as a CUDA graph: {self.mode}",
                stacklevel=2,
            )
        finally:
            self.draws.forget()


@lru_cache(maxsize=1)
def _freeze_garbage_collector() -> None:
    """Exempt what exists when the first training begins, mostly torch, from garbage collection.

    Otherwise Python would scan it again and again, which takes 3 % of the time of small nets.
    """
    gc.collect()
    gc.freeze()
