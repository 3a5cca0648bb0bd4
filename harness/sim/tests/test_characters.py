"""Bodies from one table: kinematics, error, observation, fall and reward against MuJoCo itself and closed forms."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest
import torch

from harness.maths.rotations import angle, from_axis_angle
from harness.sim.bodies import ENDS, HAND, INDEX, JOINTS, PARTS
from harness.sim.characters import CHARACTERS, FASTEST

CPU = torch.device("cpu")
EACH = pytest.mark.parametrize("kind", CHARACTERS)


def states(character, n=12, scale=1.0):
    g, model = np.random.default_rng(0), character.model
    qpos, qvel = scale * g.normal(size=(n, model.nq)), scale * g.normal(size=(n, model.nv))
    for j in character.turns:
        qpos[:, j : j + 4] /= np.linalg.norm(qpos[:, j : j + 4], axis=1, keepdims=True)
    return qpos, qvel


def simulated(character, qpos, qvel):
    data = mujoco.MjData(character.model)
    data.qpos[:], data.qvel[:] = qpos, qvel
    mujoco.mj_forward(character.model, data)
    return data


def velocity(character, data, body, kind=mujoco.mjtObj.mjOBJ_XBODY):
    found = np.zeros(6)
    mujoco.mj_objectVelocity(character.model, data, kind, data.body(body).id, found, 0)
    return found[:3], found[3:]


def seen(character, vector):
    return vector if character.kind == "humanoid" else vector[[0, 2]]


def test_the_table_is_the_papers_body():
    """34 degrees of freedom and 45 kg; the flat one has 15, and both stand 0.8864 m high at the hips."""
    humanoid, flat = (CHARACTERS[kind]() for kind in ("humanoid", "flat"))
    assert (humanoid.model.nq, humanoid.model.nv, humanoid.model.nu) == (43, 34, 28)
    assert (flat.model.nq, flat.model.nv, flat.model.nu) == (15, 15, 12)
    for character in (humanoid, flat):
        assert character.model.body_subtreemass[1] == pytest.approx(45)
        assert character.mass.sum() == pytest.approx(45) and character.weights.sum() == pytest.approx(1)
        rest = np.zeros((1, character.model.nq))
        rest[:, list(character.turns)] = 1.0
        low = character.lowest(character.forward(rest, np.zeros((1, character.model.nv))), character.skin())
        assert low[0] == pytest.approx(-0.421546 - 0.40987 - 0.0225 - 0.0275)
    assert humanoid.observation_size == 198 and flat.observation_size == 94


@EACH
def test_kinematics_are_mujocos(kind):
    character = CHARACTERS[kind]()
    qpos, qvel = states(character)
    kin = character.forward(qpos, qvel)
    for k in range(len(qpos)):
        data = simulated(character, qpos[k], qvel[k])
        for b, part in enumerate(PARTS):
            spin, speed = velocity(character, data, part.name)
            np.testing.assert_allclose(kin.place[k, b], seen(character, data.body(part.name).xpos), atol=1e-12)
            np.testing.assert_allclose(kin.velocity[k, b], seen(character, speed), atol=1e-12)
            if kind == "humanoid":
                assert angle(data.body(part.name).xquat, kin.turn[k, b]) < 1e-12
                np.testing.assert_allclose(kin.spin[k, b], spin, atol=1e-12)
            else:
                about_y = from_axis_angle((0.0, -1.0, 0.0), kin.turn[k, b : b + 1])[0]
                assert angle(data.body(part.name).xquat, about_y) < 1e-12
                assert kin.spin[k, b] == pytest.approx(-spin[1], abs=1e-12)


@EACH
def test_an_observation_holds_what_mujoco_says_of_the_parts(kind):
    """From the root, and in space as the root heads: by MuJoCo's own places and velocities of the centres."""
    character = CHARACTERS[kind]()
    qpos, qvel = states(character)
    phase = np.linspace(0, 0.9, len(qpos))
    found = character.observe(character.forward(qpos, qvel), phase)
    for k in range(len(qpos)):
        data = simulated(character, qpos[k], qvel[k])
        frames = {part.name: data.body(part.name).xmat.reshape(3, 3) for part in PARTS}
        heading = np.eye(3)
        if kind == "humanoid":
            x, y = frames["root"][:2, 0] / np.linalg.norm(frames["root"][:2, 0])
            heading = np.array([[x, y, 0], [-y, x, 0], [0, 0, 1]])
        rows = []
        for part in PARTS:
            spin, speed = velocity(character, data, part.name, mujoco.mjtObj.mjOBJ_BODY)
            at = data.body(part.name).xipos - data.body("root").xpos
            vectors = [at, frames[part.name][:, 0], frames[part.name][:, 2], speed, spin]
            if kind == "humanoid":
                rows += [heading @ v for v in vectors]
            else:
                rows += [at[[0, 2]], frames[part.name][[0, 2], 0], speed[[0, 2]], [-spin[1]]]
        circle = [np.cos(2 * np.pi * phase[k]), np.sin(2 * np.pi * phase[k])]
        expected = np.concatenate([[data.body("root").xpos[2]], *rows, circle])
        np.testing.assert_allclose(found[k], expected, atol=1e-12)


