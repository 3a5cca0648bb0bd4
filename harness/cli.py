"""The command `bench`: parses, composes, and turns what goes wrong into one line. Nothing heavy is imported for --help."""

from __future__ import annotations

import argparse
import errno
import io
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import BenchError
from harness.run import signals
from harness.run.lifeline import follow
from harness.run.pins import pin

if TYPE_CHECKING:
    from harness.plan.plan import Cell, Plan

Args = argparse.Namespace

ROOM = "free some space and run the same command again, finished work is kept"
YOURS = "make it yours to read and write, or work in a copy of the project that is"
OTHER = "name another path, or make or move what should or should not be there"
CURES = {errno.ENOSPC: ROOM, errno.EDQUOT: ROOM, errno.EACCES: YOURS, errno.EPERM: YOURS, errno.EROFS: YOURS}


def main(argv: list[str] | None = None) -> int:
    """Exit status: 0 done, 1 a check did not hold, 2 bad input (one line says which), 130, 143 or 129 ended
    by SIGINT, SIGTERM or SIGHUP."""
    _print_in_any_encoding()
    args = parser().parse_args(argv)
    pin()
    try:
        with signals.heard():
            follow()
            status = args.run(args) or 0
        sys.stdout.flush()
        return status
    except BenchError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt as stop:
        return signals.told(stop)
    except BrokenPipeError:  # e.g. `bench list | head`
        _print_no_more()
        return 0
    except OSError as error:  # of the file system: a network's error names no file and keeps its traceback
        if (line := _told(error)) is None:
            raise
        print(f"error: {line}", file=sys.stderr)
        try:
            sys.stdout.flush()
        except OSError:
            _print_no_more()
        return 2


