"""Environment variables that bit-exact runs need before torch is imported.

Without the first two, two torch jobs on two cores spin while they wait for each other, which is 35 times slower.
Convolutions may use every instruction of the processor: two kinds of processor round matrix products differently under
any of these settings, so narrower kernels would cost a sixth of the time without making two machines agree. For the
same reason products use the widest registers for which MKL guarantees the same bits in every run, which makes those of
1,024 units 1.4 times as fast; on processors that are not Intel's these are AVX2's.
"""

import os
import re
from functools import cache
from pathlib import Path

PINS = {
    "OMP_WAIT_POLICY": "passive",
    "GOMP_SPINCOUNT": "0",
    "ATEN_CPU_CAPABILITY": "avx2",
    "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
}
WIDE = {"avx512f", "avx512dq", "avx512cd", "avx512bw", "avx512vl"}  # what MKL means by AVX512


def pin(threads: int = 1) -> None:
    """Set the variables. Call this before the first import of torch or numpy."""
    os.environ.update(pins())
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = str(threads)


@cache
def pins() -> dict[str, str]:
    """Return the variables for this machine, but for the number of threads."""
    return PINS | {"MKL_CBWR": _products(Path("/proc/cpuinfo"))}


def _products(cpuinfo: Path) -> str:
    """Return the instructions for matrix products, given the file in which Linux describes the processor."""
    try:
        first = cpuinfo.read_text(encoding="utf-8").split("\n\n")[0]
    except OSError:
        return "AVX2"
    flags = re.search(r"^flags\s*:(.*)$", first, re.MULTILINE)
    wide = "GenuineIntel" in first and flags is not None and set(flags[1].split()) >= WIDE
    return "AVX512" if wide else "AVX2"
