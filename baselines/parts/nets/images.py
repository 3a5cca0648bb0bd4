"""Build the nets for images that a block of parameters describes."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from baselines.parts.nets.perceptron import MLPBody, MLPGenerator, MLPParams
from baselines.parts.nets.residual import ResidualBody, ResidualGenerator, ResidualParams

NetParams = Annotated[MLPParams | ResidualParams, Field(discriminator="kind")]


def image_body(n_seeds: int, shape: tuple[int, ...], params: MLPParams | ResidualParams) -> MLPBody | ResidualBody:
    """Return a critic's body for images of `shape` (C, H, W)."""
    if params.kind == "mlp":
        return MLPBody(n_seeds, shape, params)
    return ResidualBody(n_seeds, shape, params)


def generator(
    n_seeds: int, latent: int, shape: tuple[int, ...], params: MLPParams | ResidualParams
) -> MLPGenerator | ResidualGenerator:
    """Return a generator of images of `shape` (C, H, W) from latents [S, B, latent]."""
    if params.kind == "mlp":
        return MLPGenerator(n_seeds, latent, shape, params)
    return ResidualGenerator(n_seeds, latent, shape, params)
