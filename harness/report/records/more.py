"""Compose the command that trains the further seeds that a comparison needs."""

from __future__ import annotations

from collections.abc import Sequence

from harness.ranges import following, span
from harness.report.records.frame import CellFrame, TaskFrame


def command(frame: TaskFrame, names: Sequence[str], needed: float) -> str:
    """Return the command that brings cells to `needed` independent runs each, in the project's folder.

    Returns '' if they have that many, if one of them has not run, or if no command can do it: ablated cells on learnt
    rewards take their seeds from the parameters only.

    names: the names of the cells.
    """
    cells = [cell for cell in frame.everything if cell.name in names]
    known = [cell for cell in cells if cell.record and not (cell.rewards and cell.head["ablation"])]
    if not known or len(known) < len(cells) or needed <= min(cell.n for cell in known):
        return ""
    more = int(needed) - min(_named(cell) for cell in known)
    whole = " ".join(f"{frame.name}/{cell.name}" for cell in known)
    if more <= 0:  # the parameters name enough of them: they only have to be trained
        return f"bench preset {frame.preset} --jobs 2" if frame.preset else f"bench train {whole}"
    if frame.preset:
        return f"bench preset {frame.preset} --more-seeds {more} --jobs 2 --only {whole}"
    if any(cell.rewards for cell in known):
        return f"bench train {whole} --more-seeds {more}"
    first = min((cell.named or cell.seeds for cell in known), key=len)
    told = " ".join(cell.name for cell in known)
    return f"bench train {frame.name} {told} --seeds {span(following(first, more))}"


def _named(cell: CellFrame) -> int:
    """Return how many independent runs the parameters name; the command counts further ones from there."""
    return cell.rewards or len(cell.named or cell.seeds)
