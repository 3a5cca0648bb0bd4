"""The strict base class of all blocks in params.yaml, and the type of seeds."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictInt, ValidationInfo, field_validator

ANY = 2**31 - 1, "a larger number is surely a typing error"
# Key -> the largest number that it may be, and why; all other integers are held to ANY.
LARGEST = {
    "threads": (1024, "no machine has more cores"),
    "batch": (2**20, "every seed holds a whole batch in memory"),
    "n_envs": (2**20, "every seed holds all its environments in memory"),
    "width": (2**16, "a layer holds the square of its width in weights"),
    "depth": (1024, "every layer is a step of the program"),
    "size": (2**16, "nets hold this many weights for each of their inputs"),
    "evaluations": (10_000, "every scored point keeps a snapshot on the disk"),
    "log_points": (1_000_000, "every logged point is a row of curves.csv for each seed"),
    "block": (1024, "the seeds of a block are trained at once"),
}


class Settings(BaseModel):
    """A block of parameters that rejects unknown keys and absurdly large numbers and cannot be changed after it is
    read.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False, allow_inf_nan=False)

    @field_validator("*")
    @classmethod
    def _check_bound(cls, value: Any, info: ValidationInfo) -> Any:
        most, why = LARGEST.get(info.field_name or "", ANY)
        if isinstance(value, int) and value > most:
            raise ValueError(f"must be at most {most}, as {why}")
        return value


def _check_distinct(seeds: tuple[int, ...]) -> tuple[int, ...]:
    if len(set(seeds)) != len(seeds) or min(seeds) < 0 or max(seeds) >= 2**31:
        raise ValueError("seeds must be distinct integers from 0 to 2^31 - 1")
    return seeds


Seeds = Annotated[tuple[StrictInt, ...], Field(min_length=1), AfterValidator(_check_distinct)]
