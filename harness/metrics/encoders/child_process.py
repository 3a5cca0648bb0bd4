"""A heavy encoder in a process of its own, which may use every instruction that the processor has.

`bench` holds its process to AVX2 so that training ends with the same bits on every processor of a kind
(`harness.run.pins`), and that cannot be undone once torch is loaded. Under this limit a feature pass of Inception takes
twice as long, and bfloat16 has no instruction. The pass moves no training draw, and what it rounds differently is 1e-6
of a feature; hence a child without those limits. This file is the parent's side; `serve` is the child's, and is started
by its name, so that no encoder is imported here.
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
    """Is this process held to fewer instructions than the processor has?"""
    return any(name in os.environ for name in LIMITS)


def unlimited_environment() -> dict[str, str]:
    """This process's environment without those limits, for a child that finds this project."""
    kept = {name: value for name, value in os.environ.items() if name not in LIMITS}
    return kept | {"PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))}


class Child:
    """Started once for each encoder; it ends with this process, which holds its input open."""

    def __init__(self, name: str, weights: str, precision: str, threads: int):
        command = [sys.executable, "-m", CHILD, name, weights, precision, str(threads)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=unlimited_environment()
        )
        self.name = name

    def features(self, images: np.ndarray) -> np.ndarray:
        """Return float32 [N, F] of images [N, C, H, W].

        Raises BenchError if the child has died; its own words are on standard error.
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
