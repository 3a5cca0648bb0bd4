"""Build the discriminator for imitation that a block of parameters describes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from pydantic import Field
from torch import Tensor

from baselines.parts.adversarial.airl import AIRLDiscriminator, AIRLParams
from baselines.parts.adversarial.gail import GAILDiscriminator, GAILParams
from baselines.parts.control.transitions import Transitions
from harness.contracts import TaskSpec

DiscriminatorParams = Annotated[AIRLParams | GAILParams, Field(discriminator="kind")]


def discriminator(
    n_seeds: int, spec: TaskSpec, params: AIRLParams | GAILParams
) -> AIRLDiscriminator | GAILDiscriminator:
    """Return a discriminator of the block's kind for a task's observations and actions."""
    if params.kind == "airl":
        return AIRLDiscriminator(n_seeds, spec, params)
    return GAILDiscriminator(n_seeds, spec, params)


def learnt_reward(net: AIRLDiscriminator | GAILDiscriminator) -> Callable[[Tensor, Tensor], Tensor] | None:
    """Return the function (observations [S, B, O], actions [S, B, A]) -> [S, B]: AIRL's g, or GAIL's policy reward.

    Returns None for a reward of transitions, which state and action alone do not determine.
    """
    if isinstance(net, AIRLDiscriminator):
        return net.g
    if net.params.input == "ss":
        return None
    return lambda observations, actions: net.reward(_without_next(observations, actions))


def _without_next(observations: Tensor, actions: Tensor) -> Transitions:
    nothing = observations[..., 0]
    return Transitions(observations, actions, observations, nothing.bool() & False, nothing)
