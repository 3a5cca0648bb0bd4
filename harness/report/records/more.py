"""The command that gives cells the seeds that a comparison would take."""

from __future__ import annotations

from collections.abc import Sequence

from harness.ranges import following, span
from harness.report.records.frame import CellFrame, TaskFrame


def command(frame: TaskFrame, names: Sequence[str], needed: float) -> str:
    """What brings the cells `names` to `needed` independent runs each, in the project's folder.

    '' where they have so many, where one of them has not run, and where no command can: ablated cells on learnt
    rewards have their seeds from the parameters alone.
    """
    cells = [cell for cell in frame.everything if cell.name in names]
    known = [cell for cell in cells if cell.record and not (cell.rewards and cell.head["ablation"])]
    if not known or len(known) < len(cells) or needed <= min(cell.n for cell in known):
        return ""
    more = int(needed) - min(_named(cell) for cell in known)
    if frame.preset:
        told = " ".join(f"{frame.name}/{cell.name}" for cell in known)
        return f"bench preset {frame.preset} --more-seeds {more} --jobs 2 --only {told}"
    if any(cell.rewards for cell in known):
        return f"bench train {' '.join(f'{frame.name}/{cell.name}' for cell in known)} --more-seeds {more}"
    first = min((cell.named or cell.seeds for cell in known), key=len)
    told = " ".join(cell.name for cell in known)
    return f"bench train {frame.name} {told} --seeds {span(following(first, more))}"


def _named(cell: CellFrame) -> int:
    """How many independent runs the parameters name, to which a command counts the further ones."""
    return cell.rewards or len(cell.named or cell.seeds)
