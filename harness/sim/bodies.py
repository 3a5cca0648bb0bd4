"""The humanoid of DeepMimic (Peng et al. 2018) as one table, and the two MuJoCo models that are built from it.

The humanoid has 34 degrees of freedom: a free root, eight ball joints and four hinges; the hands are part of the
forearms. The flat body is the humanoid seen from its side, with 15 degrees of freedom: x, z, pitch and twelve hinges.
Left and right limbs pass through each other, and a foot is a capsule as long and as high as the humanoid's. Masses add
up to 45 kg in both.

Axes are MuJoCo's: x forwards, y to the left, z up. Units are metres, kilograms and radians. A hinge turns about -y, so
that a positive angle lifts a hanging limb forwards. The controller consists of `position` actuators, kp (target -
angle) - kd rate, clipped to the joint's torque: three for a ball joint, whose target is then a rotation vector.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import mujoco
import numpy as np

Kind = Literal["humanoid", "flat"]
Vector = tuple[float, float, float]
KINDS: tuple[Kind, ...] = ("humanoid", "flat")
CONTROL_RATE = 30  # Hz
ARMATURE = 0.02  # kg m^2: without it a clipped controller is unstable at 240 Hz, as its damping is then explicit


@dataclass(frozen=True)
class Shape:
    """A shape of a body part.

    size: the diameter of a sphere; the diameter and the length of the straight part of a capsule, which is upright; or
        the edges of a box along x, y, z.
    centre: the position relative to the joint.
    role: whether the shape may touch the ground: a foot, a hand, or any other part of the body.
    """

    kind: Literal["sphere", "capsule", "box"]
    size: tuple[float, ...]
    centre: Vector
    mass: float
    role: Literal["foot", "hand", "body"] = "body"


@dataclass(frozen=True)
class Part:
    """A body part with the joint that connects it to its parent.

    place: the position of its joint in the parent.
    torque, kp, kd: of its controller in Nm, Nm/rad and Nms/rad, for each axis.
    weight: of the joint in DeepMimic's reward.
    limits: of a hinge and, in the flat body, of every joint. Only those of hinges stop the joint; the others define its
        middle.
    """

    name: str
    parent: str | None
    joint: Literal["free", "ball", "hinge"]
    place: Vector
    torque: float
    kp: float
    kd: float
    weight: float
    limits: tuple[float, float]
    shapes: tuple[Shape, ...]


def _side(name: str, y: float) -> list[Part]:
    foot = Shape("box", (0.177, 0.09, 0.055), (0.045, 0, -0.0225), 1.0, "foot")
    forearm = Shape("capsule", (0.08, 0.135), (0, 0, -0.12), 1.0)
    hand = Shape("sphere", (0.08,), (0, 0, -0.258947), 0.5, "hand")
    thigh = Shape("capsule", (0.11, 0.30), (0, 0, -0.21), 4.5)
    shin = Shape("capsule", (0.10, 0.31), (0, 0, -0.2), 3.0)
    arm = Shape("capsule", (0.09, 0.18), (0, 0, -0.14), 1.5)
    hip, knee, shoulder = f"{name}_hip", f"{name}_knee", f"{name}_shoulder"
    return [
        Part(hip, "root", "ball", (0, y * 0.084887, 0), 200, 500, 50, 0.5, (-1.57, 2.57), (thigh,)),
        Part(knee, hip, "hinge", (0, 0, -0.421546), 150, 500, 50, 0.3, (-3.14, 0), (shin,)),
        Part(f"{name}_ankle", knee, "ball", (0, 0, -0.40987), 90, 400, 40, 0.2, (-1.57, 1.57), (foot,)),
        Part(shoulder, "chest", "ball", (-0.02405, y * 0.18311, 0.2435), 100, 400, 40, 0.3, (-0.7, 3.14), (arm,)),
        Part(f"{name}_elbow", shoulder, "hinge", (0, 0, -0.274788), 60, 300, 30, 0.2, (0, 3.14), (forearm, hand)),
    ]


_PELVIS, _TRUNK = Shape("sphere", (0.18,), (0, 0, 0.07), 6.0), Shape("sphere", (0.22,), (0, 0, 0.12), 14.0)
_HEAD = Shape("sphere", (0.205,), (0, 0, 0.175), 2.0)
PARTS = (  # joints in the order of a clip's row
    Part("root", None, "free", (0, 0, 0), 0, 0, 0, 1.0, (0, 0), (_PELVIS,)),
    Part("chest", "root", "ball", (0, 0, 0.236151), 200, 1000, 100, 0.5, (-1.2, 1.2), (_TRUNK,)),
    Part("neck", "chest", "ball", (0, 0, 0.223894), 50, 100, 10, 0.3, (-1, 1), (_HEAD,)),
    *_side("right", -1),
    *_side("left", 1),
)
JOINTS = PARTS[1:]
INDEX = {part.name: k for k, part in enumerate(PARTS)}
PARENTS = tuple(-1 if part.parent is None else INDEX[part.parent] for part in PARTS)
ENDS = ("right_ankle", "left_ankle", "right_elbow", "left_elbow")  # feet, and the forearms that hold the hands
HAND = (0.0, 0.0, -0.258947)  # m, in the forearm
LEAD = 0.1  # s: kd / kp of every joint, by which the controller lags behind a target that moves


def flat_axis(shape: Shape) -> tuple[np.ndarray, np.ndarray, float]:
    """Return the ends [3] of a shape's axis in the flat body, and its radius; a sphere has one point, a box lies along
    x.
    """
    centre, (size, *more) = np.array([shape.centre[0], 0.0, shape.centre[2]]), shape.size
    if shape.kind == "box":
        height = more[1]
        half, radius = np.array([(size - height) / 2, 0, 0]), height / 2
    else:
        half, radius = np.array([0, 0, more[0] / 2 if more else 0.0]), size / 2
    return centre - half, centre + half, radius


def model(kind: Kind, rate: int) -> mujoco.MjModel:
    """Return the model whose physics makes `rate` steps per second."""
    return mujoco.MjModel.from_xml_string(xml(kind, rate))


def xml(kind: Kind, rate: int) -> str:
    """Return the model as MJCF. Without the solver's warm start a step depends on the state alone; islands would cost
    time.
    """
    return f"""<mujoco model="{kind}">
  <compiler angle="radian"/>
  <option timestep="{1 / rate!r}" integrator="implicitfast"><flag warmstart="disable" island="disable"/></option>
  <visual><global offwidth="640" offheight="480"/></visual>
  <default>
    <geom contype="1" conaffinity="0" condim="3" friction="0.9 0.005 0.0001" rgba="0.75 0.55 0.4 1"/>
  </default>
  <asset>
    <texture name="grid" type="2d" builtin="checker" rgb1=".8 .85 .9" rgb2=".65 .7 .78" width="256" height="256"/>
    <material name="grid" texture="grid" texrepeat="1 1" texuniform="true"/>
  </asset>
  <worldbody>
    <light pos="0 0 4" dir="0 0 -1" directional="true"/>
    <geom name="floor" type="plane" size="0 0 1" contype="0" conaffinity="1" material="grid" rgba="1 1 1 1"/>
    {_body(PARTS[0], kind)}
  </worldbody>
  <actuator>{"".join(_actuators(part, kind) for part in JOINTS)}</actuator>
