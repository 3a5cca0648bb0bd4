"""Capture a function that launches warp kernels as a CUDA graph.

An engine's step is hundreds of small kernels, and launching them one by one takes longer than running them.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable

import torch


class GraphedWork:
    """Run `work` at each call, on torch's current stream of `device` and always on the same memory.

    On CUDA the first call runs eagerly, which loads the kernels. The second call is captured, and all later ones replay
    it. All calls run eagerly if capturing fails, with BENCH_GRAPHS=0, and on the CPU.
    """

    def __init__(self, work: Callable[[], None], device: torch.device):
        self.work, self.device = work, device
        self.graph, self.warm = None, False
        self.wanted = device.type == "cuda" and os.environ.get("BENCH_GRAPHS") != "0"

    def __call__(self) -> None:
        import warp

        if self.device.type != "cuda":
            # Warp's own choice is the GPU wherever there is one.
            with warp.ScopedDevice(warp.device_from_torch(str(self.device))):
                self.work()
            return
        stream = warp.stream_from_torch(self.device)
        if self.graph is not None:
            warp.capture_launch(self.graph, stream=stream)
        elif not (self.wanted and self.warm and self._recorded()):
            with warp.ScopedStream(stream):
                self.work()
            self.warm = True

    def _recorded(self) -> bool:
        """Capture the work and then run it by the graph. Returns False if nothing was run.

        It is captured on a stream of its own, because torch's default stream cannot be captured.
        """
        import warp

        beside = torch.cuda.Stream(self.device)
        beside.wait_stream(torch.cuda.current_stream(self.device))
        try:
            stream = warp.stream_from_torch(beside)
            with warp.ScopedStream(stream), warp.ScopedCapture(stream=stream) as capture:
                self.work()
            # The driver may refuse a graph as late as here.
            warp.capture_launch(capture.graph, stream=warp.stream_from_torch(self.device))
            self.graph = capture.graph
        except Exception as error:  # warp raises many kinds of errors here; the work then runs eagerly
            torch.cuda.synchronize(self.device)
            self.wanted = False
            why = (str(error) or type(error).__name__).splitlines()[0]
            warnings.warn(
                f"a physics step is not recorded as a CUDA graph and runs kernel by kernel: {why}", stacklevel=3
            )
        return self.graph is not None
