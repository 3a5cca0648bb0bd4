"""Run every cell at a few steps, in build/smoke/."""

from argparse import ArgumentParser, Namespace

EXAMPLE = "bench smoke"


def arguments(parser: ArgumentParser) -> None:
    """None: it runs the whole preset `smoke`."""


def run(args: Namespace) -> None:
    from harness.workspace.presets import smoke

    print(smoke(args.root))
