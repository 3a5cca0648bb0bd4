"""The project's own files as they are now: what each imports, and a hash of its content.

Each file is read once, and its imports are looked up in an index by its content, because parsing takes a hundred times
as long as reading. To see a change, create a new `Sources`.
"""

from __future__ import annotations

import ast
import hashlib
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from harness import registry
from harness.errors import BenchError
from harness.remembered import Remembered

OURS = ("harness.", "baselines.")
FORM = "1"  # of `canonical`: another one hashes anew


class Sources:
    """The files below `root`, each as it was when it was first requested."""

    def __init__(self, root: Path):
        self.root = root
        self._known: Remembered | None = None
        self._paths: dict[str, str | None] = {}  # module -> path from the root, None where it is no file of ours
        self._read: dict[str, tuple[str, tuple[str, ...]]] = {}
        self._literals: dict[tuple[str, str], tuple[str, ...]] = {}

    def closure(self, modules: Iterable[str], skip: tuple[str, ...] = ()) -> dict[str, str]:
        """Return {path: hash} of every file of this project that `modules` import, directly or not, except `skip`.

        Raises BenchError if one of `modules` has no file.
        """
        waiting = [self.file(module) for module in modules]
        found: dict[str, str] = {}
        while waiting:
            name = waiting.pop()
            if name not in found:
                found[name], imported = self.read(self.root / name, name)
                waiting += [path for m in imported if not m.startswith(skip) and (path := self.found(m))]
        self.save()
        return dict(sorted(found.items()))

    def read(self, path: Path, name: str) -> tuple[str, tuple[str, ...]]:
        """Return (hash, imported modules) of a file.

        name: the path by which it is known here.
        """
        if name not in self._read:
            if self._known is None:
                self._known = Remembered(self.root, "sources")
            content = path.read_bytes()
            key = f"{hashlib.sha256(content).hexdigest()} {FORM} {sys.version_info[:2]}"
            code, imported = self._known.get(key, lambda: _parsed(path, content))
            self._read[name] = code, tuple(imported)
        return self._read[name]

    def literal(self, module: str, name: str) -> tuple[str, ...]:
        """Return the module-level tuple of strings `name = (...)` of a file of this project, without running it."""
        if (module, name) not in self._literals:
            self._literals[module, name] = registry.literal(self.root / self.file(module), name)
        return self._literals[module, name]

    def found(self, module: str) -> str | None:
        """Return the path of a module of this project, or None if it has no file; packages have none, as `__init__` is
        empty.
        """
        if module not in self._paths:
            path = f"{module.replace('.', '/')}.py"
            self._paths[module] = path if module.startswith(OURS) and (self.root / path).is_file() else None
        return self._paths[module]

    def file(self, module: str) -> str:
        """Return the path of a module of this project, which must exist."""
        if (path := self.found(module)) is None:
            raise BenchError(f"{self.root / module.replace('.', '/')}.py is missing")
        return path

    def save(self) -> None:
        """Store the index of what was parsed."""
        if self._known is not None:
            self._known.save()


def _parsed(path: Path, content: bytes) -> tuple[str, list[str]]:
    tree = registry.parse_python(path, content)
    return hashlib.sha256(canonical(tree).encode()).hexdigest()[:16], list(imports(tree))


def imports(tree: ast.AST) -> Iterator[str]:
    """Yield the absolute names of all imports; for `from a import b` both a and a.b, because b may be a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def canonical(node: object) -> str:
    """Return a syntax tree as text without docstrings, positions and empty fields.

    Unlike ast.dump, the result does not depend on the version of Python.
    """
    if isinstance(node, list):
        return "[" + ",".join(map(canonical, node)) + "]"
    if not isinstance(node, ast.AST):
        return repr(node)
    fields = []
    for name, value in ast.iter_fields(node):
        if name == "body" and _has_docstring(node):
            value = value[1:]
        if value is not None and value != [] and name not in ("type_comment", "kind", "type_ignores"):
            fields.append(f"{name}={canonical(value)}")
    return f"{type(node).__name__}({','.join(fields)})"


def _has_docstring(node: ast.AST) -> bool:
    if not isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)) or not node.body:
        return False
    first = node.body[0]
    return isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)
