"""Remove a method: its block of params.yaml, its key and its record."""

from argparse import ArgumentParser, Namespace

EXAMPLE = "bench remove mine --task digits8"


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("method", help="a method, or a record that has no block any more (`bench list` names these)")
    parser.add_argument("--task", help="default: the one task that has it")


def run(args: Namespace) -> None:
    from harness.workspace.editing import editing
    from harness.workspace.remove import remove

    with editing(args.root):
        told = list(remove(args.root, args.method, args.task))
    for line in told:
        print(line)
