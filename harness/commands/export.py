"""Write the trained nets of a cell: as a state dict, or one seed's with all that plain torch needs to call them."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from harness.errors import BenchError

WEIGHTS = "results/weights"  # where exported nets are kept in git
EXAMPLE = "bench export digits8 vgan --seed 3 --safetensors vgan.safetensors"


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("task", nargs="?")
    parser.add_argument("cell", nargs="?")
    parser.add_argument("--all", action="store_true", help="every cell that makes images or actions, into a folder")
    kind = parser.add_mutually_exclusive_group(required=True)
    kind.add_argument("--out", type=Path, metavar="FILE", help="the state dict, or with --program the program")
    kind.add_argument(
        "--safetensors",
        type=Path,
        metavar="FILE|DIR",
        help="generator, or policy and learnt reward, of one seed; a loader in plain torch is printed",
    )
    kind.add_argument(
        "--minari", type=Path, metavar="FOLDER", help="the demonstrations that an expert left, as a data set of Minari"
    )
    parser.add_argument("--preset", help="of --minari: an archived expert of this preset")
    parser.add_argument(
        "--seed", type=int, help="one seed only (default: the first; of a state dict all, stacked along axis 0)"
    )
    parser.add_argument(
        "--program", action="store_true", help="write --out as a program of generator or policy for torch.export.load"
    )


def run(args: Namespace) -> None:
    from harness.workspace.outputs import check_output

    for option in ("out", "safetensors"):
        if (path := getattr(args, option)) is not None and not args.all:
            check_output(args.root, path, f"--{option}", (WEIGHTS,))
    if not args.all and (args.task is None or args.cell is None):
        raise BenchError("name a task and a cell, or give --all")
    if args.preset and args.minari is None:
        raise BenchError("--preset names an archived expert for --minari: an archive holds no other nets")
    if args.minari is not None:
        _demonstrations(args)
        return
    from harness.plan.plan import load_plan

    plan = load_plan(args.root)
    if args.all:
        _all(args, plan)
        return
    if args.program and args.out is None:
        raise BenchError("--program is a way to write --out: give that too")
    cell = plan.cell(args.task, args.cell)
    seed = cell.seeds[0] if args.seed is None else args.seed
    if args.safetensors is not None:
        from harness.workspace.weights import calls, loader, weights

        made = weights(args.root, cell, args.safetensors, seed)
        print(loader(), *calls(made, args.safetensors), sep="\n")
    elif args.program:
        from harness.workspace.program import program

        print(*program(args.root, cell, args.out, seed), sep="\n")
    else:
        from harness.workspace.export import export

        for name, shape in export(args.root, cell, args.out, args.seed).items():
            print(name, list(shape))
        print("to call a net in plain torch: --safetensors FILE, which prints a loader")


def _all(args: Namespace, plan) -> None:
    from harness.workspace.weights import all_weights

    if args.task or args.safetensors is None:
        raise BenchError("--all goes with --safetensors DIR, and names neither task nor cell")
    n_bytes = all_weights(args.root, plan, args.safetensors, args.seed or 0, print)
    print(f"{args.safetensors}: {n_bytes / 1e6:.2f} MB; harness/workspace/plain.py loads them")


def _demonstrations(args: Namespace) -> None:
    from harness.store import CellName, checked_name
    from harness.workspace.minari_files import to_minari

    if args.all:
        raise BenchError("--minari is of one cell: name its task and itself instead of --all")
    names = [checked_name("a name", name) for name in (args.preset, args.task, args.cell) if name is not None]
    source = "/".join(["archive", *names]) if args.preset else str(CellName(*names))
    print(*to_minari(args.root, source, args.minari), sep="\n")
