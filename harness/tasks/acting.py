"""The common part of all control families."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from harness.contracts import ControlOutputs, Draws, Environments, RewardOutputs
from harness.maths.arrays import Array, to_array

EPISODES = 4


def probe_policy(source: Environments, outputs: ControlOutputs, draws: Draws) -> Tensor:
    """Return the actions [S, T, E, A] of a few episodes; of a learnt reward a few values are computed too."""
    noise = outputs.noise(draws, (2, EPISODES), "policy", "eval")
    rollout = source.rollout(lambda o, t: outputs.act(o, noise[:, t % 2]), draws, EPISODES, "test", "eval")
    if isinstance(outputs, RewardOutputs):
        outputs.reward(rollout.observations[:, 0], rollout.actions[:, 0])
    return rollout.actions


class Resets(Protocol):
    """How episodes begin.

    draws: the number of random numbers for a start.
    """

    @property
    def draws(self) -> int: ...

    def reset(self, uniform: Array, normal: Array) -> tuple[Array, ...]:
        """Return the parts [n, ...] of n starts from numbers [n, draws], in [0, 1) and standard normal."""


class Starts:
    """Draw where the episodes of each world begin in one rollout: start k depends on seed, world and k, not on
    neighbours.

    Starts are drawn CHUNK at a time for all worlds, because falls are frequent and each call is expensive. On a device
    the host does not know which worlds fell: it reads that only once in at least CHUNK calls and draws as many starts
    ahead as a world could need until then.
    """

    CHUNK = 8

    def __init__(
        self, resets: Resets, draws: Draws, n_envs: int, name: str, stream: str, device: torch.device | None = None
    ):
        self.resets, self.draws, self.n_envs, self.name, self.stream, self.device = (
            resets,
            draws,
            n_envs,
            name,
            stream,
            device,
        )
        self.xp = np if device is None else torch
        n = draws.n_seeds * n_envs
        self.rows, self.count = self.xp.arange(n, device=device), self.xp.zeros(n, dtype=int, device=device)
        self.drawn, self.most, self.ahead = (
            0,
            0,
            1 if device is None else self.CHUNK,
        )  # most: that a world can have taken
        self.starts: tuple[Array, ...] = ()  # each [n, drawn, ...]

    def next(self, which: Array) -> tuple[Array, ...]:
        """Return the parts [n, ...] of a start for the worlds `which` [n] bool; the other rows have no meaning."""
        if self.most == self.drawn:
            self.most = int(self.count.max()) if self.drawn else 0
            if self.most + self.ahead > self.drawn:
                self._draw()
        self.most += 1
        k = self.xp.clip(self.count, 0, self.drawn - 1)
        self.count += which
        return tuple(part[self.rows, k] for part in self.starts)

    def _draw(self) -> None:
        shape, part = (self.n_envs, self.CHUNK, self.resets.draws), f"{self.name}/reset/{self.drawn}"
        u = self.draws.uniform(self.stream, part, shape)
        z = self.draws.normal(self.stream, f"{part}/normal", shape)
        made = self.resets.reset(*(to_array(x, self.device).reshape(-1, self.resets.draws) for x in (u, z)))
        new = tuple(x.reshape(len(self.rows), self.CHUNK, -1) for x in made)
        self.starts = tuple(self.xp.concat(pair, 1) for pair in zip(self.starts, new)) if self.starts else new
        self.drawn += self.CHUNK
