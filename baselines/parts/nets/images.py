"""Build the nets for images that a block of parameters describes."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from baselines.parts.nets.convolutional import ConvolutionalBody, ConvolutionalGenerator, ConvolutionalParams
from baselines.parts.nets.perceptron import MLPBody, MLPGenerator, MLPParams
from baselines.parts.nets.residual import ResidualBody, ResidualGenerator, ResidualParams

NetParams = Annotated[MLPParams | ConvolutionalParams | ResidualParams, Field(discriminator="kind")]
Body = MLPBody | ConvolutionalBody | ResidualBody
Generator = MLPGenerator | ConvolutionalGenerator | ResidualGenerator


def image_body(n_seeds: int, shape: tuple[int, ...], params: NetParams) -> Body:
    """Return a critic's body for images of `shape` (C, H, W)."""
    if params.kind == "mlp":
        return MLPBody(n_seeds, shape, params)
    if params.kind == "convolutional":
        return ConvolutionalBody(n_seeds, shape, params)
    return ResidualBody(n_seeds, shape, params)


def generator(n_seeds: int, latent: int, shape: tuple[int, ...], params: NetParams) -> Generator:
    """Return a generator of images of `shape` (C, H, W) from latents [S, B, latent]."""
    if params.kind == "mlp":
        return MLPGenerator(n_seeds, latent, shape, params)
    if params.kind == "convolutional":
        return ConvolutionalGenerator(n_seeds, latent, shape, params)
    return ResidualGenerator(n_seeds, latent, shape, params)
