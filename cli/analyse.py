"""`mpi analyse`: what blocking will do, before it does it."""

from __future__ import annotations

import click

from cli.options import (
    inputs_argument,
    json_option,
    memory_option,
    model_option,
    quiet_option,
    schema_option,
    threads_option,
)

__all__ = ["command"]


@click.command("analyse")
@inputs_argument
@click.option("--truth", metavar="FILE", help="Known truth; adds the recall of each blocking rule.")
@schema_option
@model_option
@memory_option
@threads_option
@quiet_option
@json_option
def command(
    inputs: tuple[str, ...],
    truth: str | None,
    schema: str | None,
    model: str | None,
    memory: str,
    quiet: bool,
    as_json: bool,
) -> None:
    """Count candidate pairs per blocking rule before a run.

    Shows for each rule how many records have a key, how many pairs the rule gives, how many of
    these no earlier rule gives, and its largest blocks. Nothing is compared.

    \b
    Examples:
      mpi analyse people.csv
      mpi analyse people.csv --truth truth.csv
    """
    import mpi
    from cli.progress import open_progress
    from cli.show import print_json, print_result

    with open_progress(quiet=quiet) as progress:
        analysis = mpi.analyse(
            list(inputs), schema=schema, model=model, truth=truth, memory=memory, progress=progress
        )
    if as_json:
        print_json(analysis)
    else:
        print_result(analysis)
