"""Trust region policy optimisation (Schulman et al. 2015); every reduction over parameters is per seed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from pydantic import Field
from torch import Tensor

from baselines.parts.control.policy import CategoricalPolicy, Distribution, GaussianPolicy
from harness.contracts import Draws, Settings
from harness.maths.arrays import all_known

Vectors = Sequence[Tensor]


class TRPOParams(Settings):
    """The parameters of TRPO; the defaults are those of rllab (Duan et al. 2016).

    fisher_every: the Fisher matrix is averaged over every k-th sample, where k is this number.
    """

    trust_region: float = Field(0.01, gt=0)  # bound of the mean KL, nats
    cg_iterations: int = Field(10, ge=1)
    cg_damping: float = Field(1e-5, ge=0)
    cg_residual: float = Field(1e-10, ge=0)  # of the squared norm
    backtrack_ratio: float = Field(0.8, gt=0, lt=1)
    backtrack_tries: int = Field(15, ge=1)
    fisher_every: int = Field(1, ge=1)


class TRPO:
    """Improve a policy by TRPO.

    A seed that is not finite is marked in `alive` [S]; a seed whose line search fails keeps its parameters.
    """

    def __init__(self, policy: GaussianPolicy | CategoricalPolicy, params: TRPOParams, alive: Tensor):
        self.policy, self.params, self.alive = policy, params, alive
        self.parameters = list(policy.parameters())

    def update(
        self,
        distribution: Distribution,
        observations: Tensor,
        actions: Tensor,
        advantages: Tensor,
        bonus: float,
        draws: Draws,
    ) -> dict[str, Tensor]:
        """Take one step for observations [S, B, O], actions [S, B, A] and advantages [S, B]. Returns logs [S].

        distribution: the policy's distribution at the observations, with its graph.
        bonus: the weight of its entropy in the objective.
        draws: not used, because nothing is random here.
        """
        params, policy = self.params, self.policy
        old = tuple(t.detach() for t in distribution)
        old_log_prob = policy.log_density(old, actions)

        def objective(new: Distribution) -> Tensor:
            """Return E[A pi / pi_old] + bonus E[H], [S]."""
            value = ((policy.log_density(new, actions) - old_log_prob).exp() * advantages).mean(1)
            return value + bonus * policy.entropy(new).mean(1) if bonus else value

        before = objective(distribution)
        gradient = flat(torch.autograd.grad(before.sum(), self.parameters, retain_graph=True))
        before = before.detach()
        if params.fisher_every > 1:
            distribution = policy.distribution(observations[:, :: params.fisher_every])
        product = FisherProduct(policy, self.parameters, distribution, params.cg_damping)
        direction = conjugate_gradient(product, gradient, params.cg_iterations, params.cg_residual)
        curvature = (direction * product(direction)).sum(1).clamp(min=0)
        step = direction * (2 * params.trust_region / (curvature + 1e-8)).sqrt().unsqueeze(1)
        self.alive.logical_and_(torch.isfinite(before) & torch.isfinite(gradient).all(1) & torch.isfinite(step).all(1))
        step = torch.where(self.alive.unsqueeze(1), step, 0.0)

        def measure() -> tuple[Tensor, Tensor]:
            new = policy.distribution(observations)
            return objective(new) - before, policy.kl(old, new).mean(1)

        gain, kl = self._line_search(step, measure)
        return {"kl_policy": kl, "improvement": gain, "grad_policy": gradient.norm(dim=1)}

    @torch.no_grad()
    def _line_search(self, step: Tensor, measure: Callable[[], tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
        """Shorten step [S, P] until the objective improves within the bound on the KL.

        Returns gain and KL [S], which are 0 if no length is accepted.
        """
        start, moves = [p.detach().clone() for p in self.parameters], unflat(step, self.parameters)
        length, accepted = torch.ones(len(step), device=step.device), torch.zeros_like(self.alive)
        gain, kl = torch.zeros_like(length), torch.zeros_like(length)
        for _ in range(self.params.backtrack_tries):
            self._move(start, moves, length)
            gain_now, kl_now = measure()
            good = ~accepted & self.alive & (gain_now > 0) & (kl_now <= self.params.trust_region)
            gain, kl = torch.where(good, gain_now, gain), torch.where(good, kl_now, kl)
            accepted |= good
            if bool((accepted | ~self.alive).all()):
                break
            length = torch.where(accepted, length, length * self.params.backtrack_ratio)
        self._move(start, moves, torch.where(accepted, length, 0.0))
        return gain, kl

    def _move(self, start: Vectors, moves: Vectors, length: Tensor) -> None:
        for p, origin, move in zip(self.parameters, start, moves):
            p.copy_(torch.addcmul(origin, per_seed(length, move), move))


class FisherProduct:
    """The map v [S, P] -> (F + damping) v with F = E[J^T M J] over the sampled observations, one matrix for each seed.

    M is the Fisher information of the distribution's own parameters, and J is their derivative with respect to the
    policy's parameters. F is therefore the Hessian of the mean KL at its minimum, without the terms that vanish there.
    J v is computed by differentiating the linear map u -> J^T u.
    """

    def __init__(
        self,
        policy: GaussianPolicy | CategoricalPolicy,
        parameters: Vectors,
        distribution: Distribution,
        damping: float,
    ):
        self.policy, self.parameters, self.damping = policy, parameters, damping
        self.outputs, self.values = distribution, tuple(t.detach() for t in distribution)
        self.cotangents = [torch.zeros_like(t, requires_grad=True) for t in self.values]
        self.pulled = torch.autograd.grad(self.outputs, parameters, self.cotangents, create_graph=True)

    def __call__(self, v: Tensor) -> Tensor:
        pushed = torch.autograd.grad(self.pulled, self.cotangents, unflat(v, self.parameters), retain_graph=True)
        weighed = [t / t.shape[1] for t in self.policy.fisher(self.values, pushed)]
        return flat(torch.autograd.grad(self.outputs, self.parameters, weighed, retain_graph=True)) + self.damping * v


@torch.no_grad()
def conjugate_gradient(product: Callable[[Tensor], Tensor], b: Tensor, iterations: int, residual: float) -> Tensor:
    """Find x [S, P] such that product(x) is close to b [S, P]; a seed stops once its squared residual is at most
    `residual`.
    """
    x, r, p, rr = torch.zeros_like(b), b, b, b.square().sum(1)
    for _ in range(iterations):
        running = rr > residual
        if all_known(~running):
            break
        with torch.enable_grad():
            z = product(p)
        length = (rr / (p * z).sum(1)).unsqueeze(1)
        on = running.unsqueeze(1)
        x, r = torch.where(on, x + length * p, x), torch.where(on, r - length * z, r)
        now = r.square().sum(1)
        p = torch.where(on, r + (now / rr).unsqueeze(1) * p, p)
        rr = now
    return x


def flat(tensors: Vectors) -> Tensor:
    """Flatten tensors [S, ...] and concatenate them to vectors [S, P]."""
    return torch.cat([t.flatten(1) for t in tensors], 1)


def unflat(v: Tensor, like: Vectors) -> Vectors:
    """Split vectors v [S, P] into tensors of the shapes of `like`."""
    parts = v.split([t[0].numel() for t in like], 1)
    return [part.view_as(t) for part, t in zip(parts, like)]


def per_seed(x: Tensor, like: Tensor) -> Tensor:
    """Reshape x [S] so that it multiplies `like` [S, ...]."""
    return x.view(-1, *[1] * (like.dim() - 1))
