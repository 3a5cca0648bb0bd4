"""Compute the words of Philox in one pass of compiled code, for the CPU. `python -m harness.maths.philox_c` builds it.

`make setup` does so if there is a C compiler. Otherwise `philox.py` computes the same words by tensor operations, which
takes about five times as long.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import torch
from torch import Tensor

# There is one copy for each width of registers; the loader chooses the widest that the processor has.
CLONES = '__attribute__((target_clones("avx512f", "avx2", "default")))'
SOURCE = """
#include <stdint.h>

%s
void philox_words(const int64_t *key0, const int64_t *key1, const int64_t *high, const int64_t *highest,
                  int64_t n_keys, int64_t first, int64_t n_counters, int64_t *out)
{
    for (int64_t k = 0; k < n_keys; k++) {
        int64_t *row = out + k * n_counters * 4;
        for (int64_t i = 0; i < n_counters; i++) {
            uint64_t index = (uint64_t)(first + i);
            uint32_t c0 = (uint32_t)index, c1 = (uint32_t)(index >> 32);
            uint32_t c2 = (uint32_t)high[k], c3 = (uint32_t)highest[k];
            uint32_t k0 = (uint32_t)key0[k], k1 = (uint32_t)key1[k];
            for (int round = 0; round < 10; round++) {
                uint64_t p0 = (uint64_t)c0 * 0xD2511F53u, p1 = (uint64_t)c2 * 0xCD9E8D57u;
                c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
                c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
                c1 = (uint32_t)p1;
                c3 = (uint32_t)p0;
                k0 += 0x9E3779B9u;
                k1 += 0xBB67AE85u;
            }
            row[4 * i] = c0;
            row[4 * i + 1] = c1;
            row[4 * i + 2] = c2;
            row[4 * i + 3] = c3;
        }
    }
}
"""


def words(key: tuple[Tensor, Tensor], high: Tensor, highest: Tensor, first: int, count: int) -> Tensor:
    """Return the words [*key, 4 count] of the counters from `first`, from int64 tensors of one shape."""
    shape = key[0].shape
    inputs = [part.contiguous() for part in (*key, high, highest)]
    out = torch.empty(*shape, 4 * count, dtype=torch.int64)
    library().philox_words(*(part.data_ptr() for part in inputs), shape.numel(), first, count, out.data_ptr())
    return out


@functools.cache
def built() -> bool:
    """Return whether the compiled code exists."""
    return _path().exists()


@functools.cache
def library() -> ctypes.CDLL:
    """Load the compiled code, which must be `built`."""
    loaded = ctypes.CDLL(str(_path()))
    loaded.philox_words.argtypes = [ctypes.c_void_p] * 4 + [ctypes.c_int64] * 3 + [ctypes.c_void_p]
    loaded.philox_words.restype = None
    return loaded


def build() -> Path | None:
    """Compile into the environment that this Python belongs to; return None if no compiler succeeds."""
    path = _path()
    compiler = os.environ.get("CC") or shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        return None
    path.parent.mkdir(parents=True, exist_ok=True)
    made = path.with_suffix(f".{os.getpid()}")  # a unique name, because two set-ups may run at once
    for clones in (CLONES, ""):
        command = [compiler, "-O3", "-shared", "-fPIC", "-x", "c", "-", "-o", str(made)]
        if subprocess.run(command, input=SOURCE % clones, text=True, capture_output=True, check=False).returncode == 0:
            made.replace(path)
            return path
    made.unlink(missing_ok=True)
    return None


def _path() -> Path:
    # The name depends on the source, so that changed code never uses an older build.
    digest = hashlib.sha256(SOURCE.encode()).hexdigest()[:12]
    return Path(sys.prefix) / "lib" / "vdb-harness" / f"philox-{digest}-{platform.machine()}.so"


if __name__ == "__main__":
    print(f"Philox compiled into {build() or 'nothing: no C compiler; draws take longer, their numbers are the same'}")
