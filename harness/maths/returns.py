"""Advantages, returns and episodes of tensors [S, T, E] with bool flags; `ends` = terminated | truncated."""

from __future__ import annotations

import torch
from torch import Tensor


def discounted_sum(x: Tensor, ends: Tensor, factor: float) -> Tensor:
    """Return sum_k factor^k x_{t+k} over the rest of each episode, [S, T, E]; the last row ends every episode."""
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
    """Return the generalised advantage estimate, [S, T, E] (Schulman et al. 2016, Eq. 16).

    next_values: the values of the next observations as they were before any reset. They count where an episode is cut
        off (truncated) but not where it ends (terminated, even if both are set). The sum over time stops at either.
    """
    delta = rewards + gamma * torch.where(terminated, 0.0, next_values) - values
    return discounted_sum(delta, terminated | truncated, gamma * lam)


def episode_times(ends: Tensor) -> Tensor:
    """Return the steps since the last reset, [S, T, E] int64; the first step of each episode is 0."""
    steps = torch.arange(ends.shape[1], device=ends.device).view(1, -1, 1)
    first = torch.where(ends, steps + 1, 0).roll(1, 1)
    first[:, 0] = 0
    return steps - first.cummax(1).values


def episode_return(rewards: Tensor, ends: Tensor) -> Tensor:
    """Return the mean undiscounted sum of an episode's rewards, [S]. An episode that has not ended counts as one."""
    return rewards.sum((1, 2)) / (ends.sum((1, 2)) + (~ends[:, -1]).sum(1))


def normalise(advantages: Tensor, how: str) -> Tensor:
    """Return (a - mean) / (std + 1e-8), a - mean, or a, per seed [S, B]; std is that of the population."""
    if how == "raw":
        return advantages
    centred = advantages - advantages.mean(1, keepdim=True)
    return centred if how == "centred" else centred / (advantages.std(1, correction=0, keepdim=True) + 1e-8)
