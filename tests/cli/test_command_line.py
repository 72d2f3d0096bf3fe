"""The command line as a process: help, version, errors and exit codes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest

from cli.main import COMMANDS, EXIT_CODES, cli, run
from person.errors import (
    BlockingError,
    ConfigError,
    IdentityError,
    InputError,
    MpiError,
    OutputError,
    TrainingError,
)

Library = Callable[[str, Any], None]
ROOT = Path(__file__).resolve().parents[2]


def mpi(
    *arguments: str | Path, cwd: Path | None = None, debug: bool = False
) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "MPI_DEBUG": "1" if debug else ""}
    return subprocess.run(
        [sys.executable, "-m", "cli", *map(str, arguments)],
        cwd=cwd or ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_help_names_every_command_and_exit_code() -> None:
    """`mpi --help` is where a user starts."""
    answer = mpi("--help")
    assert (0, "") == (answer.returncode, answer.stderr)
    for word in (*COMMANDS, *map(str, EXIT_CODES)):
        assert word in answer.stdout


def test_help_is_instant() -> None:
    """Help comes at once: nothing heavy is imported for it."""
    code = "import sys; from cli.main import run; run(['--help']); print(sorted(sys.modules))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    for module in ("numpy", "pyarrow", "numba", "rich", "mpi.pipeline", "cli.dedupe"):
        assert f"'{module}'" not in loaded


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_a_command_loads_nothing_heavy(name: str) -> None:
    """`mpi COMMAND --help` does not load numpy either."""
    code = (
        "import sys; from cli.main import run; run([sys.argv[1], '--help']); "
        "sys.exit('numpy' in sys.modules or 'pyarrow' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, name], cwd=ROOT, capture_output=True, check=True)


def test_short_help_is_the_first_sentence_of_the_command() -> None:
    """The table that `mpi --help` is printed from agrees with the commands."""
    context = click.Context(cli)
    for name, (_, short_help) in COMMANDS.items():
        command = cli.get_command(context, name)
        assert command is not None
        assert (name, short_help) == (command.name, (command.help or "").splitlines()[0])


def test_every_command_shows_an_example() -> None:
    """A command's help ends in examples that can be typed."""
    context = click.Context(cli)
    for name in COMMANDS:
        command = cli.get_command(context, name)
        leaves: list[click.Command]
        assert command is not None
        leaves = list(command.commands.values()) if isinstance(command, click.Group) else [command]
        for leaf in leaves:
            assert re.search(r"Examples:\n *mpi ", leaf.help or ""), f"mpi {name} {leaf.name}"


def test_version_is_printed() -> None:
    """`mpi --version` names the program and its version."""
    answer = mpi("--version")
    assert 0 == answer.returncode
    assert answer.stdout.startswith("mpi ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nosuch"], "No such command 'nosuch'"),
        (["dedupe"], "Missing argument 'FILES...'"),
        (["dedupe", "a.csv"], "Missing option '--out'"),
        (["dedupe", "a.csv", "--out", "x", "--memory", "lots"], "--memory"),
        (["dedupe", "a.csv", "--out", "x", "--threads", "0"], "--threads"),
        (["dedupe", "a.csv", "--out", "x", "--clustering", "one_to_one"], "--clustering"),
        (["link", "a.csv", "--out", "x"], "Missing argument 'RIGHT'"),
        (["evaluate", "x"], "Missing option '--truth'"),
        (["explain", "1", "2"], "Missing option '--run'"),
        (["schema", "nosuch"], "No such command 'nosuch'"),
    ],
)
def test_wrong_usage_is_one_line_and_2(arguments: list[str], message: str) -> None:
    """A mistyped command line is told in one line that names the help."""
    answer = mpi(*arguments)
    assert (2, "") == (answer.returncode, answer.stdout)
    assert message in answer.stderr
    assert "--help)" in answer.stderr
    assert 1 == answer.stderr.count("\n")


def test_no_arguments_print_the_help() -> None:
    """`mpi` alone shows what there is, as wrong usage."""
    answer = mpi()
    assert 2 == answer.returncode
    assert "dedupe" in answer.stderr


# ------------------------------------------------------------------------ errors of the library


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError("m"), 2),
        (InputError("m"), 3),
        (OutputError("m"), 4),
        (BlockingError("m"), 5),
        (TrainingError("m"), 5),
        (IdentityError("m"), 6),
        (MpiError("m"), 1),
        (KeyboardInterrupt(), 130),
        (MemoryError(), 1),
        (ZeroDivisionError("secret"), 1),
    ],
)
def test_errors_become_one_line_and_an_exit_code(
    error: BaseException,
    code: int,
    library: Library,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Each branch of the error tree has its code; no traceback, no quoted value."""

    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.delenv("MPI_DEBUG", raising=False)
    library("dedupe", fail)
    assert code == run(["dedupe", "a.csv", "--out", "x"])
    captured = capsys.readouterr()
    assert "" == captured.out
    message = captured.err.lstrip("\n")  # Ctrl-C ends the line that the terminal shows it on
    assert message.startswith("mpi: error: ")
    assert 1 == message.count("\n")
    assert "secret" not in captured.err


def test_ctrl_c_during_the_first_imports_is_one_line() -> None:
    """The program is interruptible before anything large is loaded, and says so without trace."""
    script = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # as in a terminal
class Interrupt:
    def find_spec(self, name, *_):
        if name == "click":
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Interrupt())
from cli.start import main
main()
"""
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    assert (130, b"mpi: error: interrupted\n") == (ended.returncode, ended.stderr)


def test_debug_shows_the_traceback(
    library: Library, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """MPI_DEBUG=1 says where an error came from."""

    def fail(*_: object, **__: object) -> None:
        raise InputError("m")

    library("dedupe", fail)
    monkeypatch.setenv("MPI_DEBUG", "1")
    assert 3 == run(["dedupe", "a.csv", "--out", "x"])
    assert "Traceback" in capsys.readouterr().err


def test_an_unexpected_error_says_where_and_how_to_report(
    library: Library, capsys: pytest.CaptureFixture[str]
) -> None:
    """An error of ours names its kind and place, and asks for a report."""

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("王小明")

    library("dedupe", fail)
    assert 1 == run(["dedupe", "a.csv", "--out", "x"])
    message = capsys.readouterr().err
    assert "RuntimeError in test_command_line.py line" in message
    assert "please report" in message


def test_a_closed_pipe_is_no_error() -> None:
    """`mpi --help | head -0` ends quietly."""
    command = f"{sys.executable} -m cli schema show --json | true"
    answer = subprocess.run(
        command, shell=True, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert "Traceback" not in answer.stderr
    assert "BrokenPipe" not in answer.stderr


def test_output_is_utf8_in_every_locale() -> None:
    """What is written to a file or pipe does not depend on the locale."""
    environment = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "latin-1"}
    answer = subprocess.run(
        [sys.executable, "-m", "cli", "schema", "show"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        check=True,
    )
    assert "身份证号" in answer.stdout.decode("utf-8")


def test_train_refuses_a_bad_target_before_the_work(tmp_path: Path) -> None:
    """Where the model cannot be written is known before the training."""
    answer = mpi("train", "nowhere.csv", "--out", tmp_path / "no" / "model.json")
    assert 4 == answer.returncode
    assert "no such directory" in answer.stderr
