"""The folder of an installable package that offers one algorithm: its module, and the entry point that names it."""

from __future__ import annotations

import shlex
from pathlib import Path

from harness import registry
from harness.errors import BenchError
from harness.files import write_text

PROJECT = """\
[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"

[project]
name = "{package}"
version = "0.1.0"  # part of a cell's key: raise it when another file of the package than the module changes
description = "{name}, an algorithm for vdb-bench"
requires-python = ">=3.11"
dependencies = ["vdb-bench"]

[project.entry-points."{group}"]
{name} = "{module}"

[tool.setuptools]
py-modules = ["{module}"]
"""
README = """\
# {package}

Offers vdb-bench the algorithm `{name}`, see `{module}.py`. Install it beside vdb-bench, then give it a block:

    {install}
    bench new {name} --algorithm {name} --like METHOD
    bench check {name}
"""


def write_package(folder: Path, name: str, code: str) -> None:
    """Write pyproject.toml, README.md and the algorithm's module. Raises BenchError where `folder` is there already."""
    if folder.exists() and any(folder.iterdir() if folder.is_dir() else [folder]):
        raise BenchError(f"{folder} is there already: give --package another folder")
    words = {
        "name": name,
        "package": f"vdb-bench-{name.replace('_', '-')}",
        "module": f"vdb_bench_{name}",
        "group": registry.GROUP,
        "install": install(folder),
    }
    write_text(folder / "pyproject.toml", PROJECT.format(**words))
    write_text(folder / "README.md", README.format(**words))
    write_text(folder / f"{words['module']}.py", code)


def install(folder: Path) -> str:
    """The command that installs the package into the project's environment, without network."""
    return f".venv/bin/uv pip install --no-deps --no-build-isolation -e {shlex.quote(str(folder))}"
