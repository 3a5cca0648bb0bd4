"""Gradients of small stacked nets written out: at 64 units autograd's bookkeeping costs several times the arithmetic.

The general path, autograd over the same objective, is what the tests compare with; it stays for nets and policies that
this file does not know.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from baselines.parts.layers import MLP
from baselines.parts.policy import GaussianPolicy

# A gradient through an activation, from the activation's value.
SLOPES = {
    torch.tanh: torch.ops.aten.tanh_backward,
    torch.relu: lambda slope, h: torch.ops.aten.threshold_backward(slope, h, 0),
}


def known(net: object) -> bool:
    """Whether this file can differentiate `net`."""
    return (
        isinstance(net, MLP)
        and net.out is not None
        and net.activation in SLOPES
        and all(layer.spectral is None for layer in (*net.hidden, net.out))
    )


@torch.no_grad()
def forward(net: MLP, x: Tensor) -> tuple[Tensor, list[Tensor]]:
    """Outputs [S, B, out] for x [S, B, in], and the inputs [S, B, .] of every layer."""
    inputs = [x]
    for layer in net.hidden:
        inputs.append(net.activation(torch.baddbmm(layer.bias.unsqueeze(1), inputs[-1], layer.weight.mT)))
    return torch.baddbmm(net.out.bias.unsqueeze(1), inputs[-1], net.out.weight.mT), inputs


@torch.no_grad()
def backward(net: MLP, inputs: list[Tensor], slope: Tensor) -> None:
    """Give the net's parameters the gradient of a loss [S] whose slope in the outputs is `slope` [S, B, out]."""
    layers = [*net.hidden, net.out]
    for k in reversed(range(len(layers))):
        layer = layers[k]
        layer.weight.grad = torch.bmm(slope.mT, inputs[k])
        layer.bias.grad = slope.sum(1)
        if k:
            slope = SLOPES[net.activation](torch.bmm(slope, layer.weight), inputs[k])


@torch.no_grad()
def surrogate(
    policy: GaussianPolicy,
    observations: Tensor,
    actions: Tensor,
    old_log_prob: Tensor,
    advantages: Tensor,
    clip: float,
    bonus: float,
) -> Tensor:
    """The loss [S] of PPO, minus the mean of the clipped surrogate and of bonus * entropy; the policy's gradients are set.

    observations [S, B, O], actions [S, B, A], old_log_prob and advantages [S, B].
    """
    mean, inputs = forward(policy.net, observations)
    log_std = policy.log_std.unsqueeze(1)
    precision = torch.exp(-log_std)
    z = (actions - mean).mul_(precision)
    squares = z.square()
    constant = log_std.sum(2) + 0.5 * math.log(2 * math.pi) * policy.n_out
    ratio = torch.exp(-0.5 * squares.sum(2) - constant - old_log_prob)
    free, held = ratio * advantages, ratio.clamp(1 - clip, 1 + clip) * advantages
    # Slope of the loss in the log-density: where the clipped term is the smaller one, nothing moves.
    slope = (torch.where(free <= held, free, 0.0) / -free.shape[1]).unsqueeze(2)
    backward(policy.net, inputs, slope * z * precision)
    policy.log_std.grad = (slope * (squares - 1)).sum(1) - bonus
    entropy = policy.log_std.sum(1) + 0.5 * math.log(2 * math.pi * math.e) * policy.n_out
    return -torch.minimum(free, held).mean(1) - bonus * entropy


@torch.no_grad()
def squared_error(net: MLP, observations: Tensor, old: Tensor, targets: Tensor, clip: float | None) -> Tensor:
    """The mean value loss [S], with or without clipping around `old`; the net's gradients are set. old, targets [S, B]."""
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
