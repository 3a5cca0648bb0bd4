"""The committed results as tidy pandas frames: `import harness`, then `harness.scores()` and `harness.curves()`.

What the functions need is imported when they are called, so that the package itself imports nothing.
"""

from __future__ import annotations

import typing

if typing.TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

__all__ = ["curves", "scores"]


def scores(root: Path | str | None = None) -> pd.DataFrame:
    """Every score of every record, live and archived, a row each.

    Columns: task, cell, method (of an ablated cell the one that was changed), seed, step (the last one is the end of
    training), metric, value, preset, and manifest, which names how the metric was measured ("" where nothing is to say).
    root: the project's folder; default: the one that this package lies in.
    Raises BenchError for a record that cannot be read, with the command that makes it again.
    """
    from harness.report.records import tidy

    return tidy.scores(root)


def curves(root: Path | str | None = None) -> pd.DataFrame:
    """Every training log of every record, live and archived, a row each.

    Columns: task, cell, method, seed, step, log (such as kl or loss_critic), value (the mean since the logged step
    before), preset. root and errors as of `scores`.
    """
    from harness.report.records import tidy

    return tidy.curves(root)
