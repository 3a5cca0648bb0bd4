"""`bench export --safetensors`: the nets of one seed, in a file that says all that it takes to call them.

They come from a finished checkpoint. A learnt reward is in the record too, so it can be written where none was trained.

The file holds the tensors that the nets use, and one entry of metadata, "about", in JSON: cell, seed, the record's key
and the seed's scores; the weights that lie in memory column by column; of each net its inputs and their law, what it
makes and in which range, and its graph. A graph is a list of [name, operator, arguments]: "%name" is a tensor or an
earlier result, any other text a name below `torch`. `plain.py` runs it.
"""

from __future__ import annotations

import ast
import csv
import json
from collections.abc import Callable, Container
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.export.graph_signature import InputKind
from torch.fx import Node

from harness.contracts import ControlOutputs, ImageOutputs, Method
from harness.errors import BenchError
from harness.files import write_bytes
from harness.places.train import build_task
from harness.plan.identity import keys_of
from harness.plan.needs import learnt_rewards
from harness.plan.plan import Cell, Plan
from harness.schema import read_head
from harness.store import ARTEFACTS, HEAD, SCORES
from harness.workspace.export import trained, untrained
from harness.workspace.nets import Net, nets_of

ENDING = ".safetensors"
HINTS = {"pin_memory", "memory_format"}  # arguments by name that leave the values
CHECKS = ("aten._assert_tensor_metadata.default",)  # of the tracer, without a result
SHAPES = ("select", "unflatten", "view", "reshape", "flatten", "squeeze", "unsqueeze", "to")  # leave the values
LINEAR = ("baddbmm", "addmm", "linear", "bmm", "conv2d", "convolution", "add", "sub")


def weights(root: Path, cell: Cell, out: Path, seed: int) -> list[Net]:
    """Write the nets of one seed to `out`, which `plain.nets` loads, and return them.

    Without a finished checkpoint this is the reward that the cell's record holds. Raises BenchError where there is
    neither, or where the outputs are neither images nor actions.
    """
    try:
        return _trained(root, cell, out, seed)
    except BenchError:
        if made := _learnt(root, cell, out, seed):
            return made
        raise


def all_weights(root: Path, plan: Plan, folder: Path, seed: int, say: Callable[[str], None]) -> int:
    """As `weights`, <task>/<cell>.safetensors of every row of a table of images or actions.

    A row without a checkpoint keeps the file of its present training. An export of a row that is gone or was trained
    anew is removed and named; any other file stays. Returns the bytes of all.
    say: takes a line for each task. Raises BenchError if there is nothing to write or keep.
    """
    kept: dict[Path, int] = {}
    lacking = None
    for task in plan.params["tasks"]:
        first, absent = len(kept), list[str]()
        for cell in (cell for cell in plan.cells if cell.task == task and cell.ablation is None):
            if not issubclass(build_task(root, cell).outputs, (ImageOutputs, ControlOutputs)):
                break
            path = folder / task / f"{cell.name}{ENDING}"
            try:
                _trained(root, cell, path, seed)
            except BenchError as error:
                if not (_present(root, cell, path, seed) or _learnt(root, cell, path, seed)):
                    lacking = lacking or error
                    absent.append(cell.name)
                    continue
            kept[path] = path.stat().st_size
        of_task = [*kept.values()][first:]
        if of_task or absent:
            others = f"; no checkpoint here of {', '.join(absent)}: `bench train {task} CELL`" if absent else ""
            say(f"{task}: {len(of_task)} cells, {sum(of_task) / 1e6:.2f} MB{others}")
    if lacking and not kept:
        raise lacking
    rows = {str(cell): cell for cell in plan.cells if cell.ablation is None}
    for path in sorted({*folder.glob(f"*/*{ENDING}")} - kept.keys()):
        about = _said(path)
        if not about or path != folder / about["task"] / f"{about['cell']}{ENDING}":
            continue
        row = rows.get(f"{about['task']}/{about['cell']}")
        if row is None or about["training_key"] != keys_of(root, row).training:
            path.unlink()
            say(f"{path} is removed: {'the row was trained anew' if row else 'its row is gone'}")
    return sum(kept.values())