def _print_in_any_encoding() -> None:
    """What the terminal's encoding lacks is printed as an escape instead of an exception, by worker processes too."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    encoding = os.environ.get("PYTHONIOENCODING", "").partition(":")[0]
    os.environ["PYTHONIOENCODING"] = f"{encoding}:backslashreplace"


def _print_no_more() -> None:
    """Python flushes standard output once more at its end, which must not fail again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _told(error: OSError) -> str | None:
    """One line with the path, what the system says and the cure; None where no file is concerned."""
    if error.filename is not None:
        path = os.fsdecode(error.filename) if isinstance(error.filename, (str, bytes, os.PathLike)) else error.filename
        return f"cannot use {path} ({error.strerror}): {CURES.get(error.errno, OTHER)}"
    if error.errno in CURES:
        return f"cannot write ({error.strerror}): {CURES[error.errno]}"
    if error.errno == errno.ENOENT and "temporary directory" in str(error):
        return f"{error.strerror}: set TMPDIR to a folder that can be written"
    return None


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser("bench", description="Train, score and compare adversarial methods, reproducibly.")
    top.add_argument("--root", type=Path, default=Path(), help="the project's folder (default: this one)")
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def command(name: str, run, text: str, example: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=text, description=text, epilog=f"example: bench {example}")
        made.set_defaults(run=run)
        return made

    c = command("prepare", _prepare, "load and hash a task's data, and its evaluation net", "prepare digits8")
    c.add_argument("task", nargs="?", help="default: every task")

    c = command("train", _train, "train and score a cell, the cells of a task, or all", "train digits8 vgan --jobs 2")
    c.add_argument("task", nargs="?")
    c.add_argument("cell", nargs="?")
    c.add_argument("--jobs", type=_count, default=1, help="blocks of seeds at the same time (default 1)")
    c.add_argument(
        "--timeout", type=_count, metavar="SECONDS", help="a block that does not move for so long has failed"
    )

    command("evaluate", _evaluate, "records to results/summary/, a table per task", "evaluate")
    c = command("report", _report, "records to one page, index.html and index.md", "report --out build/report")
    c.add_argument("--out", type=Path, help="folder (default: reports/<preset>); what no report wrote stays in it")

    c = command(
        "new",
        _new,
        "a block in params.yaml, or a file too, for a method of your own",
        "new mine --like vgan --task digits8",
    )
    c.add_argument("method", help="its name")
    c.add_argument(
        "--like",
        metavar="METHOD",
        help="the method whose block it starts from; with --file an algorithm's name will do",
    )
    c.add_argument("--task", help="default: the first task that has such a method")
    c.add_argument(
        "--file", action="store_true", help="an algorithm of its own too: a copy of that file, or of the template"
    )

    c = command("check", _check, "validate parameters, or check what a method promises", "check vgan")
    c.add_argument(
        "what", nargs="?", metavar="METHOD|TASK", help="a method: checks it; a task: validates its cells (default: all)"
    )
    c.add_argument(
        "where",
        nargs="?",
        metavar="TASK|CELL",
        help="the method's task (default: all that have it); or the task's cell, to show",
    )

    command("list", _list, "every task, method, preset and cell with its state", "list")

    c = command("export", _export, "trained nets as a plain state dict", "export digits8 vgan --seed 3 --out vgan.pt")
    c.add_argument("task")
    c.add_argument("cell")
    c.add_argument("--out", type=Path, required=True, help="the file to write")
    c.add_argument("--seed", type=int, help="one seed only (default: all, stacked along axis 0)")

    command("keys", _keys, "hash the code that each cell runs, into results/keys/", "keys")
    command("pipelines", _pipelines, "write pipelines/<task>/dvc.yaml after a new task or ablation", "pipelines")

    c = command("preset", _preset, "run a preset in a private copy, build/NAME/", "preset c_maze --jobs 2")
    c.add_argument("name")
    c.add_argument("--jobs", type=_count, help="train so many blocks at the same time, without DVC")
    c.add_argument("--timeout", type=_count, metavar="SECONDS", help="as of `bench train`; with --jobs")
    c.add_argument("dvc", nargs="*", help="arguments for `dvc repro`, after --")

    command("smoke", _smoke, "every cell at a few steps, in build/smoke/", "smoke")
    command("reproduce", _reproduce, "train all from nothing and compare with the committed records", "reproduce")

    c = command("tune", _tune, "the same number of trials for each method of a task", "tune digits8 --jobs 2")
    c.add_argument("task")
    c.add_argument("--jobs", type=_count, help="trials at the same time (default: one per core)")

    c = command(
        "gpu", _gpu, "check a GPU, time it, then train cells of a preset until a budget is spent", "gpu --budget 20m"
    )
    c.add_argument("--budget", default="20m", help="time for all of it, such as 90s, 20m or 2h (default 20m)")
    c.add_argument("--preset", default="paper")
    c.add_argument(
        "--cells",
        nargs="+",
        default=[],
        metavar="TASK/CELL",
        help="these, in this order (default: all, as the preset has them)",
    )

    c = command("merge", _merge, "bring another copy's records into results/archive/", "merge build/cifar")
    c.add_argument("source", type=Path)

    c = command(
        "import", _import, "show runs made elsewhere beside ours", "import scores.csv manifest.yaml --name peer"
    )
    c.add_argument("scores", type=Path, nargs="?", help="CSV: task, method, seed, step, metric, value")
    c.add_argument("manifest", type=Path, nargs="?", help="YAML: source, and per task what was measured")
    c.add_argument("--name", help="of the import, a folder of results/external/")
    c.add_argument("--skeleton", metavar="TASK", help="print a manifest for runs on this task, to fill in")
    c.add_argument("--preset", default="", help="with --skeleton: the archived preset that has the task")

    c = command(
        "compare", _compare, "two methods, paired by seed, from their records", "compare vgan_gp gan --task digits8"
    )
    c.add_argument("a")
    c.add_argument("b")
    c.add_argument("--task", help="default: every task that has records of both")
    c.add_argument("--preset", help="archived records of this preset (default: the live ones first)")
    c.add_argument("--page", type=Path, metavar="FILE", help="write the comparison as a page too")

    c = command(
        "speed", _speed, "time this project beside its peers", "speed --peer gail --python build/peers/bin/python"
    )
    c.add_argument("names", nargs="*", metavar="BENCHMARK", help="default: all of them")
    c.add_argument(
        "--peer",
        metavar="NAME",
        help="the benchmark beside gail, gail-target, ppo, pytorch-fid, torch-fidelity or vdb-images",
    )
    c.add_argument("--quick", action="store_true", help="two pairs of less work, in files of their own")
    c.add_argument(
        "--python", type=Path, metavar="PATH", help="the Python of the peer's environment (default: this one)"
    )
    c.add_argument("--checkout", type=Path, metavar="PATH", help="a copy of the peer's code, for vdb-images")
    c.add_argument("--pairs", type=_count, help="instead of 5, or 2 of --quick")

    c = command("verify", _verify, "replay the first steps of archived records", "verify c_maze c_maze airl --steps 10")
    c.add_argument("preset")
    c.add_argument("task", nargs="?")
    c.add_argument("cell", nargs="?")
    c.add_argument("--steps", type=_count, default=10, help="updates to replay (default 10)")

    c = command("pack", _pack, "keep an unfinished run in results/, to go on elsewhere", "pack build/c_maze")
    c.add_argument("copy", type=Path)
    c = command("unpack", _unpack, "put a packed run back into a copy of the tree", "unpack c_maze build/c_maze")
    c.add_argument("preset")
    c.add_argument("copy", type=Path)
    return top


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is no whole number from 1")
    return int(text)


