"""Who may import whom: every import statement is read, lazy ones inside functions too."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from harness.plan.keys import imports
from harness.yaml_text import load

ROOT = Path(__file__).resolve().parents[2]

# An import goes strictly downward, or stays within one of the packages.
LAYERS = {
    "harness.errors": 0,
    "harness.store": 0.5,
    "harness.contracts": 1,
    "harness.files": 1,
    "harness.yaml_text": 1,
    "harness.maths": 2,
    "harness.run": 3,
    "harness.sim": 4,
    "baselines.parts": 4,
    "harness.tasks": 5,
    "baselines.methods": 6,
    "harness.metrics": 7,
    "harness.registry": 8,
    "harness.report": 9,
    "harness.commands": 10,
    "harness.checks": 11,
    "harness.benchmarks": 12,
    "harness.cli": 13,
}
SEEN_BY_BASELINES = ("harness.contracts", "harness.maths", "baselines.parts")
FILES = sorted(
    path for top in ("harness", "baselines") for path in (ROOT / top).rglob("*.py") if "tests" not in path.parts
)


def module(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def layer(name: str) -> str:
    """The longest entry of LAYERS that `name` lies in."""
    found = [key for key in LAYERS if f"{name}.".startswith(f"{key}.")]
    assert found, f"{name} is in no layer: name it in LAYERS"
    return max(found, key=len)


def ours(path: Path) -> list[str]:
    """Modules of ours that a file imports; of `from a import b` the module a.b where that is one."""
    names = set(imports(ast.parse(path.read_text())))
    return sorted(n for n in names if n.startswith(("harness.", "baselines.")) and _exists(n))


def _exists(name: str) -> bool:
    return ROOT.joinpath(*name.split(".")).with_suffix(".py").is_file()


@pytest.mark.parametrize("path", [p for p in FILES if p.name != "__init__.py"], ids=module)
def test_imports_go_downward(path: Path) -> None:
    me = module(path)
    for other in ours(path):
        if layer(other) == layer(me):
            assert layer(me) != "baselines.methods", f"{me} imports the method {other}: move what they share to parts"
        else:
            assert LAYERS[layer(other)] < LAYERS[layer(me)], f"{me} may not import {other}"
        if me.startswith("baselines."):
            assert other.startswith(SEEN_BY_BASELINES), f"{me} may not import {other}"
        if me.startswith("harness."):
            assert not other.startswith("baselines."), f"{me} names {other}; harness knows no method"
        if me.startswith("harness.report."):
            assert other.startswith(("harness.report.", "harness.errors", "harness.files", "harness.store")), (
                f"{me} may not import {other}"
            )


def test_the_reader_of_imports_sees_lazy_ones() -> None:
    text = "def f():\n    from harness.tasks import images\n    import baselines.parts.nets as n\n"
    assert set(imports(ast.parse(text))) == {"harness.tasks", "harness.tasks.images", "baselines.parts.nets"}


@pytest.mark.parametrize("path", FILES, ids=module)
def test_imports_are_absolute(path: Path) -> None:
    relative = [n.lineno for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.ImportFrom) and n.level]
    assert not relative


def test_packages_import_no_members() -> None:
    """What a cell depends on is what it imports: a full `__init__` would add files unseen."""
    full = [path for path in FILES if path.name == "__init__.py" and path.read_text().strip()]
    assert not full


def test_only_three_files_import_by_name() -> None:
    """Keys and layers are read from import statements; the names that these take are parameters, or read as literals."""
    dynamic = [module(p) for p in FILES if any(word in p.read_text() for word in ("import_module", "__import__"))]
    assert dynamic == ["harness.metrics.encoders.catalogue", "harness.metrics.evaluate", "harness.registry"]


def test_the_harness_names_no_method() -> None:
    """No string of harness/ (docstrings apart) is a method's name of params.yaml. Benchmarks have to: peers know them by name."""
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
import harness.report.page.page, harness.report.records.aggregate
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-500:]
