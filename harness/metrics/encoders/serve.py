"""The child's side of `child_process`: one encoder that reads images and writes features.

    python -m harness.metrics.encoders.serve NAME WEIGHTS PRECISION THREADS

Arrays pass through standard input and output, images in and features out, until the input ends.
"""

from __future__ import annotations

import os
import pickle
import sys

from harness.run.lifeline import end_with


def main() -> None:
    end_with(os.getppid())  # before the slow imports; a parent that has ended by now has closed the input
    import torch

    from harness.metrics.encoders.catalogue import load

    name, weights, precision, threads = sys.argv[1:]
    source, target = sys.stdin.buffer, os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a library prints must not fall among the features
    torch.set_num_threads(int(threads))
    encoder = load(name, weights, precision=precision)
    while source.peek(1):
        pickle.dump(encoder.features(pickle.load(source)), target, protocol=5)
        target.flush()


if __name__ == "__main__":
    main()
