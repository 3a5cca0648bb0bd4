"""Run every cell at a few steps, in build/smoke/."""

from argparse import ArgumentParser, Namespace

from harness.commands._types import timeout

EXAMPLE = "bench smoke"


def arguments(parser: ArgumentParser) -> None:
    timeout(parser)


def run(args: Namespace) -> None:
    from harness.workspace.presets import smoke

    print(smoke(args.root, args.timeout))
