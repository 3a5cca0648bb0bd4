"""Make tables of the numbers that the paper printed, with our numbers and a verdict where the protocol is the same.

A published number is compared with ours only if `report.published.<task>` declares that both have the same protocol:
`task` and `metric` name the published column and our metric, `names` maps our methods to the paper's, and `margin` is
the largest half-width of an interval, relative to our mean, that can confirm the published value.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd

from harness.report.records.frame import CellFrame, TaskFrame
from harness.report.stats import statistics as st
from harness.report.tables.entries import MISSING, Head, Link, Table, Text, count, measured, source, title
from harness.report.tables.spelling import NONE, TIED

DOMAINS = {  # a metric of the file -> the name that readers see of its domain
    "joint_rotation_error_rad": "Motion capture",
    "transfer_return": "Mazes",
    "FID": "Images",
}


def numbers(data: pd.DataFrame, methods: dict[str, str] | None = None) -> list[Table]:
    """Make one table for each domain, of methods by tasks, with the latest printed version first.

    methods: the title of a published method -> our method of the same title.
    """
    known, printed = methods or {}, _by_place(data)
    tables = []
    for domain, rows in data.groupby("domain", sort=False):
        tasks = list(dict.fromkeys(rows.task))
        body = [
            [
                Text(method, method=known.get(method, "")),
                *(Text(_versions(printed.get((domain, method, task), []))) for task in tasks),
            ]
            for method in dict.fromkeys(rows.method)
        ]
        ways = dict(zip(rows.metric, rows.higher_is_better, strict=True))
        metrics = "; ".join(
            f"{_spelt(metric)}, {'higher' if up == 'true' else 'lower'} is better" for metric, up in ways.items()
        )
        sources = "; ".join(dict.fromkeys(rows.source))
        note = f"Source: {sources}. ± is the printed spread, n the printed number of runs."
        note += " Earlier: as the submission had it." * any("; earlier " in cell.text for row in body for cell in row)
        named = next((DOMAINS[metric] for metric in ways if metric in DOMAINS), domain.replace("_", " "))
        tables.append(Table(f"{named}: {metrics}", ["method", *tasks], body, [note]))
    return tables


def beside(frame: TaskFrame, declared: dict[str, Any], data: pd.DataFrame, link: Link) -> Table | None:
    """Compare our scores with the numbers published under the same protocol, with a verdict for each method.

    Returns None if none of our methods has a published number.

    declared: the block `report.published.<task>`.
    data: the published numbers.
    link: a file of the project -> its address.
    """
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
            runs = int(theirs.n_seeds or 1)  # one run if the paper does not say how many
            low, high = _interval(cell, metric, runs, theirs["std"]) if len(x) > 1 else (np.nan, np.nan)
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
    head: list[Head | str] = [
        "method",
        Head("ours, mean", "95 % prediction or Welch"),
        "n",
        "published",
        "verdict",
        "record",
    ]
    notes = [
        (
            "Reproduced: the published value lies in the interval in which a new mean of as many runs as the paper's "
            "would fall, by their printed spread or, without one, by ours, and half the width of that interval is at "
            f"most {margin:.0%} of our mean. "
            "Inconclusive: the interval is wider than that. Ours is better: the whole interval is better than the "
            "published value. Not reproduced: the whole interval is worse than it."
        )
    ]
    return Table(f"{frame.title}: {metric} beside the published {declared['task']}", head, body, notes)


def _interval(cell: CellFrame, metric: str, runs: int, spread: str) -> tuple[float, float]:
    """Return where the published mean should lie: Welch's interval if its spread was printed, else a prediction's."""
    x = cell.units(metric).to_numpy()
    if spread and runs > 1:
        return st.welch_interval(x, float(spread), runs)
    single = float(cell.endpoint(metric).var(ddof=1)) if cell.rewards else None
    return st.prediction_interval(x, runs, variance_of_run=single)


def agreement(published: float, mean: float, low: float, high: float, margin: float, higher_is_better: bool) -> str:
    """Return the verdict: 'reproduced', 'inconclusive', 'not reproduced' or 'ours is better'.

    published: the published mean.
    mean: our mean.
    low: the lower end of the prediction interval around it.
    high: its upper end.
    margin: the largest half-width, relative to our mean, of an interval that can confirm the published value.
    higher_is_better: the direction of the metric.
    """
    if not np.isfinite(low):
        return "inconclusive"
    if not low <= published <= high:
        return "ours is better" if (mean > published) == higher_is_better else "not reproduced"
    return "reproduced" if (high - low) / 2 <= margin * abs(mean) else "inconclusive"


def _printed(row: Any) -> str:
    """Return a published number as '0.64 ± 0.09 (n 3)', with the digits that the paper prints."""
    words = row["mean"].replace("-", "−")
    words += f"{TIED}±{TIED}{row['std']}" if row["std"] else ""
    return words + (f" (n{TIED}{row['n_seeds']})" if row["n_seeds"] else "")


def _spelt(metric: str) -> str:
    """Return the name of a column for readers: 'joint rotation error (rad)' for joint_rotation_error_rad."""
    return re.sub(r" rad$", " (rad)", metric.replace("_", " "))


def _by_place(data: pd.DataFrame) -> dict[tuple[str, str, str], list[dict[str, str]]]:
    """Return the rows by domain, method and task."""
    found: dict[tuple[str, str, str], list[dict[str, str]]] = {}
    for row in data.to_dict("records"):
        found.setdefault((row["domain"], row["method"], row["task"]), []).append(row)
    return found


def _versions(rows: list[dict[str, str]]) -> str:
    """Return the last printed value, followed by the first one if it differs."""
    words = list(dict.fromkeys(map(_printed, reversed(rows))))
    return words[0] + (f"; earlier {words[1]}" if len(words) > 1 else "") if words else NONE
