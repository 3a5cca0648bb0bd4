"""Compute the words of Philox by one Triton kernel on CUDA, in place of about a hundred launches for the ten rounds."""

from __future__ import annotations

import functools
import importlib.util
from typing import Any

import torch
from torch import Tensor

BLOCK = 256  # counters that one program works on


@functools.cache
def usable(device: torch.device) -> bool:
    """Return whether Triton exists and reproduces a known answer of Salmon et al. (2011) on `device`."""
    if importlib.util.find_spec("triton") is None:
        return False
    ones = torch.full((1,), 0xFFFFFFFF, device=device)
    try:
        made = words((ones, ones), ones, ones, -1, 1)  # counter -1 has all its bits set
    except Exception as error:  # whatever Triton's compiler raises, the words can be computed without it
        print(f"draws are made without Triton: {str(error).splitlines()[0]}", flush=True)
        return False
    return made.tolist() == [[0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]]


def words(key: tuple[Tensor, Tensor], high: Tensor, highest: Tensor, first: int, count: int) -> Tensor:
    """Return the words [*key, 4 count] of the counters from `first`, from int64 tensors of one shape."""
    shape = key[0].shape
    inputs = [part.contiguous() for part in (*key, high, highest)]
    out = torch.empty(*shape, 4 * count, dtype=torch.int64, device=key[0].device)
    grid = (shape.numel(), (count + BLOCK - 1) // BLOCK)
    kernel()[grid](*inputs, first, count, out, BLOCK=BLOCK)
    return out


@functools.cache
def kernel() -> Any:
    """Return the kernel. Triton is imported here, because that takes a second, which a CPU run can save."""
    import triton
    import triton.language as tl

    @triton.jit
    def philox(key0, key1, high, highest, first, count, out, BLOCK: tl.constexpr):
        row = tl.program_id(0)
        column = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
        index = (first + column).to(tl.int64)
        c0 = (index & 0xFFFFFFFF).to(tl.uint32)
        c1 = ((index >> 32) & 0xFFFFFFFF).to(tl.uint32)
        nought = tl.zeros_like(c0)
        c2 = nought + tl.load(high + row).to(tl.uint32)
        c3 = nought + tl.load(highest + row).to(tl.uint32)
        k0 = nought + tl.load(key0 + row).to(tl.uint32)
        k1 = nought + tl.load(key1 + row).to(tl.uint32)
        for _ in tl.static_range(10):
            m0 = tl.full(c0.shape, 0xD2511F53, tl.uint32)
            m1 = tl.full(c0.shape, 0xCD9E8D57, tl.uint32)
            n0 = tl.umulhi(c2, m1) ^ c1 ^ k0
            n2 = tl.umulhi(c0, m0) ^ c3 ^ k1
            c1 = c2 * m1
            c3 = c0 * m0
            c0 = n0
            c2 = n2
            k0 = k0 + tl.full(c0.shape, 0x9E3779B9, tl.uint32)
            k1 = k1 + tl.full(c0.shape, 0xBB67AE85, tl.uint32)
        at = out + (row.to(tl.int64) * count + column) * 4
        inside = column < count
        tl.store(at, c0.to(tl.int64), mask=inside)
        tl.store(at + 1, c1.to(tl.int64), mask=inside)
        tl.store(at + 2, c2.to(tl.int64), mask=inside)
        tl.store(at + 3, c3.to(tl.int64), mask=inside)

    return philox
