"""`mpi split`: some records of an identity are another person."""

from __future__ import annotations

import click

from cli.identity_options import (
    digest_key_option,
    index_option,
    reason_option,
    steward_option,
    table_option,
)

__all__ = ["command"]


@click.command("split")
@index_option
@click.argument("enterprise_id", metavar="ENTERPRISE_ID")
@click.argument("records", metavar="SOURCE/ID...", nargs=-1, required=True)
@steward_option
@reason_option
@digest_key_option
@table_option
def command(
    index_dir: str,
    enterprise_id: str,
    records: tuple[str, ...],
    by: str,
    reason: str,
    digest_key: str | None,
    as_table: bool,
) -> None:
    """Declare that some records of an identity are another person.

    The identity keeps its other records and its id. The records taken out become one person: the
    identity they had before a merge, else a new one, which is printed. This is a steward's
    decision: no automatic work changes it.

    \b
    Examples:
      mpi split --index people.index 3MN2-JFW93-9AYD8 H001/P124 H002/77 --by 'Dr Li'
    """
    from cli.identity_options import opened, print_answers, record_argument

    parted = [record_argument(each) for each in records]
    with opened(index_dir, digest_key, writable=True) as index:
        new = index.split(enterprise_id, parted, by=by, reason=reason)
        print_answers([new], as_table=as_table)
