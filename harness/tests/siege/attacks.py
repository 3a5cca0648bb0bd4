"""The kinds of attack. Each takes the world and a source of chance, and returns how it ended and in which words.

'refused': told in one line, nothing lost. 'harmless': it had no effect on any result. 'FAULT': anything else.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import tarfile
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from harness.checks.same import differences
from harness.plan.plan import Cell
from harness.run import checkpoint
from harness.schema import read_head
from harness.store import ARCHIVE, FILES, HEAD, SCORES, SEAL
from harness.tests.recorded import reseal
from harness.tests.siege.child import Fault, Result, bench
from harness.tests.siege.world import World, differing, outside, tree
from harness.workspace.pack import sums
from harness.yaml_text import dump

REFUSED, HARMLESS, FAULT = "refused", "harmless", "FAULT"
Outcome = tuple[str, str]
HOSTILE = ["x; touch f", "$(touch f)", "..", "../../f", "/tmp/f", "a\nb", "a\0b", "", "-x", ".x", "a" * 300, "é", "a|b"]
VALUES: list[Any] = [None, "", *HOSTILE, -1, 0, 10**12, 1e300, True, [], {}, [[]], "yes", "010", "1:30", "1e-3", "null"]
NAMED_COMMANDS: list[Callable[[str], list[str]]] = [
    lambda name: ["preset", "--", name],
    lambda name: ["unpack", "--", name, "elsewhere"],
    lambda name: ["verify", "--", name],
    lambda name: ["train", "--", name, "x"],
    lambda name: ["prepare", "--", name],
    lambda name: ["export", "--out", "f", "--", "two_gaussians", name],
    lambda name: ["new", f"--like={name}", "--", "fresh"],
    lambda name: ["import", "s.csv", "m.yaml", f"--name={name}"],
]


def flip(world: World, random: Random) -> Outcome:
    """One bit of a checkpoint or snapshot."""
    path = _state(world, random)
    content = bytearray(path.read_bytes())
    place = random.randrange(len(content))
    content[place] ^= 1 << random.randrange(8)
    return _loaded(path, bytes(content), f"bit flipped at {place} of {path.name}")


def truncate(world: World, random: Random) -> Outcome:
    """The end of a checkpoint or snapshot cut off, or something behind it."""
    path = _state(world, random)
    content = path.read_bytes()
    cut = content[: random.randrange(len(content))] if random.random() < 0.8 else content + random.randbytes(9)
    return _loaded(path, cut, f"{path.name} with {len(cut)} of {len(content)} bytes")


def swap(world: World, random: Random) -> Outcome:
    """The content of another checkpoint or snapshot of any cell."""
    path, other = _state(world, random), _state(world, random)
    content = other.read_bytes()
    same_kind = path.name.split(".")[0] == other.name.split(".")[0]  # the two generations of a checkpoint are of one
    if content == path.read_bytes() or (same_kind and path.parent == other.parent):
        return HARMLESS, "the same file"
    return _loaded(path, content, f"{other.name} in place of {path.name}")


def resume(world: World, random: Random) -> Outcome:
    """Damage in the scratch folder of a cell, which then trains on."""
    cell = world.cell(random)
    with world.copied() as root:
        shutil.rmtree(cell.folder(root))
        paths = sorted(world.runs(root, cell).glob("seeds-*/*"))
        for path in random.sample(paths, random.randint(1, min(3, len(paths)))):
            random.choice([_flipped, _cut, _emptied, _gone, _of_other(paths)])(path, random)
        return _equal_after(world, root, cell, bench(root, "train", cell.task, cell.name))


def record(world: World, random: Random) -> Outcome:
    """A file of a record damaged, by a slip of the hand or by the disk."""
    cell = world.cell(random)
    with world.copied() as root:
        folder = cell.folder(root)
        paths = sorted(path for path in folder.iterdir() if path.name in FILES | {SEAL})
        path = random.choice(paths)
        before = {path.name: path.read_bytes() for path in paths}
        random.choice([_flipped, _cut, _emptied, _gone, _of_other(_others(world, root, cell, path)), _edited])(
            path, random
        )
        if {path.name: path.read_bytes() for path in folder.iterdir()} == before:
            return HARMLESS, "unchanged"
        listed = bench(root, "list")
        line = _row(listed.text, cell)
        if listed.wrong or listed.status not in (0, 1):
            return FAULT, f"list {listed.wrong or listed.status} after damage to {cell}: {path.name}"
        if "up to date" in line:
            return FAULT, f"{cell}: {path.name} is believed"
        if random.random() < 0.3:
            page = bench(root, "report", "--out", root / "build/other")
            if page.wrong or not (root / "build/other/index.html").is_file():
                return FAULT, f"no page after damage to {cell}: {path.name}: {page.wrong or page.text[-200:]}"
        return REFUSED, line.strip()[:160]


def parameters(world: World, random: Random) -> Outcome:
    """params.yaml with a value, a key or a byte changed."""
    with world.copied() as root:
        path = root / "params.yaml"
        path.write_bytes(_mutated(world, random))
        before = tree(root)
        result = bench(root, random.choice(["list", "keys", "pipelines"]))
        if result.wrong or outside(root):
            return FAULT, result.wrong or f"outside the project: {outside(root)}"
        if result.refused and tree(root) != before:
            return FAULT, "refused, but something was written"
        return (REFUSED, result.errors[0][:160]) if result.refused else (HARMLESS, "taken as it is")


def archive(world: World, random: Random) -> Outcome:
    """A packed block with members of any name and kind, or damaged."""
    cell = world.cell(random)
    with world.copied() as root:
        copy = root / "build/copy"
        (block,) = world.runs(root, cell).glob("seeds-*")
        packed = root / f"results/unfinished/smoke/{block.parent.name}/{block.name}.tar.xz"
        packed.parent.mkdir(parents=True)
        packed.write_bytes(_packed(block, random))
        result = bench(root, "unpack", "smoke", copy)
        if result.wrong or outside(root):
            return FAULT, result.wrong or f"outside the project: {outside(root)}"
        links = [path for path in copy.rglob("*") if path.is_symlink()]
        if links:
            return FAULT, f"a link was unpacked: {links[0]}"
        if result.refused:
            return REFUSED, result.errors[0][-160:]
        for path in copy.glob(".scratch/runs/*/*/*"):
            if path.read_bytes() != (block / path.name).read_bytes():
                return FAULT, f"another {path.name} was unpacked"
        return HARMLESS, "as it was packed"


def merged(world: World, random: Random) -> Outcome:
    """The records of a copy with names, links and bytes of any kind."""
    cell = world.cell(random)
    with world.copied() as root:
        source = root / "build/source"
        shutil.copytree(cell.folder(root), source / cell.folder(Path()))
        folder, theirs = cell.folder(source), None
        match random.randrange(5):
            case 0:
                said = json.loads((folder / HEAD).read_text())
                said[random.choice(["preset", "task", "cell"])] = random.choice(VALUES)
                (folder / HEAD).write_text(json.dumps(said))
                reseal(folder)
                own = said["task"] == cell.task and said["cell"] == cell.name
                theirs = said["preset"] if own else None  # a whole record of any preset that could be one is brought in
            case 1:
                (folder / random.choice(sorted(FILES))).unlink(missing_ok=True)
                (folder / SCORES).unlink(missing_ok=True)
                (folder / SCORES).symlink_to("/etc/passwd")
            case 2:
                os.mkfifo(folder / "more")
            case 3:
                folder.rename(folder.with_name(random.choice(["-x", "a b", "a;b", "é", "x" * 200])))
            case _:
                path = random.choice(sorted(folder.iterdir()))
                random.choice([_flipped, _cut, _emptied])(path, random)
        result = bench(root, "merge", source)
        found = outside(root) or [path for path in (root / "results").rglob("*") if path.is_symlink()]
        if result.wrong or found:
            return FAULT, result.wrong or f"written: {found}"
        if result.refused:
            return REFUSED, result.errors[0][-160:]
        if theirs is not None and (root / ARCHIVE / str(theirs) / cell.task / cell.name / HEAD).is_file():
            return HARMLESS, f"brought in as a record of preset {theirs}"
        return FAULT, f"believed: {result.text[-160:]}"


def imported(world: World, random: Random) -> Outcome:
    """Scores made elsewhere with a row, a column or a manifest of any kind."""
    cell = world.cell(random)
    with world.copied() as root:
        skeleton = bench(root, "import", "--skeleton", cell.task)
        if skeleton.status != 0:
            return FAULT, f"no skeleton: {skeleton.text[-200:]}"
        metric = next(iter(read_head(cell.folder(root)).metrics))
        rows = [f"{cell.task},peer,{seed},9,{metric},{seed}.5" for seed in range(4)]
        scores, manifest = root / "s.csv", root / "m.yaml"
        scores.write_text("\n".join(["task,method,seed,step,metric,value", *rows, ""]))
        manifest.write_text(skeleton.text)
        path = random.choice([scores, manifest])
        content, word = path.read_bytes(), str(random.choice(VALUES)).encode()
        parts = content.split(b"," if path == scores else b" ")
        parts[random.randrange(len(parts))] = word
        changed = [bytes(_flipped_bytes(content, random)), content[: random.randrange(len(content))]]
        path.write_bytes(random.choice([(b"," if path == scores else b" ").join(parts), *changed]))
        result = bench(root, "import", scores, manifest, "--name", "peer")
        if result.wrong or outside(root):
            return FAULT, result.wrong or f"outside the project: {outside(root)}"
        if result.refused:
            whole = not (root / "results/external/peer").exists()
            return (REFUSED, result.errors[0][-160:]) if whole else (FAULT, "refused, but brought in")
        page = bench(root, "report", "--out", root / "build/other")
        if page.wrong or page.status != 0:
            return FAULT, f"taken, and then the page: {page.wrong or page.text[-200:]}"
        return HARMLESS, "taken, and the page comes"


def named(world: World, random: Random) -> Outcome:
    """A name of any kind as the argument of a command."""
    name, command = random.choice(HOSTILE), random.choice(NAMED_COMMANDS)
    if "\0" in name:
        return HARMLESS, "no command line holds it"
    with world.copied() as root:
        before = tree(root)
        result = bench(root, *command(name))
        if result.wrong or outside(root) or Path("f").exists():
            return FAULT, f"{command(name)[0]} {name!a}: {result.wrong or outside(root)}"
        if result.status != 2 or tree(root) != before:
            return FAULT, f"{command(name)[0]} {name!a} is taken"
        return REFUSED, result.text.strip()[:160]


def killed(world: World, random: Random) -> Outcome:
    """SIGKILL at one of the writes of a command, which is then called again."""
    return _disturbed(world, random, lambda: Fault("kill", random.randint(1, 60)))


def full(world: World, random: Random) -> Outcome:
    """A disk that is full, or read only, from one of the writes of a command on; it is called again when it is not."""
    kinds = ["ENOSPC", "ENOSPC", "EDQUOT", "EROFS", "EACCES"]
    return _disturbed(world, random, lambda: Fault(random.choice(kinds), random.randint(1, 40)))


def limited(world: World, random: Random) -> Outcome:
    """A command without room for files, without a home, a temporary folder or git, or with a clock set back."""
    faults = [Fault("nofile", 32), Fault("fsize", 10 ** random.randint(2, 5))]
    faults += [Fault(kind) for kind in ("home", "tmp", "git", "clock")]
    return _disturbed(world, random, lambda: random.choice(faults))


def orphaned(world: World, random: Random) -> Outcome:
    """Two jobs at once, and a signal to the command that started them or to a worker; then it is called again."""
    first, second = random.sample([cell for cell in world.cells if not _taken(world, cell)], 2)
    with world.copied() as root:
        for cell in (first, second):
            shutil.rmtree(cell.folder(root))
            shutil.rmtree(world.runs(root, cell))
        sent = random.choice([signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
        worker = random.random() < 0.4
        sent = signal.SIGKILL if worker else sent
        result = bench(root, "train", "--jobs", 2, seconds=random.uniform(1, 12), sent=sent, worker=worker)
        what = f"{sent.name} at {'a worker of ' if worker else ''}`train --jobs 2`"
        if result.orphans or result.status is None or (worker and result.status != 0):
            return FAULT, f"{what}: {result.wrong or result.text[-200:]}"
        again = bench(root, "train", "--jobs", 2)
        if again.status != 0:
            return FAULT, f"{what}, then again: {again.wrong or again.text[-200:]}"
        wrong = [str(cell) for cell in (first, second) if differing(cell.folder(root), cell.folder(world.whole))]
        return (FAULT, f"{what}: {wrong} differ") if wrong else (HARMLESS, f"{what}: bit-equal")


KINDS: dict[str, tuple[int, Callable[[World, Random], Outcome]]] = {
    "flip": (540, flip),
    "truncate": (60, truncate),
    "swap": (30, swap),
    "resume": (30, resume),
    "record": (63, record),
    "parameters": (112, parameters),
    "archive": (30, archive),
    "merge": (20, merged),
    "import": (40, imported),
    "name": (30, named),
    "kill": (200, killed),
    "full": (60, full),
    "limit": (30, limited),
    "orphan": (16, orphaned),
}
"""Kind -> (how many of it a whole siege has, the attack)."""


def _state(world: World, random: Random) -> Path:
    return random.choice(world.states[random.choice(sorted(world.states))])


def _loaded(path: Path, content: bytes, what: str) -> Outcome:
    identity = json.loads((path.parent / "run.json").read_text())["identity"]
    try:
        state = checkpoint.check(path, content, identity)
    except checkpoint.Refused as error:
        return REFUSED, str(error)[-160:]
    except Exception as error:
        return FAULT, f"{what}: {type(error).__name__}: {error}"
    other = differences(state, checkpoint.load(path, identity))
    return (FAULT, f"{what}: taken with another {other[0]}") if other else (HARMLESS, f"{what}: the same state")


def _disturbed(world: World, random: Random, fault: Callable[[], Fault]) -> Outcome:
    """A command of any kind with a fault."""
    cell = world.cell(random)
    train = ["train", cell.task, cell.name]
    others = [
        ["prepare", cell.task],
        ["keys"],
        ["pipelines"],
        ["evaluate"],
        ["report", "--out", "OUT"],
        ["merge", "SOURCE"],
    ]
    return disturbed(world, cell, train if random.random() < 0.6 else random.choice(others), fault())


def disturbed(world: World, cell: Cell, command: list[str], chosen: Fault) -> Outcome:
    """A command with a fault, and again without: then all is as if there had been none."""
    with world.copied(without=cell if command[0] == "train" else None) as root:
        source = root / "build/source"
        if command[0] == "merge":
            shutil.copytree(cell.folder(root), source / cell.folder(Path()))
        words = [{"OUT": str(root / "build/other"), "SOURCE": str(source)}.get(word, word) for word in command]
        if command[0] in ("keys", "pipelines", "evaluate"):
            shutil.rmtree(root / {"keys": "results/keys", "evaluate": "results/summary"}.get(command[0], command[0]))
        result = bench(root, *words, fault=chosen)
        what = f"{' '.join(command)} under {chosen}"
        if result.wrong:
            return FAULT, f"{what}: {result.wrong}"
        again = bench(root, *words)
        if again.wrong or again.status != 0:
            return FAULT, f"{what}, then again: {again.wrong or again.text[-200:]}"
        if command[0] == "report":
            other = differing(root / "build/other", root / "build/out")
        elif command[0] == "merge":
            other = differing(root / "results/archive/smoke" / cell.task / cell.name, cell.folder(root))
        else:
            other = differing(root, world.whole)
        if other:
            return FAULT, f"{what}, then again: {other} differs"
        return (
            (REFUSED, f"{what}: {result.errors[0].replace(str(root), '.')[:250]}")
            if result.refused
            else (HARMLESS, f"{what}: as if undisturbed")
        )


def _equal_after(world: World, root: Path, cell: Cell, result: Result) -> Outcome:
    if result.wrong:
        return FAULT, result.wrong
    if result.refused:
        return REFUSED, result.errors[0][:160]
    other = differing(cell.folder(root), cell.folder(world.whole))
    return (FAULT, f"{cell}: another {other}") if other else (HARMLESS, f"{cell} ends bit-equal")


def _row(listed: str, cell: Cell) -> str:
    """The row of a cell in what `bench list` printed: below its task, as cells of other tasks have the same name."""
    task = ""
    for row in listed.splitlines():
        if not row.startswith(" "):
            task = row.partition(":")[0]
        elif task == cell.task and row.startswith(f"  {cell.name} "):
            return row
    return ""


def _taken(world: World, cell: Cell) -> bool:
    """Whether another cell takes from this one: its record is then part of the other's identity."""
    return any(
        str(cell) in str(other.task_params.expert) or other.task_params.reward_task == cell.task
        for other in world.cells
    )


