"""What README and docs tell a user to paste: every code block and every command in the text is tried."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shlex
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from harness import registry
from harness.cli import parser
from harness.plan.plan import load_plan
from harness.run.like import compose
from harness.run.params import read_yaml
from harness.yaml_text import dump, parse

ROOT = Path(__file__).resolve().parents[2]
DOCS = [*sorted(ROOT.glob("*.md")), *sorted(ROOT.glob("docs/**/*.md"))]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
INLINE = re.compile(r"`([^`]+)`")  # may go on in the next line
# Commands of the extra `cluster` with their options, and those that start what lies in deploy/.
RAY = {"start": {"--head", "--port", "--address"}, "get-auth-token": {"--generate"}}
STARTERS = ("docker", "kubectl", "sbatch")
PLACEHOLDER = re.compile(r"[\[\]|]|\.\.\.")  # of a usage line, `bench train [TASK [CELL]]`


def blocks(*languages: str):
    """A pytest parameter for each code block in one of the languages: where it begins, and its text."""
    return [
        pytest.param(found[2], id=f"{path.name}:{text[: found.start()].count(chr(10)) + 1}")
        for path in DOCS
        for text in [path.read_text(encoding="utf-8")]
        for found in BLOCK.finditer(text)
        if found[1] in languages
    ]


def spans() -> list[str]:
    """What stands between backticks in running text, on one line."""
    found = [span for path in DOCS for span in INLINE.findall(BLOCK.sub("", path.read_text(encoding="utf-8")))]
    return list(dict.fromkeys(" ".join(span.split()) for span in found))


def commands(text: str) -> list[list[str]]:
    """The words of each command: without comments, assignments before it, and what follows a redirection."""
    found = []
    for line in text.replace("\\\n", " ").splitlines():
        words = shlex.shlex(line, posix=True, punctuation_chars=True)
        words.whitespace_split, command = True, []
        for word in [*words, ";"]:
            if set(word) <= set(";&|"):
                found.append(command)
                command = []
            else:
                command.append(word)
    cut = [words[: next((i for i, word in enumerate(words) if set(word) <= set("<>")), None)] for words in found]
    return [words for words in map(_bare, cut) if words]


def _bare(words: list[str]) -> list[str]:
    while words and re.fullmatch(r"\w+=\S*", words[0]):
        words = words[1:]
    return words


def tried(words: list[str]) -> None:
    """Fails with a reason where the command does not exist or does not take these arguments."""
    name, *arguments = words
    if name == "bench":
        try:
            parser().parse_args(arguments)
        except SystemExit as error:
            assert error.code == 0, f"{shlex.join(words)}: the arguments are not those of `bench`"
    elif name == "make":
        targets = [word for word in arguments if "=" not in word]
        assert set(targets) <= make_targets(), f"{shlex.join(words)}: the Makefile has no such target"
    elif name == "dvc":
        assert arguments[0] in dvc_verbs(), f"{shlex.join(words)}: DVC has no such command"
    elif name.removeprefix(".venv/bin/").startswith("python"):
        if arguments[0] == "-m":
            assert importlib.util.find_spec(arguments[1]), f"{shlex.join(words)}: there is no such module"
        tests = [word for word in arguments if Path(word).name.startswith("test_")]
        assert all((ROOT / word).is_file() for word in tests), f"{shlex.join(words)}: there is no such file"
    elif name == "ray":
        assert arguments[0] in RAY, f"{shlex.join(words)}: this test knows ray {', '.join(RAY)}"
        options = {word for word in arguments if word.startswith("--")}
        assert options <= RAY[arguments[0]], f"{shlex.join(words)}: ray {arguments[0]} has no such option"
    elif name in STARTERS:
        named = [word for word in arguments if word.startswith("deploy/")]
        assert named and all((ROOT / word).is_file() for word in named), f"{shlex.join(words)}: there is no such file"
    else:
        assert name in (".", "cd", "export", "git", "openssl", "pip") or declared(name), (
            f"{shlex.join(words)}: this test does not know how to try {name}"
        )


def declared(path: str) -> bool:
    """Whether a program of .venv comes with a package that pyproject.toml names."""
    return path.startswith(".venv/bin/") and f'"{path[10:]}==' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def make_targets() -> set[str]:
    return set(re.findall(r"^([\w-]+):(?!=)", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))


@cache
def dvc_verbs() -> set[str]:
    from dvc.cli.parser import get_main_parser

    return {verb for action in get_main_parser()._actions if action.dest == "cmd" for verb in action.choices}


def test_every_block_is_of_a_kind_that_is_tried():
    known = {"sh", "yaml", "python", "text"}
    assert [param.id for param in blocks("")] == [], "give the block a language, `text` where nothing can be run"
    languages = {found[1] for path in DOCS for found in BLOCK.finditer(path.read_text(encoding="utf-8"))}
    assert languages <= known and languages & {"sh", "yaml"} == {"sh", "yaml"}


@pytest.mark.parametrize("text", blocks("sh"))
def test_commands_of_a_block_exist(text):
    assert commands(text)
    for words in commands(text):
        tried(words)


@pytest.mark.parametrize("text", blocks("yaml"))
def test_yaml_stands_alone_and_fits_the_parameters(text, tmp_path):
    """A block with keys of params.yaml is laid over that and validated; then its cells must be there."""
    block = parse(text)
    params = {"resources": {}} | read_yaml(ROOT / "params.yaml")
    if not block.keys() <= params.keys():
        return
    (tmp_path / "params.yaml").write_text(dump(compose(params, block, "README")), encoding="utf-8")
    cells = {(cell.task, cell.name) for cell in load_plan(tmp_path).cells}
    assert {(task, name) for task, made in block.get("methods", {}).items() for name in made} <= cells


@pytest.mark.parametrize("text", blocks("yaml"))
def test_methods_can_be_pasted_below_their_task(text, tmp_path):
    """As a user does it: the lines of a method, as they stand, put under the task in the text of params.yaml."""
    block = parse(text)
    if block.keys() != {"methods"}:
        return
    ((task, made),) = block["methods"].items()
    lines = text.split(f"  {task}:\n")[1]
    whole = (ROOT / "params.yaml").read_text(encoding="utf-8")
    start = whole.index(f"\n  {task}:\n", whole.index("\nmethods:\n")) + len(f"\n  {task}:\n")
    (tmp_path / "params.yaml").write_text(whole[:start] + lines + whole[start:], encoding="utf-8")
    plan = load_plan(tmp_path)
    assert [plan.cell(task, name).name for name in made] == list(made)
    assert len(plan.cells) == len(load_plan(ROOT).cells) + len(made)


def test_python_blocks_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for param in blocks("python"):
        exec(compile(param.values[0], param.id, "exec"), {})


COMMAND = re.compile(r"(BENCH_\w+=\S* )?(bench|make|dvc|python) ")


@pytest.mark.parametrize("span", list(filter(COMMAND.match, spans())))
def test_commands_in_running_text_exist(span):
    """A usage line with brackets, or a name without arguments, only has its command and its options looked up."""
    if not PLACEHOLDER.search(span) and not re.fullmatch(r"bench \S+( --[\w-]+)?", span):
        for words in commands(span):
            tried(words)
        return
    name, *words = re.sub(r"[\[\]]", " ", span).split()
    if name == "bench":
        (choices,) = (action.choices for action in parser()._actions if action.choices)
        known = choices[words[0]]._option_string_actions
        assert [word for word in words if word.startswith("--") and word not in known] == []
    else:
        tried([name, *words[:2]])


@pytest.mark.parametrize("span", [span for span in spans() if span.startswith("gymnasium.make(")])
def test_environments_can_be_made(span):
    gymnasium = pytest.importorskip("gymnasium")
    environment = eval(span, {"gymnasium": gymnasium})
    try:
        observation, _ = environment.reset(seed=0)
        assert environment.observation_space.contains(observation)
    finally:
        environment.close()


def test_the_options_of_ray_are_its_own():
    scripts = pytest.importorskip("ray.scripts.scripts", reason="needs the extra `cluster`", exc_type=ImportError)
    for name, options in RAY.items():
        assert options <= {option for param in scripts.cli.commands[name].params for option in param.opts}


def test_a_wrong_command_is_found():
    wrong = (
        "ray begin",
        "ray start --heads",
        "sbatch deploy/none.sbatch",
        "kubectl get pods",
        "bench trian digits8",
        "bench new",
        "make reproduced",
        "dvc repo",
        "python -m harness.none",
        "frobnicate",
    )
    for text in wrong:
        ((*words,),) = commands(text)
        with pytest.raises(AssertionError):
            tried(words)
    assert commands("A=1 make x && . y  # z\nbench import --skeleton t > f | less") == [
        ["make", "x"],
        [".", "y"],
        ["bench", "import", "--skeleton", "t"],
        ["less"],
    ]


def test_the_reference_of_parameters_names_every_key_of_every_family_and_algorithm():
    spec = importlib.util.spec_from_file_location("docs_hooks", ROOT / "docs/hooks.py")
    hooks = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(hooks)
    page = hooks.on_page_markdown((ROOT / "docs/reference/parameters.md").read_text(encoding="utf-8"))
    modules = {f"`family: {name}`": registry.family(name) for name in registry.families()}
    modules |= {f"`algorithm: {name}`": registry.algorithm(name) for name in registry.algorithms()}
    for title, module in modules.items():
        section = page.partition(f"### {title}\n")[2].partition("###")[0]
        assert [key for key in module.Params.model_fields if f"| `{key}` |" not in section] == []


def test_the_readme_is_short_and_its_links_lead_somewhere():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 120
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", text) if not link.startswith("http")]
    assert len(links) > 5 and [link for link in links if not (ROOT / link).exists()] == []


NOTEBOOKS = sorted(ROOT.glob("docs/**/*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_runs_from_its_first_cell_to_its_last_without_torch(path, tmp_path):
    """In a process of its own, anywhere; it is committed without outputs, which would go stale."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert (notebook["nbformat"], len(cells) > 3) == (4, True)
    assert not any(cell["outputs"] or cell["execution_count"] for cell in cells)
    code = "\n".join("".join(cell["source"]) for cell in cells) + "\nimport sys\nassert 'torch' not in sys.modules\n"
    environment = os.environ | {"MPLBACKEND": "agg", "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]


def test_there_is_a_notebook():
    assert NOTEBOOKS


def test_the_container_installs_what_ci_installs_and_sets_up_as_the_readme_says():
    folder = ROOT / ".devcontainer"
    settings = json.loads((folder / "devcontainer.json").read_text(encoding="utf-8"))
    assert settings["postCreateCommand"] in (ROOT / "README.md").read_text(encoding="utf-8")
    image = (folder / settings["build"]["dockerfile"]).read_text(encoding="utf-8")
    (wanted,) = re.findall(r"apt-get install --yes --no-install-recommends (.+)", (ROOT / ".ci/run").read_text())
    assert re.findall(r"apt-get install --yes --no-install-recommends (.+?) *\\?\n", image) == [wanted]
