"""`mpi merge`: two identities are one person."""

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


@click.command("merge")
@index_option
@click.argument("one", metavar="ENTERPRISE_ID")
@click.argument("other", metavar="ENTERPRISE_ID")
@steward_option
@reason_option
@digest_key_option
@table_option
def command(
    index_dir: str,
    one: str,
    other: str,
    by: str,
    reason: str,
    digest_key: str | None,
    as_table: bool,
) -> None:
    """Declare two identities one person.

    The older id lives on and the other redirects to it. This is a steward's decision: no
    automatic work changes it, `mpi split` and `mpi undo` do.

    \b
    Examples:
      mpi merge --index people.index 3MN2-JFW93-9AYD8 7KQ4-0TXBA-2W9RE --by 'Dr Li'
    """
    from cli.identity_options import opened, print_answers

    with opened(index_dir, digest_key, writable=True) as index:
        print_answers([index.merge(one, other, by=by, reason=reason)], as_table=as_table)
