"""The peers: the packages that each needs, the commands that create its environment, and how its scripts are run.

Some are compatible with the pins of this project (the extra `peers`). `imitation` requires older versions of what is
pinned here, so it has its own environment, in which the versions of this project are forced.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.benchmarks.record import Options
from harness.errors import BenchError
from harness.metrics.encoders.child_process import unlimited_environment
from harness.plan.origin import origin

ASK = "import importlib.metadata as m, sys; print(*(m.version(name) for name in sys.argv[1:]))"
EXTRA = "uv pip install -e '.[peers]'"  # editable: a frozen copy of this project would be measured in its place
FORCED = "gymnasium==1.4.0", "mujoco==4.0.0", "stable-baselines3==2.9.2", "torch==2.13.0"


@dataclass(frozen=True)
class Peer:
    """A project that ours is compared with.

    packages: the packages, of which the first is the one compared with.
    make: the commands, in one line, that create its environment.
    """

    packages: tuple[str, ...]
    make: str


OWN = (
    f"mkdir -p build && printf '%s\\n' {' '.join(FORCED)} > build/forced.txt && uv venv build/peers && "
    "uv pip install --python build/peers/bin/python --override build/forced.txt "
    f"imageio==2.38.1 imitation==1.0.1 {' '.join(FORCED)}"
)
IMITATION = ("imitation", "stable-baselines3", "gymnasium", "mujoco")
PEERS = {
    "gail": Peer(IMITATION, OWN),
    "gail-target": Peer(IMITATION, OWN),
    "ppo": Peer(("stable-baselines3", "gymnasium", "mujoco"), EXTRA),
    "pytorch-fid": Peer(("pytorch-fid", "torch", "torchvision"), EXTRA),
    "torch-fidelity": Peer(("torch-fidelity", "torch", "torchvision"), EXTRA),
    "vdb-images": Peer(("torch", "PyYAML"), EXTRA),
}


def version(name: str, options: Options) -> dict[str, str]:
    """Return {"name": package, "version": its version} for the peer's environment.

    Raises BenchError, with the commands that create one, if there is none.
    """
    peer, python = PEERS[name], options.python or Path(sys.executable)
    own = peer.make == OWN
    if not python.is_file():
        raise BenchError(f"--python {python}: no such file; create the environment with: {peer.make}")
    command = [python, "-c", ASK, *peer.packages]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace", check=False)
    if done.returncode:
        then = f"bench speed --peer {name}" + " --python build/peers/bin/python" * own
        raise BenchError(
            f"peer {name}: {python} does not have {', '.join(peer.packages)}; create it with: {peer.make} && {then}"
        )
    return {"name": peer.packages[0], "version": done.stdout.split()[0]}


def checkout(name: str, options: Options, file: str, address: str) -> Path:
    """Return the folder of a peer that is not a package. Raises BenchError if it does not exist."""
    if options.checkout is None or not (options.checkout / file).is_file():
        said = "--checkout is missing" if options.checkout is None else f"{options.checkout} has no {file}"
        then = f"bench speed --peer {name} --checkout build/{name}"
        raise BenchError(f"peer {name}: {said}; get it with: git clone {address} build/{name} && {then}")
    return options.checkout.resolve()


def commit(folder: Path) -> str:
    """Return the short commit of a checkout, or "unknown commit" if it is not a repository."""
    found = origin(folder)["commit"]
    return f"commit {found[:7]}" if found else "unknown commit"


def call(python: Path | None, script: str | tuple[str, ...], settings: dict[str, Any]) -> dict[str, Any]:
    """Run a script in its own process, free to use all instructions, and return the last line of its output as JSON.

    Raises BenchError with the script's last line of standard error if it fails.

    script: a file beside this one, or arguments for the interpreter. It gets the path of a file with the settings,
        which include a folder `scratch` that is removed afterwards.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "settings.json"
        path.write_text(json.dumps(settings | {"scratch": folder}), encoding="utf-8")
        words = (str(Path(__file__).with_name(script)),) if isinstance(script, str) else script
        command, own = [python or sys.executable, *words, path], unlimited_environment()
        done = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace", check=False, env=own)
    if done.returncode:
        raise BenchError(
            f"{' '.join(words)} failed: {(done.stderr.strip().splitlines() or ['it printed nothing'])[-1]}"
        )
    return json.loads(done.stdout.strip().splitlines()[-1])
