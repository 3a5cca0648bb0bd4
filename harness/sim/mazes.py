"""The C-maze and the S-maze of inverse reinforcement learning, as MuJoCo models and rewards.

Two motors push a ball through a room with walls (Fu et al. 2018; Peng et al. 2019). Geometry and rewards are those of
their released code. Lengths are in m, forces in N, times in s. The C-maze's transfer maze is not a mirror image of its
training maze: the gaps are 0.3 and 0.2 wide, and the start is off the centre line of the room.

The S-maze takes steps of 0.005 where the released code takes 0.01. At 0.01, of balls thrown at the end of a wall at up
to 5 m/s per axis from all directions, 4 in 1,000 pass through the wall up to 9 cm from its end, and 1 in 1,000 leave
the room. At 0.005 none does, and the worst cuts 8 mm off the rounded end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import mujoco
import numpy as np

from harness.maths.arrays import Array, namespace

Wall = tuple[float, float, float, float]  # x and y of one end, x and y of the other; parallel to an axis

CONTROL_PERIOD = 0.05  # s
RESET_SPEED = 0.01  # m/s: each velocity starts uniform on (-RESET_SPEED, RESET_SPEED)
HORIZON = 100  # control steps

BALL_RADIUS = 0.03  # m
WALL_RADIUS = 0.02  # m
WALL_HEIGHT = 0.01  # m: the walls' axes lie above the plane of the ball's centre
MARGIN = 0.002  # m, of each geom
DENSITY = 1000.0  # kg/m^3, so a ball of 0.1131 kg
DAMPING = 1.0  # N s/m, so 1 N drives the ball at 1 m/s in the end
SOLVER_ITERATIONS = 20

C_ROOM = (-0.1, -0.1, 0.6, 0.6)  # m: x and y of the lower left corner, x and y of the upper right one
C_START, C_TARGET = (0.3, 0.0), (0.3, 0.5)  # m
C_BARRIER_Y = 0.3  # m
C_BARRIER, C_BARRIER_FLIPPED = (0.2, 0.6), (-0.1, 0.4)  # m: where it begins and ends in x; gaps of 0.3 and 0.2
C_FORCE = 1.0  # N
C_TIMESTEP = 0.01  # s
C_ACTION_COST = 0.001  # per |a|^2 of the raw action

S_ROOM = (-0.3, 0.0, 0.3, 1.8)  # m
S_START, S_TARGET = (0.0, 0.3), (0.0, 1.5)  # m
S_WALL_GAP = 0.6  # m in y between the walls
S_WALL_REACH = 0.1  # m: the walls end this far beyond the centre line
S_GAP_X = 0.2  # m: centre of the gaps, right of the first wall and left of the second
S_FORCE = 5.0  # N
S_TIMESTEP = 0.005  # s: at 0.01 a ball of 5 m/s moves as far as a wall is thick in one step
S_NEAR, S_NEARER = 0.2, 0.1  # m: the reward is 1 within the former of the target and 2 within the latter
S_PASSED = 0.05  # m beyond a wall where it stops being ahead
S_PER_WALL = 0.6325  # m: path length that shaping counts for a wall further on, sqrt(0.2^2 + 0.6^2)
S_LAST = 0.3606  # m: from the last gap to the target, sqrt(0.2^2 + 0.3^2)


@dataclass(frozen=True)
class ContinuousMaze:
    """One of the four mazes.

    flipped: whether this is the transfer maze, where a policy is trained on a learnt reward.
    """

    kind: Literal["c", "s"]
    flipped: bool = False

    @property
    def name(self) -> str:
        return f"{self.kind}-maze{', flipped' if self.flipped else ''}"

    @property
    def room(self) -> Wall:
        return C_ROOM if self.kind == "c" else S_ROOM

    @property
    def start(self) -> tuple[float, float]:
        return C_START if self.kind == "c" else S_START

    @property
    def target(self) -> tuple[float, float]:
        return C_TARGET if self.kind == "c" else S_TARGET

    @property
    def force(self) -> float:
        """The bound in N to which controls are clipped on both sides."""
        return C_FORCE if self.kind == "c" else S_FORCE

    @property
    def timestep(self) -> float:
        return C_TIMESTEP if self.kind == "c" else S_TIMESTEP

    @property
    def frame_skip(self) -> int:
        """The simulator's steps per control step."""
        return round(CONTROL_PERIOD / self.timestep)

    @property
    def barriers(self) -> list[Wall]:
        """The inner walls from bottom to top."""
        if self.kind == "c":
            x0, x1 = C_BARRIER_FLIPPED if self.flipped else C_BARRIER
            return [(x0, C_BARRIER_Y, x1, C_BARRIER_Y)]
        from_left, from_right = (S_ROOM[0], S_WALL_REACH), (-S_WALL_REACH, S_ROOM[2])
        ends = (from_right, from_left) if self.flipped else (from_left, from_right)
        return [(x0, i * S_WALL_GAP, x1, i * S_WALL_GAP) for i, (x0, x1) in enumerate(ends, 1)]

    @property
    def walls(self) -> list[Wall]:
        x0, y0, x1, y1 = self.room
        return [(x0, y0, x1, y0), (x0, y1, x1, y1), (x0, y0, x0, y1), (x1, y0, x1, y1), *self.barriers]

    def model(self) -> mujoco.MjModel:
        return mujoco.MjModel.from_xml_string(xml(self.kind, self.flipped))

    def reward(self, position: Array, action: Array, next_position: Array) -> Array:
        """Return rewards [...] for positions [..., 2] before and after the raw, unclipped actions [..., 2].

        The part that rewards a position uses the position before the action.
        """
        away = distance(position, self.target)
        if self.kind == "c":
            return -away - C_ACTION_COST * namespace(action).square(action).sum(-1)
        base = 1.0 * (away <= S_NEAR) + (away <= S_NEARER)
        return base + self.path_left(position) - self.path_left(next_position)

    def path_left(self, position: Array) -> Array:
        """Return the S-maze's approximate length of the remaining path in m, [...], from positions [..., 2].

        This is minus the shaping potential.
        """
        left = distance(position, self.target)
        for i in range(len(self.barriers), 0, -1):
            gap = ((1 if i % 2 else -1) * (-1 if self.flipped else 1) * S_GAP_X, i * S_WALL_GAP)
            through = distance(position, gap) + (len(self.barriers) - i) * S_PER_WALL + S_LAST
            left = namespace(position).where(position[..., 1] < gap[1] + S_PASSED, through, left)
        return left

    def lowest_return(self, horizon: int) -> float:
        """Return the lowest return that positions allow; the cost of a raw action has no bound.

        In the C-maze this is an episode in the corner farthest from the target. In the S-maze shaping sums to the
        reduction of the path from start to end, which is lowest from the start to the corner with the longest path; the
        rest is >= 0.
        """
        x0, y0, x1, y1 = self.room
        corners = np.array([(x0, y0), (x0, y1), (x1, y0), (x1, y1)])
        if self.kind == "c":
            return -horizon * float(distance(corners, self.target).max())
        return float(self.path_left(np.array(self.start)) - self.path_left(corners).max())


