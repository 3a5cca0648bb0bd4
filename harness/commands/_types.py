"""Types and arguments that several commands use."""

from __future__ import annotations

import typing
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from pathlib import Path

if typing.TYPE_CHECKING:
    from harness.places.cluster.on import On


def positive_integer(text: str) -> int:
    """Return the integer that `text` spells. Raises ArgumentTypeError unless it is positive and less than 10^9."""
    if not text.isdecimal() or len(text) > 9 or int(text) < 1:
        raise ArgumentTypeError(f"must be a positive integer of at most nine digits, got {text:.40}")
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
    """Add --timeout to a command that runs jobs in processes.

    also: further text for its help.
    """
    parser.add_argument(
        "--timeout",
        type=positive_integer,
        metavar="SECONDS",
        help="fail a job that makes no progress for this long; scoring is one step (default: wait, and say so)" + also,
    )


def on(parser: ArgumentParser) -> None:
    """Add --on and --shared to a command whose jobs may run on a cluster; `cluster` reads them."""
    parser.add_argument(
        "--on",
        metavar="ADDRESS",
        help="HOST:PORT of a Ray cluster that this machine is part of, or auto: run on its nodes",
    )
    parser.add_argument(
        "--shared",
        type=Path,
        metavar="FOLDER",
        help="that every node sees: what a lost node has trained goes on from there",
    )


def cluster(args: Namespace) -> On | None:
    """Return the requested cluster, or None. Raises BenchError for --shared without --on, and for --jobs with --on."""
    from harness.errors import BenchError

    if args.on is None:
        if args.shared is not None:
            raise BenchError("--shared is for the nodes of a cluster: give --on too")
        return None
    if args.jobs is not None:
        raise BenchError("--jobs is for this machine, and --on takes all that the cluster has: give one of the two")
    from harness.places.cluster.on import On

    return On(args.on, args.shared and args.shared.resolve())
