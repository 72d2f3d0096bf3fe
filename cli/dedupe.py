"""`mpi dedupe`: the main job on one table, or on several files of one table."""

from __future__ import annotations

from typing import Any

import click

from cli.options import clustering_option, index_result_options, inputs_argument, run_options

__all__ = ["command"]


@click.command("dedupe")
@inputs_argument
@clustering_option("constrained", "components")
@click.option(
    "--approximate",
    is_flag=True,
    help="Also look for likeness where no blocking rule found a partner: more pairs, more time. "
    "Needs faiss (the `approximate` extra).",
)
@click.option(
    "--stream",
    is_flag=True,
    help="For tables beyond memory: rows go from rule to rule on disk, links are united and "
    "forgotten. Gives clusters.parquet and review.parquet, no links and no report.",
)
@index_result_options
@run_options
def command(inputs: tuple[str, ...], out: str, quiet: bool, as_json: bool, **options: Any) -> None:
    """Find which records of a table are the same person.

    FILES are CSV, TSV, Parquet or Arrow files, directories of them, or quoted patterns; text
    may be UTF-8 or GB18030 and gzipped. All of them together are one table, in which each
    person may stand any number of times.

    DIR then holds clusters.parquet (which records are one person, with an enterprise
    id), links.parquet and review.parquet (scored pairs, for certain and for a person to look
    at), rejects.parquet (rows that could not be used, with reasons), model.json, run.json and
    report.html.

    \b
    Examples:
      mpi dedupe people.csv --out result
      mpi dedupe 'hospital-*.parquet' --out result --memory 4GiB
      mpi dedupe people.csv --out result --index people.index
      mpi dedupe voters.csv --schema voters.toml --out result --strict
      mpi dedupe province --out result --stream --memory 6GiB
    """
    import mpi
    from cli.progress import open_progress
    from cli.summary import print_run
    from mpi.lean_imports import import_lean

    import_lean()
    if options["index"] is None:
        del options["index"], options["digest_key"]
    with open_progress(quiet=quiet) as progress:
        result = mpi.dedupe(list(inputs), out=out, progress=progress, **options)
    print_run(result, out=out, quiet=quiet, as_json=as_json)
