"""The house itself: arrows, public names, documentation, version."""

from __future__ import annotations

import ast
import importlib
import importlib.metadata
import inspect
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import click
import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("person", "blocking", "matching", "data_gen", "index_store", "mpi", "cli")
LINES_MAX = 500


def source_files(packages: tuple[str, ...] = PACKAGES) -> list[Path]:
    """Modules of the packages; a folder without `__init__.py` holds scripts that made a table."""
    return sorted(
        path
        for package in packages
        for path in (ROOT / package).rglob("*.py")
        if (path.parent / "__init__.py").exists()
    )


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def declared_names(path: Path) -> list[str] | None:
    """The literal `__all__` of a file, None where it has none."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        if isinstance(target, ast.Name) and target.id == "__all__":
            value: list[str] = ast.literal_eval(node.value)  # type: ignore[attr-defined]
            return value
    return None


def house_order(name: str) -> tuple[int, list[str | int]]:
    """Constants, then classes, then functions, each by name, numbers as such: ruff's order."""
    is_constant = name.isupper() and not name.startswith("__")
    parts = [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]
    return (0 if is_constant else 1 if name[:1].isupper() else 2, parts)


def public_functions(module: ModuleType) -> Iterator[tuple[str, Any]]:
    for name in getattr(module, "__all__", ()):
        value = getattr(module, name)
        function = getattr(value, "py_func", value)  # a compiled kernel keeps its Python source
        if inspect.isfunction(function) and function.__module__ == module.__name__:
            yield name, function


def commands(command: click.Command, words: tuple[str, ...]) -> Iterator[tuple[str, click.Command]]:
    yield " ".join(words), command
    if isinstance(command, click.Group):
        for name in command.list_commands(click.Context(command)):
            child = command.get_command(click.Context(command), name)
            assert child is not None
            yield from commands(child, (*words, name))


def root_command() -> click.Command:
    module = importlib.import_module("cli.main")
    groups = [value for value in vars(module).values() if isinstance(value, click.Group)]
    assert groups, "cli/main.py holds no click group"
    return groups[0]


def test_imports_follow_the_arrows() -> None:
    """Dependencies point down; siblings never import each other."""
    linter = Path(sys.executable).with_name("lint-imports")
    run = subprocess.run(
        [linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-2000:]


@pytest.mark.parametrize("path", source_files(), ids=module_name)
def test_public_names_are_sorted_and_real(path: Path) -> None:
    """`__all__` is sorted, without doubles, and each name in it can be imported."""
    names = declared_names(path)
    if names is None:
        return
    module = importlib.import_module(module_name(path))
    assert sorted(set(names), key=house_order) == names
    assert [] == [name for name in names if not hasattr(module, name)]


@pytest.mark.parametrize("path", source_files(), ids=module_name)
def test_public_functions_are_documented(path: Path) -> None:
    """A public function has a docstring, and one that lists parameters lists every one."""
    module = importlib.import_module(module_name(path))
    for name, function in public_functions(module):
        text = inspect.getdoc(function) or ""
        assert text, f"{path.name}: {name} has no docstring"
        if re.search(r"^Parameters\n-+$", text, re.MULTILINE):
            missing = [
                parameter
                for parameter in inspect.signature(function).parameters
                if not re.search(rf"\b{parameter}\b", text)
            ]
            assert [] == missing, f"{path.name}: {name} does not document these"


@pytest.mark.parametrize("path", source_files((*PACKAGES, "bench")), ids=module_name)
def test_files_open_with_their_purpose_and_stay_short(path: Path) -> None:
    """Every file that holds code says what it is for and stays under 500 lines."""
    text = path.read_text(encoding="utf-8")
    if text.strip():
        assert ast.get_docstring(ast.parse(text)), f"{path} has no docstring"
    assert len(text.splitlines()) < LINES_MAX


def test_every_command_and_option_has_help() -> None:
    """`--help` explains each command and each of its options."""
    for words, command in commands(root_command(), ("mpi",)):
        assert (command.help or "").strip(), f"'{words}' has no help"
        for parameter in command.params:
            if isinstance(parameter, click.Option) and not parameter.hidden:
                assert parameter.help, f"'{words} {parameter.opts[0]}' has no help"


def test_version_is_one() -> None:
    """pyproject.toml, the installed package and the changelog name the same version."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    headings = re.findall(
        r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert project["version"] == importlib.metadata.version("mpi-index")
    assert project["version"] == headings[0]


def test_core_dependencies_stay_few() -> None:
    """The core installs eight packages; everything heavy is an extra."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = sorted(re.split(r"[<>=!~ \[]", line)[0] for line in project["dependencies"])
    expected = ["click", "lmdb", "numba", "numpy", "pyarrow", "pypinyin", "rapidfuzz", "rich"]
    assert expected == names
