"""What several commands take: types of arguments for argparse, and arguments with their help."""

from argparse import ArgumentParser, ArgumentTypeError


def positive_integer(text: str) -> int:
    """The number that `text` spells. Raises ArgumentTypeError where it is none from 1."""
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"must be a positive integer, got {text}")
    return int(text)


def timeout(parser: ArgumentParser, also: str = "") -> None:
    """Add --timeout to a command that runs jobs in processes. also: what else there is to say of it."""
    parser.add_argument(
        "--timeout",
        type=positive_integer,
        metavar="SECONDS",
        help="fail a job that makes no progress for this long; scoring is one step (default: wait, and say so)" + also,
    )
