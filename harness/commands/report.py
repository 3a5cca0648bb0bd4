"""Write the records as one page, index.html and index.md."""

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

EXAMPLE = "bench report --out build/report"


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--out", type=Path, help="the folder (default: reports/<preset>); what no report wrote stays in it"
    )


def run(args: Namespace) -> None:
    from harness.plan.params import read_params
    from harness.report.page.render import render
    from harness.workspace.presets import others

    params = read_params(args.root)
    out = (args.out or args.root / "reports" / params["preset"]).resolve()
    found = others(args.root, params["preset"])
    refused = render(
        args.root, params, out, found.archived, args.root / ".scratch/figures", found.waiting, found.refused
    )
    for name, why in refused.items():
        print(f"preset {name} is left out: {why}", file=sys.stderr)
    print(out / "index.html")
