"""Before any test: set the pins of the bit-exact tier and one thread, and keep DVC out of the user's own folders."""

import os
import tempfile
from pathlib import Path

from harness.run.pins import pin

pin()  # before anything imports torch

for name in ("DVC_GLOBAL_CONFIG_DIR", "DVC_SITE_CACHE_DIR"):
    os.environ.setdefault(name, str(Path(tempfile.gettempdir()) / f"bench-tests-{os.getuid()}" / name.lower()))


def pytest_configure() -> None:
    import torch

    torch.set_num_threads(1)
