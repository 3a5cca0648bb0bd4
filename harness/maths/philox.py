"""Philox 4x32-10, the counter-based generator of Salmon et al. (SC 2011).

Compiled code generates the words if it is available (`philox_c` on the CPU, `philox_triton` on CUDA), and otherwise
integer tensor operations do. The bits are the same.

In tensors a 32-bit word is stored in an int64. The product of two words wraps modulo 2^64, so an arithmetic shift and a
mask recover its high half. The bits are the same on every device.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from harness.maths import philox_c, philox_triton

MASK = 0xFFFFFFFF
M0, M1 = 0xD2511F53, 0xCD9E8D57
W0, W1 = 0x9E3779B9, 0xBB67AE85
CACHED, LANES = 1 << 15, 64  # how many counters are worked on at a time, in multiples of LANES for whole registers


def philox4x32(counter: tuple[Tensor, ...], key: tuple[Tensor, Tensor], rounds: int = 10) -> tuple[Tensor, ...]:
    """Return four words of random bits for each counter, as four int64 tensors of numbers in 0..2^32-1.

    counter: four int64 tensors of words that broadcast together; key: two such tensors.
    """
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(rounds):
        p0, p1 = c0 * M0, c2 * M1
        # Only the factors of a product need be words; what stands above the 32 bits of the others falls to the mask.
        c0, c1, c2, c3 = ((p1 >> 32) ^ c1 ^ k0) & MASK, p1, ((p0 >> 32) ^ c3 ^ k1) & MASK, p0
        k0, k1 = k0 + W0, k1 + W1
    return c0, c1 & MASK, c2, c3 & MASK


def words(
    key: tuple[Tensor, Tensor],
    n: int,
    high: Tensor | int = 0,
    highest: Tensor | int = 0,
    then: Callable[[Tensor], Tensor] | None = None,
) -> Tensor:
    """Return words [*key, n]: element i of a key is word i mod 4 of counter i div 4.

    high, highest: the two upper words of the counter, broadcast against the key.
    then: a function that is applied to the words, each alone or in pairs. On the CPU everything is computed in chunks
        that fit the processor's cache, which is four times faster for millions of words.
    """
    device = key[0].device
    # A number becomes a tensor by a fill, not by a copy from the host, which a CUDA graph could not hold.
    upper = [h if isinstance(h, Tensor) else torch.full((), h, device=device) for h in (high, highest)]
    k0, k1, *upper = torch.broadcast_tensors(*key, *upper)
    n_counters, parts, made_by = (n + 3) // 4, [], _maker(device)
    part = max(n_counters, 1) if k0.is_cuda else max(LANES, CACHED // k0.numel() // LANES * LANES)
    for first in range(0, max(n_counters, 1), part):
        made = made_by((k0, k1), *upper, first, min(part, n_counters - first))
        parts.append(made if then is None else then(made))
    return (parts[0] if len(parts) == 1 else torch.cat(parts, -1))[..., :n]


def in_tensors(key: tuple[Tensor, Tensor], high: Tensor, highest: Tensor, first: int, count: int) -> Tensor:
    """Return the words [*key, 4 count] of the counters from `first` by tensor operations, on the device of the key."""
    k0, k1, high, highest = (part.unsqueeze(-1) for part in (*key, high, highest))
    index = torch.arange(first, first + count, device=k0.device)
    out = torch.broadcast_tensors(*philox4x32((index & MASK, index >> 32, high, highest), (k0, k1)))
    return torch.stack(out, -1).flatten(-2)


def _maker(device: torch.device) -> Callable[..., Tensor]:
    """Return the fastest function for the same words on `device`."""
    if device.type == "cpu" and philox_c.built():
        return philox_c.words
    if device.type == "cuda" and philox_triton.usable(device):
        return philox_triton.words
    return in_tensors


def to_uniform(w: Tensor) -> Tensor:
    """Convert words to float64 numbers strictly inside (0, 1): the centres of 2^32 equal cells."""
    return (w.double() + 0.5) * 2.0**-32


def to_normal(w: Tensor) -> Tensor:
    """Convert words [..., 2m] to standard normal numbers [..., 2m] in float64 (Box and Muller 1958).

    They are float64 so that devices agree after rounding to float32.
    """
    u, v = to_uniform(w).unflatten(-1, (-1, 2)).movedim(-1, 0).contiguous()
    radius = u.log_().mul_(-2.0).sqrt_()  # in place, which saves a quarter of the time
    angle = v.mul_(2.0 * math.pi)
    return torch.stack((radius * torch.cos(angle), radius * torch.sin(angle)), -1).flatten(-2)
