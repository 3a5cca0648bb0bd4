"""Replay the first steps of records, live or archived, with the present code."""

from argparse import ArgumentParser, Namespace

from harness.commands._types import positive_integer

NOT_PROVED = "this proves neither its later steps, nor its other blocks, nor its scores"
EXAMPLE = "bench verify c_maze c_maze airl --steps 10"


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("preset", help="of archived records, or the project's own for the live ones")
    parser.add_argument("task", nargs="?", help="default: every task of the preset")
    parser.add_argument("cell", nargs="?", help="default: every cell of the task")
    parser.add_argument("--steps", type=positive_integer, default=10, help="updates to replay (default: %(default)s)")


def run(args: Namespace) -> int:
    from harness.workspace.verify import verify

    differ = 0
    for name, agrees in verify(args.root, args.preset, args.steps, args.task, args.cell):
        print(
            f"{name}: {'the current code reproduces the recorded states' if agrees else 'the current code no longer reproduces the recorded states'}",
            flush=True,
        )
        differ += not agrees
    print(f"of each record the first {args.steps} steps of the first block were trained again: {NOT_PROVED}")
    return int(differ > 0)
