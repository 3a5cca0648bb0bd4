"""Characters that follow a clip: a step is MuJoCo's, worlds stand alone, and their full state is all there is."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest
import torch

from harness.sim.bodies import LEAD
from harness.sim.characters import CHARACTERS
from harness.sim.following import STEP, Following, Rules
from harness.sim.motions import motion
from harness.sim.recordings import recording

EACH = pytest.mark.parametrize("kind", CHARACTERS)


def worlds(kind, n=3, targets="middle", rate=120, clip="march", **words):
    character = CHARACTERS[kind](rate)
    return Following(character, motion(recording(clip), character), n, Rules(targets), **words)


def pushes(f, k):
    return 0.1 * np.random.default_rng(k).normal(size=(f.n, f.character.model.nu))


@EACH
@pytest.mark.parametrize("targets", ["middle", "clip"])
def test_a_step_is_mujocos(kind, targets):
    f = worlds(kind, targets=targets)
    f.begin(np.array([0.0, 0.3, 0.7]))
    model = f.character.model
    for k in range(3):
        before, action = f.full_state(), pushes(f, k)
        centre = f.character.middle
        if targets == "clip":
            centre = f.character.extrapolate(*f.motion.at(f.time + STEP), LEAD)
        control = centre + action
        f.step(action)
        for w in range(3):
            data = mujoco.MjData(model)
            data.time, data.qpos[:], data.qvel[:] = before[w, 0], *np.split(before[w, 1:], [model.nq])
            data.ctrl[:] = control[w]
            mujoco.mj_step(model, data, f.character.frame_skip)
            np.testing.assert_array_equal(f.full_state()[w], [data.time, *data.qpos, *data.qvel])


@EACH
def test_an_untouched_world_is_at_the_clips_pose(kind):
    f = worlds(kind)
    time = np.array([0.05, 0.3, 0.7])
    f.begin(time)
    assert f.errors().max() < 1e-12
    np.testing.assert_allclose(f.rewards(), 1.0, atol=1e-6)  # but for the lift of soles that are below the ground
    np.testing.assert_array_equal(f.time, time)


@EACH
def test_worlds_stand_alone_and_begin_again_alone(kind):
    """The first of three worlds is what a world by itself is, whatever the others do, on any number of threads."""
    together, alone = worlds(kind, 3, threads=2), worlds(kind, 1, threads=1)
    a, b = together.begin(np.array([0.2, 0.5, 0.1])), alone.begin(np.array([0.2]))
    for k in range(8):
        np.testing.assert_array_equal(a[:1], b)
        action = pushes(together, k)
        a, b = together.step(action)[0], alone.step(action[:1])[0]
        if k == 4:
            a = together.begin(np.array([0.0, 0.6, 0.0]), np.array([False, True, False]))
            np.testing.assert_allclose(together.time, [0.2 + 5 * STEP, 0.6, 0.1 + 5 * STEP], atol=1e-9)


@EACH
def test_the_full_state_with_the_clips_time_is_restored_bit_for_bit(kind):
    f, other = worlds(kind, targets="clip"), worlds(kind, targets="clip")
    f.begin(np.array([0.2, 0.5, 0.1]))
    for k in range(3):
        f.step(pushes(f, k))
    held = f.full_state()
    expected = [f.step(pushes(f, 3))[0], f.rewards(), f.errors(), f.time.copy()]
    other.begin(np.zeros(3))
    other.load_full_state(held)
    for a, b in zip(expected, [other.step(pushes(f, 3))[0], other.rewards(), other.errors(), other.time]):
        np.testing.assert_array_equal(a, b)


@EACH
def test_targets_are_the_middle_or_the_clips_next_pose(kind):
    """What the motors are told: the middle, or where the clip will be a step and the controller's lag later."""
    told = {}
    for targets in ("middle", "clip"):
        f = worlds(kind, 1, targets)
        f._physics.step = lambda control, targets=targets: told.update({targets: control})
        f.begin(np.array([0.3]))
        f.step(np.full((1, f.character.model.nu), 0.25))
    np.testing.assert_allclose(told["middle"][0], f.character.middle + 0.25)
    later = f.character.extrapolate(*f.motion.at(np.array([0.3 + STEP])), LEAD)
    np.testing.assert_allclose(told["clip"], later + 0.25, atol=1e-12)


def test_a_pose_below_the_ground_is_lifted_onto_it():
    f = worlds("humanoid")
    f.motion.qpos = f.motion.qpos.copy()
    f.motion.qpos[:, 2] -= 0.05
    f.begin(np.array([0.0, 0.3, 0.6]))
    np.testing.assert_allclose(f.character.lowest(f.kinematics, f.all_skin), 0, atol=1e-12)


@EACH
def test_mujoco_warp_goes_the_same_way(kind):
    """Two control steps in the air: on the ground a rounding decides whether a sole touches it."""
    pytest.importorskip("mujoco_warp")
    exact, single = (worlds(kind, 2, "clip", 240, device=device) for device in (None, torch.device("cpu")))
    for f in (exact, single):
        up = (np.arange(f.character.model.nq) == f.height).astype(np.float32)
        f.motion.qpos = f.motion.qpos + (up if f.device is None else torch.as_tensor(up))
    time = np.array([0.1, 0.5])
    exact.begin(time), single.begin(torch.as_tensor(time).float())
    for k in range(2):
        a, b = exact.step(pushes(exact, k)), single.step(torch.as_tensor(pushes(exact, k)).float())
        assert a[1].tolist() == b[1].tolist()
    np.testing.assert_allclose(b[0].numpy(), a[0], atol=5e-3)
    np.testing.assert_allclose(single.rewards().numpy(), exact.rewards(), atol=1e-3)
    np.testing.assert_allclose(single.errors().numpy(), exact.errors(), atol=1e-3)
    held = single.full_state()
    first = single.step(torch.zeros(2, single.character.model.nu))[0].clone()
    single.load_full_state(held)
    assert torch.equal(single.step(torch.zeros(2, single.character.model.nu))[0], first)
