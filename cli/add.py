"""`mpi add`: records into the index, linked where that is certain."""

from __future__ import annotations

from typing import Any

import click

from cli.identity_options import record_options, writing_options

__all__ = ["command"]


@click.command("add")
@record_options(
    source="Source of the record, or of all in FILE.",
    record_id="How the source calls the record.",
    batch="Add every row of a table instead.",
)
@click.option(
    "--batch-size",
    type=click.IntRange(min=1, max=100_000),
    default=1000,
    show_default=True,
    metavar="N",
    help="Rows of the table in one transaction.",
)
@click.option(
    "--keep-existing",
    is_flag=True,
    help="With --batch: leave records alone that are in the index already, instead of updating.",
)
@writing_options
def command(
    index_dir: str,
    fields: tuple[str, ...],
    person_file: str | None,
    source: str | None,
    record_id: str | None,
    batch: str | None,
    batch_size: int,
    keep_existing: bool,
    by: str,
    reason: str,
    digest_key: str | None,
    as_table: bool,
    **options: Any,
) -> None:
    """Add a record, or a table of records, to the index.

    Each is linked to the identity it certainly belongs to; else it founds a new one, and where
    there is doubt a review task is raised. A record that is there already is updated. A receipt
    is printed once its record is durable: what was done, enterprise id, event, task.

    \b
    Examples:
      mpi add --index people.index --source H001 --record-id P124 --name 王小明 --phone 13800138000
      mpi add --index people.index --batch today.csv --source H001 --by nightly > receipts.jsonl
    """
    from cli.identity_options import collect_person, opened, print_answers
    from cli.show import print_notes
    from mpi.index_jobs import add_files

    with opened(index_dir, digest_key, writable=True) as index:
        if batch is not None:
            receipts = add_files(
                index,
                [batch],
                by=by,
                reason=reason,
                source=source,
                batch_size=batch_size,
                may_update=not keep_existing,
                on_note=lambda note: print_notes([note]),
            )
            print_answers(receipts, as_table=as_table)
            return
        person = collect_person(options, fields, person_file, source=source, record_id=record_id)
        print_answers([index.add(person, by=by, reason=reason)], as_table=as_table)
