"""Make tables of the simulated statistics: what a number of seeds can and cannot decide."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from harness.errors import BenchError
from harness.report.stats.significance import ALPHA, EXACT_FLIPS, FEWEST_FOR_TEST
from harness.report.stats.simulated import METHODS, RULES, Row
from harness.report.tables.entries import MISSING, Number, Table, Text, count
from harness.report.tables.spelling import TIED

COMMAND = "python -m harness.benchmarks.simulation"


def load_coverage(path: Path) -> pd.DataFrame | None:
    """Read rows as in simulated.Row; None if the file does not exist. Raises BenchError for other columns."""
    if not path.is_file():
        return None
    rows = pd.read_csv(path)
    if list(rows.columns) != list(Row._fields):
        raise BenchError(f"{path}: the columns must be {', '.join(Row._fields)}; run `{COMMAND}`")
    return rows


def tables(path: Path) -> list[Table]:
    """Make a table of coverage and errors, and one with a line for each number of seeds; none without the file."""
    rows = load_coverage(path)
    return [] if rows is None else [_decisions(rows), _shares(rows)]


def _shares(rows: pd.DataFrame) -> Table:
    """Make a table of each statistic against the number of seeds, for both populations."""
    shares = rows[rows.quantity != "smallest difference found"]
    columns = [(distribution, n) for distribution in dict.fromkeys(shares.distribution) for n in sorted(set(shares.n))]
    body = []
    for (quantity, method), own in shares.groupby(["quantity", "method"], sort=False):
        values = own.set_index(["distribution", "n"]).value
        cells = [Number(values[place], ".3f") if place in values else MISSING for place in columns]
        body.append([Text(quantity), Text(method, strong=bool(own.used.iloc[0])), *cells])
    head = ["what", "method (bold: in use)", *(f"{distribution}, n{TIED}={TIED}{n}" for distribution, n in columns)]
    notes = [
        (
            f"Shares of {shares.experiments.max()} simulated experiments, each with an error of at most about "
            f"{1.96 * shares.error.max():.3f}. Coverage: how often a nominal 95 % interval contains the true value. "
            "Family-wise error: how often any method of a family without differences passes at 5 %. Collapsed: one run "
            "in five ends at a floor ten standard deviations below the others. Two methods on one seed share half of "
            f"their variance; if two are compared, one is better by one standard deviation. Made by {COMMAND}."
        )
    ]
    return Table("Do the intervals and tests hold? Coverage on known distributions", head, body, notes)


def _decisions(rows: pd.DataFrame) -> Table:
    """Make a table of what n seeds can and cannot decide, with a row for each n."""
    found = rows[rows.quantity == "smallest difference found"].set_index(["n", "method"]).value
    body = [[count(n), *_support(found[n], n)] for n in sorted(set(found.index.get_level_values("n")))]
    head = [
        "seeds",
        "smallest p of a sign-flip test",
        "a difference found with 80 % power, in standard deviations",
        "what follows",
    ]
    notes = [
        (
            "The unit is the standard deviation of the differences over shared seeds, between two normal methods. "
            "Numbers are simulated, except those of the interval, which follow from a formula. A smaller difference is "
            "missed more often than one time in five: 'not separable' is not evidence of equality. A family of more "
            f"than {METHODS} methods asks for more."
        )
    ]
    return Table("What n seeds can support", head, body, notes)


def _support(found: pd.Series, n: int) -> tuple[Number, Text, Text]:
    """Return the smallest p, the differences that are found, and what follows from them."""
    one, family, clear = (found[f"sign flips, {rule}"] for rule in RULES)
    t = found["paired t interval without 0"]
    least = max(2 / 2**n, 1 / (EXACT_FLIPS + 1))
    fewer = (
        "no difference, however large, passes a test; the interval of one leaves 0 out from about "
        f"{t:.2g}: exploration only"
    )
    if n < FEWEST_FOR_TEST:
        so = fewer if least > ALPHA else f"a single comparison may pass a test, one of {METHODS} cannot"
    else:
        so = (
            f"one of {METHODS} methods is called better if it is better by {clear:.2g} standard deviations; "
            "smaller differences may stay open"
        )
    tested = [
        f"{value:.2g} ({name})"
        for value, name in ((one, "one comparison"), (family, f"one of {METHODS}"))
        if np.isfinite(value)
    ]
    differences = "; ".join([f"{t:.2g} (interval of the difference)", *tested])
    return Number(least, ".2g"), Text(differences), Text(so)
