"""What the paper printed: its tables, the points read off its figures, and the verdict on a number.

A published number stands beside ours only where `report.published.<task>` declares one protocol:
`task` and `metric` name the published column and our metric, `names` maps our methods to the
paper's, `margin` is the relative width within which an interval can confirm anything.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from harness.report.records.frame import TaskFrame
from harness.report.stats import statistics as st
from harness.report.tables.words import NONE, TIED, Link, Table, Text, decimals, interval, record

FIGURE_2, FIGURE_8 = 2, 8


@cache
def read_off(figure: int) -> dict[str, pd.Series]:
    """Curve name -> y indexed by x, read by eye from the camera-ready figure of that number.

    Figure 2: D(x) per I_c, good to 0.03. Figure 8: FID per method and iteration, good to 1.
    """
    data = pd.read_csv(Path(__file__).with_name("read_off.csv"), dtype={"curve": str})
    rows = data[data.figure == figure]
    return {name: part.set_index("x").y for name, part in rows.groupby("curve", sort=False)}


def load(path: Path) -> pd.DataFrame | None:
    """published.csv with its numbers as printed (text, '' where none); None without the file."""
    return pd.read_csv(path, dtype=str, keep_default_na=False) if path.is_file() else None


def numbers(data: pd.DataFrame) -> list[Table]:
    """One table per domain: methods by tasks, the latest version first."""
    tables = []
    for domain, rows in data.groupby("domain", sort=False):
        tasks = list(dict.fromkeys(rows.task))
        body = [
            [Text(method), *(Text(_versions(own[own.task == task])) for task in tasks)]
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
        ours, word = NONE, "not run"
        if cell.record and metric in cell.record["metrics"]:
            x = cell.units(metric).to_numpy()
            runs = int(theirs.n_seeds or 1)  # one run where the paper does not say
            single = float(cell.endpoint(metric).var(ddof=1)) if cell.rewards else None
            low, high = st.prediction_interval(x, runs, variance_of_run=single) if len(x) > 1 else (np.nan, np.nan)
            ours = interval(x.mean(), low, high, decimals([x.mean()]))
            word = verdict(float(theirs["mean"]), x.mean(), low, high, margin, theirs.higher_is_better == "true")
        body.append([
            Text(cell.title),
            Text(ours),
            Text(str(cell.n) if cell.record else NONE),
            Text(_printed(theirs)),
            Text(word),
            record(cell, link),
        ])
    if not body:
        return None
    head = ["method", "ours, mean [95 % prediction]", "n", "published", "verdict", "record"]
    notes = [
        "Reproduced: the published value lies in the interval in which a new mean of as many runs "
        f"as the paper's would fall, and that interval is within {margin:.0%} of our mean. "
        "Inconclusive: the interval is wider than that. Ours is better: the whole interval is beyond the published "
        "value; not reproduced: short of it."
    ]
    return Table(f"{frame.title}: {metric} beside the published {declared['task']}", head, body, notes)


def verdict(published: float, mean: float, low: float, high: float, margin: float, higher_is_better: bool) -> str:
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
