"""Check a GPU, time it, then train cells of a preset until a budget is spent."""

from argparse import ArgumentParser, Namespace

EXAMPLE = "bench gpu --budget 20m"


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--budget", default="20m", help="time for all of it, such as 90s, 20m or 2h (default: %(default)s)"
    )
    parser.add_argument("--preset", help="default: the first preset for a GPU whose data are available")
    parser.add_argument(
        "--cells",
        nargs="+",
        default=[],
        metavar="TASK/CELL",
        help="these, in this order (default: all, as the preset has them)",
    )


def run(args: Namespace) -> int:
    from harness.benchmarks import gpu

    return int(not gpu.run(args.root, args.preset, gpu.seconds(args.budget), args.cells))
