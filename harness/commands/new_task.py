"""Add a task on your own images, in an environment of Gymnasium, or of a family of your own, with two methods."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from harness.commands._types import positive_integer
from harness.errors import BenchError

EXAMPLE = "bench new-task pics --images data/pics --size 32"


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("name", help="the task's")
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument(
        "--images", type=Path, metavar="DIR|ZIP", help="a folder or zip of images, with train/ and test/ or without"
    )
    kind.add_argument("--env", metavar="ID", help="Gymnasium's id, or MODULE:ID of your own")
    kind.add_argument("--file", action="store_true", help="write a family of tasks of your own, a copy of the template")
    parser.add_argument(
        "--demonstrations",
        metavar="FOLDER|ID",
        help="a data set of Minari to imitate, instead of an expert to be trained; it may tell --env by itself",
    )
    parser.add_argument("--size", type=positive_integer, default=32, help="of the images, in pixels (default: 32)")
    parser.add_argument(
        "--horizon", type=positive_integer, help="steps of an episode (default: the environment's limit)"
    )


def run(args: Namespace) -> None:
    from harness.workspace.editing import editing
    from harness.workspace.new_task import environment_task, family_task, images_task

    if args.demonstrations is not None and (args.images is not None or args.file):
        raise BenchError("--demonstrations are of an environment: give --env with them, or nothing else")
    with editing(args.root):
        if args.images is not None:
            told = images_task(args.root, args.name, args.images, args.size)
        elif args.file:
            told = family_task(args.root, args.name)
        elif args.env is not None or args.demonstrations is not None:
            told = environment_task(args.root, args.name, args.env, args.horizon, args.demonstrations)
        else:
            raise BenchError("say what the task is made of: --images, --env, --demonstrations or --file")
    for line in told:
        print(line)
