"""Write the records as one page, index.html and index.md.

The exit status is 1 if a record, a preset or an import had to be left out; the page says which and why. In the private
copy of a preset, errors of other presets are reported but do not count.
"""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.places.local import Local
    from harness.places.pulse import Pulse

Each = Callable[[Callable[[Any], Any], Sequence[Any]], list[Any]]
EXAMPLE = "bench report --out build/report"


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--out", type=Path, help="the folder (default: reports/<preset>); what no report wrote stays in it"
    )


def run(args: Namespace) -> int:
    from harness.plan.origin import COPIED
    from harness.plan.params import read_params
    from harness.report.figures.drawings import FOLDER, Drawings
    from harness.report.page.kept import Kept
    from harness.report.page.render import render
    from harness.workspace.presets import other_presets

    params = read_params(args.root)
    out = (args.out or args.root / "reports" / params["preset"]).resolve()
    found = other_presets(args.root, params["preset"])
    before = args.root / "reports" / params["preset"] / FOLDER
    earlier = Kept(args.root / ".scratch/pages")
    with _drawers(args.root / ".scratch/report.log") as each:
        drawn = Drawings(args.root / ".scratch/figures", before, each)
        left_out = render(args.root, params, out, found.archived, drawn, found.waiting, found.refused, earlier)
    print(out / "index.html", flush=True)
    for name, why in left_out.items():
        print(f"{name} is left out: {why}", file=sys.stderr)
    of_others = {f"preset {name}" for name in found.refused} if (args.root / COPIED).is_file() else set()
    return int(bool(left_out.keys() - of_others))


FEW = 24  # the most figures that are drawn faster than other processes start


@contextmanager
def _drawers(log: Path) -> Iterator[Each]:
    """Give a `map` that uses all cores if there are many items, in processes that stay until the report is whole.

    log: the file for the lines of the processes.
    """
    workers = os.cpu_count() or 1
    with ExitStack() as held:

        @cache
        def place() -> Local:
            from harness.places.local import Local

            return held.enter_context(Local(workers, log))

        def each(do: Callable[[Any], Any], what: Sequence[Any]) -> list[Any]:
            if workers == 1 or len(what) < FEW:
                return [do(one) for one in what]
            from harness.places.board import Quiet
            from harness.places.jobs import Job
            from harness.places.local import results_of

            print(f"drawing {len(what)} groups of figures that have changed", file=sys.stderr, flush=True)
            groups = [what[i :: 4 * workers] for i in range(4 * workers)]
            jobs = [Job(f"figures {i + 1}", partial(_some, do, group)) for i, group in enumerate(groups)]
            made: list[Any] = [None] * len(what)
            for i, found in enumerate(results_of(jobs, place(), board=Quiet)):
                made[i :: 4 * workers] = found
            return made

        yield each


def _some(do: Callable[[Any], Any], group: Sequence[Any], pulse: Pulse) -> list[Any]:
    return [do(one) for one in group]