</mujoco>"""


def _body(part: Part, kind: Kind) -> str:
    inner = [_geom(f"{part.name}{k}", shape, kind) for k, shape in enumerate(part.shapes)]
    inner += [_body(child, kind) for child in PARTS if child.parent == part.name]
    x, y, z = part.place
    camera = (
        '<camera name="side" mode="trackcom" pos="0 -3 0.6" xyaxes="1 0 0 0 0.2 1"/>' if part.joint == "free" else ""
    )
    place = _numbers((x, y if kind == "humanoid" else 0.0, z))
    return f'<body name="{part.name}" pos="{place}">{_joint(part, kind)}{camera}{"".join(inner)}</body>'


def _joint(part: Part, kind: Kind) -> str:
    if part.joint == "free":
        if kind == "humanoid":
            return f'<freejoint name="{part.name}"/>'
        along = (("x", "slide", "1 0 0"), ("z", "slide", "0 0 1"), (part.name, "hinge", "0 -1 0"))
        return "".join(f'<joint name="{name}" type="{form}" axis="{axis}"/>' for name, form, axis in along)
    if part.joint == "ball" and kind == "humanoid":
        return f'<joint name="{part.name}" type="ball" armature="{ARMATURE}"/>'
    stops = f'limited="true" range="{_numbers(part.limits)}"' if part.joint == "hinge" else 'limited="false"'
    return f'<joint name="{part.name}" type="hinge" axis="0 -1 0" armature="{ARMATURE}" {stops}/>'


def _geom(name: str, shape: Shape, kind: Kind) -> str:
    if kind == "humanoid" and shape.kind == "box":
        form = f'type="box" size="{_numbers(np.array(shape.size) / 2)}" pos="{_numbers(shape.centre)}"'
    elif shape.kind == "sphere":
        form = f'type="sphere" size="{shape.size[0] / 2:.8g}" pos="{_numbers(shape.centre)}"'
    else:
        start, end, radius = flat_axis(shape)
        form = f'type="capsule" size="{radius:.8g}" fromto="{_numbers((*start, *end))}"'
    return f'<geom name="{name}" {form} mass="{shape.mass:g}"/>'


def _actuators(part: Part, kind: Kind) -> str:
    gains = f'kp="{part.kp}" kv="{part.kd}" forcerange="{-part.torque} {part.torque}"'
    if part.joint == "hinge" or kind == "flat":
        return f'<position name="{part.name}" joint="{part.name}" {gains}/>'
    return "".join(
        f'<position name="{part.name}_{axis}" joint="{part.name}" gear="{_numbers(np.eye(6)[k])}" {gains}/>'
        for k, axis in enumerate("xyz")
    )


def _numbers(values: tuple[float, ...] | np.ndarray) -> str:
    return " ".join(f"{value:.8g}" for value in values)
