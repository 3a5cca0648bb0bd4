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
    """Return every score of every record, live and archived, one per row.

    The columns are task, cell, method (for an ablated cell the method that was changed), seed, step (the last one is
    the end of training), metric, value, preset, and manifest, which names how the metric was measured ("" if nothing
    does). Raises BenchError for a record that cannot be read, with the command that makes it again.

    root: the project's folder; by default the one that contains this package.
    """
    from harness.report.records import tidy

    return tidy.scores(root)


def curves(root: Path | str | None = None) -> pd.DataFrame:
    """Return every training log of every record, live and archived, one per row.

    The columns are task, cell, method, seed, step, log (such as kl or loss_critic), value (the mean since the previous
    logged step) and preset. Raises the errors of `scores`.

    root: the project's folder, as in `scores`.
    """
    from harness.report.records import tidy

    return tidy.curves(root)
