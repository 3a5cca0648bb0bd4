"""Before any test: the pins of the bit-exact tier, one thread, and DVC kept out of the user's own folders."""

import os
import tempfile

from harness.run.pins import pin

pin()

import torch

torch.set_num_threads(1)

for name in ("DVC_GLOBAL_CONFIG_DIR", "DVC_SITE_CACHE_DIR"):
    os.environ.setdefault(name, os.path.join(tempfile.gettempdir(), f"bench-tests-{os.getuid()}", name.lower()))
