"""Writes docs/cli.md from the commands themselves: `python -m cli.document`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click

from cli.main import EXIT_CODES, cli

__all__ = ["DOCUMENT", "document_commands", "main"]

DOCUMENT: Final = Path(__file__).resolve().parent.parent / "docs" / "cli.md"
WIDTH: Final = 88

_HEAD: Final = """\
# The mpi command

<!-- Written by `python -m cli.document`; do not edit. -->

Results go to stdout and progress to stderr. `--json` prints one JSON document instead of tables,
`--quiet` prints nothing but errors. An error is one line on stderr and an exit code; set
`MPI_DEBUG=1` to see where it came from. Messages hold row numbers, record ids, file and column
names, never a person's other values.

Results appear under their final name when a run has succeeded, and not before: after an error,
a full disk or Ctrl-C nothing is left behind.

| exit code | meaning |
|---|---|
"""


def _commands(
    command: click.Command, context: click.Context
) -> Iterator[tuple[click.Command, click.Context]]:
    yield command, context
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            assert child is not None, name
            yield from _commands(child, _context(child, name, context))


def _context(command: click.Command, name: str, parent: click.Context | None) -> click.Context:
    return click.Context(
        command,
        info_name=name,
        parent=parent,
        terminal_width=WIDTH,
        max_content_width=WIDTH,
        **command.context_settings,
    )


def document_commands() -> str:
    """Return the text of docs/cli.md: every command's help, as a terminal shows it."""
    parts = [_HEAD + "".join(f"| {code} | {text} |\n" for code, text in EXIT_CODES.items())]
    for command, context in _commands(cli, _context(cli, "mpi", None)):
        text = "\n".join(line.rstrip() for line in command.get_help(context).splitlines())
        parts.append(f"## {context.command_path}\n\n```text\n{text}\n```\n")
    return "\n".join(parts)


def main() -> None:
    """Write docs/cli.md."""
    DOCUMENT.parent.mkdir(exist_ok=True)
    DOCUMENT.write_text(document_commands(), encoding="utf-8")
    sys.stderr.write(f"wrote {DOCUMENT}\n")


if __name__ == "__main__":
    main()
