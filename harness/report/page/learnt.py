"""Write what we learnt, in at most 600 words that rules derive from the numbers, so that nothing goes beyond them.

It says when the bottleneck helps, from every method and its twin; what the studies of disputed settings showed, from
rows that differ from another row in a single setting; and what would change our mind.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.report.claims.judge import ELSEWHERE, MOST_SEEDS, NOT_RUN, Judged
from harness.report.claims.verdicts import domains
from harness.report.page.families import words
from harness.report.page.sections import Section
from harness.report.records.frame import CellFrame, TaskFrame
from harness.report.records.more import command
from harness.report.records.twins import Effect
from harness.report.stats import statistics as st
from harness.report.stats.power import seeds_to_decide
from harness.report.tables.spelling import number

MOST_WORDS = 600
MOST_NAMED = 4  # the most changes of a study that are named


@dataclass(frozen=True)
class Change:
    """A change of one setting: the row, the row that it differs from, and the difference, positive if it is better.

    low: the lower end of the paired 95 % t interval, in the metric's unit.
    high: the upper end.
    """

    frame: TaskFrame
    row: CellFrame
    base: CellFrame
    key: str
    difference: float
    low: float
    high: float

    @property
    def word(self) -> str:
        """Return 'better', 'worse' or 'open', depending on the interval."""
        return "better" if self.low > 0 else "worse" if self.high < 0 else "open"


def section(
    effects: Sequence[Effect], frames: Sequence[Mapping[str, TaskFrame]], claims: Sequence[Judged]
) -> list[Section]:
    """Return the section; nothing without a comparison.

    effects: the comparisons with and without the bottleneck.
    frames: for each preset, its frames by task.
    claims: the judged claims.
    """
    if not effects:
        return []
    parts = [
        Section("learnt-help", "When does the bottleneck help?", " ".join(_help(effects))),
        Section("learnt-studies", "What did the studies of disputed settings show?", " ".join(_studies(frames))),
        Section("learnt-mind", "What would change our mind?", " ".join(_mind(effects, claims))),
    ]
    return [Section("learnt", "What we learnt", "", parts=[part for part in parts if part.intro])]


def changes(frames: Mapping[str, TaskFrame]) -> list[Change]:
    """Return every row of a preset's tasks that differs from an earlier row of the same task in exactly one setting."""
    found = []
    for frame in frames.values():
        metric = frame.headline
        up = frame.metrics[metric]["higher_is_better"] if metric else None
        if metric is None or up is None:
            continue
        run = [cell for cell in frame.cells if cell.record]
        said = {cell.name: _settings(cell, frames) for cell in run}
        for place, row in enumerate(run):
            alike = ((base, _differing(said[row.name], said[base.name])) for base in run[:place])
            made = (_change(frame, row, base, keys[0], metric, up) for base, keys in alike if len(keys) == 1)
            found += [change for change in made if change is not None][:1]
    return found


def _change(frame: TaskFrame, row: CellFrame, base: CellFrame, key: str, metric: str, up: bool) -> Change | None:
    a, b = row.paired(base, metric)
    if len(a) < st.FEWEST_FOR_INTERVAL:
        return None
    sign = 1 if up else -1
    gap = st.paired_difference(sign * a, sign * b)
    return Change(frame, row, base, key, gap.mean, gap.low, gap.high)


def _settings(cell: CellFrame, frames: Mapping[str, TaskFrame]) -> dict[str, Any]:
    """Return the settings that a row was trained with, and those with which its reward was learnt."""
    found = dict(_leaves(cell.head["params"]["method"]))
    source = frames.get(str(cell.head["params"]["task"].get("rewards")))
    learnt = source.cell(cell.name) if source else None
    return dict(_leaves(learnt.head["params"]["method"])) | found if learnt and learnt.record else found


def _leaves(block: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in block.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, f"{prefix}{key}.")
        elif value is not None:
            yield f"{prefix}{key}", value


