"""Train all from nothing and compare with the committed records."""

from argparse import ArgumentParser, Namespace

from harness.commands._types import timeout

EXAMPLE = "bench reproduce"


def arguments(parser: ArgumentParser) -> None:
    timeout(parser)


def run(args: Namespace) -> int:
    from harness.workspace.reproduce import reproduce

    return reproduce(args.root, args.timeout)
