"""Clips: what is refused, what is made up, states at any time by MuJoCo's own differences, and the plane."""

from __future__ import annotations

import json

import mujoco
import numpy as np
import pytest
import torch

from harness.errors import BenchError
from harness.sim import recordings
from harness.sim.bodies import JOINTS, PARTS
from harness.sim.characters import CHARACTERS, Flat, Humanoid
from harness.sim.motions import _forward_direction, low_pass, motion
from harness.sim.recordings import BUILT_IN, Recording, read, recording

EACH = pytest.mark.parametrize("kind", CHARACTERS)
MADE_UP = pytest.mark.parametrize("name", BUILT_IN)


def written(path, loop="wrap", rows=None):
    rows = BUILT_IN["march"]().rows if rows is None else rows
    path.write_text(json.dumps({"Loop": loop, "Frames": np.asarray(rows).tolist()}))
    return path


def spinning(turns=1.0, n=25, length=1.0):
    """A body that goes forwards at 2 m/s, upright, and swings its right shoulder evenly about the sideways axis."""
    march = BUILT_IN["march"]()
    rows = np.tile(march.rows[0], (n, 1))
    t = np.linspace(0, length, n)
    rows[:-1, 0], rows[-1, 0] = np.diff(t), 0.0
    rows[:, 1] = 2.0 * t
    half = 0.5 * turns * t
    rows[:, 25], rows[:, 28] = np.cos(half), np.sin(half)
    return Recording("spinning", True, rows)


def test_a_file_that_is_no_clip_is_told_in_one_line(tmp_path):
    rows = BUILT_IN["march"]().rows
    (tmp_path / "text.txt").write_text("no")
    (tmp_path / "keys.txt").write_text("{}")
    spoilt = {name: rows.copy() for name in ("nan", "time", "turn")}
    spoilt["nan"][3, 7], spoilt["time"][2, 0], spoilt["turn"][5, 16:20] = np.nan, 0.0, 3.0
    for path, message in (
        (tmp_path / "missing.txt", "is not a clip"),
        (tmp_path / "text.txt", "is not a clip"),
        (tmp_path / "keys.txt", "is not a clip"),
        (written(tmp_path / "loop.txt", "sometimes"), '"Loop" must be "wrap" or "none", got \'sometimes\''),
        (written(tmp_path / "short.txt", rows=rows[:, :43]), r"rows of 44 numbers, got an array of \(49, 43\)"),
        (written(tmp_path / "nan.txt", rows=spoilt["nan"]), "row 3 is not finite"),
        (written(tmp_path / "time.txt", rows=spoilt["time"]), "row 2 must last longer than 0 s, got 0"),
        (written(tmp_path / "turn.txt", rows=spoilt["turn"]), "row 5 has no unit quaternion in columns 16 to 19"),
    ):
        with pytest.raises(BenchError, match=message):
            read(path)


def test_a_clip_is_found_by_its_name(tmp_path, monkeypatch):
    written(tmp_path / "humanoid3d_mine.txt")
    found = recording("mine", str(tmp_path))
    assert found.name == "mine" and found.fingerprint == BUILT_IN["march"]().fingerprint
    with pytest.raises(BenchError, match="'mime' is not in .*mine"):
        recording("mime", str(tmp_path))
    monkeypatch.setattr(recordings, "PACKAGE", "a_package_that_nobody_has")
    with pytest.raises(BenchError, match=r"vdb-bench\[mocap\].*march, squat"):
        recording("run")


def test_an_installed_clip_is_found_without_importing_its_package(tmp_path, monkeypatch):
    package = tmp_path / "clips_of_a_package"
    inside = package / recordings.INSIDE
    inside.mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('imported')")
    written(inside / "humanoid3d_run.txt")
    monkeypatch.setattr(recordings, "PACKAGE", package.name)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert recording("run").fingerprint == BUILT_IN["march"]().fingerprint


def test_one_that_ends_cannot_be_followed():
    with pytest.raises(BenchError, match="use one that wraps"):
        motion(Recording("kick", False, BUILT_IN["march"]().rows), Flat())


@MADE_UP
@EACH
def test_what_is_made_up_stands_on_the_ground_and_closes(kind, name):
    """Its lowest point is the sole, always on the ground; the last pose is the first one; nothing else touches."""
    character = CHARACTERS[kind]()
    found = motion(recording(name), character)
    qpos, qvel = found.at(np.linspace(0, found.length, 97))
    kin = character.forward(qpos, qvel)
    np.testing.assert_allclose(character.lowest(kin, character.skin()), 0, atol=2e-4)
    assert character.lowest(kin, character.skin(("foot",))).min() > 0.03
    assert character.errors(qpos[:1], qpos[-1:]).max() < 1e-6
    assert abs(qvel).max() < 12


def test_squatting_keeps_the_centre_of_mass_above_the_feet():
    """So it can be done as slowly as one likes: from 0.043 m behind the ankle to 0.133 m before it."""
    character = Humanoid()
    found = motion(recording("squat"), character)
    data = mujoco.MjData(character.model)
    for time in np.linspace(0, found.length, 20):
        data.qpos[:] = found.at(np.array([time]))[0][0]
        mujoco.mj_forward(character.model, data)
        away = data.subtree_com[1][0] - data.body("right_ankle").xpos[0]
        assert -0.0435 < away < 0.1335


