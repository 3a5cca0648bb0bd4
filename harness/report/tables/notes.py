"""Write the lines below a table: how its numbers were measured, tested and counted."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import Any

import pandas as pd

from harness.report.records.frame import TaskFrame
from harness.report.stats import significance

LONGEST, HASH = 40, re.compile(r"[0-9a-f]{16,}")  # characters of an entry of a manifest; the record has it whole


def manifests(frame: TaskFrame, metrics: Iterable[str]) -> list[str]:
    """Return a line for each manifest shown, such as 'Frechet distance, KID: encoder digits-cnn, ... (manifest a1)'."""
    notes = []
    for name, manifest in frame.manifests.items():
        used = [metric for metric in metrics if frame.metrics[metric].get("manifest") == name]
        entries = ", ".join(f"{key} {_said(value)}" for key, value in manifest.items())
        labels = ", ".join(frame.metrics[metric]["label"] for metric in used)
        notes += [f"Measured for {labels}: {entries} (manifest {name})."] if used else []
    return notes


def _said(value: Any) -> str:
    """Return an entry as readers see it: hashes short, and named numbers as 'random -160.2 and expert -26.1'."""
    if isinstance(value, dict):
        return " and ".join(f"{name} {_said(part)}" for name, part in value.items())
    if isinstance(value, float):
        return f"{value:.4g}"
    words = str(value)
    return words[:8] if HASH.fullmatch(words) else words[:LONGEST]


def tests(rows: pd.DataFrame) -> list[str]:
    """Say for how many comparisons Holm's method adjusts, or why nothing was tested."""
    compared = rows[rows.difference.notna()]
    if compared.empty:
        return []
    count = len(compared)
    tested = compared[compared.p_holm.notna()]
    n = _range((compared if tested.empty else tested).pairs)
    family = "one comparison" if count == 1 else f"Holm over {count} comparisons"
    seeds = (
        "Needs: the number of seeds with which this test would find the observed mean difference with 80 % power if it "
        "were the true one."
    )
    if not tested.empty:
        few = len(compared) - len(tested)
        left = f" {few} of them {'has' if few == 1 else 'have'} too few seeds and no p." if few else ""
        return [f"p: sign-flip test on {n} paired seeds, {family}.{left} {seeds}"]
    most = int(compared.pairs.max())
    smallest, shared = min(1.0, count * 2 / 2**most), f"{n} seed{'s' * (n != '1')}"
    return [
        (
            f"Significance cannot be reached: with {shared} ({family}) no p can be below {smallest:.2g}, so none is "
            f"given. A test here needs at least {significance.FEWEST_FOR_TEST} seeds. {seeds}"
        )
    ]


def _range(counts: pd.Series) -> str:
    """Return '10', or '5 to 10'."""
    least, most = int(counts.min()), int(counts.max())
    return f"{least}" if least == most else f"{least} to {most}"


def units(frame: TaskFrame) -> list[str]:
    """Say what n counts if it does not count training runs."""
    cell = next((cell for cell in frame.cells if cell.record and cell.rewards), None)
    counts = Counter(Counter(cell.independent).values()) if cell else Counter({1: 1})
    if set(counts) == {1}:
        return []
    each = " or ".join(map(str, sorted(counts, reverse=True)))
    return [f"n counts learnt rewards: the {each} policies trained on each are averaged first, because they share it."]


def seals(frame: TaskFrame) -> list[str]:
    """Count the records that were made before records had a seal, so that later changes cannot be detected."""
    ran = [cell for cell in frame.everything if cell.record]
    bare = sum(not cell.sealed for cell in ran)
    said = f"{bare} of {len(ran)} records were made before records had a seal, the checksum of a whole record."
    return [said] if bare else []


def tiers(frame: TaskFrame) -> list[str]:
    """Say how much a run may differ when it is repeated, and for which cells."""
    found: dict[str, list[str]] = {}
    for cell in frame.cells:
        if cell.record:
            found.setdefault(cell.head["tier"], []).append(cell.title)
    parts = [f"{name} ({', '.join(titles)})" if len(found) > 1 else name for name, titles in found.items()]
    return [f"How equal a repeated run is: {'; '.join(parts)}."] if parts else []
