"""Demonstrations to and from data sets of Minari, the format of Gymnasium's makers (minari.farama.org).

Ours are one file of episodes of one length: an episode that ended before is continued by the absorbing state, which is
all zeros but for a last coordinate (Kostrikov et al. 2019, section 4.2). In a data set of Minari it ends there.
"""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import gymnasium
import numpy as np
from gymnasium import spaces

from harness.errors import BenchError, reason
from harness.files import write_bytes
from harness.plan import needs
from harness.schema import Head, read_head
from harness.sim.gymnasium_worlds import AnyRobot
from harness.sim.robots import Robot
from harness.store import SCORES
from harness.tasks.demonstrations import KIND

KEPT = 50  # whole episodes of a data set: more than any table shows, and small enough for a file
EXTRA = ".venv/bin/uv pip install -e '.[minari]'"
Arrays = dict[str, np.ndarray]


class Found(NamedTuple):
    """What a data set has for a task. arrays: of E episodes, as our files hold them.

    total, ended: the number of all episodes, and of those kept that end before the horizon.
    """

    arrays: Arrays
    total: int
    ended: int

    @property
    def n(self) -> int:
        """Episodes that are kept."""
        return len(self.arrays["whole"])

    def told(self, source: str) -> str:
        """What was taken of the data set, in a line."""
        ended = f", {self.ended} of which end before the horizon" if self.ended else ""
        return f"{self.n} of the {self.total} episodes of {source}{ended}"


def opened(source: str) -> Any:
    """The data set in a folder, or the one of that id among Minari's own.

    Raises BenchError where there is none that Minari can read, or no Minari.
    """
    minari = _minari()
    folder = next((p for p in (Path(source) / "data", Path(source)) if (p / "metadata.json").is_file()), None)
    if folder is None and Path(source).exists():
        raise BenchError(f"{source} is no data set of Minari: it has neither metadata.json nor data/metadata.json")
    try:
        return minari.MinariDataset(folder) if folder else minari.load_dataset(source)
    except Exception as error:  # whatever another program wrote there
        raise BenchError(
            f"{source}: Minari cannot read it: {reason(error)}: give a folder, or an id that `minari list local` shows"
        ) from None


def environment_of(data: Any, source: str) -> str:
    """The id of the environment that a data set was recorded in. Raises BenchError where that does not say all."""
    spec = data.env_spec
    if spec is None or spec.kwargs or spec.additional_wrappers or spec.id not in gymnasium.registry:
        raise BenchError(f"{source} does not name an environment that can be made by its id alone: give --env too")
    return str(spec.id)


def whole_episodes(data: Any, source: str, robot: AnyRobot | Robot, horizon: int) -> Found:
    """The episodes that last `horizon` steps or end before; longer ones are cut, those cut off before are left out.

    Raises BenchError where the spaces are not those of the environment, or no episode is whole.
    """
    _check_spaces(data, source, robot)
    kept, over = [], []
    for episode in data.iterate_episodes():
        n = min(len(episode), horizon)
        if n == horizon or episode.terminations[n - 1]:
            kept.append(episode)
            over.append(n < horizon)
        if len(kept) == KEPT:
            break
    if not kept:
        raise BenchError(
            f"{source}: none of its {data.total_episodes} episodes lasts {horizon} steps or ends before: "
            "give a shorter --horizon"
        )
    n_actions, marked, discrete = robot.model.nu, any(over), isinstance(data.action_space, spaces.Discrete)
    held: dict[str, list[np.ndarray]] = {"observations": [], "actions": [], "rewards": [], "last_observations": []}
    for episode in kept:
        n = min(len(episode), horizon)
        seen = np.zeros((horizon + 1, robot.observation_size + marked), np.float32)
        seen[: n + 1, : robot.observation_size] = np.reshape(episode.observations[: n + 1], (n + 1, -1))
        if n < horizon:
            seen[n:] = 0.0
            seen[n:, -1] = 1.0
        taken = np.zeros((horizon, n_actions), np.float32)
        if discrete:
            taken[np.arange(n), np.asarray(episode.actions[:n]).reshape(n) - data.action_space.start] = 1.0
        else:
            taken[:n] = np.reshape(episode.actions[:n], (n, -1))
        paid = np.zeros(horizon, np.float32)
        paid[:n] = episode.rewards[:n]
        for name, part in zip(held, (seen[:-1], taken, paid, seen[-1])):
            held[name].append(part)
    arrays = {name: np.stack(parts, axis=0 if name.startswith("last") else 1) for name, parts in held.items()}
    return Found(arrays | {"whole": np.ones(len(kept), bool)}, data.total_episodes, sum(over))


def _check_spaces(data: Any, source: str, robot: AnyRobot | Robot) -> None:
    seen, taken, discrete = data.observation_space, data.action_space, isinstance(robot, AnyRobot) and robot.discrete
    if not isinstance(seen, spaces.Box) or np.prod(seen.shape, dtype=int) != robot.observation_size:
        raise BenchError(
            f"{source}: its observations are of {seen}, those of {robot.name} have {robot.observation_size}"
        )
    size = taken.n if isinstance(taken, spaces.Discrete) else np.prod(taken.shape or (0,), dtype=int)
    if not isinstance(taken, spaces.Discrete if discrete else spaces.Box) or size != robot.model.nu:
        kind = "a choice of" if discrete else "a vector of"
        raise BenchError(f"{source}: its actions are of {taken}, those of {robot.name} are {kind} {robot.model.nu}")


