"""The value function of a policy: rllab's linear features, or a net. It predicts a batch before it is fitted to it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from baselines.parts.control.transitions import take
from baselines.parts.fast import written_out
from baselines.parts.layers import MLP
from baselines.parts.nets.optim import OptimizerParams, SeedOptimizer
from baselines.parts.nets.orthogonal import use_orthogonal_init
from harness.contracts import Draws, Settings

RIDGE_TRIES = 5


class LinearParams(Settings):
    """The parameters of the linear value function.

    ridge: the weight of the squared coefficients in the fit.
    """

    kind: Literal["linear"] = "linear"
    ridge: float = Field(1e-5, gt=0)


class ValueNetParams(Settings):
    """The parameters of a value net.

    init: the kind of initial weights, as for a policy.
    clip: how far a prediction may move from the old one and still improve, PPO's value clipping; None disables it.
    """

    kind: Literal["mlp"]
    width: int = Field(64, ge=1)
    depth: int = Field(2, ge=1)
    epochs: int = Field(10, ge=1)
    minibatches: int = Field(8, ge=1)
    init: Literal["uniform", "orthogonal"] = "uniform"
    clip: float | None = Field(None, gt=0)
    optimizer: OptimizerParams = OptimizerParams(lr=1e-3)


ValueParams = Annotated[LinearParams | ValueNetParams, Field(discriminator="kind")]


class LinearValue(nn.Module):
    """Ridge regression on [o, o^2, t/100, (t/100)^2, (t/100)^3, 1] with o clipped to +-10: rllab's linear baseline.

    See Duan et al. (2016). The coefficients [S, F] are initially zero, and they are fitted to the batch's discounted
    returns.
    """

    coefficients: Tensor
    fits_returns = True

    def __init__(self, n_seeds: int, n_in: int, params: LinearParams):
        super().__init__()
        self.ridge = params.ridge
        self.register_buffer("coefficients", torch.zeros(n_seeds, 2 * n_in + 4, dtype=torch.float64))

    def bind(self, alive: Tensor) -> None:
        self.alive = alive

    def forward(self, observations: Tensor, times: Tensor) -> Tensor:
        """Return values [S, T, E] float32 for observations [S, T, E, O] at steps [S, T, E] of their episodes."""
        values = torch.bmm(self._features(observations, times), self.coefficients.unsqueeze(2))
        return values.view(times.shape).float()

    def fit(self, observations: Tensor, times: Tensor, values: Tensor, targets: Tensor, draws: Draws) -> None:
        """Fit the coefficients to targets [S, T, E].

        The ridge grows tenfold until the solution is finite. A seed without such a solution is marked in `alive`.
        """
        x, y = self._features(observations, times), targets.double().flatten(1).unsqueeze(2)
        gram, moment = x.mT @ x, x.mT @ y
        eye = torch.eye(x.shape[2], dtype=x.dtype, device=x.device)
        solution = torch.full_like(self.coefficients, torch.nan)
        for k in range(RIDGE_TRIES):
            solved = torch.isfinite(solution).all(1)
            if solved.all():
                break
            found, _ = torch.linalg.solve_ex(gram + self.ridge * 10**k * eye, moment)
            solution = torch.where(solved.unsqueeze(1), solution, found.squeeze(2))
        self.alive.logical_and_(torch.isfinite(solution).all(1))
        self.coefficients.copy_(torch.where(self.alive.unsqueeze(1), solution, self.coefficients))

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        return {}

    def _features(self, observations: Tensor, times: Tensor) -> Tensor:
        """Return features [S, T * E, F] float64."""
        o = observations.flatten(1, 2).double().clamp(-10, 10)
        t = times.flatten(1).double().unsqueeze(2) / 100
        return torch.cat([o, o.square(), t, t.square(), t**3, torch.ones_like(t)], 2)


class ValueNet(nn.Module):
    """A net of the observation alone, which is fitted to the batch's lambda-returns in minibatches."""

    fits_returns = False

    def __init__(self, n_seeds: int, n_in: int, params: ValueNetParams):
        super().__init__()
        self.params = params
        self.net = MLP(n_seeds, n_in, params.width, params.depth, 1, torch.tanh)
        if params.init == "orthogonal":
            use_orthogonal_init(self.net, 1.0)

    def bind(self, alive: Tensor) -> None:
        """Create the optimiser, see `harness.contracts.bind`."""
        self.optimizer = SeedOptimizer(self.net.parameters(), self.params.optimizer, alive)

    @torch.no_grad()
    def forward(self, observations: Tensor, times: Tensor) -> Tensor:
        """Return values [S, T, E] for observations [S, T, E, O]."""
        return self.net(observations.flatten(1, 2)).view(times.shape)

    def fit(self, observations: Tensor, times: Tensor, values: Tensor, targets: Tensor, draws: Draws) -> None:
        """Fit the net to targets [S, T, E].

        values: the predictions [S, T, E] that clipping keeps close to.
        """
        rows = observations.flatten(1, 2), values.flatten(1), targets.flatten(1)
        by_hand, clip = written_out.applies(self.net), self.params.clip
        for o, old, y in minibatches(draws, "value", rows, self.params.epochs, self.params.minibatches):
            if by_hand:
                self.optimizer.apply_gradients(written_out.squared_error(self.net, o, old, y, clip), draws.step)
            else:
                self.optimizer.step(value_loss(self.net(o).squeeze(2), old, y, clip).mean(1), draws.step)

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        return {"value": self.optimizer.optimizer}


def value_loss(new: Tensor, old: Tensor, target: Tensor, clip: float | None) -> Tensor:
    """Return half the squared error [S, B]; with a clip, return the larger of that and the clipped prediction's."""
    error = (new - target).square()
    if clip is not None:
        error = torch.maximum(error, (old + (new - old).clamp(-clip, clip) - target).square())
    return 0.5 * error


def minibatches(
    draws: Draws, name: str, tensors: Sequence[Tensor], epochs: int, parts: int
) -> Iterator[tuple[Tensor, ...]]:
    """Yield rows [S, n / parts, ...] of tensors [S, n, ...], `parts` times per epoch.

    Each seed, step and epoch has its own order. Rows are reordered once per epoch, so that a minibatch is a slice.
    """
    for epoch in range(epochs):
        order = draws.permutation("data", f"{name}/minibatches", tensors[0].shape[1], draws.step * epochs + epoch)
        yield from zip(*(take(t, order).tensor_split(parts, 1) for t in tensors))


def value_function(n_seeds: int, n_in: int, params: LinearParams | ValueNetParams) -> LinearValue | ValueNet:
    """Return the value function that a block describes, for observations of n_in numbers."""
    if params.kind == "linear":
        return LinearValue(n_seeds, n_in, params)
    return ValueNet(n_seeds, n_in, params)
