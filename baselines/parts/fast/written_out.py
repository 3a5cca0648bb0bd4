"""Gradients of small stacked nets, written by hand: with 64 units, autograd's overhead is several times the arithmetic.

The plain path is autograd with the same objective. It is used for all nets and policies that this file does not
support.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeGuard

import torch
from torch import Tensor, nn

from baselines.parts.fast.switch import plain
from baselines.parts.layers import MLP, Activation

# For an activation, (slope in its output, its output h) -> slope in its input.
SLOPES: dict[Activation, Callable[[Tensor, Tensor], Tensor]] = {
    torch.tanh: torch.ops.aten.tanh_backward,
    torch.relu: lambda slope, h: torch.ops.aten.threshold_backward(slope, h, 0),
}


def applies(net: object) -> TypeGuard[MLP]:
    """Whether this file can differentiate `net` and the plain path was not requested."""
    if plain() or not isinstance(net, MLP) or net.out is None or net.activation not in SLOPES:
        return False
    return all(layer.spectral is None for layer in net.layers)


@torch.no_grad()
def forward(net: MLP, x: Tensor) -> tuple[Tensor, list[Tensor]]:
    """Return outputs [S, B, out] for x [S, B, in], and the inputs [S, B, .] of every layer."""
    inputs: list[Tensor] = []
    out = x
    for layer in net.layers:
        assert layer.bias is not None
        inputs.append(net.activation(out) if inputs else out)
        out = torch.baddbmm(layer.bias.unsqueeze(1), inputs[-1], layer.weight.mT)
    return out, inputs


@torch.no_grad()
def backward(net: MLP, inputs: list[Tensor], slope: Tensor) -> None:
    """Set the gradients of the net's parameters for a loss [S] whose gradient at the outputs is `slope` [S, B, out].

    inputs: the inputs of every layer, as returned by `forward`.
    """
    layers = net.layers
    for k in reversed(range(len(layers))):
        layer = layers[k]
        assert layer.bias is not None
        layer.weight.grad = torch.bmm(inputs[k].mT, slope).mT  # in the order of the weight
        layer.bias.grad = slope.sum(1)
        if k:
            slope = SLOPES[net.activation](torch.bmm(slope, layer.weight), inputs[k])


@torch.no_grad()
def surrogate(
    net: MLP,
    log_stds: nn.Parameter,
    observations: Tensor,
    actions: Tensor,
    old_log_prob: Tensor,
    advantages: Tensor,
    clip: float,
    bonus: float,
) -> Tensor:
    """Return PPO's loss [S] for a Gaussian policy: minus the mean of the clipped surrogate and of bonus * entropy.

    Sets the gradients of `net`, which computes the policy's means, and of its `log_stds` [S, A]. The inputs are
    observations [S, B, O], actions [S, B, A], old_log_prob and advantages [S, B] (Schulman et al. 2017, Eq. 7).
    """
    mean, inputs = forward(net, observations)
    log_std, n_out = log_stds.unsqueeze(1), log_stds.shape[1]
    precision = torch.exp(-log_std)
    z = (actions - mean).mul_(precision)
    squares = z.square()
    constant = log_std.sum(2) + 0.5 * math.log(2 * math.pi) * n_out
    ratio = torch.exp(-0.5 * squares.sum(2) - constant - old_log_prob)
    free, held = ratio * advantages, ratio.clamp(1 - clip, 1 + clip) * advantages
    # Slope of the loss in the log-density: where the clipped term is the smaller one, nothing moves.
    slope = (torch.where(free <= held, free, 0.0) / -free.shape[1]).unsqueeze(2)
    backward(net, inputs, slope * z * precision)
    log_stds.grad = (slope * (squares - 1)).sum(1) - bonus
    entropy = log_stds.sum(1) + 0.5 * math.log(2 * math.pi * math.e) * n_out
    return -torch.minimum(free, held).mean(1) - bonus * entropy


@torch.no_grad()
def squared_error(net: MLP, observations: Tensor, old: Tensor, targets: Tensor, clip: float | None) -> Tensor:
    """Return the mean value loss [S] and set the net's gradients, for observations [S, B, O], old and targets [S, B].

    clip: how far a prediction may move from `old` and still improve, or None to disable the limit.
    """
    out, inputs = forward(net, observations)
    value = out.squeeze(2)
    error = value - targets
    slope, larger = error, error.square()
    if clip is not None:
        moved = (value - old).clamp(-clip, clip)
        held = old + moved - targets
        free = larger >= held.square()
        slope = torch.where(free, error, torch.where(moved == value - old, held, 0.0))
        larger = torch.maximum(larger, held.square())
    backward(net, inputs, (slope / error.shape[1]).unsqueeze(2))
    return 0.5 * larger.mean(1)
