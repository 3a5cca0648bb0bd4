"""Judge a claim by the records: its verdict, the evidence for it, and how many seeds would settle it.

Only tests under the claim's own protocol give a verdict: under another preset, metric or data set the verdict is
'not comparable', whatever those records say.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from harness.report.claims.claims import Claim, Test
from harness.report.records.bottleneck import settled
from harness.report.records.frame import CellFrame, TaskFrame
from harness.report.records.more import command
from harness.report.stats import statistics as st
from harness.report.stats.power import seeds_to_decide
from harness.report.tables.entries import Number, fixed
from harness.report.tables.formats import MANY
from harness.report.tables.spelling import TIED, decimals
from harness.store import preset_command

REPRODUCED, NOT, OPEN, ELSEWHERE, NOT_RUN, UNCOUNTED = VERDICTS = (
    "reproduced",
    "not reproduced",
    "inconclusive",
    "not comparable",
    "not run",
    "not counted",
)
TESTED = (REPRODUCED, NOT, OPEN)
NOTHING = Number(np.nan)
MOST_SEEDS = MANY
Frames = Mapping[str, Mapping[str, TaskFrame]]  # preset -> task -> frame


@dataclass(frozen=True)
class Part:
    """The result for one pair, or for one cell against its bounds.

    name: the pair or cell for a reader.
    word: its verdict, one of VERDICTS.
    found: the difference or mean with its interval.
    n: the number of independent runs.
    chance: the chance that one run of the better cell beats one of the worse cell.
    needed: for an open pair, the seeds that would decide it if the observed difference were the true one.
    needed_published: the same if the published difference were the true one; None if none was published.
    cells: the cells that need those seeds.
    failed: for a log, how many runs failed, which leaves the part open.
    """

    name: str
    word: str
    found: Number = NOTHING
    n: int = 0
    chance: float = np.nan
    needed: int | None = None
    needed_published: int | None = None
    cells: tuple[str, ...] = ()
    failed: int = 0


Evidence = tuple[Test, TaskFrame, list[Part]]


@dataclass(frozen=True)
class Judged:
    """A claim with its verdict `word` and the reason for it."""

    claim: Claim
    word: str
    reason: str
    parts: list[Evidence]  # under the claim's own protocol, as far as it has run
    passing: list[Evidence]  # under other protocols

    @property
    def needed(self) -> int | None:
        """Return the seeds that would decide every open part if the observed differences were the true ones.

        None if no number of seeds decides one of them.
        """
        return _largest([part.needed for part in self._open])

    @property
    def needed_published(self) -> int | None:
        """Return the same if the published differences were the true ones."""
        return _largest([part.needed_published for part in self._open])

    @property
    def _open(self) -> list[Part]:
        return [part for *_, parts in self.parts for part in parts if part.word == OPEN]

    @property
    def words(self) -> set[str]:
        """Return the verdicts of its comparisons: those under its own protocol or, without any, those elsewhere."""
        found = [part.word for *_, parts in self.parts or self.passing for part in parts]
        return {word for word in found if word in TESTED}

    @property
    def commands(self) -> list[str]:
        """Return the commands that train the seeds that open parts need, one for each preset and task."""
        found: list[str] = []
        if self.needed is None:
            return found
        for _, frame, parts in self.parts:
            open_ones = [part for part in parts if part.needed and part.needed <= MOST_SEEDS]
            if open_ones:
                cells = dict.fromkeys(name for part in open_ones for name in part.cells)
                found.append(command(frame, list(cells), max(part.needed or 0 for part in open_ones)))
        return [one for one in dict.fromkeys(found) if one]


def _largest(needed: list[int | None]) -> int | None:
    known = [n for n in needed if n is not None]
    return max(known, default=None) if len(known) == len(needed) else None


def judge(claim: Claim, frames: Frames, overlays: Collection[str] = (), refused: Collection[str] = ()) -> Judged:
    """Judge a claim by the records of all presets.

    overlays: presets whose records are made by a command of their own.
    refused: presets that cannot be shown.
    """
    parts: list[Evidence] = []
    words: list[str] = []
    odd = ""
    for test in claim.evidence:
        frame = frames.get(test.preset, {}).get(test.task)
        if frame is None:
            words.append(NOT_RUN)
        elif broken := _requirement(test, frame):
            words, odd = [*words, ELSEWHERE], broken
        else:
            found = measure(test, frame)
            words += [part.word for part in found]
            parts += _run(test, frame, found)
    passing: list[Evidence] = []
    for test in claim.elsewhere:
        if frame := frames.get(test.preset, {}).get(test.task):
            passing += _run(test, frame, measure(test, frame))
    word = together(words) if words else NOT_RUN
    if word == NOT_RUN and passing:
        word = ELSEWHERE
    if claim.uncounted:
        word = UNCOUNTED
    absent = _absent(claim, overlays, refused)
    return Judged(claim, word, _reason(claim, word, parts, odd, absent), parts, passing)


def _run(test: Test, frame: TaskFrame, found: list[Part]) -> list[Evidence]:
    """Return the test with its parts, if any of them has run."""
    return [(test, frame, found)] if any(part.word != NOT_RUN for part in found) else []


def together(words: list[str]) -> str:
    """Combine the verdicts of several parts: one part against is enough to reject, and all must hold to reproduce."""
    return next((word for word in (NOT, ELSEWHERE, NOT_RUN, OPEN) if word in words), REPRODUCED)


def sided(low: float, high: float, margin: float = 0.0) -> str:
    """Judge the interval of a difference that is positive if the claim holds."""
    if low > -margin:
        return REPRODUCED
    return NOT if high < -margin else OPEN


def placed(low: float, high: float, bounds: tuple[float | None, float | None]) -> str:
    """Judge the interval of a mean that the claim places between two bounds, of which None is open."""
    least, most = (-np.inf if bounds[0] is None else bounds[0]), (np.inf if bounds[1] is None else bounds[1])
    if not np.isfinite(low):
        return OPEN
    if least <= low and high <= most:
        return REPRODUCED
    return NOT if high < least or low > most else OPEN


def measure(test: Test, frame: TaskFrame) -> list[Part]:
    """Return a part for each pair of the test, or the part of its one cell."""
    cells = {cell.name: cell for cell in frame.everything}
    if test.pairs:
        return [_pair(test, cells.get(a), cells.get(b), f"{a} over {b}") for a, b in test.pairs]
    return [_level(test, cells.get(test.cell))]


def _pair(test: Test, better: CellFrame | None, worse: CellFrame | None, name: str) -> Part:
    then = test.at if test.than_at is None else test.than_at
    a, b = _values(test, better, test.metric, test.at), _values(test, worse, test.than_metric or test.metric, then)
    if better is None or worse is None or a is None or b is None:
        return Part(name, NOT_RUN)
    up = test.higher_is_better
    if up is None and test.metric:
        up = better.head["metrics"][test.metric]["higher_is_better"]
    if up is None:
        raise ValueError(f"{test.metric or test.log} of {test.task} has no direction: the claim needs higher_is_better")
    shared = [seed for seed in a.index if seed in b.index]
    if not shared:
        return Part(name, NOT_RUN)
    sign = 1 if up else -1
    x, y = sign * a.loc[shared].to_numpy(float), sign * b.loc[shared].to_numpy(float)
    found = st.paired_difference(x, y)
    value = _number(found)
    names = [better.title, worse.title]
    if better is worse:
        names = [measured_by(better, test.metric), measured_by(better, test.than_metric)]
    if (test.at, then) != (1.0, 1.0):
        names = [f"{better.title} at {_share(test.at)}", f"{worse.title} at {_share(then)}"]
    title = " over ".join(names)
    failed = _failed(test, better, worse)
    word = OPEN if failed or found.n < st.FEWEST_FOR_T else sided(found.low, found.high, test.margin)
    chance = st.improvement(x[None], y[None], True)
    observed = published = None
    if word == OPEN and not failed:
        observed = _seeds(x - y, (x - y).mean() + test.margin)
        published = _seeds(x - y, test.gap + test.margin) if test.gap else None
    cells = tuple(dict.fromkeys((better.name, worse.name)))
    return Part(title, word, value, found.n, chance, observed, published, cells, failed)


def _failed(test: Test, *cells: CellFrame) -> int:
    """Return how many runs of the cells failed, for a log: a metric gives them its floor, a log nothing."""
    return sum(len(cell.failures) for cell in cells) if test.log else 0


def measured_by(cell: CellFrame, quantity: str) -> str:
    """Return the label of a metric, or the name of a log."""
    return str(cell.head["metrics"].get(quantity, {}).get("label", quantity))


def _number(found: st.Difference) -> Number:
    """Return the mean with its interval, to as many decimals as the typical one of the three numbers needs."""
    return fixed(found.mean, decimals([found.mean, found.low, found.high]), found.low, found.high)


def _seeds(differences: np.ndarray, gap: float) -> int | None:
    """Return the seeds that find a distance `gap` from the bound at the spread of these differences."""
    needed = seeds_to_decide(differences, gap)
    return int(needed) if np.isfinite(needed) else None


def _level(test: Test, cell: CellFrame | None) -> Part:
    values = _values(test, cell, test.metric, test.at)
    if cell is None or values is None:
        return Part(test.cell, NOT_RUN)
    x = values.to_numpy(float)
    found = st.paired_difference(x, np.zeros_like(x))  # the t interval of the mean
    value = _number(found)
    failed = _failed(test, cell)
    word = OPEN if failed or found.n < st.FEWEST_FOR_T else placed(found.low, found.high, test.within)
    return Part(cell.title, word, value, found.n, failed=failed)


def _share(of_training: float) -> str:
    return "the end" if of_training == 1 else f"{100 * of_training:.0f}{TIED}%"


def _values(test: Test, cell: CellFrame | None, metric: str, at: float) -> pd.Series | None:
    """Return a cell's quantity by seed or learnt reward at a share of the training; None if the cell does not have it.

    For a log this is the mean over the last quarter of the steps, over the runs that finished and wrote it.
    """
    if cell is None or not cell.record:
        return None
    if metric:
        return cell.units(metric, at) if metric in cell.head["metrics"] else None
    return settled(cell, test.log)


def _requirement(test: Test, frame: TaskFrame) -> str:
    """Describe the first value in a record that differs from the claim's protocol; '' if there is none."""
    for cell in frame.everything:
        if cell.name in test.cells and cell.record:
            for key, wanted in test.requires.items():
                value: Any = cell.record
                for part in key.split("."):
                    value = value.get(part) if isinstance(value, dict) else None
                if value != wanted:
                    return f"the records have {key} = {value}, but the claim is about {wanted}"
    return ""


