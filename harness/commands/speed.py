"""Time this project beside its peers."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from harness.commands._types import positive_integer

EXAMPLE = "bench speed --peer gail --python build/peers/bin/python"


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("names", nargs="*", metavar="BENCHMARK", help="default: all of them")
    parser.add_argument(
        "--peer",
        metavar="NAME",
        help="the benchmark beside gail, gail-target, ppo, pytorch-fid, torch-fidelity or vdb-images",
    )
    parser.add_argument("--quick", action="store_true", help="two pairs of less work, in files of their own")
    parser.add_argument(
        "--python", type=Path, metavar="PATH", help="the Python of the peer's environment (default: this one)"
    )
    parser.add_argument("--checkout", type=Path, metavar="PATH", help="a copy of the peer's code, for vdb-images")
    parser.add_argument("--pairs", type=positive_integer, help="how many, instead of 5, or of 2 with --quick")


def run(args: Namespace) -> None:
    from harness.benchmarks.record import Options
    from harness.benchmarks.speed import speed

    for line in speed(Options(args.root, args.quick, args.python, args.checkout, args.pairs), args.names, args.peer):
        print(line, flush=True)
