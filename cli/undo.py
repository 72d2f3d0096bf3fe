"""`mpi undo`: events are taken back."""

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


@click.command("undo")
@index_option
@click.argument("events", metavar="EVENT...", nargs=-1, required=True, type=click.IntRange(min=1))
@click.option(
    "--whole-batch", is_flag=True, help="Everything that was written together with each event."
)
@steward_option
@reason_option
@digest_key_option
@table_option
def command(
    index_dir: str,
    events: tuple[int, ...],
    whole_batch: bool,
    by: str,
    reason: str,
    digest_key: str | None,
    as_table: bool,
) -> None:
    """Take back one event of the journal, or several together.

    Nothing is erased: the undoing is an event of its own and can be undone. Records that arrived
    since and were linked on the strength of what is undone are decided on again; their receipts
    are printed. Events that later ones stand on are refused (exit code 6) with the numbers of
    those to take back first.

    \b
    Examples:
      mpi undo --index people.index 4711 --by 'Dr Li' --reason 'wrong file merged'
    """
    from cli.identity_options import opened, print_answers

    with opened(index_dir, digest_key, writable=True) as index:
        placed = index.undo(list(events), by=by, reason=reason, whole_batch=whole_batch)
        event = {"undone": list(events), "last_event": index.statistics()["events"]}
        print_answers([event, *placed], as_table=as_table)
