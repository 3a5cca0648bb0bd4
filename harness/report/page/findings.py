"""Write the findings in a few sentences that rules derive from the numbers, each with a link to its evidence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from harness.report.claims.judge import ELSEWHERE, NOT, NOT_RUN, OPEN, REPRODUCED, Judged
from harness.report.claims.verdicts import counted
from harness.report.page.read import Preset
from harness.report.records.bottleneck import constraint
from harness.report.records.twins import Effect
from harness.report.tables.spelling import number

FOREST = "What the bottleneck adds, by task"


@dataclass(frozen=True)
class Finding:
    """One sentence, with the words and the address of the link behind it."""

    text: str
    more: str
    href: str


def sentences(
    effects: Sequence[Effect],
    few: Sequence[Effect],
    claims: Sequence[Judged],
    own: Preset,
    address: Callable[[str, str], str],
) -> list[Finding]:
    """Return at most five findings.

    effects: the comparisons with and without the bottleneck.
    few: those of three or four runs, which count separately.
    claims: the judged claims.
    own: the preset of the page.
    address: (preset, task) -> the address of its page.
    """
    return [*_help(effects, few), *_extremes(effects, address), *_claims(claims), *_constraints(own)]


def _help(effects: Sequence[Effect], few: Sequence[Effect]) -> Iterator[Finding]:
    if not effects:
        return
    counts = Counter(effect.word for effect in effects)
    better, worse, total = counts["better"], counts["worse"], len(effects)
    if better + worse == 0:
        said = f"The bottleneck made no measurable difference in {total} comparisons with the same method without it"
    else:
        helps = (
            "helps sometimes"
            if better >= 2 * worse
            else "does as much harm as good"
            if better >= worse
            else "harms more"
        )
        helps = "helps in most comparisons" if better > total / 2 else helps
        said = (
            f"The bottleneck {helps}: in {total} comparisons with the same method without it, it is better in {better},"
            f" worse in {worse}, and {total - better - worse} are open at these numbers of runs"
        )
    yield Finding(f"{said}.{besides(few)}", "all comparisons", "topics/bottleneck.html")


def besides(few: Sequence[Effect]) -> str:
    """Return a sentence on the comparisons of few runs; '' without any."""
    if not few:
        return ""
    counts = Counter(effect.word for effect in few)
    tally = f"{counts['better']} better, {counts['worse']} worse, {counts['open']} open"
    return f" {len(few)} more of three or four runs: {tally}."


def _extremes(effects: Sequence[Effect], address: Callable[[str, str], str]) -> Iterator[Finding]:
    """Yield the clearest gain and the clearest loss, by the end of the interval that is nearer to no difference."""
    sides = (
        ("gain", [e for e in effects if e.word == "better"], lambda e: e.low, "better"),
        ("loss", [e for e in effects if e.word == "worse"], lambda e: -e.high, "worse"),
    )
    for name, found, nearest, way in sides:
        if found:
            effect = max(found, key=nearest)
            size = number(abs(effect.difference), 1)
            ends = sorted((abs(effect.low), abs(effect.high)))
            yield Finding(
                f"The clearest {name} is on {effect.frame.title}: {effect.having.title} is {way} than "
                f"{effect.without.title} by {size} standard deviations of a run "
                f"[{number(ends[0], 1)}, {number(ends[1], 1)}], in {_label(effect)}.",
                "its task",
                address(effect.preset, effect.frame.name),
            )


def _label(effect: Effect) -> str:
    return str(effect.frame.metrics[effect.frame.scored_by]["label"])


def _claims(claims: Sequence[Judged]) -> Iterator[Finding]:
    counting = counted(claims)
    if not counting:
        return
    counts = Counter(one.word for one in counting)
    yield Finding(
        f"Of {len(counting)} published claims, {counts[REPRODUCED]} are reproduced, {counts[NOT]} are not, and "
        f"{counts[OPEN]} stay open; {counts[ELSEWHERE] + counts[NOT_RUN]} were not run under their own protocol.",
        "every claim with its evidence",
        "topics/claims.html",
    )


def _constraints(own: Preset) -> Iterator[Finding]:
    """Yield whether the dual update kept the KL at its budget."""
    states = [state.state for cell in own.cells if (state := constraint(cell)) and state.i_c is not None]
    if states:
        held = sum(state == "binding" for state in states)
        yield Finding(
            f"The limit on information was at work in {held} of the {len(states)} methods and variants that have one: "
            "the KL of their code settled at the limit I_c in every run. In the others it stayed below or above it, or "
            "differed between runs.",
            "how to read the numbers",
            "#reading",
        )
