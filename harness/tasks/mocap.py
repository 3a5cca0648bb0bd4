"""Imitation of recorded motions

A character tracks a clip, a recorded one (Peng et al. 2019, section 5.1) or the invented march. An episode begins in
the clip's state at a random time and ends in a fall or at the time limit. Each step is rewarded for the state that it
reaches. The score is the rotation error of joints and root in rad over the task's seconds (20 in the paper, 5 for the
march), where everything after a fall counts as pi.

Besides its record a cell may leave artefacts for other cells: the rollouts of a policy that tracks the clip, whose
actions cloning needs, and a learnt reward.
"""

from __future__ import annotations

import hashlib
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, NamedTuple

import mujoco
import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from harness.contracts import Act, BenchError, ControlOutputs, Draws, Rollout, Settings, Task, TaskSpec
from harness.maths.arrays import Array, all_known, to_array
from harness.run.params import TaskParams, digest
from harness.sim import bodies
from harness.sim.bodies import CONTROL_RATE
from harness.sim.characters import CHARACTERS, PHASE, Character
from harness.sim.following import STEP, Following, Rules
from harness.sim.motions import Motion, motion
from harness.sim.pictures import Raster
from harness.sim.recordings import Recording, recording
from harness.tasks.acting import Starts, probe_policy
from harness.tasks.demonstrations import Episodes, load

metrics = ("motion", "saliency")
writes = ("artefacts",)
SPARED = {"feet": ("foot",), "feet_and_hands": ("foot", "hand")}


class Scoring(Settings):
    """How a policy is scored.

    n_episodes: the number of episodes, which begin at evenly spaced phases.
    seconds: the length of each episode.
    """

    n_episodes: int = Field(8, ge=1)
    seconds: float = Field(20.0, gt=0)


class Params(TaskParams):
    """The parameters of the task.

    clip: a recorded motion of the package pybullet_data (run, backflip, cartwheel, dance_a, spinkick, ...) or of
        `folder`, or one of the built-in motions (march, squat).
    body: the humanoid with 34 degrees of freedom, or the flat one with 15.
    physics: `mujoco` is exact and runs on CPU threads. `warp` is mujoco-warp for a GPU, with single precision and its
        own contacts, so it agrees only on average.
    rate: the physics steps per second.
    targets: what an action (rad) is added to: the middle of each joint's limits, as in the paper, or the clip's next
        pose, advanced by the controller's lag. The latter departs from the paper and gives every method the same
        open-loop controller.
    touching: what may touch the ground; contact of anything else ends an episode. The cartwheel needs the hands.
    termination: whether a fall ends an episode and another one begins in the same world. An imitation task with
        `restart` automatically gets control rows.
    horizon: the control steps of a rollout.
    limit: the maximum control steps of an episode.
    worlds: whether every rollout begins with a reset, or continues where the last one stopped, as in the paper.
    samples: how many states of the clip are demonstrated, at evenly spaced times; None demonstrates one every 1/240 s.
    filter_hz: the cut-off frequency of the filter for the clip's velocities; None disables the filter.
    pictures: the width and height in pixels of the pictures for methods that learn from video; only for the flat body.
    demonstrations: a cell with a policy that tracks the clip, as TASK/CELL, for methods that need its actions.
    """

    family: Literal["mocap"]
    clip: str
    folder: str | None = None
    body: bodies.Kind = "flat"
    physics: Literal["mujoco", "warp"] = "mujoco"
    rate: int = Field(240, ge=CONTROL_RATE, multiple_of=CONTROL_RATE)
    targets: Literal["middle", "clip"] = "middle"
    touching: Literal["feet", "feet_and_hands"] = "feet"
    termination: Literal["ignored", "restart"]
    horizon: int = Field(128, ge=1)
    limit: int = Field(600, ge=1)
    worlds: Literal["fresh", "kept"] = "fresh"
    samples: int | None = Field(None, ge=1)
    filter_hz: float | None = Field(6.0, gt=0)
    pictures: int | None = Field(None, ge=8)
    demonstrations: str | None = None
    score: Scoring = Scoring()

    @property
    def expert(self) -> str | None:
        return self.demonstrations


