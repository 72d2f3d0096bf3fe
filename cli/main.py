"""The `mpi` command: finds the subcommand, and turns errors into one line and an exit code.

Nothing heavy is imported here: `mpi --help` and `mpi --version` answer at once because a
command's module is loaded only when that command is asked for, and numpy and Arrow only when
it runs.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Final, NoReturn, cast

import click

from cli.interrupts import Terminated, leave_at_once, received
from person.errors import MpiError

__all__ = ["COMMANDS", "EXIT_CODES", "cli", "main", "run"]

COMMANDS: Final[dict[str, tuple[str, str]]] = {
    "dedupe": ("cli.dedupe", "Find which records of a table are the same person."),
    "link": ("cli.link", "Find which records of two tables are the same person."),
    "train": ("cli.train", "Fit a model to a table, save it, and say what was learnt."),
    "analyse": ("cli.analyse", "Count candidate pairs per blocking rule before a run."),
    "profile": ("cli.profile", "Show how complete and valid the columns of a table are."),
    "evaluate": ("cli.evaluate", "Hold the clusters of a run against known truth."),
    "explain": ("cli.explain", "Show why two records were linked or not."),
    "index": ("cli.index", "Make, load, check and keep an identity index."),
    "lookup": (
        "cli.lookup",
        "Find an identity by number, by a source's record, or by enterprise id.",
    ),
    "search": ("cli.search", "List the identities that a description fits, heaviest first."),
    "resolve": ("cli.resolve", "Decide who a person is: linked, for review, or new."),
    "add": ("cli.add", "Add a record, or a table of records, to the index."),
    "update": ("cli.update", "Replace the content of one record; it may move."),
    "remove": ("cli.remove", "Take one record out of the index."),
    "merge": ("cli.merge", "Declare two identities one person."),
    "split": ("cli.split", "Declare that some records of an identity are another person."),
    "undo": ("cli.undo", "Take back one event of the journal, or several together."),
    "history": ("cli.history", "Print everything that happened to one identity, oldest first."),
    "golden": ("cli.golden", "Print the golden record of one identity."),
    "changes": ("cli.changes", "Print the events of the journal, or follow them."),
    "review": ("cli.review", "Answer the questions that no machine decides."),
    "generate": ("cli.generate", "Write a made-up Chinese population, and check it."),
    "schema": ("cli.schema", "Draft or show the description of a table's columns."),
    "bench": ("cli.bench", "Measure speed and memory, alone and beside other engines."),
    "demo": ("cli.demo", "Run the main job on example data and print how good it was."),
}

EXIT_CODES: Final[dict[int, str]] = {
    0: "success",
    1: "unexpected error, or a check that failed",
    2: "wrong usage, or a bad schema, model or rule",
    3: "an input cannot be read or used",
    4: "results cannot be written",
    5: "blocking or matching failed",
    6: "unknown record or enterprise id",
    7: "an identity index is missing, locked, full, damaged or needs its key",
    130: "interrupted (Ctrl-C)",
    143: "terminated",
}

_INTERRUPTIONS: Final = {int(signal.SIGINT): "interrupted", int(signal.SIGTERM): "terminated"}
_NO_OUTPUT: Final = "no output was left under its final name"

_REPORT_TO: Final = "please report this with the command and MPI_DEBUG=1 output to the maintainers"


class LazyGroup(click.Group):
    """A group whose commands are imported when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Name the commands in the order a new user meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import the module of one command."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(COMMANDS[cmd_name][0])
        return cast(click.Command, module.command)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the commands from the table above, importing none."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, short_help) for name, (_, short_help) in COMMANDS.items()])
        with formatter.section("Exit codes"):
            formatter.write_dl([(str(code), meaning) for code, meaning in EXIT_CODES.items()])


def _print_version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if not wanted or ctx.resilient_parsing:
        return
    click.echo(f"mpi {version()}")
    ctx.exit()


def version() -> str:
    """Return the installed version."""
    from importlib import metadata

    try:
        return metadata.version("mpi-index")
    except metadata.PackageNotFoundError:
        return "not installed"


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_print_version,
    help="Print the version and exit.",
)
def cli() -> None:
    """Find the records that belong to one person, in one table or across tables.

    \b
    Start here:
      mpi demo                              see it work on example data
      mpi dedupe people.csv --out result    the main job
      mpi COMMAND --help                    options and examples of a command
    """


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code; messages go to stderr."""
    try:
        code = cli.main(list(arguments), prog_name="mpi", standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0  # what a command gave to `ctx.exit`
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return 2
    except click.ClickException as error:
        _say(f"{error.format_message()}{_usage_hint(error)}", error)
        return 2
    except Terminated as error:
        _say(f"terminated; {_NO_OUTPUT}", error)
        return 143
    except (KeyboardInterrupt, click.Abort) as error:
        _say(f"interrupted; {_NO_OUTPUT}", error)
        return 130
    except MpiError as error:
        _say(" ".join(str(error).split()), error)
        return error.exit_code
    except BrokenPipeError:
        # The reader of our output (`| head`) has left; stdout must not complain again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except MemoryError as error:
        _say("out of memory; run with a smaller --memory or on a larger machine", error)
        return 1
    except Exception as error:
        if received:  # some library took our signal for an error of its own
            _say(f"{_INTERRUPTIONS[received[-1]]}; {_NO_OUTPUT}", error)
            return 128 + received[-1]
        _say(f"unexpected {_where(error)}; {_REPORT_TO}", error)
        return 1


def _say(message: str, error: BaseException) -> None:
    from cli.show import visible  # what a file is called may hold what a terminal obeys

    if os.environ.get("MPI_DEBUG") == "1":
        import traceback

        traceback.print_exception(error)
    click.echo(f"mpi: error: {visible(message)}", err=True)


def _usage_hint(error: click.ClickException) -> str:
    context = getattr(error, "ctx", None)
    return f" (see: {context.command_path} --help)" if context is not None else ""


def _where(error: Exception) -> str:
    """Name the kind and place of an error, never its text: that may quote a person's value."""
    place, trace = "", error.__traceback__
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if not file.startswith("<"):  # the import machinery is never to blame
            place = f" in {Path(file).name} line {trace.tb_lineno}"
        trace = trace.tb_next
    return type(error).__name__ + place


def _stop(number: int, _: FrameType | None) -> NoReturn:
    received.append(number)
    raise KeyboardInterrupt if number == signal.SIGINT else Terminated


def main() -> NoReturn:
    """Entry point of the console command."""
    with contextlib.suppress(ValueError):  # not the main thread of an embedding program
        signal.signal(signal.SIGTERM, _stop)
        ours = (signal.default_int_handler, leave_at_once)
        if signal.getsignal(signal.SIGINT) in ours:  # not under nohup or `&`
            signal.signal(signal.SIGINT, _stop)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A file or pipe gets UTF-8 wherever it is made; a terminal keeps its own encoding.
        encoding = None if sys.stdout.isatty() else "utf-8"
        sys.stdout.reconfigure(encoding=encoding, errors="backslashreplace")
    code = run(sys.argv[1:])
    if code in (130, 143):
        # Do not wait at exit for worker threads to finish the slices they have queued.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


if __name__ == "__main__":
    main()
