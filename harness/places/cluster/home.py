"""Manage the folder in which a node works, and find the data sets there."""

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

DATA = "data"  # the folder of data sets, below the project and below a shared folder
T = TypeVar("T")


@dataclass(frozen=True)
class Home:
    """The folder in which a node works, below `shared` or in the node's folder for temporary files.

    preset: the preset of the cells.
    tree: the driver's folder, which keeps two trees apart.
    shared: a folder that every node sees, or None.
    """

    shared: Path | None
    preset: str
    tree: Path

    def root(self) -> Path:
        """Return the folder used as the project's; its checkpoints outlive a worker, and a node if it is shared."""
        name = f"{self.preset}-{hashlib.sha256(str(self.tree).encode()).hexdigest()[:8]}"
        return (self.shared or Path(tempfile.gettempdir()) / f"vdb-bench-{getpass.getuser()}") / name

    def lay(self, files: Mapping[Path, bytes | None]) -> Path:
        """Write the files that a job reads, unless they are there already, and return the root.

        files: path below the root -> content; None for a file that is there already.
        """
        root = self.root()
        for path, content in files.items():
            if content is None:
                continue
            if not (root / path).is_file() or (root / path).read_bytes() != content:
                write_bytes(root / path, content)
        return root

    def data(self) -> list[Path]:
        """Return the folders of data sets, the nearest first: the driver's, and the one below the shared folder."""
        known = [self.tree / DATA, *([self.shared / DATA] if self.shared else [])]
        return [path.resolve() for path in known if path.is_dir()]

    def with_data(self, root: Path, params: TaskParams, load: Callable[[], T]) -> T:
        """Return the result of `load` in a folder with the first data/ that it accepts.

        The process stays in that folder, because data are named by paths from there. Raises the last BenchError of
        `load`, with the folders that were tried.

        root: the folder in which the node works.
        params: the parameters of the task.
        load: a function that loads the data and refuses data of another hash.
        """
        named = sorted({value for value in flatten(params.model_dump()).values() if below_data(value)})
        tried: list[Path] = []
        fault = ""
        for folder in [path for path in self.data() if all((path.parent / name).exists() for name in named)]:
            self._stand(root, folder)
            try:
                return load()
            except BenchError as error:
                train.load_task.cache_clear()  # its key is the name of the task, not the folder
                tried, fault = [*tried, folder], f"{error}; "
        if named:
            wanted = f"{self.shared / DATA}" if self.shared else "data/ below a folder that you give as --shared"
            looked = ", ".join(map(str, tried or self.data())) or "no folder of data here"
            raise BenchError(f"{fault}{', '.join(named)} is not in {looked}: put it into {wanted}")
        self._stand(root, None)
        return load()

    def _stand(self, root: Path, data: Path | None) -> None:
        """Change to a separate folder for each folder of data, so that no link is ever changed."""
        name = hashlib.sha256(str(data).encode()).hexdigest()[:8]
        place = root / ".scratch" / "at" / name
        place.mkdir(parents=True, exist_ok=True)
        if data is not None and not (place / DATA).exists():
            with contextlib.suppress(FileExistsError):  # another block on this node made it first
                (place / DATA).symlink_to(data)
        os.chdir(place)


def below_data(value: object) -> bool:
    return isinstance(value, str) and (value == DATA or value.startswith(f"{DATA}/"))
