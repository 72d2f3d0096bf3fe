"""`mpi changes`: the journal as downstream systems follow it."""

from __future__ import annotations

import click

from cli.identity_options import digest_key_option, index_option, table_option

__all__ = ["command"]


@click.command("changes")
@index_option
@click.option(
    "--since",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    metavar="EVENT",
    help="The last event that is known already.",
)
@click.option(
    "--follow", is_flag=True, help="Go on, and print every event as soon as it is written."
)
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Stop after so many events.")
@digest_key_option
@table_option
def command(
    index_dir: str,
    since: int,
    follow: bool,
    limit: int | None,
    digest_key: str | None,
    as_table: bool,
) -> None:
    """Print the events of the journal, or follow them.

    Each comes with the enterprise ids that it affected. A cache downstream remembers the number
    of the last event it has seen and asks for what came since. With --follow the command stays
    until it is stopped; it needs no lock and holds nobody up.

    \b
    Examples:
      mpi changes --index people.index --since 4711
      mpi changes --index people.index --since 4711 --follow | consumer
    """
    if follow and as_table:
        raise click.UsageError("--follow prints JSON lines; leave --table out.")
    from cli.identity_options import opened, print_answers
    from mpi.index_jobs import follow_changes, identity_changes

    changes = follow_changes if follow else identity_changes
    with opened(index_dir, digest_key) as index:
        print_answers(changes(index, since=since, limit=limit), as_table=as_table)
