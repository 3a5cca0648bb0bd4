"""How the code names itself: what keys and layers are read from.

Who may import whom is a contract of import-linter, see pyproject.toml.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from harness.plan.sources import imports
from harness.yaml_text import load

ROOT = Path(__file__).resolve().parents[2]

FILES = sorted(
    path for top in ("harness", "baselines") for path in (ROOT / top).rglob("*.py") if "tests" not in path.parts
)


def module(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def test_the_reader_of_imports_sees_lazy_ones() -> None:
    text = "def f():\n    from harness.tasks import images\n    import baselines.parts.nets.images as n\n"
    assert set(imports(ast.parse(text))) == {"harness.tasks", "harness.tasks.images", "baselines.parts.nets.images"}


@pytest.mark.parametrize("path", FILES, ids=module)
def test_imports_are_absolute(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert not [n.lineno for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and n.level]


def test_packages_import_no_members() -> None:
    """A cell depends on what it imports: a full `__init__` adds files unseen. That of harness has functions alone."""
    full = [path for path in FILES if path.name == "__init__.py" and path.read_text().strip()]
    assert [module(path) for path in full] == ["harness"]
    kinds = [type(node).__name__ for node in ast.parse(full[0].read_text()).body]
    assert kinds == ["Expr", "ImportFrom", "Import", "If", "Assign", "FunctionDef", "FunctionDef"]


def test_only_five_files_import_by_name() -> None:
    """Keys and layers are read from imports; the names here are parameters, commands, environments or literals."""
    dynamic = [module(p) for p in FILES if any(word in p.read_text() for word in ("import_module", "__import__"))]
    assert dynamic == [
        "harness.cli",
        "harness.metrics.encoders.catalogue",
        "harness.metrics.evaluate",
        "harness.registry",
        "harness.workspace.own_environment",
    ]


def test_the_harness_names_no_method() -> None:
    """No string of harness/ (docstrings apart) is a method's name of params.yaml.

    Benchmarks are left out, as peers know methods by name.
    """
    methods = load(ROOT / "params.yaml")["methods"]
    algorithms = {path.stem for path in (ROOT / "baselines/methods").glob("*.py")}
    # A family may bear the name of what is learnt in it; of the algorithms only "critic" is a word of its own.
    names = ({name for block in methods.values() for name in block} | algorithms) - {"critic"}
    assert len(names) > 3
    for path in FILES:
        if module(path).startswith("harness.") and not module(path).startswith("harness.benchmarks."):
            strings = {n.value for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Constant)}
            assert not names & {s for s in strings if isinstance(s, str)}, path


def test_the_report_needs_no_torch() -> None:
    code = """
import sys
class NoTorch:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "torch":
            raise ImportError("torch is blocked here")
sys.meta_path.insert(0, NoTorch())
import harness.report.page.render, harness.report.records.aggregate
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-500:]
