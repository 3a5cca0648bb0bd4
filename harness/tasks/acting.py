"""What the families of control share."""

from __future__ import annotations

from torch import Tensor

from harness.contracts import ControlOutputs, Draws, Environments, RewardOutputs

EPISODES = 4


def acted(source: Environments, outputs: ControlOutputs, draws: Draws) -> Tensor:
    """Actions [S, T, E, A] of a few episodes; of a learnt reward some values are asked for too."""
    noise = outputs.noise(draws, (2, EPISODES), "policy", "eval")
    rollout = source.rollout(lambda o, t: outputs.act(o, noise[:, t % 2]), draws, EPISODES, "test", "eval")
    if isinstance(outputs, RewardOutputs):
        outputs.reward(rollout.observations[:, 0], rollout.actions[:, 0])
    return rollout.actions
