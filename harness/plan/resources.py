"""What a block of a task takes of a machine: read from a preset, outside of every key, as it changes no result."""

from __future__ import annotations

from pydantic import Field, field_validator

from harness.settings import Settings


class Resources(Settings):
    """cpus: cores of a block, by default the task's threads. gpus: a share of one (0.25), or whole ones.

    memory: GB of main memory to keep free for a block; by default it is not looked at.
    """

    cpus: float | None = Field(None, gt=0)
    gpus: float = Field(0.0, ge=0)
    memory: float | None = Field(None, gt=0)

    @field_validator("gpus")
    @classmethod
    def _a_share_or_whole(cls, value: float) -> float:
        if value > 1 and value != int(value):
            raise ValueError("must be a share of one GPU, at most 1, or a whole number of them")
        return value
