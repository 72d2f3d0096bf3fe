"""`mpi update`: what a record says now."""

from __future__ import annotations

from typing import Any

import click

from cli.identity_options import record_options, writing_options

__all__ = ["command"]


@click.command("update")
@record_options(source="Source of the record.", record_id="How the source calls the record.")
@writing_options
def command(
    index_dir: str,
    fields: tuple[str, ...],
    person_file: str | None,
    source: str | None,
    record_id: str | None,
    by: str,
    reason: str,
    digest_key: str | None,
    as_table: bool,
    **options: Any,
) -> None:
    """Replace the content of one record; it may move.

    The record is decided on again. Give everything that the record says now: what is left out is
    no longer said. A record that is not in the index is exit code 6; `mpi add` adds it.

    \b
    Examples:
      mpi update --index people.index --source H001 --record-id P124 --person new.json
    """
    from cli.identity_options import collect_person, opened, print_answers

    person = collect_person(options, fields, person_file, source=source, record_id=record_id)
    with opened(index_dir, digest_key, writable=True) as index:
        print_answers([index.update(person, by=by, reason=reason)], as_table=as_table)
