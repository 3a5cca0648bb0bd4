"""Put a packed run back into a copy of the tree."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from harness.errors import BenchError

EXAMPLE = "bench unpack c_maze build/c_maze"


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("preset", help="of the packed run")
    parser.add_argument("copy", type=Path, help="the folder of the copy")
    parser.add_argument("--parts", type=Path, metavar="FOLDER", help="where `bench pack --parts` wrote larger blocks")


def run(args: Namespace) -> None:
    from harness.workspace.pack import UNFINISHED, unpack

    if not args.copy.is_dir():
        raise BenchError(f"{args.copy} is not a folder: name that of a copy, such as build/{args.preset}")
    found = unpack(args.root, args.preset, args.copy, args.parts)
    if not found and not (args.root / UNFINISHED / args.preset).is_dir():
        raise BenchError(f"preset {args.preset} has no packed run in {UNFINISHED}: `bench pack` makes one")
    print(f"{found} put into {args.copy}")
