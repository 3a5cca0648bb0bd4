"""Film a clip and the trained policies that follow it, side by side, for the page."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

EXAMPLE = "bench film march true_reward gail vail"


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("task", help="one that follows a clip, on the flat body")
    parser.add_argument("cells", nargs="+", metavar="CELL", help="trained here, from left to right beside the clip")
    parser.add_argument("--seed", type=int, help="default: the first of each cell")
    parser.add_argument("--seconds", type=float, default=4.0, help="default: 4")
    parser.add_argument("--out", type=Path, help="default: beside the task's records, where the page looks for it")


def run(args: Namespace) -> None:
    from harness.plan.plan import load_plan
    from harness.report.figures.films import FILM
    from harness.store import RECORDS
    from harness.workspace.film import film

    plan = load_plan(args.root)
    out = args.out or args.root / RECORDS / args.task / FILM
    size = film(args.root, [plan.cell(args.task, name) for name in args.cells], out, args.seed, args.seconds)
    print(f"{out}: {size} bytes")
