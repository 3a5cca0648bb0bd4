"""Try a method for a minute: a few seeds, a few steps, beside the committed curves; no record changes."""

from argparse import ArgumentParser, Namespace

from harness.commands._types import positive_integer

EXAMPLE = "bench try vgan --task digits8 --seeds 0 1 --steps 300"


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("method", help="a method of params.yaml")
    parser.add_argument("--task", help="default: the first task that has it")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1], help="trained as one block (default: 0 1)")
    parser.add_argument(
        "--steps", type=positive_integer, help="default: up to the first step at which the task is scored"
    )


def run(args: Namespace) -> None:
    from harness.places.tried import try_method
    from harness.plan.plan import load_plan
    from harness.report.records.tried import committed
    from harness.report.tables.formats import to_text
    from harness.report.tables.tried import beside_committed
    from harness.store import SHEET

    plan = load_plan(args.root)
    cell = plan.method(args.method, args.task)[0]
    mine = try_method(args.root, plan, cell, tuple(args.seeds), args.steps)
    print()
    for line in to_text(beside_committed(mine, committed(args.root, mine))):
        print(line)
    if (mine.folder / SHEET).is_file():
        print(f"samples: {(mine.folder / SHEET).relative_to(args.root)}")
    print(f"next: `bench compare {mine.name} METHOD --task {mine.task} --tried`, or `{cell.command}` for the whole run")
