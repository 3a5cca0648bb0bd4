"""The lines below a table: how its numbers were measured, tested and counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import pandas as pd

from harness.report.records.frame import TaskFrame
from harness.report.stats import significance

LONGEST_HASH = 40  # characters of an entry of a manifest; the record has the rest of it


def manifests(frame: TaskFrame, metrics: Iterable[str]) -> list[str]:
    """'Manifest a1b2c3d4 (frechet, kid): encoder digits-cnn, resize none, ...' for each manifest shown."""
    notes = []
    for name, manifest in frame.manifests.items():
        used = [metric for metric in metrics if frame.metrics[metric].get("manifest") == name]
        entries = ", ".join(f"{key} {str(value)[:LONGEST_HASH]}" for key, value in manifest.items())
        notes += [f"Manifest {name} ({', '.join(used)}): {entries}."] if used else []
    return notes


def tests(rows: pd.DataFrame) -> list[str]:
    """How many comparisons Holm adjusts over, or why nothing was tested."""
    compared = rows[rows.difference.notna()]
    if compared.empty:
        return []
    n, count = int(compared.pairs.min()), len(compared)
    family = "one comparison" if count == 1 else f"Holm over {count} comparisons"
    seeds = (
        "Needs: the seeds with which this test would find the observed mean difference with 80 % power, were it the "
        "true one."
    )
    if significance.can_reach_significance(n, count):
        return [f"p: sign-flip test on {n} paired seeds, {family}. {seeds}"]
    smallest = min(1.0, count * 2 / 2**n)
    return [
        (
            f"Significance cannot be reached: with {n} seeds, {family}, no p falls below {smallest:.2g}, so none is "
            f"given; a test here needs at least {significance.FEWEST_FOR_TEST} seeds. {seeds}"
        )
    ]


def units(frame: TaskFrame) -> list[str]:
    """What n counts where it is not training runs."""
    cell = next((cell for cell in frame.cells if cell.record and cell.rewards), None)
    counts = Counter(Counter(cell.independent).values()) if cell else Counter({1: 1})
    if set(counts) == {1}:
        return []
    each = " or ".join(map(str, sorted(counts, reverse=True)))
    return [f"n counts learnt rewards: the {each} policies trained on each are averaged first, as they share it."]


def seals(frame: TaskFrame) -> list[str]:
    """Of how many records nobody can tell whether they were changed since: those made before records had a seal."""
    ran = [cell for cell in frame.everything if cell.record]
    bare = sum(not cell.sealed for cell in ran)
    return [f"{bare} of {len(ran)} records were made before records had a seal."] if bare else []


def tiers(frame: TaskFrame) -> list[str]:
    """How far a run may differ when it is made again, and of which cells that is said."""
    found: dict[str, list[str]] = {}
    for cell in frame.cells:
        if cell.record:
            found.setdefault(cell.head["tier"], []).append(cell.title)
    parts = [f"{name} ({', '.join(titles)})" if len(found) > 1 else name for name, titles in found.items()]
    return [f"Tier of reproducibility: {'; '.join(parts)}."] if parts else []
