"""What starts a cluster elsewhere, as far as it can be tried here: syntax, names, commands, and the token first."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.cli import parser
from harness.registry import ROOT

DEPLOY = ROOT / "deploy"
SBATCH = (DEPLOY / "slurm.sbatch").read_text(encoding="utf-8")
# Options of sbatch that the script may use, and a pattern of their values.
OPTIONS = {
    "job-name": r"[\w-]+",
    "nodes": r"\d+",
    "ntasks-per-node": "1",  # one Ray node a machine
    "cpus-per-task": r"\d+",
    "gpus-per-node": r"\d+",
    "time": r"\d\d:\d\d:\d\d",
    "signal": r"B:INT@\d+",  # to the script alone, which tells the driver
    "requeue": "",
    "open-mode": "append",
    "output": r"[\w%.-]+",
}


def loaded(name: str) -> dict[str, Any]:
    return yaml.safe_load((DEPLOY / name).read_text(encoding="utf-8"))


def bench(text: str) -> Iterator[list[str]]:
    """The arguments of each call of `bench` in a shell command."""
    for found in re.findall(r"\bbench ((?:preset|train)[^&;'\n]*)", text):
        yield [word.replace("$$", "$") for word in shlex.split(found)]


def asked(text: str) -> list[Any]:
    found = [parser().parse_args(words) for words in bench(text)]
    assert found, "no call of bench"
    return found


def test_the_script_for_slurm_is_one_and_its_options_are_known() -> None:
    path = DEPLOY / "slurm.sbatch"
    subprocess.run(["bash", "-n", path], check=True)
    if shellcheck := shutil.which("shellcheck"):
        subprocess.run([shellcheck, path], check=True)
    lines = re.findall(r"^#+SBATCH --([\w-]+)=?(\S*)$", SBATCH, re.MULTILINE)
    assert len(lines) == SBATCH.count("SBATCH --")
    assert {name for name, _ in lines} == OPTIONS.keys()
    for name, value in lines:
        assert re.fullmatch(OPTIONS[name], value), name
    before, _, after = SBATCH.partition("\nset -")
    assert "#SBATCH" in before and "#SBATCH" not in after, "sbatch reads none behind the first command"


def test_the_script_for_slurm_sets_the_token_first_and_runs_a_preset() -> None:
    assert SBATCH.index("RAY_AUTH_MODE=token") < SBATCH.index("get-auth-token") < SBATCH.index("ray symmetric-run")
    (args,) = asked(SBATCH)
    assert (args.name, args.on, str(args.shared)) == ("$2", "$3", "$4")
    words = shlex.split(re.search(r"ray symmetric-run .* --\s", SBATCH.replace("\\\n", ""))[0])
    symmetric = pytest.importorskip(
        "ray.scripts.symmetric_run", reason="needs the extra `cluster`", exc_type=ImportError
    )
    scripts = pytest.importorskip("ray.scripts.scripts", reason="needs the extra `cluster`", exc_type=ImportError)
    known = {name for command in (symmetric.symmetric_run, scripts.start) for p in command.params for name in p.opts}
    assert {word for word in words if word.startswith("--")} - {"--"} <= known


@pytest.mark.parametrize("requeued", [False, True])
def test_the_script_for_slurm_tells_the_driver_to_stop_and_waits_in_the_queue_again(
    requeued: bool, tmp_path: Path
) -> None:
    """With stand-ins for SLURM, for Ray, which runs what stands behind --, and for a bench that waits for its end."""
    stand_ins = {
        "srun": 'while [ "$1" != ray ]; do shift; done\n"$@"',
        "ray": 'echo "ray $*" >>"$LOG"\nwhile [ $# -gt 0 ] && [ "$1" != -- ]; do shift; done\nshift || exit 0\n"$@"',
        "scontrol": 'echo "scontrol $*" >>"$LOG"',
        "bench": "import os, signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))\n"
        "open(os.environ['LOG'], 'a').write(f\"bench {' '.join(sys.argv[1:])} {os.environ['RAY_AUTH_MODE']}\\n\")\n"
        "if os.environ['WAITS']: time.sleep(30)\n",
    }
    tools = tmp_path / ".venv/bin"
    tools.mkdir(parents=True)
    for name, text in stand_ins.items():
        (tools / name).write_text(f"#!{shutil.which('python3') if name == 'bench' else shutil.which('bash')}\n{text}\n")
        (tools / name).chmod(0o755)
    log = tmp_path / "log"
    slurm = {"SLURM_JOB_ID": "20007", "SLURM_NNODES": "2", "SLURM_CPUS_PER_TASK": "8"}
    environment = {"PATH": "/usr/bin:/bin", "LOG": str(log), "WAITS": "1" if requeued else "", **slurm}
    with subprocess.Popen(["bash", DEPLOY / "slurm.sbatch", "hopper"], cwd=tmp_path, env=environment) as job:
        if requeued:
            while not log.exists() or "\nbench preset" not in log.read_text():
                assert job.poll() is None
            job.send_signal(2)
        assert job.wait(20) == (143 if requeued else 0)
    told = log.read_text().splitlines()
    address = next(line for line in told if "symmetric-run" in line).split("--address ")[1].split()[0]
    assert address.endswith(":20007")
    assert told[0] == "ray get-auth-token --generate"
    assert told[2] == f"bench preset hopper --on {address} --shared {tmp_path}/build/shared token"
    assert told[3:] == (["scontrol requeue 20007"] if requeued else [])
    assert list((tmp_path / "build/shared").iterdir()) == []


def test_the_containers_share_a_token_and_a_folder() -> None:
    made = loaded("compose.yaml")
    services = made["services"]
    assert services.keys() == {"head", "worker"}
    for service in services.values():
        assert service["image"] == services["head"]["image"]
        assert service["environment"]["RAY_AUTH_MODE"] == "token"
        (secret,) = service["secrets"]
        assert service["environment"]["RAY_AUTH_TOKEN_PATH"] == f"/run/secrets/{secret}" and secret in made["secrets"]
        assert "shared:/shared" in service["volumes"]
        assert {volume.split(":")[0] for volume in service["volumes"]} <= made["volumes"].keys()
    build = services["head"]["build"]
    assert (DEPLOY / build["context"] / build["dockerfile"]).is_file()
    script = services["head"]["command"][-1]
    (args,) = asked(script)
    assert (args.name, args.on, str(args.shared)) == ("$PRESET", "head:6379", "/shared")
    port = re.search(r"ray start --head --port (\d+)", script)[1]
    assert services["worker"]["command"].startswith(f"ray start --address head:{port} ")


def test_the_job_for_kubernetes_has_a_token_and_a_place_for_what_is_made() -> None:
    job = loaded("rayjob.yaml")
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    known = {"entrypoint", "shutdownAfterJobFinishes", "backoffLimit", "rayClusterSpec"}
    assert job["spec"].keys() == known
    cluster = job["spec"]["rayClusterSpec"]
    assert cluster.keys() == {"rayVersion", "authOptions", "headGroupSpec", "workerGroupSpecs"}
    assert cluster["authOptions"] == {"mode": "token"}
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    assert extras["cluster"] == [f"ray=={cluster['rayVersion']}"]
    (args,) = asked(job["spec"]["entrypoint"])
    assert args.on == "auto" and (ROOT / f"presets/{args.name}.yaml").is_file()
    (workers,) = cluster["workerGroupSpecs"]
    assert workers["minReplicas"] <= workers["replicas"] <= workers["maxReplicas"]
    for group in (cluster["headGroupSpec"], workers):
        assert isinstance(group["rayStartParams"], dict) and all(
            isinstance(v, str) for v in group["rayStartParams"].values()
        )
        spec = group["template"]["spec"]
        (container,) = spec["containers"]
        assert container["image"] == loaded("compose.yaml")["services"]["head"]["image"]
        assert container["resources"]["requests"] == container["resources"]["limits"]
        mounts = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
        assert str(args.shared) in mounts and set(mounts.values()) == {volume["name"] for volume in spec["volumes"]}
    head = cluster["headGroupSpec"]["template"]["spec"]["containers"][0]
    assert "/bench/build" in {mount["mountPath"] for mount in head["volumeMounts"]}, "records outlast the pod"
