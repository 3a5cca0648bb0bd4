"""`bench new <name> --file` copies this file to baselines/methods/<name>.py and adds this block to params.yaml:

    <name>: {algorithm: <name>, net: {kind: mlp, width: 64, depth: 2}, optimizer: {name: adam, lr: 1.0e-3}}

The harness then provides shared seeds, stacking, exact resume, scoring and a row in the report. In return, every tensor
has the seeds as its first axis, every random number comes from `draws`, and all state is in parameters, buffers and
optimisers. As it is, this method fits a generator to the mean and standard deviation of each pixel: it runs, but learns
little.
"""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor

from baselines.parts.nets.images import NetParams, generator
from baselines.parts.nets.optim import OptimizerParams, SeedOptimizer
from harness.contracts import Draws, Method, Settings, Source, TaskSpec

FAMILIES = ("images",)  # the task families that it can learn


class Params(Settings):
    """The keys of the method's block, with their ranges; an unknown key is an error."""

    latent: int = Field(32, ge=1)
    batch: int = Field(64, ge=2)
    net: NetParams
    optimizer: OptimizerParams


class Template(Method[Source]):
    def __init__(self, params: Params, spec: TaskSpec, draws: Draws, device: torch.device):
        super().__init__(draws.n_seeds)  # makes `alive` [S], which marks the seeds that are still finite
        self.params = params
        self.generator = generator(draws.n_seeds, params.latent, spec.shape, params.net)
        self.ready(draws, device)  # initial weights by path, so equal to those of methods with the same path
        self.optimizer = SeedOptimizer(self.generator.parameters(), params.optimizer, self.alive)

    def update(self, source: Source, draws: Draws) -> dict[str, Tensor]:
        """Make one step and return logs [S]. `draws.step` is the step, and names distinguish the draws of one step."""
        real = source.batch(draws, self.params.batch)["x"]
        fake = self.generator(draws.normal("latent", "batch", (self.params.batch, self.params.latent)))
        error = (real.mean(1) - fake.mean(1)).square() + (real.std(1) - fake.std(1)).square()
        loss = error.flatten(1).mean(1)  # reduce over everything but the seeds
        return {"grad": self.optimizer.step(loss, draws.step), "loss": loss.detach()}

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        return {"generator": self.optimizer.optimizer}

    def outputs(self) -> Template:
        """Return what is scored; the functions that it needs depend on the family, see `Method.outputs`."""
        return self

    @torch.no_grad()
    def images(self, draws: Draws, first: int, n: int) -> Tensor:
        """Return images [S, n, C, H, W] in [-1, 1]; `first` is the number of the first latent."""
        return self.generator(draws.normal("eval", f"latent/{first}", (n, self.params.latent)))


def build(params: Params, spec: TaskSpec, draws: Draws, device: torch.device) -> Template:
    return Template(params, spec, draws, device)
