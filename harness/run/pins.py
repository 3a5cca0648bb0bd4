"""Environment variables that bit-exact runs need before torch is imported.

Without the first two, two torch jobs on two cores spin while they wait for each other, which is 35 times slower.
Convolutions may use every instruction of the processor: two kinds of processor round matrix products differently under
any of these settings, so narrower kernels would cost a sixth of the time without making two machines agree.
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
    """Set the variables. Call this before the first import of torch or numpy."""
    os.environ.update(PINS)
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = str(threads)
