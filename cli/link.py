"""`mpi link`: the main job across two tables."""

from __future__ import annotations

from typing import Any

import click

from cli.options import clustering_option, index_result_options, run_options

__all__ = ["command"]


@click.command("link")
@click.argument("left")
@click.argument("right")
@click.option(
    "--mode",
    type=click.Choice(("link_only", "link_and_dedupe")),
    default="link_only",
    show_default=True,
    help="Compare records of different tables only, or of the same table too.",
)
@clustering_option("constrained", "components", "one_to_one")
@index_result_options
@run_options
def command(left: str, right: str, out: str, quiet: bool, as_json: bool, **options: Any) -> None:
    """Find which records of two tables are the same person.

    LEFT and RIGHT are each a file, a directory or a quoted pattern, as for `mpi dedupe`. Their
    column names may differ as far as the schema knows both names.

    With --clustering one_to_one a record is linked to at most one record of the other table.

    \b
    Examples:
      mpi link hospital.csv insurance.parquet --out result
      mpi link a.csv b.csv --mode link_and_dedupe --out result
      mpi link census.csv register.csv --clustering one_to_one --out result
    """
    import mpi
    from cli.progress import open_progress
    from cli.summary import print_run
    from mpi.lean_imports import import_lean

    import_lean()
    if options["index"] is None:
        del options["index"], options["digest_key"]
    with open_progress(quiet=quiet) as progress:
        result = mpi.link(left, right, out=out, progress=progress, **options)
    print_run(result, out=out, quiet=quiet, as_json=as_json)
