"""Add a task on your own images, or in an environment of Gymnasium, with two methods to start from."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from harness.commands._types import positive_integer

EXAMPLE = "bench new-task pics --images data/pics --size 32"


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("name", help="the task's")
    kind = parser.add_mutually_exclusive_group(required=True)
    kind.add_argument(
        "--images", type=Path, metavar="DIR|ZIP", help="a folder or zip of images, with train/ and test/ or without"
    )
    kind.add_argument("--env", metavar="ID", help="Gymnasium's id, or MODULE:ID of your own")
    parser.add_argument("--size", type=positive_integer, default=32, help="of the images, in pixels (default: 32)")
    parser.add_argument(
        "--horizon", type=positive_integer, help="steps of an episode (default: the environment's limit)"
    )


def run(args: Namespace) -> None:
    from harness.workspace.new_task import environment_task, images_task

    if args.images is not None:
        told = images_task(args.root, args.name, args.images, args.size)
    else:
        told = environment_task(args.root, args.name, args.env, args.horizon)
    for line in told:
        print(line)