def _trained(root: Path, cell: Cell, out: Path, seed: int) -> list[Net]:
    """Write and return all nets of a seed from its finished checkpoint. Raises BenchError where there is none."""
    task = build_task(root, cell)
    method = trained(root, cell, task, seed)
    made = nets_of(method.outputs(), task.spec, str(cell))
    write_bytes(out, packed(made, method, _about(root, cell, seed)))
    return made


def _learnt(root: Path, cell: Cell, out: Path, seed: int) -> list[Net]:
    """Write and return the reward that the cell's record holds for a seed; none where it holds none."""
    if not (reward := _recorded(root, cell, seed)):
        return []
    task = build_task(root, cell)
    method = untrained(cell, task, seed)
    known = _put(method, reward)
    made = [net for net in nets_of(method.outputs(), task.spec, str(cell)) if net.name == "reward"]
    write_bytes(out, packed(made, method, _about(root, cell, seed), known))
    return made


def _about(root: Path, cell: Cell, seed: int) -> dict[str, Any]:
    """What a file says of itself: whose nets it holds, and what they scored by the record beside them."""
    key = keys_of(root, cell).training
    about = {"task": cell.task, "cell": cell.name, "preset": cell.preset, "seed": seed, "training_key": key}
    if not _has_record(root, cell, key):
        return about
    last = str(cell.task_params.steps)
    with (cell.folder(root) / SCORES).open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if (row["seed"], row["step"]) == (str(seed), last)]
    return about | {"scores": {row["metric"]: float(row["value"]) for row in rows}}


def _has_record(root: Path, cell: Cell, key: str) -> bool:
    folder = cell.folder(root)
    return (folder / HEAD).is_file() and read_head(folder).training_key == key


def _recorded(root: Path, cell: Cell, seed: int) -> dict[str, Tensor]:
    """Name -> tensor of the reward of one seed in the cell's record; none where there is no such record or reward."""
    folder = cell.folder(root)
    if not (folder / ARTEFACTS).is_file() or not _has_record(root, cell, keys_of(root, cell).training):
        return {}
    if seed not in (seeds := read_head(folder).seeds):
        return {}
    place = seeds.index(seed)
    return {name: torch.as_tensor(array[place]) for name, array in learnt_rewards(root, str(cell)).items()}


def _put(method: Method, reward: dict[str, Tensor]) -> set[tuple[Any, ...]]:
    """Copy a reward of one seed into a method of one seed, and return where its tensors lie."""
    parts = method.artefacts()["reward"]
    for name, part in parts.items():
        part.copy_(reward[name][None])
    return {_place(part) for part in parts.values()}


def _present(root: Path, cell: Cell, path: Path, seed: int) -> bool:
    """Whether a file is an export of this seed of the cell's present training."""
    if not path.is_file():
        return False
    about = _said(path)
    return bool(about and about["training_key"] == keys_of(root, cell).training and about["seed"] == seed)


