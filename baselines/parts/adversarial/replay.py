"""A replay buffer of past paths for the discriminator, as in the released maze code of Peng et al. (2019), "fusion"."""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor, nn

from baselines.parts.control.transitions import Transitions, take
from harness.contracts import Draws, Settings


class ReplayParams(Settings):
    """The parameters of the replay buffer.

    paths: the capacity in paths.
    share: the share of an update's paths, the first ones, that enter the buffer.
    """

    paths: int = Field(100, ge=1)
    share: float = Field(0.5, gt=0, le=1)


class Replay(nn.Module):
    """Past paths of `length` transitions. A discriminator trains on the new paths and on as many drawn from this
    buffer.

    When the buffer is full, paths leave one by one at random. The k-th oldest has a weight of k, so newer paths are
    more likely to leave. Everything is stored in buffers [S, paths, ...] and hence in the checkpoint.
    """

    held: Tensor

    def __init__(self, n_seeds: int, length: int, n_observations: int, n_actions: int, params: ReplayParams):
        super().__init__()
        self.params, self.length = params, length
        sizes = {"observations": n_observations, "actions": n_actions, "next_observations": n_observations}
        for name, size in sizes.items():
            self.register_buffer(name, torch.zeros(n_seeds, params.paths, length, size))
        self.register_buffer("terminated", torch.zeros(n_seeds, params.paths, length, dtype=torch.bool))
        self.register_buffer("log_pi", torch.zeros(n_seeds, params.paths, length))
        self.register_buffer("held", torch.zeros(n_seeds, dtype=torch.int64))  # the same number for all seeds

    def mix(self, new: Transitions, draws: Draws) -> Transitions:
        """Return `new` followed by the same number of replayed rows; part of `new` then enters the buffer."""
        n_paths = new.observations.shape[1] // self.length
        held = int(self.held[0])
        mixed = new
        if held:
            which = draws.integers("data", "replay/which", (n_paths,), held)
            past = (take(getattr(self, name), which).flatten(1, 2) for name in Transitions._fields)
            mixed = new.concat(Transitions(*past))
        self._add(new, draws, n_paths, held)
        return mixed

    def _add(self, new: Transitions, draws: Draws, n_paths: int, held: int) -> None:
        taken = max(1, int(n_paths * self.params.share))
        total = held + taken
        order = self._survivors(draws, total, max(0, total - self.params.paths))  # [S, kept], oldest first
        for name, part in zip(Transitions._fields, new):
            old = getattr(self, name)
            paths = part.unflatten(1, (n_paths, self.length))[:, :taken]
            old[:, : order.shape[1]] = take(torch.cat([old[:, :held], paths], 1), order)
        self.held.fill_(order.shape[1])

    def _survivors(self, draws: Draws, total: int, leaving: int) -> Tensor:
        """Return the indices [S, total - leaving], oldest first, of the paths that stay when `leaving` of `total`
        leave.
        """
        order = torch.arange(total, device=self.held.device).expand(len(self.held), -1)
        if not leaving:
            return order
        u = draws.uniform("data", "replay/leaves", (leaving,)).double()
        for k in range(leaving):
            n = order.shape[1]
            # The smallest j with j (j + 1) / 2 >= u n (n + 1) / 2: place j of 1..n has the weight j.
            j = ((torch.sqrt(1.0 + 4.0 * u[:, k] * n * (n + 1)) - 1.0) / 2.0).ceil().long().clamp(1, n) - 1
            left = torch.arange(n - 1, device=order.device)
            order = order.gather(1, left + (left >= j.unsqueeze(1)))
        return order