class TrackingErrors(NamedTuple):
    """The errors of episodes of T steps in E worlds.

    errors: [S, T, E, 13] rad.
    up: [S, T, E] bool, True until the first fall.
    """

    errors: Tensor
    up: Tensor


class Mocap(Task):
    family = "mocap"
    metrics, writes, outputs = metrics, writes, ControlOutputs

    def __init__(self, name: str, params: Params):
        self.name, self.params = name, params
        self.character: Character = CHARACTERS[params.body](params.rate)
        self.rules = Rules(params.targets, SPARED[params.touching])
        size, n_actions = self.character.observation_size, self.character.model.nu
        self.spec = TaskSpec(
            self.family, (size,), params.steps, action_size=n_actions, horizon=params.horizon, phase=PHASE
        )

    @cached_property
    def recording(self) -> Recording:
        """The recorded clip. Raises BenchError if it does not exist."""
        return recording(self.params.clip, self.params.folder)

    @cached_property
    def motion(self) -> Motion:
        return motion(self.recording, self.character, self.params.filter_hz)

    @cached_property
    def data_hash(self) -> str:
        """The hash of the clip, the body, the rules as a few steps reveal them, and the demonstrations."""
        params, worlds = self.params, Following(self.character, self.motion, 4, self.rules, threads=1)
        shown = [worlds.begin(np.arange(4) * self.motion.length / 4)]
        for action in (0.1, -2.0, 1.0):
            shown += [*worlds.step(np.full((4, self.character.model.nu), action)), worlds.rewards(), worlds.errors()]
        content = [
            self.recording.fingerprint,
            bodies.xml(params.body, params.rate),
            mujoco.__version__,
            [params.targets, params.touching, params.termination, params.horizon, params.limit, params.worlds],
            [params.samples, params.filter_hz, params.pictures],
            [np.round(x.astype(float), 6).tolist() for x in shown],
        ]
        if params.demonstrations is not None:
            content += [hashlib.sha256(np.ascontiguousarray(part)).hexdigest() for part in self.tracking_episodes]
        return digest(content)

    @cached_property
    def tracking_episodes(self) -> Episodes:
        """Episodes of a policy that tracks the clip. Raises BenchError if they are missing or of another body."""
        sizes, n_actions = self.spec.shape, self.spec.action_size
        return load(self.params.demonstrations, self.name, self.params.horizon, sizes, n_actions, whole_only=False)

    @cached_property
    def clip_transitions(self) -> tuple[np.ndarray, np.ndarray]:
        """Observations [samples, O] of the clip at evenly spaced times, and those one control step later."""
        n = self.params.samples or round(self.motion.length * 240)
        times = (np.arange(n) + 0.5) / n * self.motion.length
        return self.clip_observations(times), self.clip_observations(times + STEP)

    def clip_observations(self, times: np.ndarray) -> np.ndarray:
        """Return observations [n, O] float32 of the clip at the times [n] (s)."""
        kin = self.character.forward(*self.motion.at(times))
        return self.character.observe(kin, self.motion.phase(times)).astype(np.float32)

    def facts(self) -> dict[str, Any]:
        return {"clip": self.recording.name, "length": self.motion.length, "samples": len(self.clip_transitions[0])}

    def source(self, device: torch.device) -> MocapSource:
        return MocapSource(self, device)

    def probe(self, outputs: ControlOutputs, draws: Draws) -> Tensor:
        return probe_policy(self.source(torch.device("cpu")), outputs, draws)

    @property
    def statistical(self) -> bool:
        return self.params.physics == "warp"

    # How its episodes begin, see `acting.Resets`.
    draws = 1

    def reset(self, uniform: Array, normal: Array) -> tuple[Array]:
        """Return the time (s) of the clip at which an episode begins."""
        return (uniform * self.motion.length,)

    def tracking_worlds(self, n: int, device: torch.device) -> Following:
        """Return `n` worlds.

        device: the device of mujoco-warp.
        """
        params = self.params
        place = device if params.physics == "warp" else None
        return Following(self.character, self.motion, n, self.rules, params.threads, place)

    @torch.no_grad()
    def track(self, act: Act, n_seeds: int, device: torch.device) -> TrackingErrors:
        """Return the errors of episodes from evenly spaced phases, without restarts. Stops when all worlds are down."""
        n, steps = self.params.score.n_episodes, round(self.params.score.seconds * CONTROL_RATE)
        worlds = self.tracking_worlds(n_seeds * n, device)

        def of_worlds(values: Array) -> Tensor:
            return torch.as_tensor(values).unflatten(0, (n_seeds, n)).to(device)

        errors = torch.full((steps, n_seeds, n, len(bodies.PARTS)), torch.pi, device=device)
        up = torch.zeros(steps, n_seeds, n, dtype=torch.bool, device=device)
        times = (torch.arange(n_seeds * n) % n).double() / n * self.motion.length
        seen, down = worlds.begin(to_array(times, worlds.device)), False
        for t in range(steps):
            actions = act(of_worlds(seen).float(), t)
            seen, fallen = worlds.step(to_array(actions.flatten(0, 1), worlds.device))
            down = down | fallen
            if all_known(down):
                break
            up[t], errors[t] = ~of_worlds(down), of_worlds(worlds.errors())
        worlds.check()
        errors = torch.where(up.unsqueeze(-1), errors, torch.pi)
        return TrackingErrors(errors.transpose(0, 1), up.transpose(0, 1))


