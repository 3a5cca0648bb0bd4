"""A critic: input noise -> body -> code (plain, noisy, or a variational bottleneck) -> head -> score."""

from __future__ import annotations

import math
from typing import Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from baselines.parts.bottleneck import Bottleneck, BottleneckParams, Code, PlainCode
from baselines.parts.layers import MLP, StackedLinear, full, lrelu
from baselines.parts.nets import NetParams, critic_body
from baselines.parts.noise import NoiseParams, add_noise
from baselines.parts.spectral import add_spectral_norm
from harness.contracts import Draws, Settings


class CriticParams(Settings):
    """head: one linear unit (paper), LeakyReLU then linear (released image code), ReLU then linear (released maze
    code without a bottleneck), or a hidden layer (T-GAN).

    code_size: a deterministic code of that size where there is no bottleneck, for its twin, for
    noise on the code and for T-GAN, whose head scores differences of codes.
    """

    net: NetParams
    head: Literal["linear", "lrelu_linear", "relu_linear", "mlp"] = "lrelu_linear"
    spectral_norm: bool = False
    noise: NoiseParams | None = None
    code_size: int | None = Field(None, ge=1)
    bottleneck: BottleneckParams | None = None

    @model_validator(mode="after")
    def _one_code(self) -> CriticParams:
        if self.bottleneck is not None and self.code_size is not None:
            raise ValueError("code_size is for critics without a bottleneck, whose size is bottleneck.size")
        return self


BEFORE_HEAD = {"lrelu_linear": lrelu, "relu_linear": torch.relu}


class Critic(nn.Module):
    """Scores [S, B] of inputs [S, B, ...]; a high score means real."""

    def __init__(self, n_seeds: int, shape: tuple[int, ...], params: CriticParams):
        super().__init__()
        self.params = params
        self.body = critic_body(n_seeds, shape, params.net)
        features = self.body.features
        self.code: Bottleneck | PlainCode | None = None
        if params.bottleneck is not None:
            self.code = Bottleneck(n_seeds, features, params.bottleneck)
        elif params.code_size is not None:
            self.code = PlainCode(n_seeds, features, params.code_size)
        size = features[0] if self.code is None else (params.bottleneck.size if params.bottleneck else params.code_size)
        self.code_shape = (size, *features[1:])
        n_in = math.prod(self.code_shape)
        self.head = MLP(n_seeds, n_in, 256, 1, 1) if params.head == "mlp" else StackedLinear(n_seeds, n_in, 1)
        if params.spectral_norm:
            add_spectral_norm(self)

    @property
    def bottleneck(self) -> Bottleneck | None:
        return self.code if isinstance(self.code, Bottleneck) else None

    def encode(self, x: Tensor, draws: Draws | None, tag: str, mean: bool = False) -> Code:
        """The code of x. `tag` tells the draws of one step apart; draws None: no noise at all.

        mean: z is mu(x) although the run has draws (the paper's generator step).
        """
        noise = self.params.noise
        if draws is not None and noise is not None and noise.where == "input":
            x = add_noise(x, noise, draws, tag)
        h = self.body(x)
        if self.code is None:
            code = Code(h, h, None)
        else:
            sample = draws is not None and not mean and self.bottleneck is not None and self.bottleneck.params.noise
            epsilon = draws.normal("bottleneck", tag, (x.shape[1], *self.code_shape)) if sample else None
            code = self.code(self.body.before_code(h), epsilon)
        if draws is not None and noise is not None and noise.where == "code":
            code = code._replace(z=add_noise(code.z, noise, draws, tag))
        return code

    def score(self, z: Tensor) -> Tensor:
        """[S, B] from codes [S, B, ...]."""
        z = z.flatten(2)
        before = BEFORE_HEAD.get(self.params.head)
        return full(self.head(z if before is None else before(z))).squeeze(2)