def _said(path: Path) -> dict[str, Any]:
    """Return what a file says of itself; nothing for a file that is no export of this project, or is damaged."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as file:
            about = json.loads((file.metadata() or {}).get("about", "{}"))
    except (SafetensorError, OSError, ValueError):
        return {}
    known = isinstance(about, dict) and {"task", "cell", "seed", "training_key"} <= about.keys()
    return about if known else {}


def packed(made: list[Net], method: Method, about: dict[str, Any], known: Container[Any] | None = None) -> bytes:
    """The content of a file with the nets of a method of one seed.

    about: what else it says of itself. known: where the trained tensors lie, if not all are. Raises BenchError if a net
    takes one that is not trained.
    """
    from safetensors.torch import save

    names = {_place(value): name for name, value in method.state_dict().items()}
    tensors: dict[str, Tensor] = {}
    nets = {net.name: _described(net, names, tensors) for net in made}
    if absent := [name for place, name in names.items() if known and name in tensors and place not in known]:
        raise BenchError(f"the record holds no {', '.join(absent)}, which its learnt reward takes: train the cell")
    # A product rounds by the order of a weight in memory, which a file does not keep.
    columns = [name for name, value in tensors.items() if not value.is_contiguous()]
    rows = {name: value.contiguous() for name, value in tensors.items()}
    # A single entry, as safetensors writes several in any order.
    return save(rows, {"about": json.dumps(about | {"nets": nets, "columns": columns})})


def loader() -> str:
    """`plain.py` as a text to paste: without its docstrings."""
    path = Path(__file__).parent / "plain.py"
    tree = ast.parse(path.read_text(encoding="utf-8"))
    lines = path.read_text(encoding="utf-8").splitlines()
    for node in (tree, *(part for part in tree.body if isinstance(part, ast.FunctionDef))):
        said = node.body[0]
        lines[said.lineno - 1 : said.end_lineno] = [None] * (said.end_lineno - said.lineno + 1)
    return "\n".join(line for line in lines if line is not None).strip()


def calls(made: list[Net], path: Path) -> list[str]:
    """Lines that call each net of a file, with what it takes and makes."""
    lines = [f"made = nets({json.dumps(str(path))})"]
    for net in made:
        rows = ", ".join(f"torch.randn(16, {size})" for size in net.inputs.values())
        lines.append(f'print(made["{net.name}"]({rows}).shape)  # takes {net.law}; makes {net.makes}')
    return lines


def _described(net: Net, names: dict[Any, str], tensors: dict[str, Tensor]) -> dict[str, Any]:
    """What "about" says of a net, whose tensors are added to `tensors` under the names that the method has for them."""
    program = net.exported()
    held = {**program.state_dict, **program.constants}
    specs = program.graph_signature.input_specs
    values = {spec.arg.name: held[spec.target] for spec in specs if spec.kind != InputKind.USER_INPUT}
    known = {place: names.get(_place(value), f"{net.name}.{place}") for place, value in values.items()}
    graph = []
    for node in program.graph.nodes:
        if node.op != "call_function" or str(node.target) in CHECKS:
            continue
        graph.append([node.name, _operator(node, net), [_argument(x, known, net) for x in node.args]])
        for part in node.all_input_nodes:
            if part.name in values:
                tensors[known[part.name]] = values[part.name].detach().clone()
    return {
        "inputs": [spec.arg.name for spec in specs if spec.kind == InputKind.USER_INPUT],
        "takes": net.law,
        "makes": net.makes,
        "activation": _activation(graph),
        "graph": graph,
        "output": program.graph_signature.user_outputs[0],
    }


def _place(value: Tensor) -> tuple[Any, ...]:
    """Where a tensor lies: what tells a parameter of the method among the constants of a graph."""
    return value.data_ptr(), value.shape, value.dtype


def _operator(node: Node, net: Net) -> str:
    """Its name below `torch`. Raises BenchError where it is none of torch's operators, or takes arguments by name."""
    name = f"ops.{node.target}"
    if not isinstance(node.target, torch._ops.OpOverload) or node.kwargs.keys() - HINTS:
        raise BenchError(f"{net.name} takes {node.target}, which a graph in a file cannot hold: take --program")
    return name


def _argument(value: Any, known: dict[str, str], net: Net) -> Any:
    if isinstance(value, Node):
        return f"%{known.get(value.name, value.name)}"
    if isinstance(value, torch.dtype):
        return str(value).removeprefix("torch.")
    if isinstance(value, (list, tuple)):
        return [_argument(x, known, net) for x in value]
    if value is None or isinstance(value, (bool, int, float)):
        return value
    raise BenchError(f"{net.name} takes {value!r} for an argument, which a graph in a file cannot hold: take --program")


def _activation(graph: list[list[Any]]) -> str:
    """The last operator that does more than shape its result; linear where that is the layer itself."""
    words = [operator.split(".")[2] for _, operator, _ in graph]
    last = next((word for word in reversed(words) if word not in SHAPES), "linear")
    return "linear" if last in LINEAR else last
