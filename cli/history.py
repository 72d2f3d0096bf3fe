"""`mpi history`: what happened to an identity."""

from __future__ import annotations

import click

from cli.identity_options import digest_key_option, index_option, table_option

__all__ = ["command"]


@click.command("history")
@index_option
@click.argument("enterprise_id", metavar="ENTERPRISE_ID")
@click.option(
    "--at", "moment", metavar="TIME", help="Print instead which records it had at that time."
)
@digest_key_option
@table_option
def command(
    index_dir: str,
    enterprise_id: str,
    moment: str | None,
    digest_key: str | None,
    as_table: bool,
) -> None:
    """Print everything that happened to one identity, oldest first.

    A line an event: when, who, why, which records came and went, and for an automatic decision
    the weights behind it. Ids that are retired or redirect elsewhere have their history too. With
    --at, exit code 6 where the identity had no record at that time.

    \b
    Examples:
      mpi history --index people.index 3MN2-JFW93-9AYD8 --table
      mpi history --index people.index 3MN2-JFW93-9AYD8 --at 2026-03-01T09:30:00+08:00
    """
    from cli.identity_options import opened, print_answers
    from mpi.index_jobs import parse_time
    from person.errors import UnknownIdError

    with opened(index_dir, digest_key) as index:
        if moment is not None:
            found = index.identity_at(enterprise_id, parse_time(moment))
            if not found.records:
                raise UnknownIdError("at that time the index had no record of that identity")
            print_answers([found], as_table=as_table)
        else:
            print_answers(index.history(enterprise_id), as_table=as_table)
