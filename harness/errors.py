"""The one error a user can cause: it names the thing and the mend in one line."""


class BenchError(Exception):
    """Bad input. The message is one line; `bench` prints it and exits with status 2."""