def write_ours(path: Path, found: Found) -> None:
    """Write the episodes of a task's `demonstrations: data/NAME` to `path`, and the scores of its expert beside it.

    Those are the mean return of all the episodes kept, as nothing else is known of who left them.
    """
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **{f"{KIND}{name}": array[None] for name, array in found.arrays.items()})
    write_bytes(path, buffer.getvalue())
    reached = float(found.arrays["rewards"].sum(0).mean())
    write_bytes(path.with_name(SCORES), f"seed,step,metric,value\n0,0,return,{reached!r}\n".encode())


def to_minari(root: Path, source: str, folder: Path) -> list[str]:
    """Write the whole episodes of an expert, TASK/CELL or archive/PRESET/TASK/CELL, as a data set of Minari.

    Returns lines for the user. Raises BenchError where the cell leaves no demonstrations, or the folder is there.
    """
    minari = _minari()
    if folder.exists():
        raise BenchError(f"{folder} is there already: give --minari another folder")
    head, held = _left(root, source)
    space, taken, spec = _spaces(head, held)
    n_observed = space.shape[0]
    buffers, dropped = [], int((~held["whole"]).sum())
    for k in np.flatnonzero(held["whole"]):
        seen = np.concatenate([held["observations"][:, k], held["last_observations"][None, k]])
        ends = np.flatnonzero(seen[:, n_observed:].any(1))  # the mark of the absorbing state
        n = int(ends[0]) if len(ends) else len(seen) - 1
        observations = seen[: n + 1, :n_observed].astype(space.dtype)
        if len(ends):  # what an end led to is not recorded: the state before it stands in its place
            observations[n] = observations[n - 1]
        actions = held["actions"][:n, k]
        if isinstance(taken, spaces.Discrete):
            actions = actions.argmax(1) + taken.start
        else:  # as the environment carries them out
            actions = np.clip(actions, taken.low, taken.high).astype(taken.dtype)
        over = np.arange(n) == n - 1
        buffers.append(
            minari.data_collector.EpisodeBuffer(
                observations=observations,
                actions=actions,
                rewards=[*map(float, held["rewards"][:n, k])],
                terminations=[bool(x) for x in over & bool(len(ends))],
                truncations=[bool(x) for x in over & (not len(ends))],
            )
        )
    name = f"{source.replace('.', '-')}-v0"
    about = {
        "dataset_id": name,
        "minari_version": minari.__version__,
        "algorithm_name": head.algorithm,
        "description": f"Whole episodes of the expert {source} of vdb-bench, training key {head.training_key}",
    }
    (folder / "data").mkdir(parents=True)
    storage = minari.dataset.minari_storage.MinariStorage.new(folder / "data", space, taken, spec)
    storage.update_metadata(about)
    storage.update_episodes(buffers)
    return [
        f"{folder}: {len(buffers)} episodes of {source}, {sum(map(len, buffers))} steps"
        + (f"; {dropped} that were no whole episode are left out" if dropped else ""),
        f'load it with minari.MinariDataset("{folder}/data")',
    ]


def _left(root: Path, source: str) -> tuple[Head, Arrays]:
    """The head of an expert's record, and its demonstrations by name: [T, E, ...] of the one seed that is kept."""
    path = needs.path(root, source)
    with np.load(path) as file:
        held = {name.removeprefix(KIND): file[name][0] for name in file.files if name.startswith(KIND)}
    if not held:
        raise BenchError(f"{source} leaves no demonstrations: name an expert, such as those that tasks imitate")
    if "whole" not in held:
        raise BenchError(f"{source} is of an older archive, without the rewards of its episodes: name another expert")
    return read_head(path.parent), held


def _spaces(head: Head, held: Arrays) -> tuple[spaces.Box, spaces.Box | spaces.Discrete, Any]:
    """Observations and actions, and what Gymnasium tells of the environment where the task names one."""
    params = head.params.task
    n_observed = held["observations"].shape[2] - (params.get("termination") == "absorbing")
    if name := params.get("env") or params.get("robot"):
        robot = AnyRobot(name)
        if robot.observation_size == n_observed:
            made = gymnasium.make(name)
            seen = spaces.Box(-np.inf, np.inf, (n_observed,), np.float32)
            taken = made.action_space
            if isinstance(taken, spaces.Box):
                taken = spaces.Box(taken.low.ravel(), taken.high.ravel(), dtype=taken.dtype)  # type: ignore[arg-type]
            return seen, taken, made.spec if isinstance(made.spec.entry_point, str) else None  # JSON holds no class
    rows = held["actions"].shape[2]
    unbounded = (spaces.Box(-np.inf, np.inf, (n,), np.float32) for n in (n_observed, rows))
    return (*unbounded, None)


def _minari() -> ModuleType:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            import minari
        except ImportError:
            raise BenchError(f"the package minari is missing: {EXTRA}") from None
    return minari
