"""The strict base class of all blocks in params.yaml, and the type of seeds."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictInt


class Settings(BaseModel):
    """A block of parameters that rejects unknown keys and cannot be changed after it is read."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False, allow_inf_nan=False)


def _check_distinct(seeds: tuple[int, ...]) -> tuple[int, ...]:
    if len(set(seeds)) != len(seeds) or min(seeds) < 0 or max(seeds) >= 2**31:
        raise ValueError("seeds must be distinct integers from 0 to 2^31 - 1")
    return seeds


Seeds = Annotated[tuple[StrictInt, ...], Field(min_length=1), AfterValidator(_check_distinct)]
