"""Run a preset in a private copy, build/NAME/.

With --more-seeds its records, archived ones too, get further seeds: `bench merge build/NAME` then archives them.
"""

from argparse import ArgumentParser, Namespace

from harness.commands._types import across_code, cluster, on, positive_integer, timeout

EXAMPLE = "bench preset c_maze --jobs 2"


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("name", help="of a file in presets/")
    parser.add_argument(
        "--jobs", type=positive_integer, help="train so many blocks of seeds at the same time, without DVC"
    )
    parser.add_argument(
        "--more-seeds",
        type=positive_integer,
        metavar="N",
        help="train the N seeds after those that the preset names and join them to the records that there are",
    )
    parser.add_argument(
        "--only", nargs="+", default=[], metavar="TASK/CELL", help="the cells that get more seeds (default: every row)"
    )
    across_code(parser)
    timeout(parser, "; with --jobs or --on")
    on(parser)
    parser.add_argument("dvc", nargs="*", help="arguments for `dvc repro`, after --")


def run(args: Namespace) -> None:
    from harness.workspace.presets import run_preset

    print(
        run_preset(
            args.root,
            args.name,
            args.dvc,
            args.jobs,
            args.timeout,
            cluster(args),
            args.more_seeds,
            args.only,
            args.across_code,
        )
    )
