"""The tables of a task: which summary stands in which column.

Every row ends with the record it was read from and the command that makes that record.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from harness.report.records.bottleneck import constraint
from harness.report.records.frame import Ablation, Cell, TaskFrame, shown
from harness.report.stats import significance
from harness.report.stats import statistics as st
from harness.report.tables.words import (
    NONE,
    TIED,
    Link,
    Table,
    Text,
    aimed,
    decimals,
    interval,
    labelled,
    number,
    record,
    status,
)

ARROWS = {True: "↑", False: "↓", None: ""}  # None: a metric that only describes
LONGEST_HASH = 40  # of a manifest entry; the record has the rest of it
LEVEL = f"[95{TIED}%]"
UNDECIDED = ("not separable", "not tested")
MANY = 1000  # seeds: more than anybody will run


def overview(frames: dict[str, TaskFrame], summaries: dict[str, pd.DataFrame], title: str, page: str = "") -> Table:
    """One row per task: the baseline, the best method, and how much has run. page: where their sections lie, if not on this one."""
    rows = []
    for name, frame in frames.items():
        ran = [cell for cell in frame.everything if cell.record]
        failed = sum(len(cell.failures) for cell in ran)
        rows.append([
            Text(frame.title, href=f"{page}#{name}"),
            *map(Text, _best(frame, summaries[name])),
            Text(f"{len(ran)} of {len(frame.everything)}", strong=len(ran) < len(frame.everything)),
            Text(str(failed) if ran else NONE, strong=failed > 0),
        ])
    head = [
        "task",
        "scored by",
        "baseline",
        "best method",
        "best minus baseline",
        "verdict",
        "cells run",
        "failed runs",
    ]
    notes = [
        "The best method is picked after the fact; its test is adjusted over all methods of its task. "
        "A verdict needs p < 0.05 and a chance of at least 0.75 (its whole interval above 0.5) that one run beats one of the baseline."
    ]
    return Table(title, head, rows, notes)


def comparison(frame: TaskFrame, summary: pd.DataFrame, link: Link) -> Table:
    """The task's main table: every method on the headline metric, with its status and record."""
    metric = frame.headline
    block = frame.metrics.get(metric, {"label": "score", "higher_is_better": False})
    rows = summary[summary.metric == metric].set_index("cell")
    methods, floor = rows[rows.ablation == ""], frame.floor
    digits, fine = decimals(methods.value), decimals(methods.difference)
    ranked = ranking(frame, summary)
    best = ranked.cell.iloc[0] if len(ranked) else None
    blank = Text(NONE)
    body = []
    for cell in frame.cells:
        end = [status(cell), record(cell, link)]
        if cell.name not in rows.index:
            body.append([Text(cell.title), *[blank] * (6 + (floor is not None)), *end])
            continue
        row, strong = rows.loc[cell.name], cell.name == best
        score = interval(row.value, row.ci_low, row.ci_high, digits)
        ratio = [Text(number(row.value / floor, 1))] if floor is not None else []
        body.append([
            Text(cell.title, strong=strong),
            Text(score, strong=strong),
            *ratio,
            Text(str(row.n)),
            Text(_difference(row, fine)),
            Text(_p(row)),
            Text(_chance(row)),
            Text(_decided(row, block["higher_is_better"])),
            *end,
        ])
    for label, value in frame.references(metric).items():
        rest = [*[blank] * (6 + (floor is not None)), Text("")]
        body.append([Text(label), Text(number(value, max(digits, decimals([value])))), *rest])
    against = frame.cell(frame.baseline)
    head = [
        "method",
        f"{labelled(block)} {LEVEL}",
        *(["× floor"] if floor is not None else []),
        "n",
        f"difference to {against.title if against else 'a baseline'} {LEVEL}",
        "p (Holm)",
        f"P(better) {LEVEL}",
        "verdict",
        "status",
        "record",
    ]
    shown = [metric] if metric else []
    tested = [] if block["higher_is_better"] is None else _test_notes(methods)
    notes = tested + _units(frame) + _tiers(frame) + manifest_notes(frame, shown)
    title = aimed(block) if metric else "nothing has run yet"
    return Table(f"{frame.title}: {title}", head, body, notes)


