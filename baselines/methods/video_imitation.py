"""Imitation from pictures: GAIL and, with the bottleneck, VAIL of single frames (Peng et al. 2019, section 5.1).

The policy acts on states as usual. Its reward comes from a discriminator that compares pictures of the states it
reaches with pictures of the clip. Without a discriminator the reward is how close such a picture is to that of the clip
at the same phase.
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
    """Environments that can draw their states."""

    @property
    def picture_size(self) -> int:
        """The width and height of a picture in pixels."""

    def pictures(self, observations: Tensor) -> Tensor:
        """Return pictures [..., H, W] in [0, 1] of observations [..., O]."""

    def clip_pictures(self, observations: Tensor) -> Tensor:
        """Return pictures [..., H, W] of the clip at the phases of observations [..., O]."""


class PictureParams(AdversaryParams):
    """The parameters of a discriminator of pictures.

    phase: whether the discriminator sees the phase beside the picture, as two channels with a constant value each.
    """

    net: StridedParams
    loss: Literal["minimax"] = "minimax"
    phase: Literal["input", "none"] = "input"


class Params(Settings):
    """The parameters of imitation from pictures.

    discriminator: None for a pixel loss, where the reward is 1 - the mean squared difference from the clip's picture.
    size: the size of the pictures, which must be the task's.
    batch: the rows of each side in one step of the discriminator.
    discriminator_steps: the discriminator's steps in one update.
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
        """Run the policy, train the discriminator, and improve the policy on the reward for the pictures of the states
        reached.
        """
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
        """Make the discriminator's steps. The logs are their means, except beta, which is that of the last step."""
        assert self.adversary is not None
        steps = (self.params.discriminator_steps, self.params.batch)
        clip = shown.next_observations.flatten(1, 2)[0]
        frames = source.pictures(clip)  # a clip has few states, which are drawn many times in these steps
        theirs = draws.integers("expert", "rows", steps, len(clip))
        rows = draws.integers("data", "rows", steps, reached.shape[1])
        total: dict[str, Tensor] = {}
        for k in range(self.params.discriminator_steps):
            real = self._input(frames[theirs[:, k]], clip[theirs[:, k]])
            fake = self._input(take(pictures, rows[:, k]), take(reached, rows[:, k]))
            logs = self.adversary.update(real, fake, draws, f"critic{k}")
            total = {name: value + total.get(name, 0.0) for name, value in logs.items()}
        means = {name: value / self.params.discriminator_steps for name, value in total.items()}
        return means | ({"beta": logs["beta"]} if "beta" in logs else {})

    def _input(self, pictures: Tensor, observations: Tensor) -> Tensor:
        """Return the pictures, with the phase as channels with a constant value each, [S, B, C, H, W]."""
        parts = pictures.unsqueeze(2)
        if self.params.discriminator is None or self.params.discriminator.phase == "none" or not self.phase:
            return parts
        phase = observations[..., -self.phase :, None, None].expand(-1, -1, -1, *pictures.shape[-2:])
        return torch.cat([parts, phase], 2)

    @torch.no_grad()
    def scores(self, pictures: Tensor, observations: Tensor) -> Tensor:
        """Return the discriminator's logits [S, B] at the mean codes."""
        return torch.cat([self.logits(p, o) for p, o in zip(pictures.split(CHUNK, 1), observations.split(CHUNK, 1))], 1)

    def logits(self, pictures: Tensor, observations: Tensor) -> Tensor:
        """Return logits as `scores` does, with gradients, for pictures [S, B, H, W] and observations [S, B, O]."""
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
