"""Write pipelines/<task>/dvc.yaml after params.yaml has a new name of a task, method or ablation, or a new value."""

from argparse import ArgumentParser, Namespace

EXAMPLE = "bench pipelines"


def arguments(parser: ArgumentParser) -> None:
    """Add no arguments: it writes the stages of all tasks."""


def run(args: Namespace) -> None:
    from harness.plan.pipelines import write_pipelines
    from harness.plan.plan import load_plan

    for path in write_pipelines(args.root, load_plan(args.root).params):
        print(path)
