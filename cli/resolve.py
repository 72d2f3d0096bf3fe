"""`mpi resolve`: who is this, as the index would decide?"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import click

from cli.identity_options import digest_key_option, record_options, table_option

__all__ = ["command"]


@click.command("resolve")
@record_options(
    source="Source of the person's record, or of all in FILE.",
    record_id="Its record id; that record is no candidate.",
    batch="Resolve every row of a table instead.",
)
@digest_key_option
@table_option
def command(
    index_dir: str,
    fields: tuple[str, ...],
    person_file: str | None,
    source: str | None,
    record_id: str | None,
    batch: str | None,
    digest_key: str | None,
    as_table: bool,
    **options: Any,
) -> None:
    """Decide who a person is: linked, for review, or new.

    Nothing is written. Prints the outcome with its match weight, the reasons where it is no
    link, and the candidates with their grades. With --batch a line is printed for each row of
    the table.

    \b
    Examples:
      mpi resolve --index people.index --name 王小明 --birth-date 1990-03-07 --phone 13800138000
      mpi resolve --index people.index --batch arrivals.csv --source H001 > resolved.jsonl
    """
    from cli.identity_options import collect_person, opened, print_answers
    from cli.show import print_notes
    from mpi.index_jobs import resolve_files

    with opened(index_dir, digest_key) as index:
        if batch is not None:
            tables = resolve_files(
                index, [batch], source=source, on_note=lambda note: print_notes([note])
            )
            rows = (row for table in tables for row in table.to_pylist())
            print_answers(rows, as_table=as_table)
            return
        person = collect_person(options, fields, person_file, source=source, record_id=record_id)
        resolution = index.resolve(person)
        if as_table:
            outcome = {
                name: value for name, value in resolution.to_dict().items() if name != "candidates"
            }
            print_answers([outcome], as_table=True)
        answers: Iterable[Any] = resolution.candidates if as_table else [resolution]
        print_answers(answers, as_table=as_table, title="Candidates")
