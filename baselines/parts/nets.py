"""Which generator and which critic body a block of parameters names."""

from __future__ import annotations

import math
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from baselines.parts.layers import MLP, full, lrelu
from harness.contracts import Settings


class MLPParams(Settings):
    kind: Literal["mlp"]
    width: int = Field(ge=1)
    depth: int = Field(ge=1)
    activation: Literal["lrelu", "relu"] = "lrelu"


class ResidualParams(Settings):
    """The released image nets: width doubles at each halving of the image, up to max_width."""

    kind: Literal["residual"]
    width: int = Field(32, ge=1)
    max_width: int = Field(256, ge=1)


ACTIVATIONS = {"lrelu": lrelu, "relu": torch.relu}
NetParams = Annotated[MLPParams | ResidualParams, Field(discriminator="kind")]


class MLPBody(nn.Module):
    """x [S, B, ...] -> features [S, B, width], the last hidden layer before its activation."""

    def __init__(self, n_seeds: int, shape: tuple[int, ...], params: MLPParams):
        super().__init__()
        self.activation = ACTIVATIONS[params.activation]
        self.net = MLP(n_seeds, math.prod(shape), params.width, params.depth, None, self.activation)
        self.features = (params.width,)

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)

    def before_code(self, h: Tensor) -> Tensor:
        """A linear code on a linear layer would be one linear layer, so the activation comes first."""
        return self.activation(h)


class MLPGenerator(nn.Module):
    """z [S, B, K] -> images [S, B, *shape] in [-1, 1]."""

    def __init__(self, n_seeds: int, latent: int, shape: tuple[int, ...], params: MLPParams):
        super().__init__()
        self.shape = shape
        self.net = MLP(n_seeds, latent, params.width, params.depth, math.prod(shape), ACTIVATIONS[params.activation])

    def forward(self, z: Tensor) -> Tensor:
        return torch.tanh(full(self.net(z))).unflatten(2, self.shape)


def critic_body(n_seeds: int, shape: tuple[int, ...], params: MLPParams | ResidualParams) -> nn.Module:
    if params.kind == "mlp":
        return MLPBody(n_seeds, shape, params)
    from baselines.parts.residual import ResidualBody

    return ResidualBody(n_seeds, shape, params.width, params.max_width)


def generator(n_seeds: int, latent: int, shape: tuple[int, ...], params: MLPParams | ResidualParams) -> nn.Module:
    if params.kind == "mlp":
        return MLPGenerator(n_seeds, latent, shape, params)
    from baselines.parts.residual import ResidualGenerator

    return ResidualGenerator(n_seeds, latent, shape, params.width, params.max_width)
