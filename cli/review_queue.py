"""`mpi review list`, `show` and `next`: what waits for a steward."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from cli.identity_options import digest_key_option, index_option, steward_option, table_option
from cli.review_options import task_filter_options

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mpi.identity_index import IdentityIndex
    from mpi.review.types import Filter, TaskRow

__all__ = ["list_command", "next_command", "show_command"]

_COLUMNS_MAX = 4


@click.command("list")
@index_option
@task_filter_options
@click.option("--reason", metavar="TEXT", help="Why no machine decided, or a part of it.")
@click.option("--text", metavar="TEXT", help="A name, record id, enterprise id, number or phone.")
@click.option(
    "--limit",
    type=click.IntRange(min=1, max=1000),
    default=50,
    show_default=True,
    metavar="N",
    help="Tasks to print.",
)
@click.option("--cursor", metavar="CURSOR", help="Go on where a page ended: its last line says it.")
@click.option("--show-values", is_flag=True, help="Names too; without it no person's value.")
@click.option(
    "--by",
    envvar="MPI_ACTOR",
    metavar="NAME",
    help="Who looks, for the audit log, with --show-values; or set MPI_ACTOR.",
)
@digest_key_option
@table_option
def list_command(
    index_dir: str,
    wanted: Filter,
    reason: str | None,
    text: str | None,
    limit: int,
    cursor: str | None,
    show_values: bool,
    by: str | None,
    digest_key: str | None,
    as_table: bool,
) -> None:
    """List tasks, those first whose answer is expected to bring most.

    A line a task. How many there are, and the cursor of the next page, are told on stderr.

    \b
    Examples:
      mpi review list --index people.index --table
      mpi review list --index people.index --status escalated --assignee 'Dr Li'
    """
    from cli.identity_options import opened, print_answers
    from cli.show import print_notes
    from mpi.review.queue import ReviewQueue

    if show_values and not by:
        raise click.UsageError("Name who looks at people with --by, or set MPI_ACTOR.")
    wanted = replace(wanted, reason=reason, text=text)
    with opened(index_dir, digest_key) as index:
        page = ReviewQueue(index).tasks(wanted, limit=limit, cursor=cursor)
        if show_values and by:
            _note_looks(index, page.rows, by)
    rows = [each.to_dict() for each in page.rows]
    for row in rows:
        del row["viewers"]
        if not show_values:
            del row["title_names"]
    print_answers([_short(row) for row in rows] if as_table else rows, as_table=as_table)
    notes = [f"{page.total:,} tasks in all"]
    if page.cursor_next is not None:
        notes.append(f"the next page: --cursor {page.cursor_next}")
    print_notes(notes)


def _note_looks(index: IdentityIndex, rows: Sequence[TaskRow], by: str) -> None:
    """Who saw whose names goes into the audit log before they are printed."""
    from mpi.review.audit import AuditLog

    AuditLog(index.store.path).write(
        "list",
        by=by,
        identities=[each for row in rows for each in row.enterprise_ids],
        tasks=len(rows),
    )


def _short(row: Mapping[str, Any]) -> dict[str, Any]:
    """What a table has room for."""
    people = ("number", "version", "status", "priority", "enterprise_ids", "title_names", "records")
    names = (*people, "match_weight", "safety", "reason", "assignee")
    return {name: row[name] for name in names if name in row}


@click.command("show")
@index_option
@click.argument("number", type=click.IntRange(min=1), metavar="TASK")
@click.option("--show-values", is_flag=True, help="Numbers in full; without it they are masked.")
@steward_option
@digest_key_option
@table_option
def show_command(
    index_dir: str,
    number: int,
    show_values: bool,
    by: str,
    digest_key: str | None,
    as_table: bool,
) -> None:
    """Show everything about one task: the records, how they differ, why they weigh what they do.

    It prints people's data; who looked at whom goes into the index's audit log.

    \b
    Examples:
      mpi review show --index people.index 1281 --by 'Dr Li' --table
    """
    from cli.identity_options import opened, print_answers
    from mpi.review.audit import AuditLog
    from mpi.review.masking import plain_case
    from mpi.review.queue import ReviewQueue

    with opened(index_dir, digest_key) as index:
        case = ReviewQueue(index).case(number)
        AuditLog(index.store.path).write(
            "reveal" if show_values else "show",
            by=by,
            identities=case.task.enterprise_ids,
            records=[f"{each.source}/{each.record_id}" for each in case.records],
            task=number,
        )
    plain = case.to_dict() if show_values else plain_case(case)
    if as_table:
        _print_case(plain)
    else:
        print_answers([plain], as_table=False)


def _print_case(case: Mapping[str, Any]) -> None:
    """Records side by side, then the heaviest pair step by step, then the history."""
    from cli.show import print_facts, print_notes, print_rows

    task = case["task"]
    print_facts(
        (name.replace("_", " "), _text(task[name]))
        for name in ("number", "version", "status", "kind", "reason", "safety", "assignee")
        if task[name] not in (None, "", [])
    )
    names, rows = _beside_each_other(case["records"])
    if len(case["records"]) > _COLUMNS_MAX:  # as many columns would leave no room for any
        names, *rows = [list(row) for row in zip(names, *rows, strict=True)]
    print_rows("Records; [..] differs from the other", names, rows)
    if case["records_left_out"]:
        print_notes([f"{case['records_left_out']:,} more records are not shown"])
    for pair in case["pairs"][:1]:
        steps = [[s["words_en"], s["bits"], s["running"]] for s in pair["steps"]]
        if steps:  # a link that is audited blind has none
            print_rows("Heaviest pair", ["step", "bits", "weight"], steps)
        facts = [
            ("met by", "; ".join(pair["rules"])),
            ("why asked", _text(pair["why_not_automatic"] or "")),
        ]
        print_facts((name, text) for name, text in facts if text)
    events = [[e["event"], e["at"], e["by"], e["action"], e["text"]] for e in case["history"]]
    if events:
        print_rows("History", ["event", "at", "by", "action", "text"], events)


def _beside_each_other(
    records: Sequence[Mapping[str, Any]],
) -> tuple[list[str], list[list[str]]]:
    """Headings and rows of a table with a column a record and a row a field that any states."""
    titles = [f"{each['source']}/{each['record_id']}" for each in records]
    rows = [["person", *(each["enterprise_id"] for each in records)]]
    rows += [
        [field["name"], *(_marked(each["fields"][place]) for each in records)]
        for place, field in enumerate(records[0]["fields"] if records else ())
        if any(each["fields"][place]["origin"] != "missing" for each in records)
    ]
    return ["record", *titles], rows


def _text(value: Any) -> str:
    return "; ".join(map(str, value)) if isinstance(value, list) else str(value)


def _marked(field: Mapping[str, Any]) -> str:
    """A value with what differs in brackets; behind a region's code its place."""
    from mpi.review.places import place_name

    if field["value"] is None:
        return f"({field['origin']})"
    text = "".join(
        span["text"] if span["mark"] in ("same", "missing") else f"[{span['text']}]"
        for span in field["spans"]
    )
    place = place_name(field["value"]) if field["kind"] == "region" else ""
    return f"{text or field['value']} {place}".rstrip()


@click.command("next")
@index_option
@click.option("--after", type=click.IntRange(min=1), metavar="TASK", help="The one looked at last.")
@steward_option
@digest_key_option
@table_option
def next_command(
    index_dir: str, after: int | None, by: str, digest_key: str | None, as_table: bool
) -> None:
    """Name the next open task of a steward: assigned to them, or to nobody.

    \b
    Examples:
      mpi review next --index people.index --by 'Dr Li'
    """
    from cli.identity_options import opened, print_answers
    from mpi.review.queue import ReviewQueue

    with opened(index_dir, digest_key) as index:
        found = ReviewQueue(index).next_task(after, by=by)
    print_answers([{"task": found}], as_table=as_table)
