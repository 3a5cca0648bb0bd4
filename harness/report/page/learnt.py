"""What we learnt, in at most 600 words that rules write from the numbers, so that the page cannot contradict them.

It says when the bottleneck helps, from every method beside its twin; what the studies of disputed settings showed,
from rows that differ from another row in a single setting; and what would change our mind.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from harness.report.claims.judge import ELSEWHERE, MOST_SEEDS, NOT_RUN, Judged
from harness.report.claims.verdicts import counted, domains
from harness.report.page.families import words
from harness.report.page.findings import besides
from harness.report.page.sections import Section
from harness.report.records.frame import TaskFrame
from harness.report.records.more import command
from harness.report.records.studies import Change, changes, penalised, swept
from harness.report.records.twins import Effect
from harness.report.stats.power import seeds_to_decide
from harness.report.tables.entries import LEVEL, MISSING, Code, Entry, Head, Named, Table, Text, count, fixed

MOST_WORDS = 600
FEWEST_CHANGES = 5  # a table with fewer rows that differ in one setting only happens to have them
WORDS = ("better", "worse", "open")


def section(
    effects: Sequence[Effect],
    few: Sequence[Effect],
    frames: Sequence[Mapping[str, TaskFrame]],
    claims: Sequence[Judged],
) -> list[Section]:
    """Return the page, or nothing if there is no comparison.

    effects: the comparisons with and without the bottleneck.
    few: those of three or four runs.
    frames: of each preset, task -> frame.
    claims: the judged claims.
    """
    if not effects:
        return []
    studies = list(_studies(frames))
    asked = "What did the studies of disputed settings show?"
    parts = [
        _part("learnt-help", "When does the bottleneck help?", _help(effects, few), _by_kind(effects)),
        _part("learnt-studies", asked, _changed(studies), _by_study(studies)),
        _part("learnt-mind", "What would change our mind?", _mind(claims), _seeds(effects)),
    ]
    return [Section("learnt", "What we learnt", "", parts=[part for part in parts if part is not None])]


def _part(anchor: str, title: str, intro: str, table: Table) -> Section | None:
    return Section(anchor, title, intro, tables=[table]) if table.rows else None


def _help(effects: Sequence[Effect], few: Sequence[Effect]) -> str:
    counts = Counter(effect.word for effect in effects)
    first = (
        f"We compared the bottleneck with its absence in {len(effects)} pairs of methods, on shared seeds: "
        f"it is better in {counts['better']} and worse in {counts['worse']}, and {counts['open']} stay open."
    )
    sides = (
        ("beside a gradient penalty", [e for e in effects if penalised(e.having)]),
        ("without a penalty", [e for e in effects if not penalised(e.having)]),
    )
    said = [first + besides(few)]
    for where, own in sides:
        if own:
            tally = Counter(effect.word for effect in own)
            said.append(f"Of the {len(own)} {where}, it is better in {tally['better']} and worse in {tally['worse']}.")
    return " ".join(said)


def _by_kind(effects: Sequence[Effect]) -> Table:
    """Return a row for each family of tasks, with the comparison whose interval is furthest from no difference."""
    rows = []
    for family, own in _by_family(effects).items():
        clear = [effect for effect in own if effect.word != "open"]
        clearest: Entry = MISSING
        if clear:
            most = max(clear, key=lambda effect: min(abs(effect.low), abs(effect.high)))
            name = f"{most.frame.title}, {most.having.title} − {most.without.title}"
            clearest = Named(Text(name), fixed(most.difference, 1, most.low, most.high))
        rows.append([Text(words(family)[0]), *_counts(own), clearest])
    head: list[Head | str] = [
        "kind of task",
        *WORDS,
        Head("clearest difference, in standard deviations of a run", LEVEL),
    ]
    return Table("The bottleneck by kind of task", head, rows, ["Positive: better with the bottleneck."])


def _studies(frames: Sequence[Mapping[str, TaskFrame]]) -> Iterator[tuple[TaskFrame, str, list[Change]]]:
    """Yield (task, what was changed, the comparisons) of every study of single settings and every ablation."""
    for preset in frames:
        made = changes(preset)
        for frame in preset.values():
            own = [change for change in made if change.frame.name == frame.name]
            if len(own) >= FEWEST_CHANGES:
                yield frame, "one setting at a time", own
            for name, compared in swept(frame).items():
                yield frame, f"values of {name}", compared


def _changed(studies: Sequence[tuple[TaskFrame, str, list[Change]]]) -> str:
    found = [change for *_, own in studies for change in own]
    tally = Counter(change.word for change in found)
    return (
        "Each comparison is of a method with one setting changed, or of one value of an ablation with the ablation's "
        f"reference. Of these {len(found)}, {tally['better']} are better, {tally['worse']} are worse, "
        f"and {tally['open']} stay open."
    )


def _by_study(studies: Sequence[tuple[TaskFrame, str, list[Change]]]) -> Table:
    rows = [[Text(frame.title), Text(what), *_counts(own), _clearest(own)] for frame, what, own in studies]
    head: list[Head | str] = ["task", "what was changed", *WORDS, Head("clearest change, in the task's metric", LEVEL)]
    return Table("Studies", head, rows, ["Positive: the changed method is better."])


def _clearest(found: Sequence[Change]) -> Entry:
    clear = [change for change in found if change.word != "open"]
    if not clear:
        return MISSING
    most = max(clear, key=lambda change: min(abs(change.low), abs(change.high)))
    return Named(Text(f"{most.row.title} − {most.base.title}"), fixed(most.difference, 1, most.low, most.high))


def _mind(claims: Sequence[Judged]) -> str:
    said = "The table names, for each kind of task, the open comparison that the fewest seeds would decide."
    unrun = [
        name
        for name, own in domains(counted(claims)).items()
        if all(claim.word in (NOT_RUN, ELSEWHERE) for claim in own)
    ]
    if unrun:
        said += (
            f" Nothing of {', '.join(unrun[:-1])}{' and ' * (len(unrun) > 1)}{unrun[-1]} was run under the published "
            "protocol, which would outweigh what smaller tasks say."
        )
    return said


def _seeds(effects: Sequence[Effect]) -> Table:
    rows = []
    for own in _by_family(effects).values():
        nearest = [(needed, effect) for effect in own if effect.word == "open" and (needed := _needed(effect))]
        if nearest:
            needed, effect = min(nearest, key=lambda pair: pair[0])
            typed = command(effect.frame, [effect.having.name, effect.without.name], needed)
            name = f"{effect.frame.title}: {effect.having.title} − {effect.without.title}"
            rows.append([Text(name), count(effect.n), count(needed), Code(typed) if typed else MISSING])
    head = ["open comparison", "seeds so far", "seeds it would take", "command"]
    return Table("Seeds that would decide", head, rows)


def _needed(effect: Effect) -> int | None:
    a, b = effect.having.paired(effect.without, effect.frame.scored_by)
    needed = seeds_to_decide(a - b)
    return int(needed) if np.isfinite(needed) and effect.n < needed <= MOST_SEEDS else None


def _counts(found: Sequence[Effect] | Sequence[Change]) -> list[Entry]:
    tally = Counter(one.word for one in found)
    return [count(tally[word]) for word in WORDS]


def _by_family(effects: Sequence[Effect]) -> dict[str, list[Effect]]:
    found: dict[str, list[Effect]] = {}
    for effect in effects:
        found.setdefault(effect.frame.family, []).append(effect)
    return found
