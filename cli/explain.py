"""`mpi explain`: the weights of one pair."""

from __future__ import annotations

import click

from cli.options import json_option

__all__ = ["command"]


@click.command("explain")
@click.argument("record_a", metavar="A")
@click.argument("record_b", metavar="B")
@click.option(
    "--run", "run_dir", required=True, metavar="DIR", help="The --out directory of a run."
)
@click.option(
    "--show-values", is_flag=True, help="Print the two records' values beside the weights."
)
@json_option
def command(record_a: str, record_b: str, run_dir: str, show_values: bool, as_json: bool) -> None:
    """Show why two records were linked or not.

    A and B are record ids, or SOURCE/ID where an id stands in several sources. Each comparison
    adds a weight in bits: above zero speaks for one person, below zero against. The prior and
    all weights add up to the total that is held against the thresholds of the run.

    \b
    Examples:
      mpi explain rec-12-org rec-12-dup-0 --run result
      mpi explain hospital/4711 insurance/A-99 --run result --json
    """
    import mpi
    from cli.show import print_explanation, print_json, without_values

    explanation = mpi.explain(record_a, record_b, run=run_dir)
    if as_json:
        print_json(explanation if show_values else without_values(explanation))
    else:
        print_explanation(explanation, show_values=show_values)
