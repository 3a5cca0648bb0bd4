"""List every task, method, preset and cell with its state."""

from argparse import ArgumentParser, Namespace

EXAMPLE = "bench list"


def arguments(parser: ArgumentParser) -> None:
    """None: it lists everything."""


def run(args: Namespace) -> None:
    from harness.plan.plan import load_plan
    from harness.plan.state import UP_TO_DATE, begun, state
    from harness.workspace.presets import names
    from harness.workspace.remove import blockless

    plan = load_plan(args.root)
    print(f"preset {plan.params['preset']} (params.yaml); overlays: {', '.join(names(args.root)) or 'none'}")
    for task, block in plan.params["tasks"].items():
        cells = [cell for cell in plan.cells if cell.task == task]
        methods = sum(cell.ablation is None for cell in cells)
        print(f"\n{task}: {block['family']}, {block['steps']} steps, {methods} methods, {len(cells)} cells")
        for cell in cells:
            seeds, now = f"{len(cell.seeds)} seeds", state(args.root, cell)
            if now != UP_TO_DATE and (steps := begun(args.root, cell)):
                now += f", begun: step {steps} of each block, `{cell.command}` goes on"
            print(f"  {cell.name:26s} {cell.algorithm:8s} {seeds:9s} {now}")
    if archived := sorted((args.root / "results/archive").glob("*/*/*/record.json")):
        print("\narchived runs:")
        for path in archived:
            print(f"  {'/'.join(path.parts[-4:-1])}")
    if left := blockless(args.root, plan):
        print("\nrecords without a block in params.yaml, which no page shows:")
        for cell in left:
            print(f"  {cell}: `bench remove {cell.name} --task {cell.task}` takes it away")
