"""Which cluster a command is to run on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

STOP_SECONDS = 8.0  # at most, for jobs on other machines that are told to stop at a checkpoint


@dataclass(frozen=True)
class On:
    """address: HOST:PORT of a running cluster that this machine is part of, or auto. shared: a folder all nodes see."""

    address: str
    shared: Path | None = None

    def words(self) -> list[str]:
        """The options of a command that say the same."""
        return ["--on", self.address, *(["--shared", str(self.shared)] if self.shared else [])]
