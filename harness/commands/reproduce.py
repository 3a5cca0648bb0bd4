"""Train all from nothing and compare with the committed records."""

from argparse import ArgumentParser, Namespace

EXAMPLE = "bench reproduce"


def arguments(parser: ArgumentParser) -> None:
    """None: it trains every cell."""


def run(args: Namespace) -> int:
    from harness.workspace.reproduce import reproduce

    return reproduce(args.root)
