"""Name the cluster that a command runs on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

STOP_SECONDS = 8.0  # at most, for jobs on other machines that are told to stop at a checkpoint


@dataclass(frozen=True)
class On:
    """A cluster.

    address: HOST:PORT of a running cluster that this machine is part of, or auto.
    shared: a folder that all nodes see, or None.
    """

    address: str
    shared: Path | None = None

    def words(self) -> list[str]:
        """Return the options of a command that give this cluster."""
        return ["--on", self.address, *(["--shared", str(self.shared)] if self.shared else [])]
