"""Where a run computes and how finely: the one place that knows devices and precisions."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from harness.contracts import BenchError
from harness.run.params import Precision


def pick_device() -> torch.device:
    """CUDA where there is one; BENCH_DEVICE=cpu keeps to the bit-exact tier."""
    wanted = os.environ.get("BENCH_DEVICE", "cuda" if torch.cuda.is_available() else "cpu")
    if wanted.startswith("cuda") and not torch.cuda.is_available():
        raise BenchError(f"BENCH_DEVICE={wanted}, but torch sees no GPU here: unset it or set BENCH_DEVICE=cpu")
    return torch.device(wanted)


def name_of(device: torch.device) -> str:
    """The GPU's name, or the processor's."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else processor()


def processor() -> str:
    """The CPU's name, with family and model where the kernel tells: matrix products round by its kind."""
    import platform
    from pathlib import Path

    try:
        first = Path("/proc/cpuinfo").read_text(encoding="utf-8").split("\n\n")[0]
        lines = (line.split(":", 1) for line in first.splitlines() if ":" in line)
        told = {key.strip(): value.strip() for key, value in lines}
        return f"{told['model name']} ({told['vendor_id']} {told['cpu family']}/{told['model']})"
    except (OSError, KeyError):
        return platform.processor() or platform.machine()


@contextmanager
def arithmetic(precision: Precision, device: torch.device, deterministic: bool = True) -> Iterator[None]:
    """How matrix products and convolutions round; all else, parameters and optimisers too, stays float32.

    All that is trained, scored or checked runs within. deterministic: cuDNN takes kernels that add in one order alone,
    as a run that goes on from a checkpoint needs; its fastest ones may add in any.

    fp32: float32 throughout (torch by itself lets cuDNN's convolutions use TF32). tf32: mantissas of 10 bits in
    products on CUDA. bf16: their operands are bfloat16, of 8 bits. Casts are not kept from one product to the next, as
    the weights move within an update. Raises BenchError for tf32 without a GPU, which has no such numbers.
    """
    if precision == "tf32" and device.type != "cuda":
        raise BenchError("precision tf32 needs a GPU: set precision to fp32 or bf16, or run where torch sees CUDA")
    cudnn, products = torch.backends.cudnn, torch.backends.cuda.matmul
    before = products.allow_tf32, cudnn.allow_tf32, cudnn.deterministic
    products.allow_tf32 = cudnn.allow_tf32 = precision == "tf32"
    cudnn.deterministic = deterministic
    try:
        with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16", cache_enabled=False):
            yield
    finally:
        products.allow_tf32, cudnn.allow_tf32, cudnn.deterministic = before
