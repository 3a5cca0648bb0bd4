"""Show runs made elsewhere beside ours."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from harness.errors import BenchError

EXAMPLE = "bench import scores.csv manifest.yaml --name peer"


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("scores", type=Path, nargs="?", help="CSV: task, method, seed, step, metric, value")
    parser.add_argument("manifest", type=Path, nargs="?", help="YAML: source, and per task what was measured")
    parser.add_argument("--name", help="of the import, a folder of results/external/")
    parser.add_argument("--skeleton", metavar="TASK", help="print a manifest for runs on this task, to fill in")
    parser.add_argument("--preset", default="", help="with --skeleton: the archived preset that has the task")


def run(args: Namespace) -> None:
    from harness.plan.params import read_params
    from harness.workspace import external

    params = read_params(args.root)
    if args.skeleton:
        print(external.skeleton(args.root, params, args.skeleton, args.preset), end="")
    elif not (args.scores and args.manifest and args.name):
        raise BenchError("bench import needs SCORES MANIFEST --name NAME, or --skeleton TASK")
    else:
        print(external.import_runs(args.root, params, args.scores, args.manifest, args.name))
