"""Summarise the records in results/summary/, a table per task."""

from argparse import ArgumentParser, Namespace

EXAMPLE = "bench evaluate"


def arguments(parser: ArgumentParser) -> None:
    """None: it reads all records."""


def run(args: Namespace) -> None:
    from harness.plan.params import read_params
    from harness.report.records.summaries import write_summaries

    write_summaries(args.root, read_params(args.root))
