"""Replay the first steps of records, live or archived, with the present code."""

from argparse import ArgumentParser, Namespace

from harness.commands._types import positive_integer, timeout

NOT_PROVED = "this proves neither its later steps, nor its other blocks, nor its scores"
EXAMPLE = "bench verify c_maze c_maze airl --steps 10"


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("preset", help="of archived records, or the project's own for the live ones")
    parser.add_argument("task", nargs="?", help="default: every task of the preset")
    parser.add_argument("cell", nargs="?", help="default: every cell of the task")
    parser.add_argument("--steps", type=positive_integer, default=10, help="updates to replay (default: %(default)s)")
    parser.add_argument(
        "--jobs", type=positive_integer, default=1, help="cells at the same time (default: %(default)s)"
    )
    timeout(parser)


def run(args: Namespace) -> int:
    from harness.workspace.verify import verify

    found = verify(args.root, args.preset, args.steps, args.task, args.cell, args.jobs, args.timeout)
    for name, agrees in found.items():
        does = "reproduces" if agrees else "no longer reproduces"
        print(f"{name}: the current code {does} the recorded states")
    print(f"the first {args.steps} steps of the first block of each record were trained again: {NOT_PROVED}")
    return int(not all(found.values()))
