"""Resolve blocks of parameters that name a base by `like: NAME` and then list only what differs.

A block, or a block inside it, inherits the keys of another one: `like: gan` (a method of the same task), `like:
digits8.gan` (of another task) or `like: c_maze.airl.discriminator` (a block inside one). Its own keys are merged over
them: blocks merge, null removes a key so that its default applies, and everything else replaces.

`title`, the name that readers see, belongs to the block that contains it and is not a parameter. A method without a
title has that of a method of the same name in another task.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from harness.errors import BenchError, unknown, unknown_key

LIKE, TITLE = "like", "title"
DEPTHS = {"tasks": 1, "methods": 2}  # section -> how many names lead to a block
Block = dict[str, Any]
Path = tuple[Any, ...]


def resolve(params: Mapping[str, Any], where: str) -> Block:
    """Return `params` with every `like` of its tasks and methods resolved and all titles filled in.

    Raises BenchError for an unknown name, with the nearest known one, for circular references, and for a title that is
    not a string.
    """
    result = dict(params)
    for section, depth in DEPTHS.items():
        if isinstance(blocks := params.get(section), Mapping):
            result[section] = _Tree(blocks, f"{where}: {section}", depth).whole()
    if isinstance(methods := result.get("methods"), dict):
        _check_titles({None: result.get("tasks")}, f"{where}: tasks")
        _check_titles(methods, f"{where}: methods")
        result["methods"] = _titled(methods)
    return result


def without_title(block: Mapping[str, Any]) -> Block:
    """Return a block without its title, which is what gets validated and what identifies a run."""
    return {key: value for key, value in block.items() if key != TITLE}


def compose(base: Block, overlay: Block, where: str, new: bool = False, inherits: bool = False) -> Block:
    """Merge `overlay` over `base`, both as they are written: blocks merge, null removes a key, everything else
    replaces.

    A block of `overlay` with `like:` replaces the one in `base`. Raises BenchError for a key that `base` lacks, unless
    `new` allows it.

    new: allow keys that `base` lacks, as is the case everywhere below the first level.
    inherits: whether `base`, or a block that contains it, has `like:`. Then null remains null, because it must also
        remove what the block will inherit.
    """
    inherits = inherits or _says_like(base)
    result = dict(base)
    for key, value in overlay.items():
        if key not in base and not new:
            raise BenchError(unknown_key(f"{where}.{key}", key, base))
        if isinstance(value, dict) and isinstance(base.get(key), dict) and not _says_like(value):
            result[key] = compose(base[key], value, f"{where}.{key}", new=True, inherits=inherits)
        elif value is None and key in base and (key == LIKE or not inherits):
            del result[key]
        else:
            result[key] = value
    return result


def merge(base: Mapping[str, Any], own: Mapping[str, Any]) -> Block:
    """Return `own` merged over `base`: blocks merge, null removes a key, everything else replaces."""
    result = dict(base)
    for key, value in own.items():
        if isinstance(value, Mapping) and isinstance(base.get(key), Mapping):
            result[key] = merge(base[key], value)
        elif value is None:
            result.pop(key, None)
        else:
            result[key] = value
    return result


def _says_like(block: Mapping[str, Any]) -> bool:
    """Whether a block as written inherits from another one; a method that is itself named `like` does not count."""
    return block.get(LIKE) is not None and not isinstance(block[LIKE], Mapping)


class _Tree:
    """One section of the parameters.

    depth: the number of names that lead to a block.
    """

    def __init__(self, blocks: Mapping[str, Any], where: str, depth: int):
        self.blocks, self.where, self.depth = blocks, where, depth
        self.done: dict[Path, Any] = {}
        self.open: list[Path] = []

    def whole(self) -> Block:
        return {name: self._inside((name,), block) for name, block in self.blocks.items()}

    def _inside(self, path: Path, block: Any) -> Any:
        if not isinstance(block, Mapping):
            return block
        if len(path) >= self.depth:
            return self._resolved(path)
        return {key: self._inside((*path, key), value) for key, value in block.items()}

    def _resolved(self, path: Path) -> Any:
        """Return the resolved block at `path`, which is at or below the depth of whole blocks."""
        if path in self.done:
            return self.done[path]
        if path in self.open:
            circle = " -> ".join(".".join(map(str, p)) for p in [*self.open[self.open.index(path) :], path])
            raise BenchError(f"{self.where}: {circle} is circular: remove one `like`")
        self.open.append(path)
        try:
            made = self._made(path, self._raw(path))
        finally:
            self.open.pop()
        self.done[path] = made
        return made

    def _made(self, path: Path, block: Any) -> Any:
        if not isinstance(block, Mapping):
            return block
        own = {
            key: self._made((*path, key), value) if isinstance(value, Mapping) else value
            for key, value in block.items()
            if key != LIKE
        }
        if LIKE not in block:
            return own
        base = self._taken(path, block[LIKE])
        replaced = {TITLE} | {key for key, value in block.items() if isinstance(value, Mapping) and LIKE in value}
        return merge({key: value for key, value in base.items() if key not in replaced}, own)

    def _taken(self, path: Path, name: Any) -> Mapping[str, Any]:
        """Return the block that `like: name` refers to in the block at `path`."""
        where = f"{self.where}.{'.'.join(map(str, path))}.{LIKE} = {name or repr(name)}"
        if not isinstance(name, str) or not name:
            raise BenchError(f"{where}: must be the name of a block, such as gan or digits8.gan")
        parts = tuple(name.split("."))
        section = self.blocks[path[0]]  # of the task, where blocks are methods
        own = self.depth > 1 and (parts[0] in section or parts[0] not in self.blocks)
        target = (path[0], *parts) if own else parts
        node: Any = self.blocks
        for i, part in enumerate(target):
            if i == self.depth:
                node = self._resolved(target[:i])
            if not isinstance(node, Mapping) or part not in node:
                raise BenchError(unknown(where, part, node if isinstance(node, Mapping) else ()))
            node = node[part]
        if len(target) == self.depth:
            node = self._resolved(target)
        if len(target) < self.depth or not isinstance(node, Mapping):
            raise BenchError(f"{where}: must be the name of a block, such as gan or digits8.gan")
        return node

    def _raw(self, path: Path) -> Any:
        node: Any = self.blocks
        for part in path:
            node = node[part]
        return node


def _check_titles(methods: Mapping[Any, Any], where: str) -> None:
    for task, name, block in _each(methods):
        if not isinstance(title := block.get(TITLE, ""), str):
            path = ".".join(str(part) for part in (where, task, name) if part is not None)
            raise BenchError(f"{path}.{TITLE} = {title!r}: must be a string, in quotes if it looks like a number")


def _titled(methods: Block) -> Block:
    """Return the blocks with a title for each method, if any method of its name has one."""
    titles = dict(reversed([(name, block[TITLE]) for _, name, block in _each(methods) if TITLE in block]))
    return {
        task: {
            name: block | ({TITLE: titles[name]} if name in titles and TITLE not in block else {})
            if isinstance(block, dict)
            else block
            for name, block in blocks.items()
        }
        if isinstance(blocks, dict)
        else blocks
        for task, blocks in methods.items()
    }


def _each(methods: Mapping[Any, Any]) -> Iterator[tuple[Any, str, Block]]:
    for task, blocks in methods.items():
        if isinstance(blocks, dict):
            yield from ((task, name, block) for name, block in blocks.items() if isinstance(block, dict))
