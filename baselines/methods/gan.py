"""A generator against an adversary, as in every GAN. A variant is a block of parameters.

By composition these are GAN (Goodfellow et al. 2014), WGAN (Arjovsky et al. 2017), WGAN-GP (Gulrajani et al. 2017), R1
(Mescheder et al. 2018), instance noise (Sonderby et al. 2017), spectral norm (Miyato et al. 2018), relativistic critics
(Jolicoeur-Martineau 2019), T-GAN (Su 2018), and VGAN, VGAN-GP and VGAN-SN (Peng et al. 2019).
"""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from baselines.parts.adversarial.adversary import Adversary, AdversaryParams
from baselines.parts.nets.ema import EmaParams, averaged
from baselines.parts.nets.images import NetParams, generator, image_body
from baselines.parts.nets.optim import OptimizerParams, SeedOptimizer
from harness.contracts import Draws, Method, Source, TaskSpec

FAMILIES = ("images",)


class Params(AdversaryParams):
    """The parameters of a GAN.

    latent: the dimension of the latents.
    critic_steps: the critic's steps in one step of the run.
    generator_steps: the generator's steps in one step of the run.
    ema: the moving average of the generator that is scored; null scores the generator itself.
    """

    algorithm: Literal["gan"]
    latent: int = Field(256, ge=1)
    batch: int = Field(64, ge=2)
    critic_steps: int = Field(1, ge=1)
    generator_steps: int = Field(1, ge=1)
    net: NetParams
    generator_net: NetParams
    generator_optimizer: OptimizerParams
    ema: EmaParams | None = None


class Gan(Method[Source]):
    def __init__(self, params: Params, spec: TaskSpec, draws: Draws, device: torch.device):
        super().__init__(draws.n_seeds)
        self.params, n = params, draws.n_seeds
        self.generator = generator(n, params.latent, spec.shape, params.generator_net)
        self.adversary = Adversary(n, image_body(n, spec.shape, params.net), params)
        self.ready(draws, device)
        self.ema = averaged(self.generator, params.ema, params.batch)
        self.optimizer = SeedOptimizer(self.generator.parameters(), params.generator_optimizer, self.alive)

    def update(self, source: Source, draws: Draws) -> dict[str, Tensor]:
        params = self.params
        for k in range(params.critic_steps):
            tag = f"critic{k}"
            real = source.batch(draws, params.batch, tag)["x"]
            with torch.no_grad():
                fake = self.generator(self._latent(draws, tag))
            logs = self.adversary.update(real, fake, draws, tag)
        for k in range(params.generator_steps):
            tag = f"generator{k}"
            rivals = source.batch(draws, params.batch, tag)["x"] if self.adversary.needs_real else None
            fake = self.generator(self._latent(draws, tag))
            loss = self.adversary.generator_loss(fake, rivals, draws, tag)
            logs["grad_generator"] = self.optimizer.step(loss, draws.step)
            logs["loss_generator"] = loss.detach()
            self.ema.update(self.generator, self.alive)
        return logs

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        return {"critic": self.adversary.optimizer.optimizer, "generator": self.optimizer.optimizer}

    def outputs(self) -> Gan:
        return self

    @torch.no_grad()
    def images(self, draws: Draws, first: int, n: int) -> Tensor:
        """Return images [S, n, C, H, W] in [-1, 1] from the averaged generator; `first` is the number of the first
        latent.
        """
        return self.ema.net(draws.normal("eval", f"latent/{first}", (n, self.params.latent)))

    def _latent(self, draws: Draws, tag: str) -> Tensor:
        return draws.normal("latent", tag, (self.params.batch, self.params.latent))


def build(params: Params, spec: TaskSpec, draws: Draws, device: torch.device) -> Gan:
    return Gan(params, spec, draws, device)
