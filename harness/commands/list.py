"""List every task, method, preset and cell with its state.

The exit status is 1 if a record cannot be read, for example because it was changed after it was sealed.
"""

from argparse import ArgumentParser, Namespace

EXAMPLE = "bench list"


def arguments(parser: ArgumentParser) -> None:
    """Add no arguments: it lists everything."""


def run(args: Namespace) -> int:
    from harness import seal
    from harness.errors import BenchError
    from harness.places import live
    from harness.plan.further import grown
    from harness.plan.keys import CodeKeys
    from harness.plan.outline import outlines
    from harness.plan.state import UNREADABLE, UP_TO_DATE, begun, state
    from harness.schema import read_head
    from harness.workspace.presets import names
    from harness.workspace.remove import orphaned_records

    plan, code, broken = outlines(args.root), CodeKeys(), 0
    print(f"preset {plan.params['preset']} (params.yaml); overlays: {', '.join(names(args.root)) or 'none'}")
    for copy in (args.root, *sorted(args.root.glob("build/*"))):
        if line := live.heard(copy):
            print(f"{copy.name + ': ' if copy != args.root else ''}{line}")
    for task, block in plan.params["tasks"].items():
        cells = [cell for cell in plan.cells if cell.task == task]
        methods = sum(not cell.ablated for cell in cells)
        print(f"\n{task}: {block['family']}, {block['steps']} steps, {methods} methods, {len(cells)} cells")
        for cell in cells:
            held = len(grown(args.root, cell).seeds)
            seeds = f"{held} seeds" + (f", {len(cell.seeds)} of them named" if held > len(cell.seeds) else "")
            found = state(args.root, cell, code)
            broken += found.startswith(UNREADABLE)
            if found != UP_TO_DATE and (steps := begun(args.root, cell, code)):
                found += f", begun: step {steps} of each block, `{cell.command}` continues"
            print(f"  {cell.name:26s} {cell.algorithm:8s} {seeds:9s} {found}")
    archived = [path.parent for path in sorted((args.root / "results/archive").glob("*/*/*/record.json"))]
    if archived:
        print("\narchived runs:")
    for folder in archived:
        try:
            read_head(folder)
            fault = ""
        except BenchError as error:
            fault = f"  {UNREADABLE}: {error}"
            broken += 1
        print(f"  {'/'.join(folder.parts[-3:])}{fault}")
    if bare := sum(not seal.has_seal(folder) for folder in archived):
        about = "no seal, a SHA256SUMS file that shows later changes: they are older than seals"
        print(f"{bare} of the {len(archived)} archived records have {about}")
    if left := orphaned_records(args.root, plan):
        print("\nrecords without a block in params.yaml, which no page shows:")
        for record in left:
            print(f"  {record}: `bench remove {record.name} --task {record.task}` takes it away")
    return int(broken > 0)
