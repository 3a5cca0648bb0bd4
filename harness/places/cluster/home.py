"""The folder in which a node works, and the data sets that it finds there."""

from __future__ import annotations

import contextlib
import getpass
import hashlib
import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from harness.errors import BenchError
from harness.files import write_bytes
from harness.places import train
from harness.run.params import TaskParams, flatten

DATA = "data"  # where data sets lie: below the project, and below a shared folder
T = TypeVar("T")


@dataclass(frozen=True)
class Home:
    """Below `shared`, which every node sees, or in the node's own folder for temporary files.

    preset: of the cells. tree: the driver's folder, so that two trees do not meet.
    """

    shared: Path | None
    preset: str
    tree: Path

    def root(self) -> Path:
        """The folder that stands for the project's; checkpoints in it outlast a worker, in a shared one a node too."""
        name = f"{self.preset}-{hashlib.sha256(str(self.tree).encode()).hexdigest()[:8]}"
        return (self.shared or Path(tempfile.gettempdir()) / f"vdb-bench-{getpass.getuser()}") / name

    def lay(self, files: Mapping[Path, bytes | None]) -> Path:
        """Write what a job reads where it is not there as it is; returns the root. None: it has been laid there."""
        root = self.root()
        for path, content in files.items():
            if content is None:
                continue
            if not (root / path).is_file() or (root / path).read_bytes() != content:
                write_bytes(root / path, content)
        return root

    def data(self) -> list[Path]:
        """Folders of data sets, the nearest first: where the driver has them, and below the shared folder."""
        known = [self.tree / DATA, *([self.shared / DATA] if self.shared else [])]
        return [path.resolve() for path in known if path.is_dir()]

    def with_data(self, root: Path, params: TaskParams, load: Callable[[], T]) -> T:
        """What `load` gives in a folder whose data/ is the first one that it takes; it refuses sets of another hash.

        Leaves the process in that folder, as data are named by paths from there. Raises its last BenchError, with what
        was tried.
        """
        named = sorted({value for value in flatten(params.model_dump()).values() if below_data(value)})
        tried: list[Path] = []
        fault = ""
        for folder in [path for path in self.data() if all((path.parent / name).exists() for name in named)]:
            self._stand(root, folder)
            try:
                return load()
            except BenchError as error:
                train.load_task.cache_clear()  # known by its name, wherever it was read
                tried, fault = [*tried, folder], f"{error}; "
        if named:
            wanted = f"{self.shared / DATA}" if self.shared else "data/ below a folder that you give as --shared"
            looked = ", ".join(map(str, tried or self.data())) or "no folder of data here"
            raise BenchError(f"{fault}{', '.join(named)} is not in {looked}: put it into {wanted}")
        self._stand(root, None)
        return load()

    def _stand(self, root: Path, data: Path | None) -> None:
        """Go to a folder of its own for each folder of data, so that no link is ever changed."""
        name = hashlib.sha256(str(data).encode()).hexdigest()[:8]
        place = root / ".scratch" / "at" / name
        place.mkdir(parents=True, exist_ok=True)
        if data is not None and not (place / DATA).exists():
            with contextlib.suppress(FileExistsError):  # another block on this node was faster
                (place / DATA).symlink_to(data)
        os.chdir(place)


def below_data(value: object) -> bool:
    return isinstance(value, str) and (value == DATA or value.startswith(f"{DATA}/"))
