"""Film trained policies side by side, for the page: those of a robot, or a clip and those that follow it."""

import os
from argparse import ArgumentParser, Namespace
from ctypes.util import find_library
from pathlib import Path

from harness.errors import BenchError

EXAMPLE = "bench film reacher reacher_expert/ppo gail vail"
SCREENS = ("MUJOCO_GL", "DISPLAY", "WAYLAND_DISPLAY")  # one of them lets MuJoCo find a renderer by itself
LONGEST = 60  # seconds of a film
OFF_SCREEN = {"osmesa": "OSMesa", "egl": "EGL"}  # MuJoCo's name of a renderer -> its library


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("task", help="a robot's, or one that follows a clip on the flat body")
    parser.add_argument(
        "cells", nargs="+", metavar="CELL", help="trained here, from left to right; TASK/CELL is of another task"
    )
    parser.add_argument("--seed", type=int, help="default: the first of each cell")
    parser.add_argument("--seconds", type=float, default=4.0, help="default: 4")
    parser.add_argument("--out", type=Path, help="default: beside the task's records, where the page looks for it")


def run(args: Namespace) -> None:
    choose_renderer()
    from harness.plan.plan import load_plan
    from harness.report.figures.films import FILM
    from harness.store import RECORDS
    from harness.workspace.film import film
    from harness.workspace.outputs import check_output

    if not 0 < args.seconds <= LONGEST:
        raise BenchError(f"--seconds {args.seconds:g}: must be more than 0 and at most {LONGEST}")
    if args.out:
        check_output(args.root, args.out, "--out")
    plan = load_plan(args.root)
    out = args.out or args.root / RECORDS / args.task / FILM
    places = [name.split("/", 1) if "/" in name else (args.task, name) for name in args.cells]
    size = film(args.root, [plan.cell(*place) for place in places], out, args.seed, args.seconds)
    print(f"{out}: {size} bytes")


def choose_renderer() -> None:
    """Name an off-screen renderer to MuJoCo, which reads the name when it is imported, unless there is a screen."""
    if not any(name in os.environ for name in SCREENS):
        found = (name for name, library in OFF_SCREEN.items() if find_library(library))
        os.environ["MUJOCO_GL"] = next(found, "osmesa")
