"""Train and score a cell, the cells of a task, or all.

With --seeds or --more-seeds cells get seeds beyond those that params.yaml names: only what their records lack is
trained, and joined to them. A record keeps the seeds that it has, also where it is trained again.
BENCH_TENSORBOARD=1 in the environment writes live curves to .scratch/tensorboard too.
"""

from argparse import ArgumentParser, Namespace

from harness.commands._types import across_code, cluster, on, positive_integer, timeout

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
    from harness.plan.further import grown
    from harness.plan.plan import load_plan
    from harness.plan.state import UP_TO_DATE, state
    from harness.ranges import span

    plan = load_plan(args.root)
    place, jobs = cluster(args), args.jobs or 1
    cells = plan.of_words(args.task, args.cell)
    if args.seeds is not None or args.more_seeds:
        from harness import ranges
        from harness.workspace.more import by_count, rows, these, train_more

        if place:
            raise BenchError("further seeds are joined to their record on this machine: give --jobs in place of --on")
        if args.more_seeds:
            cells = rows(plan, [cell for cell in cells if args.task or cell.ablation is None])
        asked = by_count(args.more_seeds) if args.more_seeds else these(ranges.read(args.seeds))
        train_more(args.root, plan, cells, asked, jobs, args.timeout, args.across_code)
        return
    cells = [grown(args.root, cell) for cell in cells]
    if place:
        from harness.places.cluster.train import train_on

        train_on(args.root, place, cells, plan, again=len(cells) == 1, timeout=args.timeout)
    elif len(cells) == 1:
        from harness.places.train import train_cell

        if cells[0].seeds != cells[0].named and state(args.root, cells[0]) == UP_TO_DATE:
            print(f"{cells[0]} is up to date, with more seeds than the parameters name: {span(cells[0].seeds)}")
            return
        train_cell(args.root, cells[0], jobs, args.timeout)
        print(cells[0].folder(args.root))
    else:
        from harness.places.pool import train_all

        train_all(args.root, cells, plan, jobs, args.timeout)
