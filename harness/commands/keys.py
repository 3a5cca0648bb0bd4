"""Hash the code that each cell runs, into results/keys/."""

from argparse import ArgumentParser, Namespace

EXAMPLE = "bench keys"


def arguments(parser: ArgumentParser) -> None:
    """Add no arguments: it writes the keys of all cells."""


def run(args: Namespace) -> None:
    from harness.plan.keys import write_keys
    from harness.plan.plan import load_plan

    write_keys(args.root, load_plan(args.root).params)
