"""Stochastic policies: Gaussian for continuous actions, categorical for a discrete set.

A distribution is a tuple of tensors [S, B, A]: (mean, log standard deviation), or (log-probabilities,).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from baselines.parts.fast import frozen
from baselines.parts.layers import MLP, StackedLinear
from baselines.parts.nets.orthogonal import use_orthogonal_init
from harness.contracts import BenchError, Draws, Settings, TaskSpec

Distribution = tuple[Tensor, ...]
ACTIVATIONS = {"tanh": torch.tanh, "relu": torch.relu}
LARGEST = 1.0 - 2.0**-24  # the float32 below 1; a uniform may round to 1, whose Gumbel is infinite


class PolicyParams(Settings):
    """The parameters of a policy.

    depth: the number of hidden layers. With 0 the policy is linear in the observation, and a table if observations are
        one-hot.
    initial_std: the initial standard deviation of a Gaussian in every action dimension. It is learnt and does not
        depend on the state.
    init: initial weights that are uniform as in torch's layers, or orthogonal as in public implementations of PPO,
        which learns the HalfCheetah faster.
    last_scale: a factor for the initial weights of the last layer. A small factor starts with nearly the same actions
        everywhere; Andrychowicz et al. (2021, section 3.2) recommend 0.01.
    """

    width: int = Field(32, ge=1)
    depth: int = Field(2, ge=0)
    activation: Literal["tanh", "relu"] = "tanh"
    initial_std: float = Field(1.0, gt=0)
    init: Literal["uniform", "orthogonal"] = "uniform"
    last_scale: float = Field(1.0, ge=0)


class _Policy(nn.Module):
    """The common base of both kinds: a net from observations [S, B, O] to outputs [S, B, A]."""

    def __init__(self, n_seeds: int, n_in: int, n_out: int, params: PolicyParams):
        super().__init__()
        self.n_out = n_out
        self.net: MLP | StackedLinear
        if params.depth == 0:
            self.net = last = StackedLinear(n_seeds, n_in, n_out)
        else:
            self.net = MLP(n_seeds, n_in, params.width, params.depth, n_out, ACTIVATIONS[params.activation])
            last = self.net.layers[-1]
        last.bound *= params.last_scale
        if params.init == "orthogonal":
            use_orthogonal_init(self.net, params.last_scale)

    def distribution(self, observations: Tensor) -> Distribution:
        """Return the distribution over actions for observations [S, B, O]."""
        raise NotImplementedError

    def act(self, observations: Tensor, noise: Tensor | None) -> Tensor:
        """Return actions [S, B, A] for observations [S, B, O]; without noise, return the mode of the policy."""
        raise NotImplementedError

    def log_density(self, distribution: Distribution, actions: Tensor) -> Tensor:
        """Return the log-density [S, B] of actions [S, B, A] under a distribution."""
        raise NotImplementedError

    def acting(self, noise: Tensor) -> Callable[[Tensor, int], Tensor]:
        """Return a function (observations [S, E, O], t) -> actions [S, E, A] of step t, given noise [S, T, E, A] of
        `noise`.

        It is valid until the weights change.
        """
        return lambda observations, t: self.act(observations, noise[:, t])

    def log_prob(self, observations: Tensor, actions: Tensor) -> Tensor:
        """Return the log-density [S, B] of actions [S, B, A] as they were drawn, before any clipping."""
        return self.log_density(self.distribution(observations), actions)


class GaussianPolicy(_Policy):
    """A Gaussian whose mean is computed by a net; its log standard deviation [S, A] is learnt and the same in every
    state.

    The maze experiments of Peng et al. (2019) use this policy, which is that of rllab (Duan et al. 2016).
    """

    def __init__(self, n_seeds: int, n_in: int, n_out: int, params: PolicyParams):
        super().__init__(n_seeds, n_in, n_out, params)
        self.log_std = nn.Parameter(torch.full((n_seeds, n_out), math.log(params.initial_std)))

    def distribution(self, observations: Tensor) -> Distribution:
        """Return (mean, log standard deviation) for observations [S, B, O]."""
        mean = self.net(observations)
        # A copy and not a view: a distribution stays what it was while the parameters move on.
        return mean, self.log_std.unsqueeze(1).repeat(1, mean.shape[1], 1)

    def noise(self, draws: Draws, shape: tuple[int, ...], name: str, stream: str = "latent") -> Tensor:
        """Return standard normal noise [S, *shape, A]."""
        return draws.normal(stream, name, (*shape, self.n_out))

    def act(self, observations: Tensor, noise: Tensor | None) -> Tensor:
        """Return actions [S, B, A]; without noise, return the mean."""
        mean = self.net(observations)
        return mean if noise is None else torch.addcmul(mean, self.log_std.exp().unsqueeze(1), noise)

    def acting(self, noise: Tensor) -> Callable[[Tensor, int], Tensor]:
        if not frozen.applies(self.net):
            return super().acting(noise)
        mean, added = frozen.freeze(self.net), (noise * self.log_std.exp()[:, None, None]).unbind(1)
        return lambda observations, t: mean(observations) + added[t]

    def log_density(self, distribution: Distribution, actions: Tensor) -> Tensor:
        mean, log_std = distribution
        z = (actions - mean) * torch.exp(-log_std)
        return -(0.5 * z.square() + log_std).sum(2) - 0.5 * math.log(2 * math.pi) * self.n_out

    def kl(self, old: Distribution, new: Distribution) -> Tensor:
        """Return KL(old || new) in nats, [S, B]."""
        (m, s), (n, t) = old, new
        return (t - s + 0.5 * (torch.exp(2 * (s - t)) + (m - n).square() * torch.exp(-2 * t) - 1)).sum(2)

    def entropy(self, distribution: Distribution) -> Tensor:
        return distribution[1].sum(2) + 0.5 * math.log(2 * math.pi * math.e) * self.n_out

    def fisher(self, distribution: Distribution, tangent: Distribution) -> Distribution:
        """Multiply a tangent by the Fisher information of (mean, log std), which is diag(1 / std^2, 2)."""
        return tangent[0] * torch.exp(-2 * distribution[1]), 2 * tangent[1]

    @torch.no_grad()
    def logs(self) -> dict[str, Tensor]:
        return {"policy_std": self.log_std.exp().mean(1)}


class CategoricalPolicy(_Policy):
    """A net that computes log-probabilities of a discrete set of actions; actions are one-hot [S, B, A]."""

    def distribution(self, observations: Tensor) -> Distribution:
        """Return (log-probabilities,) for observations [S, B, O]."""
        return (F.log_softmax(self.net(observations), 2),)

    def noise(self, draws: Draws, shape: tuple[int, ...], name: str, stream: str = "latent") -> Tensor:
        """Return standard Gumbel noise [S, *shape, A]; the argmax of logits plus noise is a sample (Gumbel 1954)."""
        u = draws.uniform(stream, name, (*shape, self.n_out))
        return -torch.log(-torch.log(u.clamp(max=LARGEST)))

    def act(self, observations: Tensor, noise: Tensor | None) -> Tensor:
        """Return one-hot actions [S, B, A]; without noise, return the most probable ones."""
        logits = self.net(observations)
        chosen = (logits if noise is None else logits + noise).argmax(2)
        return F.one_hot(chosen, self.n_out).to(logits.dtype)

    def log_density(self, distribution: Distribution, actions: Tensor) -> Tensor:
        return (distribution[0] * actions).sum(2)

    def kl(self, old: Distribution, new: Distribution) -> Tensor:
        """Return KL(old || new) in nats, [S, B]."""
        return (old[0].exp() * (old[0] - new[0])).sum(2)

    def entropy(self, distribution: Distribution) -> Tensor:
        return -(distribution[0].exp() * distribution[0]).sum(2)

    def fisher(self, distribution: Distribution, tangent: Distribution) -> Distribution:
        """Multiply a tangent that preserves the sum of p by the Fisher information of the log-probs, diag(p)."""
        return (distribution[0].exp() * tangent[0],)

    def logs(self) -> dict[str, Tensor]:
        return {}


def policy(n_seeds: int, spec: TaskSpec, params: PolicyParams) -> GaussianPolicy | CategoricalPolicy:
    """Return the policy for a task's actions, Gaussian or categorical. Raises BenchError if the task has no actions."""
    n_in = math.prod(spec.shape)
    if spec.n_actions:
        return CategoricalPolicy(n_seeds, n_in, spec.n_actions, params)
    if not spec.action_size:
        raise BenchError(f"family {spec.family}: a policy needs a task with actions (action_size or n_actions)")
    return GaussianPolicy(n_seeds, n_in, spec.action_size, params)
