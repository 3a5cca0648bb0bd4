"""A net that was written for plain torch gives there what the method gives."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from types import ModuleType

import pytest
import torch

from harness import registry
from harness.cli import main
from harness.contracts import Method
from harness.errors import BenchError
from harness.places.train import load_task
from harness.plan.params import read_params
from harness.plan.plan import load_plan
from harness.run.seeds import CounterDraws
from harness.tests import small
from harness.workspace.nets import Net, nets_of
from harness.workspace.plain import nets
from harness.workspace.program import write_program
from harness.workspace.weights import calls, loader, packed
from harness.yaml_text import dump

CELLS = [  # of every kind of output, and of reward
    ("digits8", "vgan"),
    ("grid_maze", "vairl"),
    ("c_maze", "vairl_gp"),
    ("reacher", "vail"),
    ("reacher", "gail_noise_z"),
    ("reacher", "bc"),
    ("march", "control_blind"),
]


def fresh(task: str, cell: str) -> tuple[Method, list[Net]]:
    its = load_plan(registry.ROOT).cell(task, cell)
    spec = load_task(registry.ROOT, task, its.task_params).spec
    draws = CounterDraws((3,), "test", "cpu", lookahead=1)
    method = registry.algorithm(its.algorithm).build(its.method_params, spec, draws, torch.device("cpu"))
    return method, nets_of(method.outputs(), spec, str(its))


def alone(folder: Path, code: str, package: ModuleType = torch) -> str:
    """What the code prints in a process that does not know the project, but where `package` is."""
    code = f"import sys\nsys.path.append({str(Path(str(package.__file__)).parents[1])!r})\n{code}"
    return subprocess.run(
        [sys.executable, "-I", "-c", code], cwd=folder, check=True, capture_output=True, text=True
    ).stdout


def given(net: Net) -> list[torch.Tensor]:
    return [torch.randn(5, size, generator=torch.Generator().manual_seed(1)) for size in net.inputs.values()]


def test_a_program_of_images(tmp_path: Path) -> None:
    method, (net,) = fresh("digits8", "vgan")
    lines = write_program(net, tmp_path / "vgan.pt2")
    draws = CounterDraws((3,), "test", "cpu", lookahead=1)
    z = draws.normal("eval", "latent/0", (5, 32))[0]
    torch.save((z, method.outputs().images(draws, 0, 5)[0]), tmp_path / "pair.pt")
    code = (
        f"{lines[0]}\n{lines[1]}\nz, images = torch.load('pair.pt')\nassert torch.allclose(net(z), images, atol=1e-6)\n"
    )
    assert alone(tmp_path, code + lines[2]) == "torch.Size([16, 1, 8, 8])\n"
    with zipfile.ZipFile(tmp_path / "vgan.pt2") as file:
        name = next(name for name in file.namelist() if name.endswith("about.json"))
        said = json.loads(file.read(name))
    assert said == {"takes": "z [N, 32]: standard normal", "makes": "images [N, 1, 8, 8] in [-1, 1]"}


@pytest.mark.parametrize("task, cell", CELLS)
def test_weights_with_the_printed_loader(task: str, cell: str, tmp_path: Path) -> None:
    safetensors = pytest.importorskip("safetensors")
    method, made = fresh(task, cell)
    content = packed(made, method, {"task": task})
    assert packed(made, method, {"task": task}) == content, "two exports of one net are one file"
    (tmp_path / "net.safetensors").write_bytes(content)
    with torch.no_grad():
        pairs = {net.name: (given(net), net.module(*given(net))) for net in made}
    torch.save(pairs, tmp_path / "pairs.pt")
    code = "\n".join([loader(), *calls(made, Path("net.safetensors"))])
    check = "\nfor name, (given, made_here) in torch.load('pairs.pt').items():\n    "
    out = alone(
        tmp_path,
        f"{code}{check}assert torch.equal(made[name](*given), made_here), name\n    print(name)\n",
        safetensors,
    )
    assert out.splitlines()[-len(made) :] == [net.name for net in made]
    assert "torch.Size([16" in out


def test_what_the_file_says_of_itself(tmp_path: Path) -> None:
    safetensors = pytest.importorskip("safetensors")
    method, made = fresh("reacher", "vail")
    (tmp_path / "net.safetensors").write_bytes(packed(made, method, {"seed": 3}))
    with safetensors.safe_open(tmp_path / "net.safetensors", "pt") as file:
        about = json.loads(file.metadata()["about"])
        own = {name: value for name, value in method.state_dict().items() if name in file.keys()}  # noqa: SIM118
        assert len(own) == len(file.keys()), "every tensor has the name that the method has for it"
        assert all(torch.equal(file.get_tensor(name), value) for name, value in own.items())
        assert not any("std" in name and "policy" in name for name in own), "what no net uses is left out"
    assert about["seed"] == 3 and list(about["nets"]) == ["actions", "reward"]
    actions, reward = about["nets"].values()
    assert actions["inputs"] == ["observations"] and reward["inputs"] == ["observations", "actions"]
    assert actions["activation"] == "linear" and reward["activation"] == "softplus"
    assert "cuts to its range" in actions["makes"] and "as the policy drew them" in reward["takes"]
    assert "10" in actions["takes"]


def test_the_printed_loader_is_short_and_knows_nothing_of_ours() -> None:
    lines = loader().splitlines()
    assert len([line for line in lines if line.strip()]) <= 22 and "harness" not in loader() and '"""' not in loader()


def test_what_has_no_net_is_told() -> None:
    with pytest.raises(BenchError, match="two_gaussians/i_c_1 produces neither images nor actions"):
        fresh("two_gaussians", "i_c_1")


