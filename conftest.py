"""Before any test: set the pins of the bit-exact tier and one thread, and keep DVC out of the user's own folders."""

import os
import signal
import tempfile
from pathlib import Path

from harness.run.pins import pin

pin()  # before anything imports torch

for name in ("DVC_GLOBAL_CONFIG_DIR", "DVC_SITE_CACHE_DIR"):
    os.environ.setdefault(name, str(Path(tempfile.gettempdir()) / f"bench-tests-{os.getuid()}" / name.lower()))

# A shell has jobs in the background ignore SIGINT, and `nohup` SIGHUP; tests send both to what they start.
for number, usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, usual)


def pytest_configure() -> None:
    import torch

    torch.set_num_threads(1)
