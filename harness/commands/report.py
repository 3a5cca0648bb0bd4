"""Write the records as one page, index.html and index.md."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

EXAMPLE = "bench report --out build/report"


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--out", type=Path, help="the folder (default: reports/<preset>); what no report wrote stays in it"
    )


def run(args: Namespace) -> None:
    from harness.plan.params import read_params
    from harness.report.page.page import render
    from harness.workspace.presets import archived, waiting

    params = read_params(args.root)
    out = (args.out or args.root / "reports" / params["preset"]).resolve()
    render(args.root, params, out, archived(args.root), args.root / ".scratch/figures", waiting(args.root))
    print(out / "index.html")
