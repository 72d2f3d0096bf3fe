"""`mpi remove`: a record leaves the index."""

from __future__ import annotations

import click

from cli.identity_options import (
    by_option,
    digest_key_option,
    index_option,
    reason_option,
    table_option,
)

__all__ = ["command"]


@click.command("remove")
@index_option
@click.argument("source", metavar="SOURCE")
@click.argument("record_id", metavar="RECORD_ID")
@by_option
@reason_option
@digest_key_option
@table_option
def command(
    index_dir: str,
    source: str,
    record_id: str,
    by: str,
    reason: str,
    digest_key: str | None,
    as_table: bool,
) -> None:
    """Take one record out of the index.

    The last record of an identity retires its enterprise id; the history stays, and `mpi undo`
    brings the record back.

    \b
    Examples:
      mpi remove --index people.index H001 P124 --by desk-7 --reason 'entered twice'
    """
    from cli.identity_options import opened, print_answers

    with opened(index_dir, digest_key, writable=True) as index:
        print_answers([index.remove(source, record_id, by=by, reason=reason)], as_table=as_table)
