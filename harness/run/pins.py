"""Settings that must stand in the environment before torch is imported, for bit-exact runs.

Without the first two, two torch jobs on two cores spin against each other (35 times slower).
"""

import os

PINS = {
    "OMP_WAIT_POLICY": "passive",
    "GOMP_SPINCOUNT": "0",
    "ATEN_CPU_CAPABILITY": "avx2",
    "MKL_CBWR": "AVX2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
}


def pin(threads: int = 1) -> None:
    """Set the pins; call it before the first import of torch or numpy."""
    os.environ.update(PINS)
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = str(threads)
