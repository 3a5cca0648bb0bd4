"""List every task, method, preset and cell with its state."""

from argparse import ArgumentParser, Namespace

EXAMPLE = "bench list"


def arguments(parser: ArgumentParser) -> None:
    """None: it lists everything."""


def run(args: Namespace) -> None:
    from harness.plan.plan import load_plan
    from harness.plan.state import state
    from harness.workspace.presets import names

    plan = load_plan(args.root)
    print(f"preset {plan.params['preset']} (params.yaml); overlays: {', '.join(names(args.root)) or 'none'}")
    for task, block in plan.params["tasks"].items():
        cells = [cell for cell in plan.cells if cell.task == task]
        methods = sum(cell.ablation is None for cell in cells)
        print(f"\n{task}: {block['family']}, {block['steps']} steps, {methods} methods, {len(cells)} cells")
        for cell in cells:
            seeds = f"{len(cell.seeds)} seeds"
            print(f"  {cell.name:26s} {cell.algorithm:8s} {seeds:9s} {state(args.root, cell)}")
    if archived := sorted((args.root / "results/archive").glob("*/*/*/record.json")):
        print("\narchived runs:")
        for path in archived:
            print(f"  {'/'.join(path.parts[-4:-1])}")