def _prepare(args: Args) -> None:
    from harness.places.prepare import prepare

    plan = _plan(args)
    for task in [args.task] if args.task else plan.params["tasks"]:
        expert = None if args.task else plan.params["tasks"][task].get("demonstrations")
        print(f"{task}: prepared when {expert} has run" if expert else prepare(_root(args), plan, task))


def _train(args: Args) -> None:
    plan = _plan(args)
    cells = _cells(args, plan)
    if len(cells) == 1:
        from harness.places.train import train_cell

        train_cell(_root(args), cells[0], args.jobs, args.timeout)
        print(cells[0].folder(_root(args)))
    else:
        from harness.places.pool import train_all

        train_all(_root(args), cells, plan, args.jobs, args.timeout)


def _evaluate(args: Args) -> None:
    from harness.plan.controls import with_controls
    from harness.report.records.aggregate import aggregate
    from harness.run.params import read_yaml

    aggregate(_root(args), with_controls(read_yaml(_root(args) / "params.yaml")))


def _report(args: Args) -> None:
    from harness.plan.controls import with_controls
    from harness.report.page.page import render
    from harness.run.params import read_yaml
    from harness.workspace.presets import archived, waiting

    root = _root(args)
    params = with_controls(read_yaml(root / "params.yaml"))
    out = (args.out or root / "reports" / params["preset"]).resolve()
    render(root, params, out, archived(root), root / ".scratch/figures", waiting(root))
    print(out / "index.html")


def _new(args: Args) -> None:
    from harness.workspace.new_method import new_method

    for line in new_method(_root(args), args.method, args.like, args.task, args.file):
        print(line)


def _check(args: Args) -> int:
    plan = _plan(args)
    if args.what is None or args.what in plan.params["tasks"]:
        args.task, args.cell = args.what, args.where
        return _validate(args, plan)
    tried = plan.method(args.what, args.where)
    _of_this_time(args, plan)
    from harness.checks.run import check_cells
    from harness.checks.trial import Tree

    found = []
    for line, faults in check_cells(Tree(_root(args), plan.cells), tried):
        print(line, flush=True)
        found.append(faults)
    print(
        f"{args.what}: {sum(found)} found at fault, cells: {len(tried)}"
        if any(found)
        else f"OK: {args.what}, cells: {len(tried)}"
    )
    return int(any(found))


def _validate(args: Args, plan: Plan) -> int:
    cells = _cells(args, plan)
    if args.cell:
        print(cells[0].task_params.model_dump_json(indent=1))
        print(cells[0].method_params.model_dump_json(indent=1))
    _of_this_time(args, plan)
    print(f"OK: {len({c.task for c in cells})} tasks, {len(cells)} cells, {sum(len(c.seeds) for c in cells)} runs")
    return 0


