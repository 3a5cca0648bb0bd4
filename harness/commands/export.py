"""Write the trained nets of a cell as a plain state dict, or one seed's as a program for plain torch."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

EXAMPLE = "bench export digits8 vgan --seed 3 --out vgan.pt"


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("task")
    parser.add_argument("cell")
    parser.add_argument("--out", type=Path, required=True, help="the file to write")
    parser.add_argument("--seed", type=int, help="one seed only (default: all, stacked along axis 0)")
    parser.add_argument(
        "--program", action="store_true", help="generator or policy of one --seed, for torch.export.load"
    )


def run(args: Namespace) -> None:
    from harness.plan.plan import load_plan

    cell = load_plan(args.root).cell(args.task, args.cell)
    if args.program:
        from harness.workspace.program import program

        for line in program(args.root, cell, args.out, cell.seeds[0] if args.seed is None else args.seed):
            print(line)
        return
    from harness.workspace.export import export

    for name, shape in export(args.root, cell, args.out, args.seed).items():
        print(name, list(shape))
