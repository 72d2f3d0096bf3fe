"""Options of the commands that work on an identity index, and how those print."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar

import click

if TYPE_CHECKING:
    from mpi import IdentityIndex

__all__ = [
    "by_option",
    "collect_person",
    "digest_key_option",
    "index_option",
    "opened",
    "person_options",
    "print_answers",
    "reason_option",
    "record_argument",
    "record_options",
    "steward_option",
    "table_option",
    "writing_options",
]

F = TypeVar("F", bound=Callable[..., Any])
Decorator = Callable[[F], F]

index_option: Final[Decorator[Any]] = click.option(
    "--index",
    "index_dir",
    required=True,
    envvar="MPI_INDEX",
    metavar="DIR",
    help="Directory of the identity index; or set MPI_INDEX.",
)
digest_key_option: Final[Decorator[Any]] = click.option(
    "--digest-key",
    envvar="MPI_DIGEST_KEY",
    metavar="FILE",
    help="Key file of an index that keeps identifiers as keyed digests; or set MPI_DIGEST_KEY.",
)
table_option: Final[Decorator[Any]] = click.option(
    "--table", "as_table", is_flag=True, help="Print a table for people instead of JSON lines."
)
by_option: Final[Decorator[Any]] = click.option(
    "--by",
    default="auto",
    show_default=True,
    envvar="MPI_ACTOR",
    metavar="NAME",
    help="Who does this, for the journal; or set MPI_ACTOR.",
)
steward_option: Final[Decorator[Any]] = click.option(
    "--by",
    required=True,
    envvar="MPI_ACTOR",
    metavar="NAME",
    help="Who decides this, for the journal; or set MPI_ACTOR.",
)
reason_option: Final[Decorator[Any]] = click.option(
    "--reason", default="", metavar="TEXT", help="Why, for the journal; no person's values."
)

_COLUMNS: Final = (
    ("--name", "Name, in characters or romanised."),
    ("--id-number", "Id number, of 15 or 18 digits or of another document."),
    ("--id-type", "Document type, where it is no national id."),
    ("--birth-date", "Date of birth."),
    ("--gender", "Sex, by word or code."),
    ("--phone", "Phone number."),
    ("--region-code", "County by its code of GB/T 2260."),
    ("--address", "Address."),
)


def person_options(function: F) -> F:
    """Add the options that describe one person."""
    field = click.option(
        "--field",
        "fields",
        multiple=True,
        metavar="COLUMN=VALUE",
        help="Any other column of the index's schema; may be repeated.",
    )
    person = click.option(
        "--person",
        "person_file",
        metavar="FILE",
        help="The person as a JSON object, - for stdin: no value then stands on the command line.",
    )
    function = person(field(function))
    for name, text in reversed(_COLUMNS):
        function = click.option(name, metavar="TEXT", help=text)(function)
    return function


def record_options(*, source: str, record_id: str, batch: str | None = None) -> Decorator[Any]:
    """Add the index and the options that describe one record of a source.

    Parameters
    ----------
    source, record_id : help of these options
    batch : help of --batch, where a command takes a whole table as well
    """

    def add(function: F) -> F:
        if batch is not None:
            function = click.option("--batch", metavar="FILE", help=batch)(function)
        function = click.option("--record-id", metavar="ID", help=record_id)(function)
        function = click.option("--source", metavar="CODE", help=source)(function)
        described: F = index_option(person_options(function))
        return described

    return add


def writing_options(function: F) -> F:
    """Add what every command that writes to an index takes: who, why, its key, a table."""
    for option in (table_option, digest_key_option, reason_option, by_option):
        function = option(function)
    return function


def collect_person(
    options: Mapping[str, Any], fields: Sequence[str], person_file: str | None, **more: str | None
) -> dict[str, Any]:
    """One person from the options above; UsageError where there is none.

    Parameters
    ----------
    options : values of the column options
    fields : COLUMN=VALUE texts
    person_file : JSON file or -
    more : further columns
    """
    person: dict[str, Any] = {}
    if person_file is not None:
        from mpi.index_jobs import read_person

        person = read_person(_read_text(person_file), person_file)
    for name, value in {**options, **more}.items():
        if value is not None:
            person[name] = value
    for each in fields:
        name, equals, value = each.partition("=")
        if not equals or not name.strip():
            raise click.UsageError("--field wants COLUMN=VALUE")
        person[name.strip()] = value
    if not person:
        raise click.UsageError("Describe the person, or name a file.")
    return person


def _read_text(name: str) -> str:
    if name == "-":
        return sys.stdin.read()
    try:
        return Path(name).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise click.UsageError(f"{name} cannot be read") from error


def record_argument(text: str) -> tuple[str, str]:
    """(source, record id) of SOURCE/ID as typed."""
    source, slash, record_id = text.partition("/")
    if not slash or not source or not record_id:
        raise click.UsageError("name a record as SOURCE/ID")
    return source, record_id


@contextmanager
def opened(
    index_dir: str,
    digest_key: str | None = None,
    *,
    writable: bool = False,
    is_alone: bool = False,
) -> Iterator[IdentityIndex]:
    """An index, open while the command needs it.

    Parameters
    ----------
    index_dir : its directory
    digest_key : key file, if it has one
    writable : each transaction takes the writer's lock, in turns with other processes
    is_alone : take the writer's lock at once and keep it
    """
    from mpi import IdentityIndex

    how: bool | Literal["on_demand"] = "on_demand" if writable else False

    key: dict[str, Any] = {} if digest_key is None else {"digest_key": digest_key}
    with IdentityIndex.open(index_dir, writable=is_alone or how, **key) as index:
        yield index


# ---------------------------------------------------------------------- printing


def print_answers(answers: Iterable[Any], *, as_table: bool, title: str = "") -> int:
    """Print answers of the library, a JSON line each or one table; returns how many.

    Parameters
    ----------
    answers : objects with `to_dict`, or mappings; printed as they come
    as_table : for people
    title : of the table
    """
    from cli.show import print_rows, visible_json

    if not as_table:
        count = 0
        for each in answers:
            line = json.dumps(_plain(each), ensure_ascii=False)
            sys.stdout.write(visible_json(line) + "\n")
            sys.stdout.flush()
            count += 1
        return count
    rows = [_plain(each) for each in answers]
    names = [name for name in _names(rows) if any(row.get(name) not in (None, []) for row in rows)]
    if rows:
        print_rows(title, names, [[_cell(row.get(name)) for name in names] for row in rows])
    return len(rows)


def _plain(answer: Any) -> dict[str, Any]:
    value: dict[str, Any] = answer.to_dict() if hasattr(answer, "to_dict") else dict(answer)
    return value


def _names(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(name for row in rows for name in row))


def _cell(value: Any) -> Any:
    """One value for a table: records as SOURCE/ID, lists in a line."""
    if isinstance(value, Mapping):
        if set(value) == {"source", "record_id"}:
            return f"{value['source']}/{value['record_id']}"
        return ", ".join(f"{name}: {_cell(each)}" for name, each in value.items())
    if isinstance(value, list | tuple):
        return "; ".join(str(_cell(each)) for each in value)
    return value