def _absent(claim: Claim, overlays: Collection[str], refused: Collection[str]) -> str:
    """Say why there are no records under the claim's own protocol, or which commands make them."""
    if held := sorted({test.preset for test in claim.evidence} & set(refused)):
        return f"preset {', '.join(held)} cannot be shown; the reason is at the end of this page"
    commands = (preset_command(t.preset) if t.preset in overlays else f"bench train {t.task}" for t in claim.evidence)
    return claim.why or "not run: " + ", ".join(dict.fromkeys(f"`{command}`" for command in commands))


def _reason(claim: Claim, word: str, parts: list[Evidence], odd: str, absent: str) -> str:
    listed = [part for *_, found in parts for part in found]
    said = {
        REPRODUCED: lambda: (
            f"{'every comparison is' if len(listed) > 1 else 'the whole interval is'} on the claim's side"
        ),
        NOT: lambda: "the evidence is against it: " + ", ".join(part.name for part in listed if part.word == NOT),
        OPEN: lambda: _undecided([part for part in listed if part.word == OPEN]),
        ELSEWHERE: lambda: odd or f"its own protocol was not run: {absent.removeprefix('not run: ')}",
        NOT_RUN: lambda: absent,
        UNCOUNTED: lambda: claim.uncounted,
    }[word]()
    return said + (f". Printed numbers: {claim.caution}" if claim.caution else "")


def _undecided(parts: list[Part]) -> str:
    few = [part for part in parts if part.n < st.FEWEST_FOR_T]
    broken = [part for part in parts if part.failed]
    wide = [part for part in parts if part not in few + broken]
    said = {
        "the interval includes both sides: ": wide,
        f"fewer than {st.FEWEST_FOR_T} runs: ": few,
        "runs failed, for which the others cannot stand: ": broken,
    }
    return "; ".join(words + ", ".join(part.name for part in found) for words, found in said.items() if found)