def _of_this_time(args: Args, plan: Plan) -> None:
    """That the written pipelines and keys are those of the parameters and of the packages installed."""
    from harness.plan import keys, pipelines

    for path in pipelines.stale(_root(args), plan.params):
        raise BenchError(f"{path} is not what params.yaml asks for: run `bench pipelines`")
    for path in keys.stale(_root(args), plan.params):
        raise BenchError(f"{path} is not of the package that is installed now: run `bench keys`")


def _list(args: Args) -> None:
    from harness.workspace.listing import lines

    for line in lines(_root(args), _plan(args)):
        print(line)


def _export(args: Args) -> None:
    from harness.workspace.export import export

    for name, shape in export(_root(args), _plan(args).cell(args.task, args.cell), args.out, args.seed).items():
        print(name, list(shape))


def _keys(args: Args) -> None:
    from harness.plan.keys import write_keys

    write_keys(_root(args), _plan(args).params)


def _pipelines(args: Args) -> None:
    from harness.plan.pipelines import write_pipelines

    for path in write_pipelines(_root(args), _plan(args).params):
        print(path)


def _preset(args: Args) -> None:
    from harness.workspace.presets import run_preset

    print(run_preset(_root(args), args.name, args.dvc, args.jobs, args.timeout))


def _smoke(args: Args) -> None:
    from harness.workspace.presets import smoke

    print(smoke(_root(args)))


def _reproduce(args: Args) -> int:
    from harness.workspace.reproduce import reproduce

    return reproduce(_root(args))


def _tune(args: Args) -> None:
    from harness.places.tune import tune

    print(tune(_root(args), _plan(args), args.task, args.jobs))


def _speed(args: Args) -> None:
    from harness.benchmarks.record import Options
    from harness.benchmarks.speed import speed

    for line in speed(Options(_root(args), args.quick, args.python, args.checkout, args.pairs), args.names, args.peer):
        print(line, flush=True)


def _verify(args: Args) -> int:
    from harness.workspace.verify import verify

    differ = 0
    for name, agrees in verify(_root(args), args.preset, args.steps, args.task, args.cell):
        print(f"{name}: {'the present code agrees' if agrees else 'the present code makes other states'}", flush=True)
        differ += not agrees
    return int(differ > 0)


def _pack(args: Args) -> None:
    from harness.workspace.pack import pack

    for path in pack(_root(args), args.copy):
        print(path)


def _unpack(args: Args) -> None:
    from harness.workspace.pack import unpack

    print(f"{unpack(_root(args), args.preset, args.copy)} put into {args.copy}")


def _gpu(args: Args) -> int:
    from harness.benchmarks import gpu

    return int(not gpu.run(_root(args), args.preset, gpu.seconds(args.budget), args.cells))


def _merge(args: Args) -> None:
    from harness.workspace.merge import merge

    new, here = merge(_root(args), args.source)
    print(f"{len(new)} records brought in, {len(here)} were here already")


def _import(args: Args) -> None:
    from harness.plan.controls import with_controls
    from harness.run.params import read_yaml
    from harness.workspace import external

    root, params = _root(args), with_controls(read_yaml(_root(args) / "params.yaml"))
    if args.skeleton:
        print(external.skeleton(root, params, args.skeleton, args.preset), end="")
    elif not (args.scores and args.manifest and args.name):
        raise BenchError("bench import needs SCORES MANIFEST --name NAME, or --skeleton TASK")
    else:
        print(external.bring_in(root, params, args.scores, args.manifest, args.name))


def _compare(args: Args) -> None:
    from harness.report.page.compare import lines

    for line in lines(_root(args), args.a, args.b, args.task, args.preset):
        print(line)
    if args.page:
        from harness.report.page.compare_page import write

        write(_root(args), args.a, args.b, args.task, args.preset, args.page)
        print(args.page)


def _root(args: Args) -> Path:
    return args.root.resolve()


def _plan(args: Args) -> Plan:
    from harness.plan.plan import load_plan

    return load_plan(_root(args))


def _cells(args: Args, plan: Plan) -> list[Cell]:
    if args.cell:
        return [plan.cell(args.task, args.cell)]
    cells = [cell for cell in plan.cells if args.task in (None, cell.task)]
    return cells or [plan.cell(args.task, "")]  # which names the known tasks


if __name__ == "__main__":
    sys.exit(main())
