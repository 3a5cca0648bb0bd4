"""Reuse the pages of archived presets while nothing that they show has changed.

They are half of the time of a report, and an archive rarely changes. So the files of a preset's pages are kept in the
scratch folder, under digests of all that they follow from: the code of this project, the versions of its packages, the
parameters, and every byte of the preset's records. No result depends on these files, and they are safe to delete.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from harness.files import aside
from harness.report.records import code
from harness.report.records.summaries import from_text, to_text
from harness.store import archive_folder

BESIDE = ("results/published.csv", "results/external")  # what every page is compared with
SUMMARIES = "summaries/"


@dataclass(frozen=True)
class Pages:
    """The pages of one archived preset that an earlier report made.

    made_from: a digest of all that they follow from, but for the claims.
    claims: a digest of the claims on them.
    files: path below the report -> content.
    summaries: the summary of each task.
    """

    made_from: str
    claims: str
    files: dict[str, bytes]
    summaries: dict[str, pd.DataFrame]


@dataclass(frozen=True)
class Kept:
    """The pages of earlier reports; scratch: the folder where they are kept, None to keep none."""

    scratch: Path | None = None

    def read(self, preset: str, made_from: str) -> Pages | None:
        """Return the pages of a preset that follow from the same; a damaged file counts as none."""
        if self.scratch is None:
            return None
        try:
            with zipfile.ZipFile(self.scratch / f"{preset}.zip") as file:
                before, claims = file.comment.decode().split()
                if before != made_from:
                    return None
                held = {name: file.read(name) for name in file.namelist()}
            tables = {name: content for name, content in held.items() if name.startswith(SUMMARIES)}
            summaries = {Path(name).stem: from_text(content.decode()) for name, content in tables.items()}
        except (OSError, ValueError, zipfile.BadZipFile):
            return None
        return Pages(before, claims, {name: held[name] for name in held if name not in tables}, summaries)

    def write(self, preset: str, pages: Pages) -> None:
        """Keep the pages of a preset. Where the folder cannot be written, the next report makes them again."""
        if self.scratch is None:
            return
        tables = {f"{SUMMARIES}{name}.csv": to_text(table).encode() for name, table in pages.summaries.items()}
        try:
            with aside(self.scratch / f"{preset}.zip") as to, zipfile.ZipFile(to, "w") as file:
                file.comment = f"{pages.made_from} {pages.claims}".encode()
                for name, content in (pages.files | tables).items():
                    file.writestr(zipfile.ZipInfo(name), content)
        except OSError:
            pass


def made_from(root: Path, params: dict[str, Any], out: Path) -> str:
    """Return a digest of all that the pages of an archived preset follow from, but for the claims on them.

    root: the project's folder. params: the preset's parameters. out: the folder of the report, as addresses are
    relative to it.
    """
    data = sorted(path.name for path in (root / "results/data").glob("*.json"))  # pages link to these
    words = [
        str(out.relative_to(root)) if out.is_relative_to(root) else str(out),
        json.dumps(params),
        data,
        code.state(),
    ]
    made = hashlib.sha256(repr(words).encode())
    for place in (archive_folder(root, params["preset"]), *(root / name for name in BESIDE)):
        for path in code.below(place):
            made.update(hashlib.sha256(path.relative_to(root).as_posix().encode()).digest())
            made.update(hashlib.sha256(path.read_bytes()).digest())
    return made.hexdigest()


def digest(words: object) -> str:
    """Return a digest of anything whose `repr` tells every difference."""
    return hashlib.sha256(repr(words).encode()).hexdigest()