def secondary(frame: TaskFrame, summary: pd.DataFrame, link: Link) -> Table | None:
    """Every other metric, one column each: IQM with interval; last the optimality gap, where scores are normalised."""
    metrics = [metric for metric in frame.metrics if metric != frame.headline]
    rows = summary[(summary.ablation == "") & summary.metric.isin(metrics)]
    if rows.empty:
        return None
    digits = {metric: decimals(rows[rows.metric == metric].value) for metric in metrics}
    gaps = bool(rows.optimality_gap.notna().any())
    body = []
    for cell in frame.cells:
        own = rows[rows.cell == cell.name].set_index("metric")
        texts = [
            Text(interval(*own.loc[metric, ["value", "ci_low", "ci_high"]], digits[metric]))
            if metric in own.index
            else Text(NONE)
            for metric in metrics
        ]
        gap = [Text(number(own.optimality_gap.max(), 2))] if gaps else []
        body.append([Text(cell.title), *texts, *gap, record(cell, link)])
    known = {metric: frame.references(metric) for metric in metrics}
    for label in dict.fromkeys(label for references in known.values() for label in references):
        texts = [
            Text(number(known[metric][label], digits[metric])) if label in known[metric] else Text(NONE)
            for metric in metrics
        ]
        body.append([Text(label), *texts, *[Text(NONE)] * gaps, Text("")])
    blocks = [frame.metrics[metric] for metric in metrics]
    head = [f"{labelled(block)} {ARROWS[block['higher_is_better']]}".strip() for block in blocks]
    head += ["optimality gap ↓"] * gaps
    plain = ", no arrow: it only describes" if any(b["higher_is_better"] is None for b in blocks) else ""
    title = f"{frame.title}: further metrics (↑ higher is better, ↓ lower is better{plain})"
    notes = (
        ["Optimality gap: how far the runs stay short of the expert on average; a run beyond it counts as 0."]
        if gaps
        else []
    )
    return Table(title, ["method", *head, "record"], body, notes + manifest_notes(frame, metrics))


def ablation(frame: TaskFrame, swept: Ablation, summary: pd.DataFrame, link: Link) -> Table:
    """One row per value; differences to the reference method on the shared seeds."""
    metric = frame.headline
    rows = summary[summary.metric == metric].set_index("cell")
    own = rows[rows.ablation == swept.name]
    digits, fine = decimals(own.value), decimals(own.difference)
    body = []
    for cell in swept.points:
        texts = [Text(NONE)] * 4
        if cell.name in rows.index:
            row = rows.loc[cell.name]
            texts = [
                Text(interval(row.value, row.ci_low, row.ci_high, digits)),
                Text(str(row.n)),
                Text(_difference(row, fine)),
                Text(_chance(row)),
            ]
        itself = f" ({cell.title} itself)" if cell.name == swept.of else ""
        body.append([Text(f"{shown(cell.value)}{itself}"), *texts, status(cell), record(cell, link)])
    label = labelled(frame.metrics[metric]) if metric else "score"
    reference, of = frame.cell(swept.reference), frame.cell(swept.of)
    head = [
        swept.parameter,
        f"{label} {LEVEL}",
        "n",
        f"difference to {reference.title} {LEVEL}",
        f"P(better) {LEVEL}",
        "status",
        "record",
    ]
    counts = sorted({cell.n for cell in swept.cells if cell.record})
    notes = [f"Exploratory: {counts[0]} seeds a value, no test."] if counts else []
    title = f"{frame.title}: {swept.parameter} of {of.title}"
    return Table(title, head, body, notes + manifest_notes(frame, [metric] if metric else []))


def constraints(frame: TaskFrame, cells: Iterable[Cell], link: Link) -> Table | None:
    """Was the bottleneck at work: KL and beta over the last quarter of training."""
    body = []
    for cell in cells:
        state = constraint(cell)
        if state is None:
            continue
        budget = state.i_c is not None
        body.append([
            Text(cell.title),
            Text(f"{state.i_c:g}" if budget else NONE),
            Text(interval(state.kl, state.kl_low, state.kl_high, decimals([state.kl]))),
            Text(number(state.kl / state.i_c, 2) if budget else NONE),
            Text(NONE if state.beta is None else f"{state.beta:.2g}"),
            Text(state.state or "no budget"),
            record(cell, link),
        ])
    if not body:
        return None
    head = ["cell", "I_c (nat)", "KL [lowest, highest seed]", "KL / I_c", "beta", "constraint", "record"]
    notes = [
        "Means over the last quarter of training, seeds that failed left out. Binding: KL from "
        "0.85 to 1.1 I_c. Slack: KL below that and beta under 0.001. Below I_c, beta still on: "
        "beta overshot and has not come down. Above I_c: KL beyond 1.1 I_c."
    ]
    return Table(f"{frame.title}: is the information constraint at work?", head, body, notes)


def ranking(frame: TaskFrame, summary: pd.DataFrame) -> pd.DataFrame:
    """The methods that ran, best first on the headline metric; none where it only describes."""
    rows = summary[(summary.ablation == "") & (summary.metric == frame.headline)]
    up = frame.metrics[frame.headline]["higher_is_better"] if len(rows) else None
    if up is None:
        return rows[:0]
    return rows.sort_values("value", ascending=not up, kind="stable")


