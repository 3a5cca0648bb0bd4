"""Read and check what the pages are made from: records with their summaries, and what they are compared with."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from harness.errors import BenchError
from harness.report.claims import judge, published
from harness.report.claims.claims import load_claims
from harness.report.records.aggregate import summarise
from harness.report.records.external import External, check, load_external
from harness.report.records.frame import CellFrame, TaskFrame, load
from harness.report.records.published import load_published
from harness.report.records.summaries import read_summary
from harness.report.tables import external
from harness.report.tables.entries import Link, Table


@dataclass(frozen=True)
class Preset:
    """What one page is made from: parameters, and checked frames with their summaries by task."""

    params: dict[str, Any]
    frames: dict[str, TaskFrame]
    summaries: dict[str, pd.DataFrame]

    @classmethod
    def live(cls, root: Path, params: dict[str, Any]) -> Preset:
        """Read a preset with the summaries that `bench evaluate` wrote.

        For a task with an absent or unreadable record the summary is made here, so that one record that is lost costs
        no page. Raises BenchError if other summaries are missing or older than the records.
        """
        frames = load(root, params)
        made = {
            name: read_summary(root, frame) if _whole(frame) else summarise(frame) for name, frame in frames.items()
        }
        return cls(params, frames, made)

    @classmethod
    def archived(cls, root: Path, params: dict[str, Any], known: dict[str, pd.DataFrame] | None = None) -> Preset:
        """Read an archived preset with summaries made here, because an archive keeps only records.

        known: the summaries, if they were made from these very records before.
        """
        frames = load(root, params, other=True, known=known is not None)
        return cls(params, frames, known or {name: summarise(frame) for name, frame in frames.items()})

    @property
    def name(self) -> str:
        return self.params["preset"]

    @property
    def cells(self) -> list[CellFrame]:
        return [cell for frame in self.frames.values() for cell in frame.everything]

    def published(self, task: str) -> dict[str, Any] | None:
        """Return the declaration that a task was run under the protocol of a published number, or None."""
        return self.params.get("report", {}).get("published", {}).get(task)


def _whole(frame: TaskFrame) -> bool:
    return all(cell.record for cell in frame.everything)


def judged(root: Path, presets: Sequence[Preset], refused: Collection[str]) -> list[judge.Judged]:
    """Judge the claims by the records of all presets.

    presets: the presets, of which the first is the page's own.
    refused: the presets that cannot be shown.
    """
    frames = {preset.name: preset.frames for preset in presets}
    overlays = {path.stem for path in root.glob("presets/*.yaml")} - {presets[0].name}
    path, found = root / "results/claims.yaml", []
    for claim in load_claims(path):
        try:
            found.append(judge.judge(claim, frames, overlays, refused))
        except (BenchError, ValueError) as error:
            raise BenchError(f"{path}: claim {claim.id}: {error}") from None
    return found


@dataclass(frozen=True)
class Beside:
    """What our records are compared with: printed numbers (None without the file), and runs made elsewhere.

    refused: the name of an import -> the reason why it is left out.
    """

    numbers: pd.DataFrame | None
    external: list[External]
    refused: dict[str, str]

    @classmethod
    def read(cls, root: Path) -> Beside:
        return cls(load_published(root / "results/published.csv"), *load_external(root))

    def tables(self, preset: Preset, frame: TaskFrame, link: Link, archived: bool) -> list[Table]:
        """Make the tables of one task.

        archived: whether the preset's records are archived.
        """
        declared = preset.published(frame.name)
        printed = None
        if declared is not None and self.numbers is not None:
            printed = published.beside(frame, declared, self.numbers, link)
        mine = [one for one in self.external if one.preset == (preset.name if archived else "")]
        shown = [one for one in mine if frame.name in one.tasks and self._fits(one, frame)]
        return [table for table in (printed, external.table(frame, shown)) if table]

    def _fits(self, one: External, frame: TaskFrame) -> bool:
        try:
            check(one, frame)
        except BenchError as error:
            self.refused[one.name] = str(error)
            return False
        return True
