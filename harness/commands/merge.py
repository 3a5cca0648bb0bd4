"""Bring another copy's records into results/archive/."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from harness.errors import BenchError

EXAMPLE = "bench merge build/cifar"


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("source", type=Path, help="the folder of the copy")


def run(args: Namespace) -> None:
    from harness.workspace.merge import merge

    if args.source.resolve() == args.root:
        raise BenchError(f"{args.source} is this project itself: name the folder of a copy, such as build/NAME")
    new, here = merge(args.root, args.source)
    print(f"{len(new)} records brought in, {len(here)} were here already")