def verdict(row, higher_is_better: bool | None) -> str:
    """'better' needs Holm's p under 5 %, P(better) of at least 3/4 and its whole interval above 1/2; 'worse' the mirror image."""
    if not np.isfinite(row.difference) or higher_is_better is None:
        return NONE
    if not np.isfinite(row.p_holm):
        return "not tested"
    up = (row.difference > 0) == higher_is_better
    clear, least = (row.improvement, row.improvement_low) if up else (1 - row.improvement, 1 - row.improvement_high)
    if row.p_holm < significance.ALPHA and clear >= st.LARGE_IMPROVEMENT and least > 0.5:
        return f"▲{TIED}better" if up else f"▼{TIED}worse"
    return "not separable"


def _tiers(frame: TaskFrame) -> list[str]:
    """How far a run may differ when it is made again, and of which cells that is said."""
    tiers: dict[str, list[str]] = {}
    for cell in frame.cells:
        if cell.record:
            tiers.setdefault(cell.record["tier"], []).append(cell.title)
    parts = [f"{name} ({', '.join(titles)})" if len(tiers) > 1 else name for name, titles in tiers.items()]
    return [f"Tier of reproducibility: {'; '.join(parts)}."] if parts else []


def manifest_notes(frame: TaskFrame, metrics: Iterable[str]) -> list[str]:
    """'Manifest a1b2c3d4 (frechet, kid): encoder digits-cnn, resize none, ...' per manifest shown."""
    notes = []
    for name, manifest in frame.manifests.items():
        used = [metric for metric in metrics if frame.metrics[metric].get("manifest") == name]
        entries = ", ".join(f"{key} {str(value)[:LONGEST_HASH]}" for key, value in manifest.items())
        notes += [f"Manifest {name} ({', '.join(used)}): {entries}."] if used else []
    return notes


def _best(frame: TaskFrame, summary: pd.DataFrame) -> list[str]:
    """scored by, baseline, best method, difference, verdict; dashes where nothing ran or ranks."""
    ranked = ranking(frame, summary)
    if ranked.empty:
        return [NONE] * 5
    best, base = ranked.iloc[0], ranked[ranked.cell == frame.baseline]
    block = frame.metrics[frame.headline]
    digits = decimals([best.value, *base.value])
    fine = decimals([best.difference])
    gap = interval(best.difference, best.difference_ci_low, best.difference_ci_high, fine)
    first = f"{frame.cell(frame.baseline).title}: " if len(base) else ""
    return [
        aimed(block),
        first + number(base.value.iloc[0], digits) if len(base) else NONE,
        f"{frame.cell(best.cell).title}: " + interval(best.value, best.ci_low, best.ci_high, digits),
        "is the baseline" if best.cell == frame.baseline else gap,
        verdict(best, block["higher_is_better"]),
    ]


def _difference(row, digits: int) -> str:
    if not np.isfinite(row.difference):
        return NONE
    words = interval(row.difference, row.difference_ci_low, row.difference_ci_high, digits)
    return f"{words}, ρ{TIED}{number(row.rho, 2)}" if np.isfinite(row.rho + row.difference_ci_low) else words


def _chance(row) -> str:
    return interval(row.improvement, row.improvement_low, row.improvement_high, 2)


def _decided(row, higher_is_better: bool | None) -> str:
    """The verdict, and where there is none, the seeds that would give one."""
    word = verdict(row, higher_is_better)
    if word not in UNDECIDED or not np.isfinite(row.seeds_needed):
        return word
    seeds = f"{row.seeds_needed:.0f}" if row.seeds_needed <= MANY else f"over {MANY}"
    return f"{word} (needs{TIED}{seeds})"


def _p(row) -> str:
    if not np.isfinite(row.p_holm):
        return NONE
    return "< 0.001" if row.p_holm < 0.001 else f"{row.p_holm:.3f}"


def _test_notes(rows: pd.DataFrame) -> list[str]:
    """How many comparisons Holm adjusts over, or why nothing was tested."""
    compared = rows[rows.difference.notna()]
    if compared.empty:
        return []
    n, count = int(compared.n.min()), len(compared)
    seeds = "Needs: the seeds with which this test would find the observed mean difference with 80 % power, were it the true one."
    if significance.can_reach_significance(n, count):
        return [f"p: sign-flip test on {n} paired seeds, {_family(count)}. {seeds}"]
    smallest = min(1.0, count * 2 / 2**n)
    return [
        f"Significance cannot be reached: with {n} seeds, {_family(count)}, no p falls below "
        f"{smallest:.2g}, so none is given; a test here needs at least {significance.FEWEST_FOR_TEST} seeds. {seeds}"
    ]


def _units(frame: TaskFrame) -> list[str]:
    """What n counts where it is not training runs."""
    cell = next((cell for cell in frame.cells if cell.record and cell.rewards), None)
    if cell is None:
        return []
    each = len(cell.seeds) // cell.n
    return (
        [f"n counts learnt rewards: the {each} policies trained on each are averaged first, as they share it."]
        if each > 1
        else []
    )


def _family(count: int) -> str:
    return "one comparison" if count == 1 else f"Holm over {count} comparisons"
