"""Sums over time: advantages, returns, episodes. Tensors [S, T, E], flags bool; `ends` = terminated | truncated."""

from __future__ import annotations

import torch
from torch import Tensor


def discounted_sum(x: Tensor, ends: Tensor, factor: float) -> Tensor:
    """sum_k factor^k x_{t+k} over what is left of the episode, [S, T, E]; the last row ends every episode."""
    keep = factor * (~ends).to(x.dtype)
    total, sums = torch.zeros_like(x[:, 0]), []
    for value, kept in zip(reversed(x.unbind(1)), reversed(keep.unbind(1))):
        total = torch.addcmul(value, kept, total)
        sums.append(total)
    return torch.stack(sums[::-1], 1)


def gae(
    rewards: Tensor,
    values: Tensor,
    next_values: Tensor,
    terminated: Tensor,
    truncated: Tensor,
    gamma: float,
    lam: float,
) -> Tensor:
    """Generalised advantage estimate (Schulman et al. 2016, eq. 16), [S, T, E].

    next_values: of the next observation as it was before any reset. It counts where an episode is
    cut off (truncated), and not where it is over (terminated, also if both are set); the sum over
    time stops at either.
    """
    delta = rewards + gamma * torch.where(terminated, 0.0, next_values) - values
    return discounted_sum(delta, terminated | truncated, gamma * lam)


def episode_times(ends: Tensor) -> Tensor:
    """Steps since the last reset, [S, T, E] int64: 0 at the first step of each episode."""
    steps = torch.arange(ends.shape[1], device=ends.device).view(1, -1, 1)
    first = torch.where(ends, steps + 1, 0).roll(1, 1)
    first[:, 0] = 0
    return steps - first.cummax(1).values


def episode_return(rewards: Tensor, ends: Tensor) -> Tensor:
    """Mean undiscounted sum of an episode's rewards, [S]; one that is still open counts as an episode."""
    return rewards.sum((1, 2)) / (ends.sum((1, 2)) + (~ends[:, -1]).sum(1))


def normalise(advantages: Tensor, how: str) -> Tensor:
    """[S, B]: (a - mean) / (std + 1e-8), a - mean, or a, per seed; std is that of the population."""
    if how == "raw":
        return advantages
    centred = advantages - advantages.mean(1, keepdim=True)
    return centred if how == "centred" else centred / (advantages.std(1, correction=0, keepdim=True) + 1e-8)
