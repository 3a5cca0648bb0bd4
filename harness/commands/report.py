"""Write the records as one page, index.html and index.md.

The exit status is 1 if a record, a preset or an import had to be left out; the page says which and why.
"""

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

EXAMPLE = "bench report --out build/report"


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--out", type=Path, help="the folder (default: reports/<preset>); what no report wrote stays in it"
    )


def run(args: Namespace) -> int:
    from harness.plan.params import read_params
    from harness.report.page.render import render
    from harness.workspace.presets import other_presets

    params = read_params(args.root)
    out = (args.out or args.root / "reports" / params["preset"]).resolve()
    found = other_presets(args.root, params["preset"])
    left_out = render(
        args.root, params, out, found.archived, args.root / ".scratch/figures", found.waiting, found.refused
    )
    print(out / "index.html", flush=True)
    for name, why in left_out.items():
        print(f"{name} is left out: {why}", file=sys.stderr)
    # A preset that does not compose is told, yet no fault of this report: it must not fail the run of another preset.
    return int(any(name not in {f"preset {other}" for other in found.refused} for name in left_out))
