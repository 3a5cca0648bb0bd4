"""`bench reproduce`: train every cell again from nothing, and compare each record with the committed one.

The result for a cell is one of these:
  bit-equal   record.json has the same content and scores.csv has the same bytes; only the keys may differ, where the
              committed record was made by other code;
  inside      its mean headline score is in the 95 % prediction interval of the committed seeds
              (Student's t on the committed scores, for a mean of as many further runs);
  different   it is not, although among n cells 0.05 n would be outside by chance;
  not run     it failed here; not judged: nothing committed to compare with, or fewer than two seeds.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import BenchError
from harness.places.join import begins_with
from harness.plan.params import blocks_of, read_params
from harness.report.records.frame import CellFrame, load
from harness.report.stats import statistics
from harness.schema import read_provenance
from harness.store import SCORES
from harness.workspace.copies import bench_in, lock_copy, private_copy, train_command

NAME = "reproduce"
UNFINISHED = ".unfinished"
ALPHA = 0.05
KEYS = {"training_key", "scoring_key"}  # of the code, which may have been reworded since


@dataclass(frozen=True)
class Repetition:
    """One line of the tally; `note` gives the reason."""

    cell: str
    word: str
    note: str = ""


def reproduce(root: Path, timeout: int | None = None) -> int:
    """Return the exit status: 1 if a cell did not run, or if more cells are different than chance explains.

    timeout: as in `bench train`.
    """
    with lock_copy(root, NAME):
        return _reproduce(root, timeout)


def _reproduce(root: Path, timeout: int | None) -> int:
    params = blocks_of(root)
    copy = _fresh_copy(root, params)
    bench_in(copy, "check")
    bench_in(copy, "prepare")
    trained = _run_all(copy, *train_command(os.cpu_count() or 1, timeout))
    bench_in(copy, "evaluate")
    bench_in(copy, "report")
    repetitions = compare(root, copy, read_params(root))
    if trained:
        (copy / UNFINISHED).unlink()
    print("\n".join(f"{r.cell:44s} {r.word:11s} {r.note}".rstrip() for r in repetitions))
    status, lines = tally([r.word for r in repetitions])
    print("\n".join(lines + other_devices(_devices(root, params), _devices(copy, params))))
    print(f"report: {copy / 'reports' / params['preset'] / 'index.html'}")
    return status


def compare(root: Path, copy: Path, params: dict[str, Any]) -> list[Repetition]:
    """Return the result of every cell that the parameters name; root contains the committed records."""
    committed, fresh = load(root, params), load(copy, params)
    return [
        repetition(theirs, ours)
        for task in params["tasks"]
        for theirs, ours in zip(committed[task].everything, fresh[task].everything, strict=True)
    ]


def repetition(committed: CellFrame, fresh: CellFrame) -> Repetition:
    name = str(fresh)
    if not fresh.record:
        return Repetition(name, "not run", fresh.fault or f"run `{fresh.command}` in the copy to see why")
    if not committed.record:
        return Repetition(name, "not judged", committed.fault or "nothing committed to compare with")
    if len(committed.seeds) > len(fresh.seeds) and begins_with(committed.folder, fresh.folder):
        note = f"of the {len(committed.seeds)} committed seeds, the {len(fresh.seeds)} that the parameters name"
        return Repetition(name, "bit-equal", note)
    same, differing = _scores(committed) == _scores(fresh), _differing(committed, fresh)
    if same and not set(differing) - KEYS:
        return Repetition(name, "bit-equal", "although the committed record is of other code" if differing else "")
    metric = _headline(committed)
    x, y = committed.endpoint(metric), fresh.endpoint(metric)
    if len(x) < 2:
        return Repetition(name, "not judged", "one seed gives no interval")
    low, high = statistics.prediction_interval(x, len(y), 1 - ALPHA)
    note = f"{metric} {y.mean():.5g}, committed {x.mean():.5g}, interval {low:.5g} to {high:.5g}"
    if same:
        note = f"scores.csv is bit-equal, but the record differs in {', '.join(differing)}"
    return Repetition(name, "inside" if low <= y.mean() <= high else "different", note)


def tally(words: list[str]) -> tuple[int, list[str]]:
    """Return (exit status, lines): how many cells have each result, and how many 'different' ones chance alone would
    cause.
    """
    from scipy.stats import binom

    counts = Counter(words)
    judged = counts["inside"] + counts["different"]
    # As many as chance exceeds in at most one of 20 whole runs.
    allowed = int(binom.ppf(1 - ALPHA, judged, ALPHA)) if judged else 0
    lines = [f"{len(words)} cells: " + ", ".join(f"{counts[word]} {word}" for word in sorted(counts))]
    if judged:
        lines.append(
            f"of the {judged} cells judged by an interval {ALPHA * judged:.1f} are expected outside by chance; "
            f"up to {allowed} are accepted"
        )
    return int(counts["not run"] > 0 or counts["different"] > allowed), lines


def other_devices(theirs: Counter[str], ours: Counter[str]) -> list[str]:
    """Return a line if committed records come from other devices than ours; both map a name to its number of cells."""
    told = "; ".join(f"{n} on {name}" for name, n in theirs.items() if name not in ours)
    return (
        [
            (
                f"committed records from elsewhere ({told}), these from {', '.join(ours)}: processors of another kind"
                " round matrix products differently, so their bits may differ"
            )
        ]
        if told
        else []
    )


def _devices(root: Path, params: dict[str, Any]) -> Counter[str]:
    cells = [cell for frame in load(root, params).values() for cell in frame.everything if cell.record]
    return Counter(read_provenance(cell.folder).environment.device for cell in cells if cell.folder)


def _fresh_copy(root: Path, params: dict[str, Any]) -> Path:
    """Return a new copy, or that of an interrupted run, which then continues."""
    where = root / "build" / NAME
    if where.exists() and not (where / UNFINISHED).exists():
        shutil.rmtree(where)
    copy = private_copy(root, NAME, params)
    (copy / UNFINISHED).touch()
    return copy


def _run_all(copy: Path, *command: str) -> bool:
    """Run all cells; one that fails must not hide the results of the others."""
    try:
        bench_in(copy, *command)
    except BenchError as error:
        print(error)
        return False
    return True


def _headline(cell: CellFrame) -> str:
    metrics = cell.record["metrics"]
    return next((name for name, block in metrics.items() if block["headline"]), next(iter(metrics)))


def _scores(cell: CellFrame) -> bytes:
    return (cell.folder / SCORES).read_bytes()


def _differing(a: CellFrame, b: CellFrame) -> list[str]:
    one, other = a.record, b.record
    return [key for key in one | other if one.get(key) != other.get(key)]
