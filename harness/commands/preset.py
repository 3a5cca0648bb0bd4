"""Run a preset in a private copy, build/NAME/."""

from argparse import ArgumentParser, Namespace

from harness.commands._types import cluster, on, positive_integer, timeout

EXAMPLE = "bench preset c_maze --jobs 2"


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("name", help="of a file in presets/")
    parser.add_argument(
        "--jobs", type=positive_integer, help="train so many blocks of seeds at the same time, without DVC"
    )
    timeout(parser, "; with --jobs or --on")
    on(parser)
    parser.add_argument("dvc", nargs="*", help="arguments for `dvc repro`, after --")


def run(args: Namespace) -> None:
    from harness.workspace.presets import run_preset

    print(run_preset(args.root, args.name, args.dvc, args.jobs, args.timeout, cluster(args)))
