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
    from harness.store import ARCHIVE, checked_name
    from harness.workspace.pack import UNFINISHED, unpack

    checked_name("a preset", args.preset)
    if not any((args.root / kept / args.preset).is_dir() for kept in (ARCHIVE, UNFINISHED)):
        raise BenchError(f"preset {args.preset} has no records in {ARCHIVE} and no packed run in {UNFINISHED}")
    if args.copy.exists() and not args.copy.is_dir():
        raise BenchError(f"{args.copy} is a file: name the folder of a copy, such as build/{args.preset}")
    if args.copy.resolve() == args.root:
        raise BenchError(f"{args.copy} is this project itself: name the folder of a copy, such as build/{args.preset}")
    if args.copy.is_dir() and any(args.copy.iterdir()) and not (args.copy / "params.yaml").is_file():
        raise BenchError(
            f"{args.copy} is no copy of the project: name one, or a new folder such as build/{args.preset}"
        )
    print(f"{unpack(args.root, args.preset, args.copy, args.parts)} put into {args.copy}")