@EACH
def test_nothing_tells_where_along_the_ground_a_character_is(kind):
    character = CHARACTERS[kind]()
    qpos, qvel = states(character)
    moved = qpos.copy()
    moved[:, 0] += 7.0
    if kind == "humanoid":
        moved[:, 1] -= 3.0
    phase = np.zeros(len(qpos))
    first, second = (character.observe(character.forward(q, qvel), phase) for q in (qpos, moved))
    np.testing.assert_allclose(first, second, atol=1e-9)


@EACH
def test_the_error_is_the_angle_between_rotations(kind):
    """By MuJoCo's own difference of positions, whose length is the angle; a joint's is that in its parent."""
    character = CHARACTERS[kind]()
    (qpos, _), other = states(character, 8), states(character, 8)[0][::-1].copy()
    found = character.errors(qpos, other)
    for k in range(8):
        between = np.zeros(character.model.nv)
        mujoco.mj_differentiatePos(character.model, between, 1.0, qpos[k], other[k])
        for b, part in enumerate(PARTS):
            d = int(character.model.joint(part.name).dofadr[0])
            if kind == "humanoid" and part.joint != "hinge":
                d += 3 if part.joint == "free" else 0
                expected = np.linalg.norm(between[d : d + 3])
            else:
                expected = abs(between[d])
                if kind == "flat":
                    expected = abs((between[d] + np.pi) % (2 * np.pi) - np.pi)
            assert found[k, b] == pytest.approx(min(expected, 2 * np.pi - expected), abs=1e-12)
    assert character.errors(qpos, qpos).max() < 1e-12


@EACH
def test_the_lowest_point_is_that_of_mujocos_shapes(kind):
    character = CHARACTERS[kind]()
    qpos, qvel = states(character)
    found = character.lowest(character.forward(qpos, qvel), character.skin())
    for k in range(len(qpos)):
        data, model = simulated(character, qpos[k], qvel[k]), character.model
        heights = []
        for g in range(1, model.ngeom):
            frame, size, form = data.geom_xmat[g].reshape(3, 3), model.geom_size[g], model.geom_type[g]
            if form == mujoco.mjtGeom.mjGEOM_BOX:
                reach = abs(frame[2]) @ size
            else:
                reach = size[0] + (abs(frame[2, 2]) * size[1] if form == mujoco.mjtGeom.mjGEOM_CAPSULE else 0)
            heights.append(data.geom_xpos[g][2] - reach)
        assert found[k] == pytest.approx(min(heights), abs=1e-12)


@EACH
def test_who_falls(kind):
    """Upright on the feet nobody has fallen; lower, the shins touch; and what is not sound has fallen."""
    character = CHARACTERS[kind]()
    qpos, qvel = np.zeros((4, character.model.nq)), np.zeros((4, character.model.nv))
    for j in character.turns:
        qpos[:, j] = 1.0
    height = 2 if kind == "humanoid" else 1
    qpos[:, height] = [0.89, 0.2, 0.89, 0.89]
    qvel[2, 3], qvel[3, 4] = np.nan, FASTEST + 1
    kin = character.forward(qpos, np.nan_to_num(qvel))
    skin = character.skin(("foot",))
    assert character.fallen(qpos, qvel, kin, skin).tolist() == [False, True, True, True]
    assert character.fallen(qpos[:1], qvel[:1], character.forward(qpos[:1], qvel[:1]), character.skin()).tolist() == [
        False
    ]


