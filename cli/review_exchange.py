"""`mpi review export` and `mpi review import`: the queue as a sheet, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cli.identity_options import digest_key_option, index_option, steward_option, table_option
from cli.options import overwrite_option
from cli.review_options import task_filter_options

if TYPE_CHECKING:
    from mpi.review.types import Filter

__all__ = ["export_command", "import_command"]


@click.command("export")
@index_option
@click.option("--out", required=True, metavar="FILE", help="Sheet to write, .csv or .parquet.")
@click.option("--format", "kind", type=click.Choice(("csv", "parquet")), help="Whatever its name.")
@click.option("--decided", is_flag=True, help="Decided pairs instead, as `mpi train` reads them.")
@task_filter_options
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=1000,
    show_default=True,
    metavar="N",
    help="Most tasks, the most urgent first.",
)
@click.option("--show-values", is_flag=True, help="Numbers in full; without it they are masked.")
@steward_option
@overwrite_option
@digest_key_option
@table_option
def export_command(
    index_dir: str,
    out: str,
    kind: str | None,
    decided: bool,
    wanted: Filter,
    limit: int,
    show_values: bool,
    by: str,
    overwrite: bool,
    digest_key: str | None,
    as_table: bool,
) -> None:
    """Write tasks to a sheet that can be answered in a spreadsheet.

    One line a record; the lines of a task stand together. Fill in `verdict` (MERGE, DIFFERENT,
    PARTLY, SPLIT, NO_CHANGE; or 合并, 不同, 部分, 拆分, 不变), `reason` and `comment` in any
    line of a task, and leave task, version and line as they are. For PARTLY and SPLIT change the
    letters in `person`: records with one letter are one person. `mpi review import` reads it.

    The file holds people's data even where numbers are masked; who wrote it is in the audit log.
    With --decided it holds decided pairs of record ids, and no values.

    \b
    Examples:
      mpi review export --index people.index --out tasks.csv --by 'Dr Li'
      mpi review export --index people.index --out decided.parquet --decided --by 'Dr Li'
    """
    from cli.identity_options import opened, print_answers
    from mpi.review.exchange import export_decided, export_tasks
    from mpi.review.queue import ReviewQueue

    with opened(index_dir, digest_key) as index:
        if decided:
            report = export_decided(index, out, by=by, wanted_format=kind, overwrite=overwrite)
        else:
            report = export_tasks(
                ReviewQueue(index),
                out,
                wanted,
                by=by,
                limit=limit,
                masked=not show_values,
                wanted_format=kind,
                overwrite=overwrite,
            )
    print_answers([report], as_table=as_table)


@click.command("import")
@click.argument("sheet", metavar="FILE")
@index_option
@steward_option
@click.option("--dry-run", is_flag=True, help="Check everything and write nothing.")
@digest_key_option
@table_option
@click.pass_context
def import_command(
    context: click.Context,
    sheet: str,
    index_dir: str,
    by: str,
    dry_run: bool,
    digest_key: str | None,
    as_table: bool,
) -> None:
    """Decide what a filled-in sheet says, in one batch that can be undone together.

    The sheet may have been saved in another encoding, with other delimiters, line ends, columns
    or rows than it was written with. A task that was changed since, or whose answer cannot be
    understood, is refused alone and listed; all others are decided. Where a line cannot be read,
    tasks that lack a line stay open too: it may be theirs. Exit code 1 where any was refused.

    \b
    Examples:
      mpi review import tasks.csv --index people.index --by 'Dr Li' --dry-run --table
      mpi review import tasks.csv --index people.index --by 'Dr Li'
      mpi undo --index people.index 4711 --whole-batch --by 'Dr Li'
    """
    from cli.identity_options import opened, print_answers
    from cli.show import print_facts, print_notes
    from mpi.review.answers import read_answers
    from mpi.review.applying import apply_answers
    from mpi.review.queue import ReviewQueue

    answers = read_answers(sheet)
    with opened(index_dir, digest_key, writable=True) as index:
        report = apply_answers(ReviewQueue(index), answers, by=by, dry_run=dry_run)
    if not as_table:
        print_answers([report], as_table=False)
    else:
        print_answers(report.outcomes, as_table=True, title="Answers")
        print_facts(
            [
                ("would decide" if dry_run else "decided", f"{report.decided:,}"),
                ("wait for approval", f"{report.waiting:,}"),
                ("changed since", f"{report.stale:,}"),
                ("refused", f"{report.refused:,}"),
                ("not answered", f"{report.unanswered:,}"),
            ]
        )
    if report.first_event is not None:
        undo = f"mpi undo --index {index_dir} {report.first_event} --whole-batch --by '{by}'"
        print_notes([f"to take all of it back: {undo}"])
    if report.stale or report.refused:
        context.exit(1)
