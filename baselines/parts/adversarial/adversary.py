"""A critic with its objective: the only place that sums the loss, the penalties and beta times the KL."""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from baselines.parts.adversarial.critic_net import Body, Critic, CriticParams
from baselines.parts.adversarial.losses import LOSSES
from baselines.parts.adversarial.penalties import PenaltyParams, interpolate, norm_penalty, squared_gradient
from baselines.parts.adversarial.spectral import advance_spectral_norm
from baselines.parts.nets.optim import OptimizerParams, SeedOptimizer, clip_weights
from harness.contracts import Draws


class AdversaryParams(CriticParams):
    """The parameters of a critic with its objective.

    ce_scale: `sum` uses the loss as it is. `mean` halves it, as the released maze code does, so that beta has twice the
        weight.
    clip: the bound to which the weights are clamped after each step (Arjovsky et al. 2017); None disables it.
    """

    loss: Literal[tuple(LOSSES)]  # type: ignore[valid-type]
    penalties: PenaltyParams = PenaltyParams()
    ce_scale: Literal["sum", "mean"] = "sum"
    clip: float | None = Field(None, gt=0)
    critic_optimizer: OptimizerParams


class Adversary(nn.Module):
    """A critic that learns to distinguish real from fake samples.

    body: the body of the critic, built for these inputs.
    """

    def __init__(self, n_seeds: int, body: Body, params: AdversaryParams):
        super().__init__()
        self.params, self.loss = params, LOSSES[params.loss]
        self.critic = Critic(n_seeds, body, params)

    def bind(self, alive: Tensor) -> None:
        """Create the optimiser, see `harness.contracts.bind`."""
        self.alive = alive
        self.optimizer = SeedOptimizer(self.critic.parameters(), self.params.critic_optimizer, alive)

    def update(self, real: Tensor, fake: Tensor, draws: Draws, tag: str) -> dict[str, Tensor]:
        """Make one critic step on real and fake inputs [S, B, ...], then the dual step. Returns logs [S]."""
        advance_spectral_norm(self.critic, self.alive)
        objective, logs = self.objective(real.detach(), fake.detach(), draws, tag)
        logs["grad_critic"] = self.optimizer.step(objective, draws.step)
        if self.params.clip is not None:
            clip_weights(self.critic.parameters(), self.params.clip, self.alive)
        bottleneck = self.critic.bottleneck
        if bottleneck is not None:
            logs["beta"] = bottleneck.beta.clone()
            bottleneck.dual_step(logs["kl"], self.alive)
        return logs

    def objective(self, real: Tensor, fake: Tensor, draws: Draws, tag: str) -> tuple[Tensor, dict[str, Tensor]]:
        """Return E[loss] + penalties + beta E[KL], [S], and logs [S]; the KL is over half real and half fake samples.

        This is the objective of Peng et al. (2019), section 4, without the constant beta I_c.
        """
        params, logs = self.params, {}
        real = real.requires_grad_(params.penalties.r1 is not None)
        fake = fake.requires_grad_(params.penalties.r2 is not None)
        code_r = self.critic.encode(real, draws, f"{tag}/real")
        code_f = self.critic.encode(fake, draws, f"{tag}/fake")
        r, f = self.scores(code_r.z, code_f.z)
        loss = self.loss.critic(r, f)
        if params.ce_scale == "mean":
            loss = 0.5 * loss
        total = loss.mean(1)
        logs["loss_critic"] = total.detach()
        logs["accuracy"] = self._accuracy(r, f).detach()
        penalty = self._penalty(real, fake, r, f, code_f.z, draws, tag)
        if penalty is not None:
            logs["penalty"] = penalty.mean(1).detach()
            total = total + penalty.mean(1)
        if code_r.kl is not None and code_f.kl is not None:
            bottleneck = self.critic.bottleneck
            assert bottleneck is not None
            kl_real, kl_fake = code_r.kl.mean(1), code_f.kl.mean(1)
            kl = 0.5 * (kl_real + kl_fake)
            total = total + bottleneck.beta.clone() * kl
            logs |= {"kl": kl.detach(), "kl_real": kl_real.detach(), "kl_fake": kl_fake.detach()}
        return total, logs

    def generator_loss(self, fake: Tensor, real: Tensor | None, draws: Draws, tag: str) -> Tensor:
        """Return the generator's loss [S], differentiable in fake [S, B, ...]; `real` is a batch if `needs_real`."""
        mean = self.critic.bottleneck is not None and self.critic.bottleneck.params.generator_z == "mean"
        z_f = self.critic.encode(fake, draws, f"{tag}/fake", mean).z
        if real is None:
            f = self.critic.score(z_f)
            return self.loss.generator(f, f).mean(1)  # such a loss reads f alone
        z_r = self.critic.encode(real, draws, f"{tag}/real", mean).z
        return self.loss.generator(*self.scores(z_r, z_f)).mean(1)

    @property
    def needs_real(self) -> bool:
        """Whether the generator's loss compares fake samples with real ones."""
        return self.loss.needs_real

    def scores(self, z_r: Tensor, z_f: Tensor) -> tuple[Tensor, Tensor]:
        """Return the two scores [S, B] that the loss compares: of each side, or of both differences of codes."""
        if self.loss.on_differences:
            return self.critic.score(z_r - z_f), self.critic.score(z_f - z_r)
        return self.critic.score(z_r), self.critic.score(z_f)

    def _accuracy(self, r: Tensor, f: Tensor) -> Tensor:
        """Return the share of samples that are classified correctly, [S].

        A relativistic score has no meaningful zero, so with such losses the pairs are compared.
        """
        if self.loss.needs_real and not self.loss.on_differences:
            return (r > f).float().mean(1)
        middle = self.loss.middle
        return 0.5 * ((r > middle).float().mean(1) + (f < middle).float().mean(1))

    def _penalty(
        self, real: Tensor, fake: Tensor, r: Tensor, f: Tensor, z_f: Tensor, draws: Draws, tag: str
    ) -> Tensor | None:
        """Return the sum of the penalties [S, B], or None without any.

        R1 and R2 differentiate the scores of the loss themselves, hence through the sampled z. With differences of
        codes, the interpolated sample replaces the real one.
        """
        params, parts = self.params.penalties, []
        if params.r1 is not None:
            parts.append(params.r1.coefficient * squared_gradient(r, real))
        if params.r2 is not None:
            parts.append(params.r2.coefficient * squared_gradient(f, fake))
        if params.interpolated is not None:
            epsilon = draws.uniform("noise", f"{tag}/epsilon", (real.shape[1],))
            x = interpolate(real, fake, epsilon)
            z = self.critic.encode(x, draws, f"{tag}/interpolate").z
            score = self.critic.score(z - z_f.detach() if self.loss.on_differences else z)
            penalty = norm_penalty(squared_gradient(score, x), params.interpolated)
            parts.append(params.interpolated.coefficient * penalty)
        return torch.stack(parts).sum(0) if parts else None
