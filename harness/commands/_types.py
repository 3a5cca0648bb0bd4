"""What several commands take: types of arguments for argparse, and arguments with their help."""

from argparse import ArgumentParser, ArgumentTypeError


def positive_integer(text: str) -> int:
    """The number that `text` spells. Raises ArgumentTypeError where it is none from 1."""
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"must be a positive integer, got {text}")
    return int(text)


def across_code(parser: ArgumentParser) -> None:
    """Add --across-code to a command that gives archived records more seeds."""
    parser.add_argument(
        "--across-code",
        action="store_true",
        help="join seeds to an archived record also where the present code makes other bits: parameters and data must"
        " be the same, and the record says which commit made which block",
    )


def timeout(parser: ArgumentParser, also: str = "") -> None:
    """Add --timeout to a command that runs jobs in processes. also: what else there is to say of it."""
    parser.add_argument(
        "--timeout",
        type=positive_integer,
        metavar="SECONDS",
        help="end a job that does not move for so long, as failed; scoring is one move (default: wait, and say so)"
        + also,
    )
