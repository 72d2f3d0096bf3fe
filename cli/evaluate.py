"""`mpi evaluate`: a run held against truth."""

from __future__ import annotations

import click

from cli.options import json_option

__all__ = ["command"]


@click.command("evaluate")
@click.argument("run_dir", metavar="RUN_DIR")
@click.option(
    "--truth",
    required=True,
    metavar="FILE",
    help="Columns record_id and entity_id (and source), or pairs of record ids.",
)
@click.option(
    "--report",
    metavar="FILE",
    help="Also write an HTML page: precision and recall by threshold, calibration.",
)
@json_option
def command(run_dir: str, truth: str, report: str | None, as_json: bool) -> None:
    """Hold the clusters of a run against known truth.

    RUN_DIR is the --out directory of `mpi dedupe` or `mpi link`. Prints precision, recall and
    F1 over pairs of records, the same by B-cubed (per record), and false merges per 10,000
    people. Records that the truth does not know are left out.

    The truth is a table of record_id and entity_id, or a list of pairs known to be the same
    person (record_id_l, record_id_r); add source columns where ids repeat between sources.

    \b
    Examples:
      mpi evaluate result --truth truth.csv
      mpi evaluate result --truth truth.csv --report evaluation.html
    """
    import mpi
    from cli.show import print_facts, print_json, print_result
    from cli.summary import measure_facts

    evaluation = mpi.evaluate(run_dir, truth)
    if report is not None:
        from mpi.evaluation import write_evaluation

        write_evaluation(evaluation, run_dir, report)
    if as_json:
        print_json(evaluation)
        return
    print_facts(measure_facts(evaluation))
    print_result(evaluation)