@EACH
def test_the_reward_term_by_term(kind):
    """1 on the clip. One thing is changed at a time, so that one term says so (Peng et al. 2018, Eqs. 5 to 9)."""
    character = CHARACTERS[kind]()
    qpos, qvel = states(character, 1, 0.3)
    here = (qpos, qvel, character.forward(qpos, qvel))
    assert character.rewards(here, here)[0] == pytest.approx(1, abs=1e-12)
    height = 2 if kind == "humanoid" else 1
    up = qpos.copy()
    up[:, height] += 0.2
    # The root is higher: so are its ends above the ground.
    expected = 0.5 + 0.05 + 0.15 * np.exp(-40 * 0.04) + 0.2 * np.exp(-5 * 0.04) + 0.1
    assert character.rewards((up, qvel, character.forward(up, qvel)), here)[0] == pytest.approx(expected, abs=1e-12)
    fast = qvel.copy()
    fast[:, 0] += 0.7  # the root's velocity alone: that of all parts, and of their centre of mass
    expected = 0.5 + 0.05 + 0.15 + 0.2 * np.exp(-5 * 0.01 * 0.49) + 0.1 * np.exp(-10 * 0.1 * 0.49)
    assert character.rewards((qpos, fast, character.forward(qpos, fast)), here)[0] == pytest.approx(expected, abs=1e-12)
    # The neck holds neither a foot nor a hand, but it has a mass, whose velocity changes with its place.
    still = (qpos, 0 * qvel, character.forward(qpos, 0 * qvel))
    bent = qpos.copy()
    j = int(character.model.joint("neck").qposadr[0])
    if kind == "humanoid":
        half = 0.4 / 2
        w, x, y, z = bent[0, j : j + 4]
        bent[0, j : j + 4] = np.array([
            w * np.cos(half) - x * np.sin(half),
            x * np.cos(half) + w * np.sin(half),
            y * np.cos(half) + z * np.sin(half),
            z * np.cos(half) - y * np.sin(half),
        ])
    else:
        bent[0, j] += 0.4
    weights = np.array([part.weight for part in PARTS])
    expected = 0.5 * np.exp(-2 * 0.16 * 0.3 / weights.sum()) + 0.5
    assert character.rewards((bent, 0 * qvel, character.forward(bent, 0 * qvel)), still)[0] == pytest.approx(expected)


@EACH
def test_the_bodys_centre_of_mass_moves_as_mujocos(kind):
    character = CHARACTERS[kind]()
    qpos, qvel = states(character, 4)
    found = character.mass_velocity(character.forward(qpos, qvel))
    for k in range(4):
        data = simulated(character, qpos[k], qvel[k])
        mujoco.mj_subtreeVel(character.model, data)
        np.testing.assert_allclose(found[k], seen(character, data.subtree_linvel[1]), atol=1e-12)


@EACH
def test_the_targets_ahead_are_what_mujoco_integrates(kind):
    """The actuators' lengths after the joints went on for 0.1 s, small enough that no rotation vector turns over."""
    character = CHARACTERS[kind]()
    qpos, qvel = states(character, 6, 0.2)
    for j in character.turns:
        qpos[:, j] += 1.5
        qpos[:, j : j + 4] /= np.linalg.norm(qpos[:, j : j + 4], axis=1, keepdims=True)
    found = character.extrapolate(qpos, qvel, 0.1)
    for k in range(6):
        later = qpos[k].copy()
        mujoco.mj_integratePos(character.model, later, qvel[k], 0.1)
        np.testing.assert_allclose(found[k], simulated(character, later, qvel[k]).actuator_length, atol=1e-12)


@EACH
def test_tensors_give_what_arrays_give(kind):
    character = CHARACTERS[kind]()
    single = character.on(CPU)
    arrays = states(character, 6, 0.5)
    tensors = [torch.as_tensor(x).float() for x in arrays]
    phase = np.linspace(0, 0.9, 6)
    of = [(c, q, v, c.forward(q, v)) for c, (q, v) in ((character, arrays), (single, tensors))]
    (exact, q, v, kin), (same, tq, tv, tkin) = of
    pairs = [
        (exact.observe(kin, phase), same.observe(tkin, torch.as_tensor(phase).float())),
        (
            exact.rewards((q, v, kin), (q[::-1].copy(), v, exact.forward(q[::-1].copy(), v))),
            same.rewards((tq, tv, tkin), (tq.flip(0), tv, same.forward(tq.flip(0), tv))),
        ),
        (exact.errors(q, q[::-1]), same.errors(tq, tq.flip(0))),
        (exact.extrapolate(q, v, 0.1), same.extrapolate(tq, tv, 0.1)),
        (exact.fallen(q, v, kin, exact.skin()), same.fallen(tq, tv, tkin, same.skin())),
    ]
    for a, b in pairs:
        np.testing.assert_allclose(np.asarray(b), a, atol=2e-5)


def test_hands_and_feet_hang_on_their_limbs():
    assert [PARTS[INDEX[name]].shapes[-1].role for name in ENDS] == ["foot", "foot", "hand", "hand"]
    assert PARTS[INDEX["left_elbow"]].shapes[-1].centre == HAND and len(JOINTS) == 12
