"""Simulate the statistics of the report on known distributions, and write how often they hold.

    python -m harness.benchmarks.simulation

Writes results/statistics/coverage.csv, which the report shows; equal code gives equal bytes. Takes a minute on one
core.
"""

from __future__ import annotations

import argparse
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("results/statistics/coverage.csv"))
    args = parser.parse_args()

    import pandas as pd

    from harness.files import write_text
    from harness.report.stats.simulation import coverage, errors, smallest

    table = pd.DataFrame([*coverage(), *errors(), *smallest()])
    write_text(args.out, table.to_csv(index=False, float_format="%.4g", lineterminator="\n"))
    print(table.to_string(index=False))


if __name__ == "__main__":
    main()
