"""Give each method of a task the same number of trials."""

from argparse import ArgumentParser, Namespace

from harness.commands._types import cluster, on, positive_integer, timeout

EXAMPLE = "bench tune digits8 --jobs 2"


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("task")
    parser.add_argument("--jobs", type=positive_integer, help="trials at the same time (default: one per core)")
    timeout(parser)
    on(parser)


def run(args: Namespace) -> None:
    from harness.places.tune import tune
    from harness.plan.plan import load_plan

    print(tune(args.root, load_plan(args.root), args.task, args.jobs, args.timeout, cluster(args)))
