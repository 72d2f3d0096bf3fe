"""`mpi demo`: a made-up Chinese population, the main job on it, and how right the result is."""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path
from typing import Any

import click

from cli.options import json_option, quiet_option, threads_option

__all__ = ["command"]

CAUSES_SHOWN = 12


@click.command("demo")
@click.option(
    "--out",
    default="demo-out",
    show_default=True,
    metavar="DIR",
    help="Where the example population and the results go.",
)
@click.option(
    "--people",
    type=click.IntRange(min=1000, max=1_000_000),
    default=20_000,
    show_default=True,
    metavar="N",
    help="People in the example.",
)
@threads_option
@quiet_option
@json_option
def command(out: str, people: int, quiet: bool, as_json: bool) -> None:
    """Run the main job on example data and print how good it was.

    The data is made on the spot: residents of China as the census has them, with their records
    in registers, hospitals and insurance, and the errors of those. Which records are the same
    person is known, so the result can be judged, error by error. The outcome is loaded into an
    identity index, where what the engine would not decide waits for you.

    \b
    Examples:
      mpi demo
      mpi demo --out /tmp/demo --people 100000
    """
    import mpi
    from cli.progress import open_progress
    from cli.show import print_facts, print_json
    from cli.summary import measure_facts, run_facts

    population_dir, result_dir = Path(out) / "people", Path(out) / "result"
    index_dir = Path(out) / "index"
    with open_progress(quiet=quiet) as progress:
        mpi.generate(population_dir, people=people, overwrite=True, progress=progress)
        result = mpi.dedupe(
            str(population_dir),
            out=str(result_dir),
            overwrite=True,
            index=str(index_dir),
            progress=progress,
        )
    evaluation = mpi.evaluate(str(result_dir), str(population_dir))
    if as_json:
        facts = {"out": str(result_dir), "index": str(index_dir)}
        print_json({**facts, "run": result.run, "evaluation": evaluation})
        return
    click.echo(f"\nmpi generate --people {people} --out {population_dir}")
    click.echo(f"mpi dedupe {population_dir} --out {result_dir} --index {index_dir}")
    print_facts(run_facts(result.run, str(result_dir)))
    click.echo(f"\nmpi evaluate {result_dir} --truth {population_dir}")
    print_facts(measure_facts(evaluation))
    _print_details(evaluation)
    _print_review(index_dir)


def _print_review(index_dir: Path) -> None:
    """Print how the doubtful cases are answered, as commands that work where this one did."""
    import mpi
    from mpi.identity_queue import status_counts

    with mpi.IdentityIndex.open(index_dir) as index, index.store.read() as snapshot:
        waiting = status_counts(snapshot)["open"]
    program, at = _program(), f"--index {shlex.quote(str(index_dir))}"
    click.echo(f"\n{waiting:,} questions wait that the engine leaves to people. In the browser:")
    click.echo(f"  {program} review user add {at} steward --role supervisor")
    click.echo(f"  {program} review serve {at} --language en")
    click.echo("Without it:")
    click.echo(f"  {program} review list {at} --table")


def _program() -> str:
    """How this command was called, so that it can be called so again."""
    called = Path(sys.argv[0])
    if called.name != "mpi":
        return f"{shlex.quote(sys.executable)} -m cli"
    found = shutil.which("mpi")
    is_on_path = found is not None and called.exists() and called.samefile(found)
    return "mpi" if is_on_path else shlex.quote(str(called))


def _print_details(evaluation: Any) -> None:
    """Print recall by the commonest causes of error, and who was taken for whom."""
    from cli.show import print_rows, print_table

    causes = sorted(evaluation.causes.to_pylist(), key=lambda row: -row["true_pairs"])
    print_rows(
        "Recall by cause of error, the commonest",
        ["cause", "true_pairs", "found_pairs", "recall"],
        [
            [row["cause"], row["true_pairs"], row["found_pairs"], row["recall"]]
            for row in causes[:CAUSES_SHOWN]
        ],
    )
    print_table("Different people put together", evaluation.confusions)