class MocapSource:
    """The worlds of all seeds. Their state persists if rollouts continue where the last one stopped.

    With physics warp a rollout stays on the device, and no step waits for it.
    """

    def __init__(self, task: Mocap, device: torch.device):
        self.task, self.device = task, device
        self._worlds: dict[int, Following] = {}
        self._kept: dict[str, Tensor] = {}

    def state_dict(self) -> dict[str, Tensor]:
        return dict(self._kept)

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        self._kept = dict(state)

    @torch.no_grad()
    def rollout(self, act: Act, draws: Draws, n_envs: int, name: str = "rollout", stream: str = "env") -> Rollout:
        """Return `horizon` steps of each world. If an episode ends earlier, the next one begins in the same world.

        The last step cuts off whatever has not ended.
        """
        params, n_seeds = self.task.params, draws.n_seeds
        n, horizon, keeps = n_seeds * n_envs, params.horizon, params.worlds == "kept"
        if n not in self._worlds:
            self._worlds[n] = self.task.tracking_worlds(n, self.device)
        worlds = self._worlds[n]
        device = worlds.device
        starts = Starts(self.task, draws, n_envs, name, stream, device)
        xp = np if device is None else torch

        def of_worlds(values: Array) -> Tensor:
            return torch.as_tensor(values).unflatten(0, (n_seeds, n_envs))

        seen = torch.empty(horizon, n_seeds, n_envs, *self.task.spec.shape, device=self.device)
        after, rewards = torch.empty_like(seen), torch.empty(horizon, n_seeds, n_envs, device=self.device)
        actions = torch.empty(horizon, n_seeds, n_envs, self.task.spec.action_size, device=self.device)
        terminated = torch.zeros(horizon, n_seeds, n_envs, dtype=torch.bool, device=self.device)
        truncated = torch.zeros_like(terminated)
        age = xp.zeros(n, dtype=xp.int64, device=device)
        if keeps and self._kept:
            state, age = (self._kept[part].clone() for part in ("state", "age"))
            observations = worlds.load_full_state(state.numpy() if device is None else state.to(device))
            age = age.numpy() if device is None else age.to(device)
        else:
            observations = worlds.begin(starts.next(xp.ones(n, dtype=bool, device=device))[0][:, 0])
        for t in range(horizon):
            seen[t] = of_worlds(observations)
            actions[t] = act(seen[t], t)
            observations, fallen = worlds.step(to_array(actions[t].flatten(0, 1), device))
            after[t] = of_worlds(observations)
            if params.termination == "ignored":
                fallen = xp.zeros_like(fallen)
            rewards[t] = of_worlds(xp.where(fallen, 0.0, worlds.rewards()))
            age += 1
            over = fallen | (age >= params.limit)
            terminated[t], truncated[t] = of_worlds(fallen), of_worlds(over & ~fallen)
            if (t + 1 < horizon or keeps) and not all_known(~over):
                observations = worlds.begin(starts.next(over)[0][:, 0], over)
                age = xp.where(over, 0, age)
        worlds.check()
        truncated[-1] = True
        if keeps:
            self._kept = {"state": torch.as_tensor(worlds.full_state()).clone(), "age": torch.as_tensor(age).clone()}
        parts = (seen, actions, rewards, after, terminated, truncated)
        return Rollout(*(part.transpose(0, 1).contiguous() for part in parts))

    def demonstrations(self) -> Rollout:
        """Return states of the clip, each with the one a control step later, without actions, [1, 1, samples, ...]."""
        return self._demonstrations

    @cached_property
    def _demonstrations(self) -> Rollout:
        here, there = (torch.as_tensor(part, device=self.device)[None, None] for part in self.task.clip_transitions)
        nothing = torch.zeros(1, 1, here.shape[2], device=self.device)
        actions = nothing.unsqueeze(-1).expand(-1, -1, -1, self.task.spec.action_size).contiguous()
        return Rollout(
            here, actions, nothing, there, torch.zeros_like(nothing, dtype=bool), torch.ones_like(nothing, dtype=bool)
        )

    @property
    def picture_size(self) -> int:
        """The width and height of pictures. Raises BenchError if the task has no pictures."""
        if self.task.params.pictures is None:
            raise BenchError(
                f"{self.task.name} has no pictures: set tasks.{self.task.name}.pictures to their pixels a side"
            )
        return self.task.params.pictures

    @cached_property
    def _raster(self) -> Raster:
        return Raster(self.task.character, self.picture_size, self.device)

    def pictures(self, observations: Tensor) -> Tensor:
        """Return pictures [..., H, W] in [0, 1] of observations [..., O]."""
        return self._raster(observations)

    def clip_pictures(self, observations: Tensor) -> Tensor:
        """Return the clip's pictures [..., H, W] at the phases of observations [..., O], to the nearest 1/240 s."""
        frames = self._clip_frames
        turns = torch.atan2(observations[..., -1], observations[..., -2]) / (2 * torch.pi)
        return frames[(turns.remainder(1) * len(frames)).long().clamp(max=len(frames) - 1)]

    @cached_property
    def _clip_frames(self) -> Tensor:
        n = round(self.task.motion.length * 240)
        seen = self.task.clip_observations((np.arange(n) + 0.5) / n * self.task.motion.length)
        return self.pictures(torch.as_tensor(seen, device=self.device))

    def tracking_episodes(self) -> Rollout:
        """Return episodes [1, T, E, ...] of a policy that tracks the clip."""
        return self._tracking_episodes

    @cached_property
    def _tracking_episodes(self) -> Rollout:
        parts = (torch.as_tensor(part, device=self.device)[None] for part in self.task.tracking_episodes)
        observations, actions, rewards, after = parts
        over = torch.zeros_like(rewards, dtype=torch.bool)
        truncated = over.clone()
        truncated[:, -1] = True
        return Rollout(observations, actions, rewards, after, over, truncated)


def build(name: str, params: Params, scratch: Path) -> Mocap:
    return Mocap(name, params)
