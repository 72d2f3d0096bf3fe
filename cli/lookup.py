"""`mpi lookup`: whose number, record or enterprise id is this?"""

from __future__ import annotations

import click

from cli.identity_options import digest_key_option, index_option, table_option

__all__ = ["command"]


@click.command("lookup")
@index_option
@click.option("--id-number", metavar="NUMBER", help="Id number, or the number of a document.")
@click.option("--id-type", metavar="TYPE", help="Type of the document, where shape does not tell.")
@click.option("--source", metavar="CODE", help="Source of the record in --record-id.")
@click.option("--record-id", metavar="ID", help="How its source calls the record.")
@click.option("--enterprise-id", metavar="ID", help="Enterprise id; a redirect is followed.")
@click.option(
    "--batch",
    metavar="FILE",
    help="Look up every row of a table by its columns: enterprise_id, or source and record_id, or "
    "id_number.",
)
@digest_key_option
@table_option
def command(
    index_dir: str,
    id_number: str | None,
    id_type: str | None,
    source: str | None,
    record_id: str | None,
    enterprise_id: str | None,
    batch: str | None,
    digest_key: str | None,
    as_table: bool,
) -> None:
    """Find an identity by number, by a source's record, or by enterprise id.

    Prints the identity with the records that belong to it, one JSON line each where several
    identities hold one number. Nobody found is exit code 6. With --batch a line is printed for
    each row of the table: its enterprise id, null where nobody was found or several identities
    hold the number, and how many do.

    \b
    Examples:
      mpi lookup --index people.index --id-number 11010519491231002X
      mpi lookup --index people.index --source H001 --record-id P123 --table
      mpi lookup --index people.index --batch numbers.csv > found.jsonl
    """
    asked = {
        "id_number": id_number,
        "id_type": id_type,
        "source": source,
        "record_id": record_id,
        "enterprise_id": enterprise_id,
    }
    if (batch is None) == all(value is None for value in asked.values()):
        raise click.UsageError("Say what to look up, or give --batch FILE, one of them.")
    if (source is None) != (record_id is None):
        raise click.UsageError("Give --source and --record-id together.")
    if id_type is not None and id_number is None:
        raise click.UsageError("--id-type says what --id-number is; give both.")
    if sum(each is not None for each in (id_number, source, enterprise_id)) > 1:
        raise click.UsageError(
            "Look up by --id-number, --source with --record-id, or --enterprise-id: one of them."
        )
    from cli.identity_options import opened, print_answers
    from cli.show import print_notes
    from mpi.index_jobs import lookup_files
    from person.errors import UnknownIdError

    with opened(index_dir, digest_key) as index:
        if batch is not None:
            tables = lookup_files(index, [batch], on_note=lambda note: print_notes([note]))
            rows = (row for table in tables for row in table.to_pylist())
            numbered = ({"row": number, **row} for number, row in enumerate(rows))
            print_answers(numbered, as_table=as_table)
            return
        if not print_answers(index.lookup_all(**asked), as_table=as_table):
            raise UnknownIdError("the index knows nobody by that")
