"""Train and score a cell, the cells of a task, or all.

Tasks that were never prepared are prepared first. At the end a line for each cell says how its headline score went.
With --seeds or --more-seeds cells get seeds beyond those that params.yaml names: only what their records lack is
trained, and joined to them. A record keeps the seeds that it has, also where it is trained again.
BENCH_TENSORBOARD=1 in the environment writes live curves to .scratch/tensorboard too.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from harness.commands._types import across_code, cluster, on, positive_integer, timeout

if TYPE_CHECKING:
    from pathlib import Path

    from harness.places.cluster.on import On
    from harness.plan.plan import Cell, Plan

EXAMPLE = "bench train digits8 vgan --jobs 2"


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("task", nargs="?", help="or TASK/CELL, several if need be; default: every task")
    parser.add_argument("cell", nargs="*", help="cells of the task; default: every cell of it")
    parser.add_argument("--jobs", type=positive_integer, help="blocks of seeds at the same time (default: 1)")
    wanted = parser.add_mutually_exclusive_group()
    wanted.add_argument("--seeds", metavar="FIRST-LAST", help="train these seeds too, e.g. 10-29 or 10,12,20-24")
    wanted.add_argument(
        "--more-seeds", type=positive_integer, metavar="N", help="train the N seeds after those that params.yaml names"
    )
    across_code(parser)
    timeout(parser)
    on(parser)


def run(args: Namespace) -> None:
    from harness.errors import BenchError
    from harness.places.prepare import prepare_missing
    from harness.plan.further import grown
    from harness.plan.plan import load_plan

    plan = load_plan(args.root)
    place, jobs = cluster(args), args.jobs or 1
    cells = plan.of_words(args.task, args.cell)
    further = args.seeds is not None or args.more_seeds
    if further and place:
        raise BenchError("further seeds are joined to their record on this machine: give --jobs in place of --on")
    if args.more_seeds:
        from harness.workspace.more import rows

        cells = rows(plan, [cell for cell in cells if args.task or cell.ablation is None])
    if not place:  # which may refuse, and then nothing must have been written
        for manifest in prepare_missing(args.root, plan, cells):
            print(manifest)
    if any(cell.task_params.expert for cell in cells):
        from harness.places.outcome import poor_experts

        for line in poor_experts(args.root, cells):
            print(line)
    if further:
        from harness import ranges
        from harness.workspace.more import by_count, these, train_more

        asked = by_count(args.more_seeds) if args.more_seeds else these(ranges.read(args.seeds))
        train_more(args.root, plan, cells, asked, jobs, args.timeout, args.across_code)
    else:
        train(args.root, plan, [grown(args.root, cell) for cell in cells], jobs, args.timeout, place)
    from harness.places.outcome import outcomes

    for line in outcomes(args.root, plan, cells):
        print(line)


def train(root: Path, plan: Plan, cells: list[Cell], jobs: int, timeout: float | None, place: On | None) -> None:
    """Train the cells, a single one whatever its record says; without a `place` on this machine."""
    from harness.plan.state import UP_TO_DATE, state
    from harness.ranges import span

    if place:
        from harness.places.cluster.train import train_on

        train_on(root, place, cells, plan, again=len(cells) == 1, timeout=timeout)
    elif len(cells) > 1:
        from harness.places.pool import train_all

        train_all(root, cells, plan, jobs, timeout)
    elif cells[0].seeds != cells[0].named and state(root, cells[0]) == UP_TO_DATE:
        print(f"{cells[0]} is up to date, with more seeds than the parameters name: {span(cells[0].seeds)}")
    else:
        from harness.places.train import train_cell

        train_cell(root, cells[0], jobs, timeout)
        print(cells[0].folder(root))