def _flipped_bytes(content: bytes, random: Random) -> bytearray:
    changed = bytearray(content)
    if changed:
        changed[random.randrange(len(changed))] ^= 1 << random.randrange(8)
    return changed


def _flipped(path: Path, random: Random) -> None:
    path.write_bytes(_flipped_bytes(path.read_bytes(), random))


def _cut(path: Path, random: Random) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: random.randrange(len(content) + 1)])


def _emptied(path: Path, random: Random) -> None:
    path.write_bytes(random.choice([b"", bytes(path.stat().st_size), b"\xef\xbb\xbf" + path.read_bytes()]))


def _gone(path: Path, random: Random) -> None:
    path.unlink()


def _of_other(paths: list[Path]) -> Callable[[Path, Random], None]:
    return lambda path, random: path.write_bytes(random.choice(paths).read_bytes()) and None


def _others(world: World, root: Path, cell: Cell, path: Path) -> list[Path]:
    """The files of the same name of other cells, or of this one where there are none."""
    found = [other.folder(root) / path.name for other in world.cells if other != cell]
    return [other for other in found if other.is_file()] or [path]


def _edited(path: Path, random: Random) -> None:
    """A digit exchanged for another one, as by hand; of a file without any, a bit."""
    content = bytearray(path.read_bytes())
    places = [place for place, byte in enumerate(content) if chr(byte).isdigit()]
    if not places:
        _flipped(path, random)
        return
    place = random.choice(places)
    content[place] = ord(str((int(chr(content[place])) + random.randint(1, 9)) % 10))
    path.write_bytes(content)