COMMITTED = sorted((registry.ROOT / "results/weights").rglob("*.safetensors"))


@pytest.mark.skipif(not COMMITTED, reason="no weights are committed in results/weights")
def test_committed_weights_are_small_and_those_of_the_committed_records() -> None:
    safetensors = pytest.importorskip("safetensors")
    assert sum(path.stat().st_size for path in COMMITTED) <= 5_000_000
    for path in COMMITTED:
        record = json.loads((registry.ROOT / f"results/records/{path.parent.name}/{path.stem}/record.json").read_text())
        with safetensors.safe_open(path, "pt") as file:
            about = json.loads(file.metadata()["about"])
        again = f"{path}: of another training; run `bench export --all --safetensors results/weights`"
        assert about["training_key"] == record["training_key"], again
        assert about["scores"].keys() == record["metrics"].keys()
        for name, net in nets(path).items():
            sizes = [int(size) for size in re.findall(r"\[N, (\d+)\]", about["nets"][name]["takes"])]
            made = net(*(torch.rand(5, size) for size in sizes))
            assert made.shape[0] == 5 and made.isfinite().all(), f"{path}: {name}"
        assert (about["task"], about["cell"], about["seed"]) == (path.parent.name, path.stem, 0)


def test_all_of_a_trained_project(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    """Two cells of a table beside one without a net: a file for each of the two. Of the others an export of a row that
    is gone goes, and what is none stays.
    """
    safetensors = pytest.importorskip("safetensors")
    pytest.importorskip("safetensors.torch")
    whole = read_params(registry.ROOT)
    task = whole["tasks"]["grid_maze"] | {"steps": 2, "evaluations": 1, "seeds": [0, 1], "block": 2}
    rows = {name: whole["methods"]["grid_maze"][name] for name in ("bc", "gail")}
    params = small.PARAMS | {"tasks": {"maze": task, **small.PARAMS["tasks"]}}
    params |= {"methods": {"maze": rows, **small.PARAMS["methods"]}, "report": {"baseline": {"maze": "gail"}}}
    (tmp_path / "params.yaml").write_text(dump(params))
    bench, out = ["--root", str(tmp_path)], tmp_path / "weights"
    (out / "maze").mkdir(parents=True)
    gone = {"task": "maze", "cell": "gone", "seed": 0, "training_key": "0"}
    safetensors.torch.save_file({"w": torch.ones(1)}, out / "maze/gone.safetensors", {"about": json.dumps(gone)})
    (tmp_path / "weights.safetensors").touch()
    (out / "maze/empty.safetensors").touch()
    safetensors.torch.save_file({"w": torch.ones(1)}, out / "maze/mine.safetensors", {"about": "mine"})
    (out / "README.md").touch()
    export = [*bench, "export", "--all", "--safetensors", str(out)]
    assert main([*bench, "prepare"]) == 0
    assert main(export) == 2
    assert "no checkpoint of maze/bc for its present code" in capsys.readouterr().err
    assert main([*bench, "train", "maze"]) == 0
    assert main(export) == 0
    said = capsys.readouterr().out
    assert "maze: 2 cells, 0.0" in said and "maze/gone.safetensors is removed: its row is gone" in said
    found = sorted(path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file())
    kept = ["maze/empty.safetensors", "maze/mine.safetensors"]
    assert found == sorted(["README.md", "maze/bc.safetensors", "maze/gail.safetensors", *kept])
    assert main([*export, "--seed", "7"]) == 2, "no such seed was trained"
    assert "maze/gail.safetensors" in str([*out.rglob("*")]), "nothing of another seed is removed"
    first = out / "maze/gail.safetensors"
    whole_file, bc = first.read_bytes(), (out / "maze/bc.safetensors").read_bytes()
    shutil.rmtree(tmp_path / ".scratch")
    assert main(export) == 0
    assert "maze: 2 cells" in capsys.readouterr().out
    assert first.read_bytes() == whole_file and (out / "maze/bc.safetensors").read_bytes() == bc, "both are present"
    first.unlink()
    assert main(export) == 0, "without checkpoints there is still the reward of the record"
    (tmp_path / "whole.safetensors").write_bytes(whole_file)
    here, before = nets(first), nets(tmp_path / "whole.safetensors")
    assert [*here] == ["reward"] and [*before] == ["actions", "reward"]
    rows = torch.eye(25), torch.eye(4)[torch.arange(25) % 4]
    assert torch.equal(here["reward"](*rows), before["reward"](*rows))
    with safetensors.safe_open(first, "pt") as file:
        about = json.loads(file.metadata()["about"])
    lines = (tmp_path / "results/records/maze/gail/scores.csv").read_text().splitlines()
    ended = [line.split(",") for line in lines if line.startswith("maze,gail,0,2,")]
    assert about["scores"] == {row[4]: float(row[5]) for row in ended} and ended
    (out / "maze/bc.safetensors").unlink()
    assert main(export) == 0
    assert "maze: 1 cells, 0.01 MB; no checkpoint here of bc: `bench train maze CELL`" in capsys.readouterr().out
    assert main([*bench, "train", "maze", "bc"]) == main([*bench, "train", "maze", "gail"]) == 0
    assert main(export) == 0
    assert first.read_bytes() == whole_file
    assert main([*export, "maze"]) == 2
    assert main([*bench, "export", "maze", "bc", "--safetensors", str(tmp_path / "bc.safetensors")]) == 0
    assert (tmp_path / "bc.safetensors").read_bytes() == (out / "maze/bc.safetensors").read_bytes()
