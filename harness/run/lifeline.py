"""End a process when the process that it works for ends, even if that one was killed.

python -m harness.run.lifeline MODULE ...    runs `python -m MODULE ...` and follows its owner
"""

from __future__ import annotations

import ctypes
import os
import runpy
import select
import signal
import sys
import threading
import time
from pathlib import Path

OWNER = "HARNESS_OWNER"  # the process that started a command, perhaps through others that do not know this variable
STAGE = "DVC_STAGE"  # DVC sets it for a command and its child processes, to the name of the stage
LOOK_SECONDS = 0.5
GRACE = 2.5  # seconds between the request to stop and the end
PR_SET_PDEATHSIG = 1


def owner_variables() -> dict[str, str]:
    """Return environment variables for a child process that should follow this process."""
    return {OWNER: str(os.getpid())}


def follow() -> None:
    """Stop this process when its owner has ended: by SIGTERM, and by SIGKILL if that has no effect.

    The owner of a stage is DVC, unless DVC has an owner itself.
    """
    if owner := int(os.environ.get(OWNER, 0)) or _dvc():
        threading.Thread(target=_follow, args=(owner,), daemon=True).start()


def end_with(parent: int) -> None:
    """Kill this process when `parent`, the process that started it, has ended."""
    if sys.platform == "linux":  # the kernel does it, even if this process is busy
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    else:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    if os.getppid() != parent:  # it had ended already
        os.kill(os.getpid(), signal.SIGKILL)


def _dvc() -> int | None:
    """Return the DVC process that runs this one in a stage: the nearest ancestor that is not part of the stage.

    A shell between them is part of the stage. Returns None outside of stages, and if the system does not say.
    """
    stage = f"{STAGE}={os.environ[STAGE]}".encode() if STAGE in os.environ else None
    process = os.getppid()
    try:
        while stage and process > 1:
            about = Path(f"/proc/{process}")
            if stage not in (about / "environ").read_bytes().split(b"\0"):
                return process
            process = int((about / "stat").read_bytes().rpartition(b")")[2].split()[1])
    except OSError:  # not Linux, or another user's process
        pass
    return None


def _follow(owner: int) -> None:
    _wait_for(owner)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE)
    os.kill(os.getpid(), signal.SIGKILL)


def _wait_for(owner: int) -> None:
    try:
        ended = os.pidfd_open(owner)
    except ProcessLookupError:
        return
    except (AttributeError, OSError):  # other systems, old kernels
        while _exists(owner):
            time.sleep(LOOK_SECONDS)
    else:
        waiting = select.poll()
        waiting.register(ended)
        waiting.poll()


def _exists(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(LOOK_SECONDS)
    os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    follow()
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