def _mutated(world: World, random: Random) -> bytes:
    params = json.loads(json.dumps(world.params))
    text = dump(params).encode()
    match random.randrange(8):
        case 0:
            return bytes(_flipped_bytes(text, random))
        case 1:
            return text[: random.randrange(len(text))]
        case 2:
            return random.choice([
                b"[" * 10_000,
                b"a: &a [x]\nb: &b [*a, *a]\n",
                b"\0" * 100,
                b"#" * 3_000_000,
                b"",
                b"1",
            ])
        case 3:
            places = [place for place, byte in enumerate(text) if byte == ord(":")]
            place = random.choice(places)
            return (
                text[:place]
                + random.choice([b"", b"::", b" :", b": !!python/object:os.system", b": &a *a"])
                + text[place + 1 :]
            )
    block, place = params, ""
    while True:
        place = random.choice(list(block))
        if not isinstance(block[place], dict) or not block[place] or random.random() < 0.15:
            break
        block = block[place]
    match random.randrange(3):
        case 0:
            block[place] = random.choice(VALUES)
        case 1:
            del block[place]
        case _:
            block[random.choice([*HOSTILE, "on", "1", place.upper()])] = block.pop(place)
    try:
        return dump(params).encode()
    except Exception:  # what no YAML holds
        return json.dumps(params).encode()


