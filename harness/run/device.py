"""Device and precision of a run: the only file that knows about either."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from harness.contracts import BenchError
from harness.run.params import Precision


def pick_device() -> torch.device:
    """Return CUDA if it is available. BENCH_DEVICE=cpu selects the CPU, whose results are bit-exact."""
    wanted = os.environ.get("BENCH_DEVICE", "cuda" if torch.cuda.is_available() else "cpu")
    if wanted.startswith("cuda") and not torch.cuda.is_available():
        raise BenchError(f"BENCH_DEVICE={wanted}, but torch sees no GPU here: unset it or set BENCH_DEVICE=cpu")
    return torch.device(wanted)


def name_of(device: torch.device) -> str:
    """Return the name of the GPU or of the processor."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else processor()


def processor() -> str:
    """Return the CPU's name, with family and model if the kernel reports them, because rounding depends on them."""
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
    """Set how matrix products and convolutions round. Everything else, including parameters and optimisers, stays
    float32.

    All training, scoring and checking runs in this context. The precisions are fp32, which is float32 throughout (by
    itself torch lets cuDNN's convolutions use TF32); tf32, which has mantissas of 10 bits in products on CUDA; and
    bf16, where the operands of products are bfloat16 with mantissas of 8 bits. Casts are not cached between products,
    because the weights change within an update. Raises BenchError for tf32 without a GPU.

    deterministic: let cuDNN use only kernels that add in a fixed order, which a run that resumes from a checkpoint
        needs. Its fastest kernels may add in any order.
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
