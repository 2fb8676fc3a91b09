"""The project around the code: the lock, the targets, the fold's imports."""

import ast
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
LOCK = (ROOT / "deploy" / "requirements.lock").read_text("utf-8")
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")

PURE = {
    "array", "bisect", "collections", "enum", "functools", "heapq", "itertools", "math", "operator", "struct", "typing",
    "msgspec", "xxhash", "zstandard", "streams.events", "streams.vitals",
}  # fmt: skip
"""All that the fold may import."""


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            names |= {f"streams.{alias.name}" for alias in node.names} if module == "streams" else {module}
    return names


@pytest.mark.parametrize("path", sorted((ROOT / "streams" / "vitals").glob("*.py")), ids=lambda path: path.stem)
def test_the_fold_imports_nothing_that_could_reach_out(path: Path) -> None:
    pure = {name for name in imported(path) if name in PURE or name.split(".")[0] in PURE - {"streams"}}
    pure |= {name for name in imported(path) if name.startswith("streams.vitals.")}
    assert imported(path) == pure
    called = {node.id for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Name)}
    assert not called & {"open", "print", "input", "exec", "eval", "__import__"}


def test_everything_locked_has_hashes_and_no_place_to_come_from() -> None:
    pins = re.findall(r"^[a-z0-9][a-z0-9._-]*==\S+.*\\$", LOCK, re.MULTILINE)
    assert len(pins) > 50
    assert len(re.findall(r" \\\n    --hash=sha256:", LOCK)) >= len(pins)
    assert not re.search(r"https?:|--index-url|--find-links|@ file", LOCK)


def test_what_is_declared_is_what_is_locked() -> None:
    declared = [
        *PROJECT["project"]["dependencies"],
        *PROJECT["project"]["optional-dependencies"]["embedded"],
        *PROJECT["project"]["optional-dependencies"]["fit"],
        *PROJECT["dependency-groups"]["dev"],
        *PROJECT["build-system"]["requires"],
    ]
    exact = [re.sub(r"\[.*\]", "", line) for line in declared if "==" in line]
    assert len(exact) > 15
    assert not [line for line in exact if f"\n{line} " not in f"\n{LOCK}"]


def test_what_only_dataframes_need_is_not_installed() -> None:
    excluded = PROJECT["tool"]["uv"]["exclude-dependencies"]
    assert not [name for name in excluded if re.search(rf"^{name}==", LOCK, re.MULTILINE)]


@pytest.mark.parametrize("target", ["setup", "up", "down", "demo", "test", "lint", "bench", "help"])
def test_help_lists_every_target(target: str) -> None:
    said = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert re.search(rf"^  make {target} +\S", said, re.MULTILINE)
    assert re.search(rf"^\.PHONY:.*\b{target}\b", MAKEFILE, re.MULTILINE)


def test_the_check_of_every_commit_runs_the_test_command_of_the_readme() -> None:
    steps = (ROOT / ".ci" / "run").read_text("utf-8").strip().splitlines()
    assert [step for step in steps if step.startswith("make ")][:3] == ["make setup", "make lint", "make test"]
    assert "make test" in (ROOT / "README.md").read_text("utf-8")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "deploy").mkdir()
    shutil.copy(ROOT / "deploy" / "setup", tmp_path / "deploy" / "setup")
    return tmp_path


@pytest.mark.parametrize("python", ["/no/such/python", "false"])
def test_setup_refuses_an_interpreter_that_does_not_run(checkout: Path, python: str) -> None:
    done = subprocess.run(["deploy/setup"], cwd=checkout, env={"PYTHON": python, "PATH": "/usr/bin:/bin"},
                          capture_output=True, text=True, check=False)  # fmt: skip
    assert done.returncode == 1
    expected = f"setup: PYTHON={python} is no working Python 3.11, 3.12 or 3.13: name another one\n"
    assert done.stderr == expected
    assert not (checkout / ".venv").exists()


def test_setup_says_what_to_do_when_there_is_no_python(checkout: Path) -> None:
    tools = checkout / "bin"
    tools.mkdir()
    for tool in ("bash", "dirname"):
        (tools / tool).symlink_to(shutil.which(tool) or "")
    (tools / "python3.13").symlink_to(shutil.which("false") or "")
    done = subprocess.run([shutil.which("bash") or "bash", "deploy/setup"], cwd=checkout, env={"PATH": str(tools)},
                          capture_output=True, text=True, check=False)  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith("setup: no Python 3.11, 3.12 or 3.13 found: install one, or name it")


def test_this_runs_on_a_supported_python() -> None:
    low, high = (3, 11), (3, 13)
    assert PROJECT["project"]["requires-python"] == ">=3.11,<3.14"
    assert low <= sys.version_info[:2] <= high
