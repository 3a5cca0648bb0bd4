"""Types and arguments that several commands use."""

from argparse import ArgumentParser, ArgumentTypeError


def positive_integer(text: str) -> int:
    """Return the integer that `text` spells. Raises ArgumentTypeError unless it is positive."""
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"must be a positive integer, got {text}")
    return int(text)


def timeout(parser: ArgumentParser, also: str = "") -> None:
    """Add --timeout to a command that runs jobs in processes.

    also: further text for its help.
    """
    parser.add_argument(
        "--timeout",
        type=positive_integer,
        metavar="SECONDS",
        help="fail a job that makes no progress for this long; scoring is one step (default: wait, and say so)" + also,
    )
