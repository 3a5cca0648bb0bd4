"""Nets of fully connected layers for inputs of any shape: the body of a critic, and a generator."""

from __future__ import annotations

import math
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from baselines.parts.layers import MLP, StackedLinear, full, lrelu
from harness.contracts import Settings


class MLPParams(Settings):
    kind: Literal["mlp"]
    width: int = Field(ge=1)
    depth: int = Field(ge=1)
    activation: Literal["lrelu", "relu"] = "lrelu"


ACTIVATIONS = {"lrelu": lrelu, "relu": torch.relu}


class MLPBody(nn.Module):
    """A critic's body: x [S, B, *shape] -> features [S, B, width], the last hidden layer before its activation.

    `features` is the shape of one sample's features.
    """

    def __init__(self, n_seeds: int, shape: tuple[int, ...], params: MLPParams):
        super().__init__()
        self.n_seeds, self.features = n_seeds, (params.width,)
        self.activation = ACTIVATIONS[params.activation]
        self.net = MLP(n_seeds, math.prod(shape), params.width, params.depth, None, self.activation)

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)

    def before_code(self, h: Tensor) -> Tensor:
        """Activate features h, because a linear code of linear features would be one linear layer."""
        return self.activation(h)

    def code_layer(self, size: int, bound: float | None = None) -> nn.Module:
        """Return a layer from features [S, B, width] to a code [S, B, size].

        bound: the bound of its initial weights.
        """
        return StackedLinear(self.n_seeds, *self.features, size, bound=bound)


class MLPGenerator(nn.Module):
    """A generator: latents z [S, B, latent] -> images [S, B, *shape] in [-1, 1]."""

    def __init__(self, n_seeds: int, latent: int, shape: tuple[int, ...], params: MLPParams):
        super().__init__()
        self.shape = shape
        self.net = MLP(n_seeds, latent, params.width, params.depth, math.prod(shape), ACTIVATIONS[params.activation])

    def forward(self, z: Tensor) -> Tensor:
        return torch.tanh(full(self.net(z))).unflatten(2, self.shape)
