"""Summarise the records: a table per task in results/summary/, a few numbers per method in results/metrics/."""

import sys
from argparse import ArgumentParser, Namespace

EXAMPLE = "bench evaluate"


def arguments(parser: ArgumentParser) -> None:
    """None: it reads all records. One that cannot be read is told here, and fails `bench report`, which comes next."""


def run(args: Namespace) -> None:
    from harness.plan.params import read_params
    from harness.report.records.summaries import write_summaries

    for line in write_summaries(args.root, read_params(args.root)):
        print(line, file=sys.stderr)