def _packed(block: Path, random: Random) -> bytes:
    files = {path.name: path.read_bytes() for path in sorted(block.iterdir()) if path.suffix in (".pt", ".json")}
    files.pop(checkpoint.PREVIOUS, None)
    files[SEAL] = sums(files)
    members = [(tarfile.TarInfo(name), content) for name, content in files.items()]
    for info, content in members:
        info.size = len(content)
    victim = random.randrange(len(members))
    info, content = members[victim]
    match random.randrange(8):
        case 0:
            info.name = random.choice(["../../f", "/tmp/f", "a/b", "f", "snapshot-9.pt", "run.json\n", "x" * 300])
        case 1:
            info.type, info.linkname, info.size = random.choice([tarfile.SYMTYPE, tarfile.LNKTYPE]), "/etc/passwd", 0
        case 2:
            info.type, info.size = random.choice([tarfile.CHRTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE]), 0
        case 3:
            members[victim] = (info, bytes(_flipped_bytes(content, random)))
        case 4:
            del members[victim]
        case 5:
            members.append(members[victim])
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:xz", preset=0) as made:
        for info, content in members:
            made.addfile(info, io.BytesIO(content) if info.isreg() else None)
    whole = buffer.getvalue()
    return random.choice([
        whole,
        whole,
        whole,
        bytes(_flipped_bytes(whole, random)),
        whole[: random.randrange(len(whole))],
    ])
