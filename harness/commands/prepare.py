"""Load and hash a task's data, and its evaluation net."""

from argparse import ArgumentParser, Namespace

EXAMPLE = "bench prepare digits8"


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("task", nargs="?", help="default: every task")


def run(args: Namespace) -> None:
    from harness.places.prepare import prepare
    from harness.plan import needs
    from harness.plan.plan import load_plan

    plan = load_plan(args.root)
    for task in [args.task] if args.task else plan.params["tasks"]:
        expert = None if args.task else plan.params["tasks"][task].get("demonstrations")
        waits = expert and not needs.given(expert)
        print(f"{task}: prepared when {expert} has run" if waits else prepare(args.root, plan, task))