def _differing(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    return [key for key in {**one, **other} if one.get(key) != other.get(key)]


def _help(effects: Sequence[Effect]) -> Iterator[str]:
    counts = Counter(effect.word for effect in effects)
    yield (
        f"Of {len(effects)} comparisons of a method with its twin without the bottleneck, {counts['better']} are "
        f"better, {counts['worse']} worse and {counts['open']} open."
    )
    for family, own in _by_family(effects).items():
        line = f"{words(family)[0]}: {_tally([effect.word for effect in own])}"
        clear = [effect for effect in own if effect.word != "open"]
        if clear:
            most = max(clear, key=lambda effect: min(abs(effect.low), abs(effect.high)))
            size = f"{number(most.difference, 1)} [{number(most.low, 1)}, {number(most.high, 1)}]"
            line += f"; the clearest is {most.having.title} over {most.without.title} on {most.frame.title}, {size}"
        yield f"{line}."
    beside = [effect for effect in effects if _penalised(effect.having)]
    alone = [effect for effect in effects if not _penalised(effect.having)]
    for name, own in (("Beside a gradient penalty", beside), ("Without one", alone)):
        if own:
            said = Counter(effect.word for effect in own)
            yield f"{name} it is better in {said['better']} and worse in {said['worse']} of {len(own)} comparisons."
    helps, harms = (
        [words(name)[0] for name, own in _by_family(effects).items() if _sides(own) == {side}]
        for side in ("better", "worse")
    )
    yield f"It helps and nowhere harms in: {'; '.join(helps) or 'none'}."
    yield f"It harms and nowhere helps in: {'; '.join(harms) or 'none'}."
    yield "Sizes are in standard deviations of a run, with 95 % intervals over shared seeds."


def _studies(frames: Sequence[Mapping[str, TaskFrame]]) -> Iterator[str]:
    for preset in frames:
        for name, own in _by_task(changes(preset)).items():
            if len(own) <= MOST_NAMED:
                continue  # rows of a table that happen to differ in one setting are not a study
            line = f"{preset[name].title}: of {len(own)} single changes, {_tally([change.word for change in own])}"
            clear = sorted((c for c in own if c.word != "open"), key=lambda c: -min(abs(c.low), abs(c.high)))
            if clear:
                line += ": " + "; ".join(
                    f"{c.row.title} is {c.word} than {c.base.title} by {number(abs(c.difference), 1)}"
                    f" [{number(min(abs(c.low), abs(c.high)), 1)}, {number(max(abs(c.low), abs(c.high)), 1)}]"
                    for c in clear[:MOST_NAMED]
                )
            yield f"{line}."
    for frame in (frame for preset in frames for frame in preset.values()):
        yield from _sweeps(frame)


def _sweeps(frame: TaskFrame) -> Iterator[str]:
    """Yield one sentence on how the values of each ablation of a task compare with its reference."""
    if frame.headline is None or (up := frame.metrics[frame.headline]["higher_is_better"]) is None:
        return
    told = []
    for sweep in frame.ablations:
        against = frame.cell(sweep.reference)
        run = [cell for cell in sweep.cells if cell.record and against is not None and against.record]
        made = [_change(frame, cell, against, sweep.key, frame.headline, up) for cell in run if against is not None]
        if found := [change.word for change in made if change is not None]:
            told.append(f"{sweep.name} {_tally(found)}")
    if told:
        yield f"{frame.title}, values of a sweep compared with its reference: {'; '.join(told)}."


def _tally(found: Sequence[str]) -> str:
    counts = Counter(found)
    return ", ".join(f"{counts[word]} {word}" for word in ("better", "worse", "open") if counts[word])


def _sides(effects: Sequence[Effect]) -> set[str]:
    return {effect.word for effect in effects} - {"open"}


def _mind(effects: Sequence[Effect], claims: Sequence[Judged]) -> Iterator[str]:
    yield "A verdict changes when its interval leaves the side that it is on. For the open comparisons:"
    nearest = [(needed, effect) for effect in effects if effect.word == "open" and (needed := _needed(effect))]
    for family in dict.fromkeys(effect.frame.family for effect in effects):
        own = [(needed, effect) for needed, effect in nearest if effect.frame.family == family]
        if own:
            needed, effect = min(own, key=lambda pair: pair[0])
            typed = command(effect.frame, [effect.having.name, effect.without.name], needed)
            how = f" ({typed})" if typed else ""
            yield f"{effect.having.title} on {effect.frame.title} would need {needed} seeds{how}."
    unrun = [
        name for name, own in domains(list(claims)).items() if all(one.word in (NOT_RUN, ELSEWHERE) for one in own)
    ]
    if unrun:
        yield (
            f"Nothing of {', '.join(unrun)} was run under the published protocol; a clear result there would outweigh"
            " what smaller tasks say here."
        )


def _needed(effect: Effect) -> int | None:
    a, b = effect.having.paired(effect.without, effect.frame.scored_by)
    needed = seeds_to_decide(a - b)
    return int(needed) if np.isfinite(needed) and effect.n < needed <= MOST_SEEDS else None


def _penalised(cell: CellFrame) -> bool:
    return any(".penalties." in f".{key}" for key, _ in _leaves(cell.head["params"]["method"]))


def _by_family(effects: Sequence[Effect]) -> dict[str, list[Effect]]:
    found: dict[str, list[Effect]] = {}
    for effect in effects:
        found.setdefault(effect.frame.family, []).append(effect)
    return found


def _by_task(found: Sequence[Change]) -> dict[str, list[Change]]:
    tasks: dict[str, list[Change]] = {}
    for change in found:
        tasks.setdefault(change.frame.name, []).append(change)
    return tasks
