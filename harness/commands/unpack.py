"""Put a packed run back into a copy of the tree."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

EXAMPLE = "bench unpack c_maze build/c_maze"


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("preset", help="of the packed run")
    parser.add_argument("copy", type=Path, help="the folder of the copy")
    parser.add_argument("--parts", type=Path, metavar="FOLDER", help="where `bench pack --parts` wrote larger blocks")


def run(args: Namespace) -> None:
    from harness.workspace.pack import unpack

    print(f"{unpack(args.root, args.preset, args.copy, args.parts)} put into {args.copy}")