@EACH
def test_between_rows_and_over_cycles(kind):
    character = CHARACTERS[kind]()
    found = motion(spinning(), character, None)
    assert found.length == pytest.approx(1.0)
    t = np.array([0.01, 0.5, 1.5, 3.25])
    qpos, qvel = found.at(t)
    np.testing.assert_allclose(qpos[:, 0], 2.0 * t, atol=1e-9)
    np.testing.assert_allclose(qvel[:, 0], 2.0, atol=1e-9)
    j, d = (
        int(x[0])
        for x in (character.model.joint("right_shoulder").qposadr, character.model.joint("right_shoulder").dofadr)
    )
    turn = (t % 1.0) * 1.0
    shoulder = 2 * np.arctan2(-qpos[:, j + 2], qpos[:, j]) if kind == "humanoid" else qpos[:, j]
    np.testing.assert_allclose(shoulder, turn, atol=1e-9)
    np.testing.assert_allclose(-qvel[:, d + 1] if kind == "humanoid" else qvel[:, d], 1.0, atol=1e-9)
    np.testing.assert_allclose(found.phase(t), t % 1.0, atol=1e-12)


def test_velocities_are_mujocos_differences_of_rows():
    """Unfiltered, at a row: to the next row; the last as the one before, and none over the seam."""
    character = Humanoid()
    g = np.random.default_rng(0)
    rows = BUILT_IN["march"]().rows[:8].copy()
    for k in recordings.QUATERNIONS:
        q = rows[:, k : k + 4] + 0.1 * g.normal(size=(8, 4))
        rows[:, k : k + 4] = q / np.linalg.norm(q, axis=1, keepdims=True)
    found = motion(Recording("noisy", True, rows), character, None)
    for k in range(7):
        expected = np.zeros(character.model.nv)
        last = found.times[k + 1] - found.times[k]
        mujoco.mj_differentiatePos(character.model, expected, last, found.qpos[k], found.qpos[k + 1])
        np.testing.assert_allclose(found.qvel[k], expected, atol=1e-9)
    np.testing.assert_array_equal(found.qvel[7], found.qvel[6])


def test_the_filter_lets_slow_movement_through_and_keeps_fast_one_back():
    t = np.arange(0, 4, 1 / 60)
    for hz, low, high in ((1.0, 0.98, 1.01), (20.0, 0.0, 0.02)):
        x = np.sin(2 * np.pi * hz * t)[:, None]
        ratio = low_pass(x, 60, 6.0)[30:-30].std() / x[30:-30].std()
        assert low <= ratio <= high
    assert low_pass(x, 60, None) is x and low_pass(x, 10, 6.0) is x


@MADE_UP
def test_what_moves_in_the_plane_is_the_same_there(name):
    """Angles, and the places of the joints that a side view shows."""
    full, flat = Humanoid(), Flat()
    found = recording(name)
    in_space, in_plane = motion(found, full), motion(found, flat)
    t = np.linspace(0, in_space.length * 0.999, 30)
    (q3, v3), (q2, v2) = in_space.at(t), in_plane.at(t)
    k3, k2 = full.forward(q3, v3), flat.forward(q2, v2)
    np.testing.assert_allclose(k2.place, k3.place[..., [0, 2]], atol=6e-4)  # the clip's rows are 1/60 s apart
    for part in JOINTS:
        a, b = (int(c.model.joint(part.name).qposadr[0]) for c in (full, flat))
        turn = q3[:, a] if part.joint == "hinge" else 2 * np.arctan2(-q3[:, a + 2], q3[:, a])
        np.testing.assert_allclose(q2[:, b], turn, atol=2e-3)
    assert abs(v2[:, 1] - v3[:, 2]).max() < 0.05


def test_the_plane_is_that_of_the_way():
    np.testing.assert_allclose(_forward_direction(np.array([2.0, 0.1])), np.array([2.0, 0.1]) / np.hypot(2.0, 0.1))
    np.testing.assert_allclose(
        _forward_direction(np.array([-1.0, 0.0])), [1.0, 0.0]
    )  # a backflip goes backwards and looks ahead
    np.testing.assert_allclose(_forward_direction(np.array([0.1, 0.2])), [1.0, 0.0])
    np.testing.assert_allclose(_forward_direction(np.array([0.1, 2.0])), np.array([0.1, 2.0]) / np.hypot(0.1, 2.0))


@EACH
def test_tensors_give_what_arrays_give(kind):
    found = motion(recording("march"), CHARACTERS[kind]())
    t = np.linspace(0, 7, 29)
    single = found.on(torch.device("cpu"))
    for exact, same in zip(found.at(t), single.at(torch.as_tensor(t).float())):
        np.testing.assert_allclose(same.numpy(), exact, atol=1e-4)
    assert len(PARTS) == 13
