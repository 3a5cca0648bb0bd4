"""What the paper printed as tables, beside ours with a verdict where the protocol is the same.

A published number stands beside ours only where `report.published.<task>` declares one protocol:
`task` and `metric` name the published column and our metric, `names` maps our methods to the
paper's, `margin` is the relative width within which an interval can confirm anything.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from harness.report.records.frame import TaskFrame
from harness.report.stats import statistics as st
from harness.report.tables.entries import MISSING, Head, Link, Table, Text, count, measured, source, title
from harness.report.tables.spelling import NONE, TIED


def numbers(data: pd.DataFrame, methods: dict[str, str] | None = None) -> list[Table]:
    """One table per domain: methods by tasks, the latest version first. methods: those of ours by the title that they
    share.
    """
    known = methods or {}
    tables = []
    for domain, rows in data.groupby("domain", sort=False):
        tasks = list(dict.fromkeys(rows.task))
        body = [
            [Text(method, method=known.get(method, "")), *(Text(_versions(own[own.task == task])) for task in tasks)]
            for method, own in rows.groupby("method", sort=False)
        ]
        ways = dict(zip(rows.metric, rows.higher_is_better, strict=True))
        metrics = ", ".join(
            f"{metric.replace('_', ' ')} ({'higher' if up == 'true' else 'lower'} is better)"
            for metric, up in ways.items()
        )
        sources = "; ".join(dict.fromkeys(rows.source))
        note = f"Source: {sources}. ± is the printed spread, n the printed number of runs."
        title = f"{domain.replace('_', ' ')}: {metrics}"
        tables.append(Table(title, ["method", *tasks], body, [note]))
    return tables


def beside(frame: TaskFrame, declared: dict[str, Any], data: pd.DataFrame, link: Link) -> Table | None:
    """Ours beside the published number of the same protocol, with a verdict per method."""
    metric, margin = declared["metric"], declared["margin"]
    rows = data[data.task == declared["task"]].drop_duplicates("method", keep="last")
    rows = rows.set_index("method")
    body = []
    for cell in frame.cells:
        name = declared["names"].get(cell.name)
        if name not in rows.index:
            continue
        theirs = rows.loc[name]
        ours, word = MISSING, "not run"
        if cell.record and metric in cell.head["metrics"]:
            x = cell.units(metric).to_numpy()
            runs = int(theirs.n_seeds or 1)  # one run where the paper does not say
            single = float(cell.endpoint(metric).var(ddof=1)) if cell.rewards else None
            low, high = st.prediction_interval(x, runs, variance_of_run=single) if len(x) > 1 else (np.nan, np.nan)
            ours = measured(x.mean(), low, high)
            word = agreement(float(theirs["mean"]), x.mean(), low, high, margin, theirs.higher_is_better == "true")
        body.append([
            title(cell),
            ours,
            count(cell.n) if cell.record else MISSING,
            Text(_printed(theirs)),
            Text(word),
            source(cell, link),
        ])
    if not body:
        return None
    head: list[Head | str] = ["method", Head("ours, mean", "95 % prediction"), "n", "published", "verdict", "record"]
    notes = [
        (
            "Reproduced: the published value lies in the interval in which a new mean of as many runs "
            f"as the paper's would fall, and that interval is within {margin:.0%} of our mean. "
            "Inconclusive: the interval is wider than that. Ours is better: the whole interval is beyond the published "
            "value; not reproduced: short of it."
        )
    ]
    return Table(f"{frame.title}: {metric} beside the published {declared['task']}", head, body, notes)


def agreement(published: float, mean: float, low: float, high: float, margin: float, higher_is_better: bool) -> str:
    """'reproduced', 'inconclusive', 'not reproduced' or, beyond the published value, 'ours is better'."""
    if not np.isfinite(low):
        return "inconclusive"
    if not low <= published <= high:
        return "ours is better" if (mean > published) == higher_is_better else "not reproduced"
    return "reproduced" if (high - low) / 2 <= margin * abs(mean) else "inconclusive"


def _printed(row: Any) -> str:
    """'0.64 ± 0.09 (n 3)', with the digits that the paper prints."""
    words = row["mean"].replace("-", "−")
    words += f"{TIED}±{TIED}{row['std']}" if row["std"] else ""
    return words + (f" (n{TIED}{row['n_seeds']})" if row["n_seeds"] else "")


def _versions(rows: pd.DataFrame) -> str:
    """The last printed value, and an earlier one where it differs."""
    words = list(dict.fromkeys(_printed(row) for row in rows.iloc[::-1].to_dict("records")))
    return words[0] + (f"; at first {words[1]}" if len(words) > 1 else "") if words else NONE
