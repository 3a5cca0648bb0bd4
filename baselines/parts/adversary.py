"""Loss x penalties x spectral norm x noise x bottleneck: the one place where they are summed."""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from baselines.parts.critic import Critic, CriticParams
from baselines.parts.losses import LOSSES
from baselines.parts.optim import OptimizerParams, SeedOptimizer, clip_weights
from baselines.parts.penalties import PenaltyParams, interpolate, norm_penalty, squared_gradient
from baselines.parts.spectral import advance_spectral_norm
from harness.contracts import Draws


class AdversaryParams(CriticParams):
    """ce_scale mean halves the loss, as the maze code does, so that a given beta weighs twice as much."""

    loss: Literal[tuple(LOSSES)]  # type: ignore[valid-type]
    penalties: PenaltyParams = PenaltyParams()
    ce_scale: Literal["sum", "mean"] = "sum"
    clip: float | None = Field(None, gt=0)
    critic_optimizer: OptimizerParams


class Adversary(nn.Module):
    """A critic with its objective. Call `prepare` once the parameters are initialised."""

    def __init__(self, n_seeds: int, shape: tuple[int, ...], params: AdversaryParams):
        super().__init__()
        self.params, self.loss = params, LOSSES[params.loss]
        self.critic = Critic(n_seeds, shape, params)

    def prepare(self, alive: Tensor) -> None:
        self.alive_ref = (alive,)  # in a tuple: the buffer belongs to the method
        self.optimizer = SeedOptimizer(self.critic.parameters(), self.params.critic_optimizer, alive)

    def update(self, real: Tensor, fake: Tensor, draws: Draws, tag: str) -> dict[str, Tensor]:
        """One critic step on real and fake inputs [S, B, ...], then the dual step; logs [S]."""
        advance_spectral_norm(self.critic, self.alive_ref[0])
        objective, logs = self.objective(real.detach(), fake.detach(), draws, tag)
        logs["grad_critic"] = self.optimizer.step(objective, draws.step)
        if self.params.clip is not None:
            clip_weights(self.critic.parameters(), self.params.clip, self.alive_ref[0])
        bottleneck = self.critic.bottleneck
        if bottleneck is not None:
            logs["beta"] = bottleneck.beta.clone()
            bottleneck.dual_step(logs["kl"], self.alive_ref[0])
        return logs

    def objective(self, real: Tensor, fake: Tensor, draws: Draws, tag: str) -> tuple[Tensor, dict[str, Tensor]]:
        """[S]: E[loss] + penalties + beta E[KL], the KL over half real and half fake."""
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
        if code_r.kl is not None:
            kl_real, kl_fake = code_r.kl.mean(1), code_f.kl.mean(1)
            kl = 0.5 * (kl_real + kl_fake)
            total = total + self.critic.code.beta.clone() * kl
            logs |= {"kl": kl.detach(), "kl_real": kl_real.detach(), "kl_fake": kl_fake.detach()}
        return total, logs

    def generator_loss(self, fake: Tensor, real: Tensor | None, draws: Draws, tag: str) -> Tensor:
        """[S], differentiable in fake [S, B, ...]; `real` is a fresh batch where `needs_real`."""
        mean = self.critic.bottleneck is not None and self.critic.bottleneck.params.generator_z == "mean"
        z_f = self.critic.encode(fake, draws, f"{tag}/fake", mean).z
        if real is None:
            f = self.critic.score(z_f)
            return self.loss.generator(f, f).mean(1)  # such a loss reads f alone
        z_r = self.critic.encode(real, draws, f"{tag}/real", mean).z
        return self.loss.generator(*self.scores(z_r, z_f)).mean(1)

    @property
    def needs_real(self) -> bool:
        return self.loss.needs_real

    def scores(self, z_r: Tensor, z_f: Tensor) -> tuple[Tensor, Tensor]:
        """Scores [S, B] that the loss compares: of each side, or of the two differences of codes."""
        if self.loss.on_differences:
            return self.critic.score(z_r - z_f), self.critic.score(z_f - z_r)
        return self.critic.score(z_r), self.critic.score(z_f)

    def _accuracy(self, r: Tensor, f: Tensor) -> Tensor:
        """Share judged rightly; a relativistic score has no zero of its own, so its pairs are compared."""
        if self.loss.needs_real and not self.loss.on_differences:
            return (r > f).float().mean(1)
        return 0.5 * ((r > 0).float().mean(1) + (f < 0).float().mean(1))

    def _penalty(
        self, real: Tensor, fake: Tensor, r: Tensor, f: Tensor, z_f: Tensor, draws: Draws, tag: str
    ) -> Tensor | None:
        """Sum of the penalties [S, B]. R1 and R2 differentiate the very scores of the loss, hence
        through the sampled z. For code differences the interpolate stands in for the real side."""
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
            parts.append(
                params.interpolated.coefficient * norm_penalty(squared_gradient(score, x), params.interpolated)
            )
        return torch.stack(parts).sum(0) if parts else None
