"""The net of a critic: input noise -> body -> code (plain, noisy, or a variational bottleneck) -> head -> score."""

from __future__ import annotations

import math
from typing import Literal, Protocol

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from baselines.parts.adversarial.bottleneck import Bottleneck, BottleneckParams, Code, PlainCode
from baselines.parts.adversarial.noise import NoiseParams, add_noise
from baselines.parts.adversarial.spectral import add_spectral_norm
from baselines.parts.layers import MLP, StackedLinear, full, lrelu
from harness.contracts import Draws, Settings


class CriticParams(Settings):
    """The parameters of what follows the body; each method describes the body in its own block `net`.

    head: one linear unit (Peng et al. 2019), LeakyReLU then linear (their image code), ReLU then linear (their maze
        code without a bottleneck), or a hidden layer (T-GAN).
    code_size: the size of a deterministic code without a bottleneck. It serves as a baseline for the bottleneck, for
        noise on the code, and for T-GAN, whose head scores differences of codes.
    """

    head: Literal["linear", "lrelu_linear", "relu_linear", "mlp"] = "lrelu_linear"
    spectral_norm: bool = False
    noise: NoiseParams | None = None
    code_size: int | None = Field(None, ge=1)
    bottleneck: BottleneckParams | None = None

    @model_validator(mode="after")
    def _check_code_size(self) -> CriticParams:
        if self.bottleneck is not None and self.code_size is not None:
            raise ValueError("code_size is only for critics without a bottleneck; with one, set bottleneck.size")
        return self


BEFORE_HEAD = {"lrelu_linear": lrelu, "relu_linear": torch.relu}


class Body(Protocol):
    """A module from inputs [S, B, ...] to features [S, B, *features]."""

    @property
    def features(self) -> tuple[int, ...]:
        """The shape of one sample's features."""

    def __call__(self, x: Tensor) -> Tensor:
        """Return features [S, B, *features] of inputs x."""

    def code_layer(self, size: int, bound: float | None = None) -> nn.Module:
        """Return a layer from features to a code of `size` dimensions.

        bound: the bound of its initial weights.
        """

    def before_code(self, h: Tensor) -> Tensor:
        """Return what the layers of a code are applied to, given features h."""


class Critic(nn.Module):
    """A net that maps inputs [S, B, ...] to scores [S, B]; a high score means real.

    body: a `Body` that was built for those inputs.
    """

    def __init__(self, n_seeds: int, body: Body, params: CriticParams):
        super().__init__()
        self.params, self.body = params, body
        self.code: Bottleneck | PlainCode | None = None
        size, *positions = body.features
        if params.bottleneck is not None:
            self.code, size = Bottleneck(n_seeds, body.code_layer, params.bottleneck), params.bottleneck.size
        elif params.code_size is not None:
            self.code, size = PlainCode(body.code_layer, params.code_size), params.code_size
        self.code_shape = (size, *positions)
        n_in = math.prod(self.code_shape)
        self.head = MLP(n_seeds, n_in, 256, 1, 1) if params.head == "mlp" else StackedLinear(n_seeds, n_in, 1)
        if params.spectral_norm:
            add_spectral_norm(self)

    @property
    def bottleneck(self) -> Bottleneck | None:
        """The code if it is a bottleneck, else None."""
        return self.code if isinstance(self.code, Bottleneck) else None

    def encode(self, x: Tensor, draws: Draws | None, tag: str, mean: bool = False) -> Code:
        """Return the code of x [S, B, ...]. `tag` distinguishes the draws of one step; without draws there is no noise.

        mean: whether z is mu(x) despite the draws, as in the generator's step of Peng et al. (2019).
        """
        noise = self.params.noise
        if draws is not None and noise is not None and noise.where == "input":
            x = add_noise(x, noise, draws, tag)
        h = self.body(x)
        if self.code is None:
            code = Code(h, h, None)
        else:
            noisy = self.bottleneck is not None and self.bottleneck.params.noise and not mean
            shape = (x.shape[1], *self.code_shape)
            epsilon = draws.normal("bottleneck", tag, shape) if noisy and draws is not None else None
            code = self.code(self.body.before_code(h), epsilon)
        if draws is not None and noise is not None and noise.where == "code":
            code = code._replace(z=add_noise(code.z, noise, draws, tag))
        return code

    def score(self, z: Tensor) -> Tensor:
        """Return scores [S, B] of codes z [S, B, ...]."""
        z = z.flatten(2)
        before = BEFORE_HEAD.get(self.params.head)
        return full(self.head(z if before is None else before(z))).squeeze(2)
