"""Add a method of your own: a block in params.yaml, a file too, or a package."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

EXAMPLE = "bench new mine --like vgan --task digits8"


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("method", help="its name")
    parser.add_argument(
        "--like", metavar="METHOD", help="the method that it starts from; with --file an algorithm's name will do"
    )
    parser.add_argument("--task", help="default: the first task that has such a method")
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument(
        "--file", action="store_true", help="write an algorithm too: a copy of that file, or of the template"
    )
    kind.add_argument(
        "--package", type=Path, metavar="DIR", help="write the algorithm as an installable package of its own instead"
    )
    kind.add_argument("--algorithm", metavar="NAME", help="of the block, such as one that a package offers")


def run(args: Namespace) -> None:
    from harness.workspace.editing import editing
    from harness.workspace.new_method import new_method, new_package

    if args.package is not None:
        told = new_package(args.root, args.method, args.like, args.task, args.package)
    else:
        with editing(args.root):
            told = new_method(args.root, args.method, args.like, args.task, args.file, args.algorithm)
    for line in told:
        print(line)
