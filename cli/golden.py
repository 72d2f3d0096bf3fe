"""`mpi golden`: the view of a person."""

from __future__ import annotations

import click

from cli.identity_options import digest_key_option, index_option, table_option

__all__ = ["command"]


@click.command("golden")
@index_option
@click.argument("enterprise_id", metavar="ENTERPRISE_ID")
@click.option(
    "--survivorship",
    metavar="FILE",
    help="TOML file of rules to use instead of the index's own.",
)
@digest_key_option
@table_option
def command(
    index_dir: str,
    enterprise_id: str,
    survivorship: str | None,
    digest_key: str | None,
    as_table: bool,
) -> None:
    """Print the golden record of one identity.

    For each field it has the value that survives, and beside it the record it comes from, the
    rule that chose it, and how many of the records agree. This is the one command of the index
    that prints a person's values.

    \b
    Examples:
      mpi golden --index people.index 3MN2-JFW93-9AYD8 --table
    """
    from cli.identity_options import opened, print_answers
    from mpi.index_jobs import read_survivorship

    chosen = None if survivorship is None else read_survivorship(survivorship)
    with opened(index_dir, digest_key) as index:
        record = index.golden(enterprise_id, survivorship=chosen)
        if not as_table:
            print_answers([record], as_table=False)
            return
        rows = [{"field": name, **each.to_dict()} for name, each in record.fields.items()]
        print_answers(rows, as_table=True, title=record.enterprise_id)
