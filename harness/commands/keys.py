"""Hash the code that each cell runs, into results/keys/; the first stage of DVC's pipeline."""

from argparse import ArgumentParser, Namespace

EXAMPLE = "bench keys"


def arguments(parser: ArgumentParser) -> None:
    """Add no arguments: it writes the keys of all cells."""


def run(args: Namespace) -> None:
    from harness.plan.keys import write_keys
    from harness.plan.pipelines import must_match
    from harness.plan.plan import load_plan

    params = load_plan(args.root).params
    if (args.root / "dvc.yaml").is_file():  # or DVC would leave out the cells that its files do not name
        must_match(args.root, params)
    write_keys(args.root, params)
