"""Pages of a made-up tree, as `bench evaluate` and `bench report` make them one after the other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness.report.page import render as page
from harness.report.records.summaries import write_summaries


def render(root: Path, params: dict[str, Any], *arguments, **words) -> dict[str, str]:
    """As `page.render`, with summaries of the records as they lie there now."""
    write_summaries(root, params)
    return page.render(root, params, *arguments, **words)
