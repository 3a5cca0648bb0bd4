"""Summarise the records: a table per task in results/summary/, a few numbers per method in results/metrics/."""

import sys
from argparse import ArgumentParser, Namespace

EXAMPLE = "bench evaluate"


def arguments(parser: ArgumentParser) -> None:
    """Add no arguments: it reads all records. A record that cannot be read is printed, and `bench report`, which
    follows, fails.
    """


def run(args: Namespace) -> None:
    from harness.plan.params import read_params
    from harness.report.records.summaries import FOLDER, write_summaries

    params = read_params(args.root)
    for line in write_summaries(args.root, params):
        print(line, file=sys.stderr)
    print(f"summaries of {len(params['tasks'])} tasks are in {FOLDER}")
