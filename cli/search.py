"""`mpi search`: who fits a description?"""

from __future__ import annotations

from typing import Any

import click

from cli.identity_options import digest_key_option, index_option, person_options, table_option

__all__ = ["command"]


@click.command("search")
@index_option
@person_options
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    metavar="N",
    help="Most candidates to print.",
)
@digest_key_option
@table_option
def command(
    index_dir: str,
    fields: tuple[str, ...],
    person_file: str | None,
    limit: int,
    digest_key: str | None,
    as_table: bool,
    **options: Any,
) -> None:
    """List the identities that a description fits, heaviest first.

    Each candidate comes with its match weight, a grade (certain, probable, possible,
    certainly-not) and how well each field agrees; no values of its records are printed.

    \b
    Examples:
      mpi search --index people.index --name 王小明 --birth-date 1990-03-07
      mpi search --index people.index --person - --table < person.json
    """
    from cli.identity_options import collect_person, opened, print_answers
    from cli.show import print_notes

    person = collect_person(options, fields, person_file)
    with opened(index_dir, digest_key) as index:
        found = print_answers(index.search(limit=limit, **person), as_table=as_table)
    if not found:
        print_notes(
            [
                "nobody found; people are found by what blocking rules read together, such as an "
                "id number, or a name with a birth date: tell more, or look through all records "
                "on the review pages"
            ]
        )
