"""Settings that must stand in the environment before torch is imported, for bit-exact runs.

Without the first two, two torch jobs on two cores spin against each other (35 times slower). Convolutions may use
whatever the processor has: two kinds of processor round matrix products apart under any of these settings, so the
narrower kernels would cost a sixth of the time and make no two machines agree.
"""

import os

PINS = {
    "OMP_WAIT_POLICY": "passive",
    "GOMP_SPINCOUNT": "0",
    "ATEN_CPU_CAPABILITY": "avx2",
    "MKL_CBWR": "AVX2",
    "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
}


def pin(threads: int = 1) -> None:
    """Set the pins; call it before the first import of torch or numpy."""
    os.environ.update(PINS)
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = str(threads)
