"""Algorithms of installed packages: found by entry points, hashed by version and source, and named where they fail."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from harness import registry
from harness.cli import main
from harness.errors import BenchError
from harness.plan import keys
from harness.plan.plan import load_plan
from harness.tests import small

CODE = """\
from baselines.methods.critic import FixedAdversary
from baselines.parts.adversarial.adversary import AdversaryParams
from baselines.parts.nets.perceptron import MLPParams
from typing import Literal

FAMILIES = ("gaussians", "of_another_version")

class Params(AdversaryParams):
    algorithm: Literal["wave"]
    net: MLPParams
    batch: int = 8

def build(params, spec, draws, device):
    return FixedAdversary(params, spec, draws, device)
"""
Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Lay a package with one algorithm on the import path, as pip does; a second call replaces its version."""
    site = tmp_path / "site"
    monkeypatch.syspath_prepend(site)

    def put(
        version: str = "1.2", code: str = CODE, entry: str = "wave = surf_methods.wave", package: str = "surf"
    ) -> None:
        for old in site.glob(f"{package}-*"):
            shutil.rmtree(old)
        info, module = site / f"{package}-{version}.dist-info", site / "surf_methods"
        for folder in (info, module):
            folder.mkdir(parents=True, exist_ok=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(f"[{registry.GROUP}]\n{entry}\n")
        (module / "__init__.py").write_text("")
        (module / "wave.py").write_text(code)
        for name in [name for name in sys.modules if name.startswith("surf_methods")]:
            del sys.modules[name]
        registry._entry_points.cache_clear()

    yield put
    registry._entry_points.cache_clear()


def key(family: str = "gaussians", algorithm: str = "wave") -> dict:
    return keys.code_key(family, algorithm)


def test_it_stands_beside_the_files(install: Install) -> None:
    before = registry.algorithms()
    install()
    assert registry.algorithms() == sorted([*before, "wave"])
    assert registry.algorithm("wave").FAMILIES[0] == "gaussians"
    assert registry.packaged_algorithms() == {"wave": registry.PackagedAlgorithm("surf_methods.wave", "surf", "1.2")}


def test_the_key_holds_version_source_engine_and_parts(install: Install) -> None:
    install()
    first = key()
    own = key(algorithm="critic")["files"]
    assert {name for name in own if name.startswith(("harness/", "baselines/parts/"))} <= first["files"].keys()
    assert "surf 1.2: surf_methods.wave" in first["files"]
    install(code=f"# a comment\n{CODE}")
    assert key() == first
    for other in ({"version": "1.3"}, {"code": CODE.replace("= 8", "= 9")}):
        install(**other)
        assert key()["training"] != first["training"] and key()["scoring"] != first["scoring"]


def test_other_keys_do_not_notice(install: Install) -> None:
    before = key(algorithm="critic")
    install()
    assert key(algorithm="critic") == before


def test_a_cell_of_it_runs_and_is_told_of_another_version(
    install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    """Keys are written and compared for the parameters of a small project."""
    install()
    root = tmp_path / "project"
    monkeypatch.setitem(small.PARAMS["methods"]["pair"], "theirs", small.CRITIC | {"algorithm": "wave"})
    small.write(root)
    assert main(["--root", str(root), "pipelines"]) == 0
    for source in ("harness", "baselines"):
        (root / source).symlink_to(registry.ROOT / source)
    assert main(["--root", str(root), "check"]) == 0, "no keys yet: the stage that writes them is to run"
    assert main(["--root", str(root), "keys"]) == 0
    assert json.loads((root / "results/keys/pair/theirs.json").read_text())["code"] == key()
    assert main(["--root", str(root), "check"]) == 0
    assert main(["--root", str(root), "check", "theirs"]) == 0
    install(version="2.0")
    capsys.readouterr()
    assert main(["--root", str(root), "check"]) == 2
    path = root / "results/keys/pair/theirs.json"
    assert capsys.readouterr().err == f"error: {path} does not match the installed package: run `bench keys`\n"


@pytest.mark.parametrize(
    "how, line",
    [
        (
            {"code": CODE.replace("def build", "def make")},
            r"algorithm wave of the package surf 1.2: .*wave.py has no build; see",
        ),
        (
            {"code": "import no_such_thing\n"},
            r"algorithm wave cannot be imported: .*wave.py, line 1: ModuleNotFoundError: ",
        ),
        (
            {"entry": "wave = surf_methods.none"},
            "of the package surf 1.2: the module surf_methods.none does not exist; correct",
        ),
        (
            {"entry": "critic = surf_methods.wave"},
            "critic of the package surf 1.2 has the name of baselines/methods/critic.py: rename",
        ),
    ],
)
def test_what_is_wrong_with_a_package_is_one_line(how: dict, line: str, install: Install) -> None:
    install(**how)
    with pytest.raises(BenchError, match=line):
        registry.source("wave")
        registry.algorithm("wave")


def test_two_packages_of_one_name(install: Install) -> None:
    install()
    install(package="tide")
    with pytest.raises(
        BenchError, match="algorithm wave of the package (surf|tide) 1.2 has the name of one of the package"
    ):
        registry.algorithms()


def test_a_package_that_bench_new_writes_installs_and_trains(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    root, folder, site = tmp_path / "project", tmp_path / "wave", tmp_path / "site"
    small.write(root)
    before = (root / "params.yaml").read_text()
    assert main(["--root", str(root), "new", "wave", "--like", "plain", "--package", str(folder)]) == 0
    assert (root / "params.yaml").read_text() == before
    assert ".venv/bin/uv pip install --no-deps --no-build-isolation -e" in capsys.readouterr().out
    code = (folder / "vdb_bench_wave.py").read_text()
    assert "wave" not in code and "Wave(Method[Source])" in code
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*pip, "--target", str(site), str(folder)], check=True)
    monkeypatch.syspath_prepend(site)
    found = registry.packaged_algorithms()["wave"]
    assert found == registry.PackagedAlgorithm("vdb_bench_wave", "vdb-bench-wave", "0.1.0")
    bench = ["--root", str(root)]
    assert main([*bench, "new", "surf", "--algorithm", "wave", "--like", "plain"]) == 0
    assert main([*bench, "pipelines"]) == 0
    assert main([*bench, "prepare"]) == 0
    for name in ("surf", "plain"):
        assert main([*bench, "train", "pair", name]) == 0
    mine, theirs = (root / f"results/records/pair/{name}" for name in ("surf", "plain"))
    assert (mine / "curves.csv").read_bytes() == (theirs / "curves.csv").read_bytes()
    assert json.loads((mine / "record.json").read_text())["algorithm"] == "wave"
    assert main([*bench, "check", "surf"]) == 0, capsys.readouterr().out
    capsys.readouterr()
    assert main([*bench, "new", "spray", "--algorithm", "wave"]) == 2
    assert "vdb_bench_wave.py shows no block `<name>: {...}` at its head: name a" in capsys.readouterr().err
    assert main([*bench, "new", "gan", "--like", "plain", "--package", str(tmp_path / "gan")]) == 2
    assert "gan cannot be" in capsys.readouterr().err and not (tmp_path / "gan").exists()
    assert main([*bench, "new", "again", "--like", "plain", "--package", str(folder)]) == 2
    assert f"{folder} is there already" in capsys.readouterr().err


def test_the_template_as_a_package_has_a_block_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    root, folder = tmp_path / "project", tmp_path / "fit"
    root.mkdir()
    shutil.copy(registry.ROOT / "params.yaml", root)
    assert main(["--root", str(root), "new", "fit", "--package", str(folder)]) == 0
    info = folder / "fit-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: fit\nVersion: 1\n")
    (info / "entry_points.txt").write_text(f"[{registry.GROUP}]\nfit = vdb_bench_fit\n")
    monkeypatch.syspath_prepend(folder)
    assert main(["--root", str(root), "new", "fit", "--algorithm", "fit"]) == 0
    assert "digits8.fit in params.yaml, from the head of vdb_bench_fit.py" in capsys.readouterr().out
    assert load_plan(root).cell("digits8", "fit").algorithm == "fit"
