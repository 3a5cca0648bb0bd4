"""What several commands take: types of arguments for argparse."""

from argparse import ArgumentTypeError


def positive_integer(text: str) -> int:
    """The number that `text` spells. Raises ArgumentTypeError where it is none from 1."""
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"must be a positive integer, got {text}")
    return int(text)
