"""Run the command `bench`: list the files of harness/commands, load the one that is called, and report its error.

A command is a file there whose name does not begin with an underscore. The first line of its docstring is its help,
EXAMPLE is an example call, `arguments(parser)` adds its arguments, and `run(args)` executes it and returns the exit
status, where None means 0. Slow imports are made in `run`, so that help appears at once. A name that Python reserves is
followed by an underscore.
"""

from __future__ import annotations

import argparse
import ast
import errno
import importlib
import io
import os
import sys
import traceback
import unicodedata
from collections.abc import Collection, Sequence
from pathlib import Path

from harness.errors import BenchError, unknown
from harness.places import memory
from harness.run import signals
from harness.run.lifeline import follow
from harness.run.pins import pin

FILES = sorted((Path(__file__).parent / "commands").glob("[!_]*.py"))
COMMANDS = {path.stem.removesuffix("_").replace("_", "-"): path for path in FILES}

ROOM = "free some space and run the same command again; finished work is kept"
YOURS = "make it readable and writable, or work in a copy of the project that is"
OTHER = "name another path, or create or move what is in the way"
CURES = {errno.ENOSPC: ROOM, errno.EDQUOT: ROOM, errno.EACCES: YOURS, errno.EPERM: YOURS, errno.EROFS: YOURS}


def main(argv: list[str] | None = None) -> int:
    """Run a command and return its exit status.

    The status is 0 for success, 1 if a check failed, 2 for invalid input (which one line explains), and 130, 143 or 129
    if SIGINT, SIGTERM or SIGHUP ended it.
    """
    _print_in_any_encoding()
    pin()
    try:
        with signals.stop_on_signals():
            follow()
            _check_words(sys.argv[1:] if argv is None else argv)
            args = parser(_command_name(argv)).parse_args(argv)
            args.root = _folder(args.root)
            status = _status(args)
        sys.stdout.flush()
        return status
    except BenchError as error:
        return _refused(memory.told(error) or str(error))
    except KeyboardInterrupt as stop:
        return signals.report_stop(stop)
    except BrokenPipeError:  # e.g. `bench list | head`
        _discard_output()
        return 0
    except RecursionError:
        return _refused("a file that was read has too many nested blocks: restore it, e.g. with git")
    except Exception as error:
        # Only errors of the file system: a network's error names no file and keeps its traceback.
        line = memory.told(error) or (_describe(error) if isinstance(error, OSError) else None)
        if line is None:
            raise
        return _refused(line)


def _check_words(words: Sequence[str]) -> None:
    """Raise BenchError for a word that would break the line that reports it, or the terminal's screen."""
    for word in words:
        if any(unicodedata.category(char) in ("Cc", "Zl", "Zp") for char in word):
            raise BenchError(f"{word!a:.100} on the command line has a control character: leave it out")


def _status(args: argparse.Namespace) -> int:
    """Run the command. Raises BenchError if code of a method or an environment ends the program, as if all was well."""
    try:
        return args.run(args) or 0
    except SystemExit as stop:
        last = traceback.extract_tb(stop.__traceback__)[-1]
        raise BenchError(
            f"{last.filename}, line {last.lineno} ends the program: raise an error there instead of SystemExit"
        ) from None


def _folder(root: Path) -> Path:
    """Return the project's folder in full. Raises BenchError for anything that exists and is no folder."""
    if root.exists() and not root.is_dir():
        raise BenchError(f"--root {root} is not a folder: name the project's folder, which has params.yaml in it")
    return root.resolve()


def _refused(line: str) -> int:
    print(f"error: {line}", file=sys.stderr)
    try:
        sys.stdout.flush()
    except OSError:
        _discard_output()
    return 2


def _print_in_any_encoding() -> None:
    """Print characters that the terminal's encoding lacks as escapes instead of raising, in worker processes too."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    encoding = os.environ.get("PYTHONIOENCODING", "").partition(":")[0]
    os.environ["PYTHONIOENCODING"] = f"{encoding}:backslashreplace"


def _discard_output() -> None:
    """Discard further output, as Python flushes standard output once more at its end, which must not fail again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _describe(error: OSError) -> str | None:
    """Return one line with the path, the system's message and the cure, or None if no file is involved."""
    if error.filename is not None:
        path = os.fsdecode(error.filename) if isinstance(error.filename, (str, bytes, os.PathLike)) else error.filename
        return f"cannot use {path} ({error.strerror}): {CURES.get(error.errno, OTHER)}"
    if error.errno in CURES:
        return f"cannot write ({error.strerror}): {CURES[error.errno]}"
    if error.errno == errno.ENOENT and "temporary directory" in str(error):
        return f"{error.strerror}: set TMPDIR to a folder that can be written"
    return None


def parser(loaded: Collection[str] = COMMANDS.keys()) -> argparse.ArgumentParser:
    """Return a parser with the arguments of the commands in `loaded`, and a line of help for the others."""
    top = argparse.ArgumentParser(
        "bench",
        description="Train, score and compare adversarial methods, reproducibly.",
        parents=[_common_arguments()],
        allow_abbrev=False,
    )
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, path in COMMANDS.items():
        text = (ast.get_docstring(ast.parse(path.read_bytes())) or "").partition("\n")[0]
        command = commands.add_parser(name, help=text, description=text)
        if name in loaded:
            module = importlib.import_module(f"harness.commands.{path.stem}")
            module.arguments(command)
            command.epilog = f"example: {module.EXAMPLE}"
            command.set_defaults(run=module.run)
    return top


def _common_arguments() -> argparse.ArgumentParser:
    """Return a parser for the arguments that precede any command."""
    made = argparse.ArgumentParser("bench", add_help=False, allow_abbrev=False)
    made.add_argument("--root", type=Path, default=Path(), help="the project's folder (default: this one)")
    return made


def _command_name(argv: list[str] | None) -> list[str]:
    """Return the command, or none if the words before it are invalid or ask for help.

    Raises BenchError with the nearest name of a misspelt command.
    """
    rest = [word for word in _common_arguments().parse_known_args(argv)[1] if word != "--"]
    if not rest or rest[0].startswith("-"):
        return []
    if rest[0] not in COMMANDS:
        raise BenchError(unknown(f"command {rest[0]}", rest[0], COMMANDS))
    return rest[:1]


if __name__ == "__main__":
    sys.exit(main())