def distance(position: Array, point: tuple[float, float]) -> Array:
    """Return the distance [...] of positions [..., 2] from a point."""
    return namespace(position).hypot(position[..., 0] - point[0], position[..., 1] - point[1])


def xml(kind: Literal["c", "s"], flipped: bool) -> str:
    """Return the MuJoCo model; its two joint positions are the ball's x and y.

    The solver's warm start is off, so that a step depends on the state alone, however the simulator is run.
    """
    maze = ContinuousMaze(kind, flipped)
    x0, y0, x1, y1 = maze.room
    above = f"{(x0 + x1) / 2:g} {(y0 + y1) / 2:g}"
    ends = [f"{a:g} {b:g} {WALL_HEIGHT} {c:g} {d:g} {WALL_HEIGHT}" for a, b, c, d in maze.walls]
    walls = "\n".join(f'    <geom class="wall" fromto="{end}"/>' for end in ends)
    return f"""<mujoco model="{maze.name}">
  <compiler inertiafromgeom="true" angle="radian"/>
  <option timestep="{maze.timestep}" integrator="Euler" iterations="{SOLVER_ITERATIONS}" gravity="0 0 0">
    <flag warmstart="disable"/>
  </option>
  <default>
    <joint type="slide" damping="{DAMPING}" limited="false"/>
    <geom friction="0.5 0.1 0.1" density="{DENSITY}" margin="{MARGIN}" condim="1" contype="2" conaffinity="1"/>
    <motor gear="1" ctrllimited="true" ctrlrange="-{maze.force} {maze.force}"/>
    <default class="wall">
      <geom type="capsule" size="{WALL_RADIUS}" rgba="0.4 0.4 0.4 1"/>
    </default>
  </default>
  <worldbody>
    <light pos="{above} 2" dir="0 0 -1" directional="true" castshadow="false"/>
    <camera name="top" pos="{above} {(y1 - y0 + 0.2):g}" fovy="53.13"/>
    <site name="target" type="sphere" pos="{maze.target[0]} {maze.target[1]} 0" size="0.02" rgba="0.8 0.2 0.2 1"/>
    <body name="ball">
      <joint name="x" axis="1 0 0"/>
      <joint name="y" axis="0 1 0"/>
      <geom name="ball" type="sphere" size="{BALL_RADIUS}" contype="1" rgba="0.2 0.4 0.8 1"/>
    </body>
{walls}
  </worldbody>
  <actuator>
    <motor joint="x"/>
    <motor joint="y"/>
  </actuator>
  <keyframe>
    <key name="start" qpos="{maze.start[0]} {maze.start[1]}"/>
  </keyframe>
</mujoco>
"""
