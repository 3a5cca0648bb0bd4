"""Train and score a cell, the cells of a task, or all.

BENCH_TENSORBOARD=1 in the environment writes live curves to .scratch/tensorboard too.
"""

from argparse import ArgumentParser, Namespace

from harness.commands._types import positive_integer, timeout

EXAMPLE = "bench train digits8 vgan --jobs 2"


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("task", nargs="?", help="default: every task")
    parser.add_argument("cell", nargs="?", help="default: every cell of the task")
    parser.add_argument(
        "--jobs", type=positive_integer, default=1, help="blocks of seeds at the same time (default: %(default)s)"
    )
    timeout(parser)


def run(args: Namespace) -> None:
    from harness.plan.plan import load_plan

    plan = load_plan(args.root)
    cells = plan.chosen(args.task, args.cell)
    if len(cells) == 1:
        from harness.places.train import train_cell

        train_cell(args.root, cells[0], args.jobs, args.timeout)
        print(cells[0].folder(args.root))
    else:
        from harness.places.pool import train_all

        train_all(args.root, cells, plan, args.jobs, args.timeout)
