"""Blocks of parameters that say `like: NAME` and then only what differs.

A block, or a block inside it, takes another one's keys: `like: gan` (a method of the same task), `like: digits8.gan` (of another
task) or `like: c_maze.airl.discriminator` (a block inside one). Its own keys are laid over them: blocks merge, null takes a key
away so that its default holds, everything else replaces.

`title`, the name for the reader, belongs to the block that it stands in and is no parameter. A method without one has the
title that a method of the same name has elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from harness.errors import BenchError, unknown

LIKE, TITLE = "like", "title"
Block = dict[str, Any]
Path = tuple[str, ...]


def resolved(params: Mapping[str, Any], where: str) -> Block:
    """Returns `params` with every `like` of its tasks and methods replaced by what it stands for, and titles filled in.

    Raises BenchError for a name that is not there, with the nearest one, and for blocks that lead back to themselves.
    """
    tasks, methods = params.get("tasks") or {}, params.get("methods") or {}
    result = dict(params)
    if isinstance(tasks, Mapping):
        result["tasks"] = _Tree(tasks, f"{where}: tasks").whole()
    if isinstance(methods, Mapping):
        result["methods"] = _titled(_Tree(methods, f"{where}: methods", depth=2).whole())
    return result


def untitled(block: Mapping[str, Any]) -> Block:
    """Returns a block without its title: what is validated, and what names a run."""
    return {key: value for key, value in block.items() if key != TITLE}


def laid_over(base: Mapping[str, Any], own: Mapping[str, Any]) -> Block:
    """Returns `own` over `base`: blocks merge, null takes a key of `base` away, everything else replaces."""
    result = dict(base)
    for key, value in own.items():
        if isinstance(value, Mapping) and isinstance(base.get(key), Mapping):
            result[key] = laid_over(base[key], value)
        elif value is None and key in base:
            del result[key]
        else:
            result[key] = value
    return result


class _Tree:
    """One section of the parameters; depth: how many names lead to a block, 1 for tasks, 2 for methods."""

    def __init__(self, blocks: Mapping[str, Any], where: str, depth: int = 1):
        self.blocks, self.where, self.depth = blocks, where, depth
        self.done: dict[Path, Any] = {}
        self.open: list[Path] = []

    def whole(self) -> Block:
        return {str(name): self._inside((str(name),), block) for name, block in self.blocks.items()}

    def _inside(self, path: Path, block: Any) -> Any:
        if not isinstance(block, Mapping):
            return block
        if len(path) >= self.depth:
            return self._resolved(path)
        return {key: self._inside((*path, str(key)), value) for key, value in block.items()}

    def _resolved(self, path: Path) -> Any:
        """The block at `path`, which lies at or below the depth of whole blocks."""
        if path in self.done:
            return self.done[path]
        if path in self.open:
            circle = " -> ".join(".".join(p) for p in [*self.open[self.open.index(path) :], path])
            raise BenchError(f"{self.where}: {circle} leads back to itself: take one `like` out")
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
            key: self._made((*path, str(key)), value) if isinstance(value, Mapping) else value
            for key, value in block.items()
            if key != LIKE
        }
        if LIKE not in block:
            return own
        base = self._taken(path, block[LIKE])
        replaced = {TITLE} | {key for key, value in block.items() if isinstance(value, Mapping) and LIKE in value}
        return laid_over({key: value for key, value in base.items() if key not in replaced}, own)

    def _taken(self, path: Path, name: Any) -> Mapping[str, Any]:
        """The block that `like: name` stands for, seen from `path`."""
        where = f"{self.where}.{'.'.join(path)}.{LIKE} = {name}"
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


def _titled(methods: Block) -> Block:
    """Every method's block with a title, where any method of its name has one."""
    titles = dict(reversed([(name, block[TITLE]) for name, block in _each(methods) if TITLE in block]))
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


def _each(methods: Block) -> Iterator[tuple[str, Block]]:
    for blocks in methods.values():
        if isinstance(blocks, dict):
            yield from ((name, block) for name, block in blocks.items() if isinstance(block, dict))
