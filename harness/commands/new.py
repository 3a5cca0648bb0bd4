"""Add a method of your own: a block in params.yaml, or a file too."""

from argparse import ArgumentParser, Namespace

EXAMPLE = "bench new mine --like vgan --task digits8"


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("method", help="its name")
    parser.add_argument(
        "--like", metavar="METHOD", help="the method that it starts from; with --file an algorithm's name will do"
    )
    parser.add_argument("--task", help="default: the first task that has such a method")
    parser.add_argument(
        "--file", action="store_true", help="write an algorithm too: a copy of that file, or of the template"
    )


def run(args: Namespace) -> None:
    from harness.workspace.new_method import new_method

    for line in new_method(args.root, args.method, args.like, args.task, args.file):
        print(line)
