"""`mpi train`: fit a model without linking anything."""

from __future__ import annotations

import json

import click

from cli.identity_options import digest_key_option
from cli.options import (
    inputs_argument,
    json_option,
    memory_option,
    overwrite_option,
    quiet_option,
    schema_option,
    seed_option,
    threads_option,
)

__all__ = ["command"]


@click.command("train")
@inputs_argument
@click.option("--out", required=True, metavar="FILE", help="Where to write the model (JSON).")
@click.option(
    "--labels",
    metavar="FILE",
    help="Known truth: record_id and entity_id columns, or pairs. Or what stewards decided: an "
    "identity index, or a file of `mpi review export --decided`. Without it, EM is used.",
)
@digest_key_option
@schema_option
@memory_option
@seed_option
@threads_option
@overwrite_option
@quiet_option
@json_option
def command(
    inputs: tuple[str, ...],
    out: str,
    labels: str | None,
    digest_key: str | None,
    schema: str | None,
    memory: str,
    seed: int,
    overwrite: bool,
    quiet: bool,
    as_json: bool,
) -> None:
    """Fit a model to a table, save it, and say what was learnt.

    `mpi dedupe` and `mpi link` fit a model by themselves; a saved one makes later runs on
    similar tables comparable with each other. Printed are the prior, what it was learnt from,
    and for each part of each comparison how often its best level is met among matches (m) and
    among strangers (u), with the bits that it and its last level weigh; --json has every level.

    With known truth m comes from it alone. Pairs that stewards decided are the hard ones, so
    they are taken as they were decided among all other pairs, and the rest is learnt as ever;
    notes tell where the lines would have been better for them.

    \b
    Examples:
      mpi train people.csv --out model.json
      mpi train people.csv --labels truth.csv --out model.json
      mpi train people.csv --labels people.index --out model.json
      mpi dedupe people.csv --model model.json --out result
    """
    import mpi
    from cli.progress import open_progress
    from cli.show import print_json, print_notes
    from cli.summary import print_model
    from mpi.model_summary import model_summary
    from mpi.outputs import check_output_file, write_file

    check_output_file(out, overwrite=overwrite)
    with open_progress(quiet=quiet) as progress:
        model = mpi.train(
            list(inputs),
            schema=schema,
            labels=labels,
            digest_key=digest_key,
            seed=seed,
            memory=memory,
            progress=progress,
        )
    document = json.dumps(model.to_dict(), ensure_ascii=False, indent=2) + "\n"
    write_file(out, document, overwrite=overwrite)
    if as_json:
        print_json({"model": out, **model_summary(model)})
    elif not quiet:
        print_model(model_summary(model), out=out)
    if not quiet:
        print_notes(model.training.get("notes", ()))
