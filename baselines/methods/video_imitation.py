"""Imitation from pictures: GAIL and, with the bottleneck, VAIL of single frames (Peng et al. 2019, section 5.1).

The policy acts on states as ever; its reward is a discriminator's of the picture of the state that it reaches, against
the clip's pictures, or, without a discriminator, how near that picture is to the clip's at the same phase.
"""

from __future__ import annotations

from typing import Annotated, Literal, Protocol

import torch
import torch.nn.functional as F
from pydantic import Field, model_validator
from torch import Tensor

from baselines.parts.adversarial.adversary import Adversary, AdversaryParams
from baselines.parts.control.acting import Acting
from baselines.parts.control.learner import Learner, LearnerParams
from baselines.parts.control.transitions import take
from baselines.parts.nets.strided import StridedBody, StridedParams
from harness.contracts import BenchError, Draws, Environments, Method, Rollout, Settings, TaskSpec

FAMILIES = ("mocap",)
CHUNK = 1024  # pictures that are scored at a time


class PictureEnvironments(Environments, Protocol):
    """Environments whose states can be seen."""

    @property
    def picture_size(self) -> int:
        """Pixels a side."""

    def pictures(self, observations: Tensor) -> Tensor:
        """[..., H, W] in [0, 1] of observations [..., O]."""

    def clip_pictures(self, observations: Tensor) -> Tensor:
        """[..., H, W]: the clip's at the phases of observations [..., O]."""


class PictureParams(AdversaryParams):
    """phase: whether the discriminator sees a state's phase beside its picture, as two channels of one number each."""

    net: StridedParams
    loss: Literal["minimax"] = "minimax"
    phase: Literal["input", "none"] = "input"


class Params(Settings):
    """discriminator: None for the loss of pixels: 1 - the mean squared difference from the clip's picture.

    size: of the pictures, the task's. batch, discriminator_steps: as for imitation of states.
    """

    algorithm: Literal["video_imitation"]
    learner: Annotated[LearnerParams, Field(discriminator="kind")]
    discriminator: PictureParams | None = None
    size: int = Field(32, ge=8)
    batch: int = Field(256, ge=1)
    discriminator_steps: int = Field(10, ge=1)

    @model_validator(mode="after")
    def _check_normaliser(self) -> Params:
        if self.learner.normaliser is not None and self.learner.normaliser.source == "both":
            raise ValueError(
                "learner.normaliser.source: must be policy or expert, as the demonstrations are pictures and not states"
            )
        return self


class VideoImitation(Method[PictureEnvironments]):
    def __init__(self, params: Params, spec: TaskSpec, draws: Draws, device: torch.device):
        super().__init__(draws.n_seeds)
        self.params, self.phase = params, spec.phase
        self.learner = Learner(draws.n_seeds, spec, params.learner)
        self.adversary = None
        if params.discriminator is not None:
            channels = 1 + (spec.phase if params.discriminator.phase == "input" else 0)
            body = StridedBody(draws.n_seeds, (channels, params.size, params.size), params.discriminator.net)
            self.adversary = Adversary(draws.n_seeds, body, params.discriminator)
        self.ready(draws, device)

    def update(self, source: PictureEnvironments, draws: Draws) -> dict[str, Tensor]:
        """Act, fit the discriminator, and improve the policy on what it pays for the pictures of the states reached."""
        if source.picture_size != self.params.size:
            raise BenchError(
                f"size = {self.params.size}, but the task's pictures have {source.picture_size} pixels a side"
            )
        shown = source.demonstrations()
        self.learner.observe_expert(shown, draws)
        rollout = self.learner.rollout(source, draws)
        reached = rollout.next_observations
        pictures = source.pictures(reached)
        logs: dict[str, Tensor] = {}
        if self.adversary is None:
            rewards = 1 - (pictures - source.clip_pictures(reached)).square().mean((-2, -1))
        else:
            logs = self._fit(source, shown, reached.flatten(1, 2), pictures.flatten(1, 2), draws)
            rewards = F.softplus(self.scores(pictures.flatten(1, 2), reached.flatten(1, 2))).view(rollout.rewards.shape)
        rewards = torch.where(rollout.terminated, 0.0, rewards)
        logs |= self.learner.improve(rollout, rewards, draws)
        return logs | {"reward_mean": rewards.flatten(1).mean(1), "reward_std": rewards.flatten(1).std(1)}

    def _fit(
        self, source: PictureEnvironments, shown: Rollout, reached: Tensor, pictures: Tensor, draws: Draws
    ) -> dict[str, Tensor]:
        """Make the discriminator's steps; the logs are their means, except beta, which is the last one."""
        assert self.adversary is not None
        steps = (self.params.discriminator_steps, self.params.batch)
        clip = shown.next_observations.flatten(1, 2)[0]
        theirs = clip[draws.integers("expert", "rows", steps, len(clip))]
        rows = draws.integers("data", "rows", steps, reached.shape[1])
        total: dict[str, Tensor] = {}
        for k in range(self.params.discriminator_steps):
            real = self._input(source.pictures(theirs[:, k]), theirs[:, k])
            fake = self._input(take(pictures, rows[:, k]), take(reached, rows[:, k]))
            logs = self.adversary.update(real, fake, draws, f"critic{k}")
            total = {name: value + total.get(name, 0.0) for name, value in logs.items()}
        means = {name: value / self.params.discriminator_steps for name, value in total.items()}
        return means | ({"beta": logs["beta"]} if "beta" in logs else {})

    def _input(self, pictures: Tensor, observations: Tensor) -> Tensor:
        """[S, B, C, H, W]: the pictures, and the phase as channels of one number each."""
        parts = pictures.unsqueeze(2)
        if self.params.discriminator is None or self.params.discriminator.phase == "none" or not self.phase:
            return parts
        phase = observations[..., -self.phase :, None, None].expand(-1, -1, -1, *pictures.shape[-2:])
        return torch.cat([parts, phase], 2)

    @torch.no_grad()
    def scores(self, pictures: Tensor, observations: Tensor) -> Tensor:
        """The discriminator's logits [S, B] at the mean codes."""
        return torch.cat([self.logits(p, o) for p, o in zip(pictures.split(CHUNK, 1), observations.split(CHUNK, 1))], 1)

    def logits(self, pictures: Tensor, observations: Tensor) -> Tensor:
        """The same with gradients: pictures [S, B, H, W], observations [S, B, O]."""
        assert self.adversary is not None
        critic = self.adversary.critic
        return critic.score(critic.encode(self._input(pictures, observations), None, "").z)

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        own = {} if self.adversary is None else {"critic": self.adversary.optimizer.optimizer}
        return own | self.learner.optimizers()

    def outputs(self) -> Acting:
        made = self.learner.outputs()
        if self.adversary is not None:
            made.picture_logits = self.logits  # type: ignore[attr-defined]  # for maps of saliency
        return made


def build(params: Params, spec: TaskSpec, draws: Draws, device: torch.device) -> VideoImitation:
    return VideoImitation(params, spec, draws, device)
