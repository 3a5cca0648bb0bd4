"""Load the templates with what they need: tables in each format, and figures in the page or as files."""

from __future__ import annotations

import contextlib
import os
from functools import cache
from itertools import count
from pathlib import Path

from jinja2 import Environment, FileSystemBytecodeCache, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from harness.report.figures.slim import inline
from harness.report.records import code
from harness.report.tables import downloads
from harness.report.tables.formats import heading, prose, to_html, to_markdown


def environment() -> Environment:
    """Return Jinja's environment for the pages of one preset, which are made before those of the next."""
    made, places = _environment(), count()  # numbers the figures, which gives the shortest unique ids
    made.filters["inline"] = lambda plot: Markup(inline(plot.svg, f"f{next(places)}", plot.alt))
    return made


@cache
def _environment() -> Environment:
    """Return the environment without what numbers the figures; it holds the compiled templates."""
    compiled = code.PROJECT / ".scratch/templates"
    with contextlib.suppress(OSError):
        compiled.mkdir(parents=True, exist_ok=True)
    environment = Environment(
        bytecode_cache=FileSystemBytecodeCache(str(compiled)) if os.access(compiled, os.W_OK) else None,
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=lambda name: name is not None and name.endswith(".html.j2"),
    )
    environment.filters |= {
        "image": lambda plot: Markup('<img class="plot" src="figures/{}.svg" alt="{}">').format(plot.name, plot.alt),
        "prose": prose,
        "pipe": lambda text: str(text).replace("|", "\\|"),
        "heading": heading,
        "html": to_html,
        "markdown": to_markdown,
        "address": downloads.address,
        "file_name": downloads.file_name,
    }
    return environment
