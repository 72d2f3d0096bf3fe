"""`mpi profile`: how complete and valid a table is."""

from __future__ import annotations

import click

from cli.options import inputs_argument, json_option, quiet_option, schema_option, threads_option

__all__ = ["command"]


@click.command("profile")
@inputs_argument
@schema_option
@click.option(
    "--show-values",
    is_flag=True,
    help="Name the most frequent values. Without it no person's value is printed.",
)
@threads_option
@quiet_option
@json_option
def command(
    inputs: tuple[str, ...], schema: str | None, show_values: bool, quiet: bool, as_json: bool
) -> None:
    """Show how complete and valid the columns of a table are.

    Prints for each field and source the share of records that have it and that have it valid,
    invalid values by reason, how much the most frequent values take up, record ids given
    twice, and records with too little in them to be linked at all.

    \b
    Examples:
      mpi profile people.csv
      mpi profile people.csv --schema voters.toml --json
    """
    import mpi
    from cli.progress import open_progress
    from cli.show import print_json, print_result

    with open_progress(quiet=quiet) as progress:
        profile = mpi.profile(
            list(inputs), schema=schema, show_values=show_values, progress=progress
        )
    if as_json:
        print_json(profile)
    else:
        print_result(profile)
