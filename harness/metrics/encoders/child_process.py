"""Run a heavy encoder in its own process, which may use every instruction of the processor.

`bench` limits its process to instructions with which training ends with the same bits on all processors of a kind
(`harness.run.pins`), and the limit cannot be removed once torch is loaded. With it a feature pass of Inception takes
twice as long, and bfloat16 has no instruction. The pass affects no training draw, and the rounding differs by 1e-6 of a
feature, so it runs in a child process without the limit. This file is the parent's side. `serve` is the child's side
and is started by its name, so that no encoder is imported here.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np

from harness.contracts import BenchError

LIMITS = ("ATEN_CPU_CAPABILITY", "MKL_CBWR", "ONEDNN_MAX_CPU_ISA")
ROOT = Path(__file__).resolve().parents[3]
CHILD = "harness.metrics.encoders.serve"


def is_limited() -> bool:
    """Whether this process is limited to fewer instructions than the processor has."""
    return any(name in os.environ for name in LIMITS)


def unlimited_environment() -> dict[str, str]:
    """Return this process's environment without the limits, for a child that can import this project."""
    kept = {name: value for name, value in os.environ.items() if name not in LIMITS}
    return kept | {"PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))}


class Child:
    """A child process for one encoder. It ends with this process, which holds its input open."""

    def __init__(self, name: str, weights: str, precision: str, threads: int):
        command = [sys.executable, "-m", CHILD, name, weights, precision, str(threads)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=unlimited_environment()
        )
        self.name = name

    def features(self, images: np.ndarray) -> np.ndarray:
        """Return float32 features [N, F] of images [N, C, H, W].

        Raises BenchError if the child has died; its own message is on standard error.
        """
        try:
            pickle.dump(np.ascontiguousarray(images), self.process.stdin, protocol=5)
            self.process.stdin.flush()
            return pickle.load(self.process.stdout)
        except (OSError, EOFError, pickle.UnpicklingError) as error:
            status = self.process.wait()
            raise BenchError(
                f"the process that encodes with {self.name} ended with status {status}: see its message above"
            ) from error
