"""Compare two methods, paired by seed, from their records."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from harness.errors import BenchError

EXAMPLE = "bench compare vgan_gp gan --task digits8"


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("a", help="a method")
    parser.add_argument("b", help="the method that it is compared with")
    parser.add_argument("--task", help="default: every task that has records of both")
    parser.add_argument("--preset", help="archived records of this preset (default: the live ones first)")
    parser.add_argument("--tried", action="store_true", help="what `bench try` left of A, beside B at the same step")
    parser.add_argument("--page", type=Path, metavar="FILE", help="write the comparison as a page too")


def run(args: Namespace) -> None:
    from harness.report.page.compare import lines, tried

    if args.a == args.b:
        raise BenchError(f"{args.a} cannot be compared with itself: name two methods")
    if args.page:
        from harness.workspace.outputs import check_output

        check_output(args.root, args.page, "--page")
    if args.tried and (args.preset or args.page):
        raise BenchError("--tried reads the scratch folder and writes no page: omit --preset and --page")
    found = (
        tried(args.root, args.a, args.b, args.task)
        if args.tried
        else lines(args.root, args.a, args.b, args.task, args.preset)
    )
    for line in found:
        print(line)
    if args.page:
        from harness.plan.params import read_params
        from harness.report.page.compare import write

        listed = read_params(args.root).get("report", {}).get("looks", [])
        write(args.root, args.a, args.b, args.task, args.preset, args.page, listed)
        print(args.page)
