"""`mpi generate`: a made-up Chinese population on disk, and its check."""

from __future__ import annotations

from typing import Any

import click

from cli.options import json_option, overwrite_option, quiet_option, threads_option

__all__ = ["command"]

QUICK = ("10k", "1m", "10m", "100m", "1300m")


class _Group(click.Group):
    """Options of its own, and subcommands; the options' names are shown in the usage."""

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the two ways to call it."""
        formatter.write_usage(ctx.command_path, "(--people N | --quick SIZE) --out DIR [OPTIONS]")
        formatter.write_usage(ctx.command_path, "check DIR [OPTIONS]", prefix="   or: ")


@click.group("generate", cls=_Group, invoke_without_command=True)
@click.option("--people", type=click.IntRange(min=1), metavar="N", help="Number of people.")
@click.option("--quick", type=click.Choice(QUICK), help="Or a usual number of people.")
@click.option("--out", metavar="DIR", help="Directory to write; it appears whole or not at all.")
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    metavar="N",
    help="The same seed gives the same people; more people of one seed include the fewer.",
)
@click.option(
    "--records-per-person",
    type=float,
    default=2.5,
    show_default=True,
    metavar="R",
    help="Records a person has over all sources, on average; 1 to 6.",
)
@click.option(
    "--error-scale",
    type=float,
    default=1.0,
    show_default=True,
    metavar="X",
    help="Multiplies every error rate; 0 makes clean records, 10 is the most.",
)
@click.option(
    "--format",
    "file_format",
    type=click.Choice(["parquet", "csv"]),
    default="parquet",
    show_default=True,
    help="Format of the files; Parquet is packed with zstd.",
)
@click.option(
    "--rows-per-file",
    type=click.IntRange(min=1),
    default=1_000_000,
    show_default=True,
    metavar="N",
    help="Records in a part; a part is a file for each system.",
)
@click.option(
    "--start",
    type=click.IntRange(min=0),
    default=0,
    metavar="RECORD",
    help="First record to write, where several machines write one population.",
)
@click.option(
    "--stop",
    type=click.IntRange(min=1),
    metavar="RECORD",
    help="Record to stop before; without it, the last. --start and --stop are multiples of "
    "--rows-per-file.",
)
@threads_option
@overwrite_option
@quiet_option
@json_option
def command(quiet: bool, as_json: bool, **options: Any) -> None:
    """Write a made-up Chinese population, and check it.

    The people, their families, names, id numbers, phones and moves follow the census and other
    published facts; each has records in several source systems, with the errors such systems
    make. The same seed writes the same bytes whatever the number of threads or machines.

    \b
    DIR then holds
      records/SYSTEM/part-*   what the sources know: the input of mpi dedupe
      truth/part-*            who each record is, and what was done to it
      manifest.json           seed, parameters, counts, checksums

    `mpi dedupe DIR` reads the records only, `mpi evaluate RUN_DIR --truth DIR` the truth.

    \b
    Examples:
      mpi generate --quick 10k --out people
      mpi generate --people 1000000 --seed 7 --out people
      mpi generate check people --out check.html
    """
    if click.get_current_context().invoked_subcommand is not None:
        return
    if options["out"] is None:
        raise click.UsageError("Missing option '--out'.")
    if (options["people"] is None) == (options["quick"] is None):
        raise click.UsageError("Give --people or --quick, one of them.")
    import mpi
    from cli.progress import open_progress
    from cli.show import print_json

    with open_progress(quiet=quiet) as progress:
        made = mpi.generate(progress=progress, **options)
    if as_json:
        print_json(made)
    elif not quiet:
        _print_made(made)


def _print_made(made: Any) -> None:
    from cli.show import print_facts

    facts = made.as_dict()
    size = facts["size_bytes"] / 2**20
    rows = [("people", f"{facts['people']:,}"), ("records", f"{facts['records']:,}")]
    rows += [(f"  {name}", f"{count:,}") for name, count in facts["records_by_system"].items()]
    rows += [
        ("sources", f"{facts['sources']:,}"),
        ("files", f"{facts['files']:,}, {size:,.1f} MiB"),
        ("records in", str(made.records)),
        ("truth in", str(made.truth)),
    ]
    print_facts(rows)


@command.command("check")
@click.argument("directory", metavar="DIR")
@click.option("--out", metavar="FILE", help="Also write an HTML page with plots.")
@click.option(
    "--people-max",
    type=click.IntRange(min=1),
    default=1_000_000,
    show_default=True,
    metavar="N",
    help="Look at so many people at most.",
)
@click.option(
    "--records-max",
    type=click.IntRange(min=1),
    default=3_000_000,
    show_default=True,
    metavar="N",
    help="Read so many records at most, spread over the files.",
)
@threads_option
@quiet_option
@json_option
def check(directory: str, out: str | None, quiet: bool, as_json: bool, **options: Any) -> None:
    """Set the figures of a generated directory beside published facts.

    Every file is held against the manifest, a sample of records against a second drawing, and
    the figures against the census, name statistics and other facts, each with its source, its
    grade and the room that chance has at this size. The exit code is 1 where anything is wrong.

    \b
    Examples:
      mpi generate check people
      mpi generate check people --out check.html
    """
    import mpi
    from cli.progress import open_progress
    from cli.show import print_json
    from mpi.population_check import write_population_check

    with open_progress(quiet=quiet) as progress:
        found = mpi.check_population(directory, progress=progress, **options)
    if out is not None:
        write_population_check(found, out)
    if as_json:
        print_json(found)
    elif not quiet:
        _print_check(found)
    if not found.passed:
        click.get_current_context().exit(1)


def _print_check(found: Any) -> None:
    from cli.show import print_facts, print_notes, print_rows
    from mpi.population_check import check_rows

    names = ["chapter", "figure", "measured", "reference", "bounds", "", "grade", "source"]
    if rows := check_rows(found):
        print_rows("", names, rows)
    print_notes(found.problems)
    judged = len(rows)
    print_facts(
        [
            ("people looked at", f"{found.people:,}"),
            ("records read", f"{found.records:,}"),
            ("files that are wrong", f"{len(found.problems):,}"),
            ("figures out of bounds", f"{len(found.failed):,} of {judged:,}"),
            ("result", "passed" if found.passed else "FAILED"),
        ]
    )
