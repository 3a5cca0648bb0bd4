"""Write the records as one page, index.html and index.md.

The exit status is 1 if a record, a preset or an import had to be left out; the page says which and why. In the private
copy of a preset, errors of other presets are reported but do not count.
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
    from harness.plan.origin import COPIED
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
    of_others = {f"preset {name}" for name in found.refused} if (args.root / COPIED).is_file() else set()
    return int(bool(left_out.keys() - of_others))
