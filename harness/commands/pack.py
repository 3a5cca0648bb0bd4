"""Keep an unfinished run in results/, to go on elsewhere."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from harness.errors import BenchError

EXAMPLE = "bench pack build/c_maze"


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("copy", type=Path, help="the folder in which it runs")
    parser.add_argument("--parts", type=Path, metavar="FOLDER", help="for blocks too large for git: in files of 20 MB")


def run(args: Namespace) -> None:
    from harness.workspace.pack import pack

    if not (args.copy / "params.yaml").is_file():
        raise BenchError(f"{args.copy} is no copy of the project: name the folder of a run, such as build/NAME")
    if args.copy.resolve() == args.root:
        raise BenchError(f"{args.copy} is this project itself: name the folder of a copy, such as build/NAME")
    for path in pack(args.root, args.copy, args.parts):
        print(path)
