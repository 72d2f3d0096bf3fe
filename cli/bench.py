"""`mpi bench`: how fast the engine is, beside itself, beside others and against size."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import click

from cli.options import json_option, memory_option, quiet_option, threads_option

__all__ = ["command"]

RESULTS: Final = "build/bench"
MEASURED_AGAIN_MAX: Final = 2
NAMES_SHOWN: Final = 5

scale_option = click.option(
    "--scale",
    default="quick",
    show_default=True,
    metavar="NAME|N",
    help="quick (10k records), small (100k), medium (1m), large (5m), or a number such as 250k.",
)


def _out_option(default: str, help_text: str) -> Any:
    return click.option("--out", default=default, show_default=True, metavar="PATH", help=help_text)


@click.group("bench", invoke_without_command=True)
@click.pass_context
def command(context: click.Context) -> None:
    """Measure speed and memory, alone and beside other engines.

    Without a command it runs the suites, as `mpi bench run` does.

    Works from a checkout of the source with the `bench` extra installed. Every result names the
    machine, the versions, the command, the date and the load of the machine. docs/bench.md says
    how to read the figures.
    """
    if context.invoked_subcommand is None:
        context.invoke(run)


@command.command("run")
@click.option(
    "--suite",
    "suites",
    multiple=True,
    metavar="NAME",
    help="kernels, encode, passes, clustering, index or end_to_end; may be repeated. Default: all.",
)
@scale_option
@click.option("--only", metavar="TEXT", help="Measurements whose name holds this text.")
@_out_option(f"{RESULTS}/result.json", "Result file.")
@click.option(
    "--check",
    "baseline",
    metavar="FILE",
    help="Compare with this result at the end; exit code 1 where something became dearer.",
)
@click.option("--tolerance", type=float, help="Of the check: 0.25 allows a cost 25 % higher.")
@threads_option
@quiet_option
@json_option
def run(
    suites: tuple[str, ...],
    scale: str,
    only: str | None,
    out: str,
    baseline: str | None,
    tolerance: float | None,
    quiet: bool,
    as_json: bool,
) -> None:
    """Run the suites on generated residents and write a result file.

    Kernels are compiled before the timer starts and results are asserted after it stops.

    \b
    Examples:
      mpi bench run
      mpi bench run --suite passes --scale medium --out now.json
      mpi bench run --scale small --check bench/results/baseline.json
    """
    from bench.suites import run_suites
    from cli.show import print_json

    result = run_suites(suites, scale, Path(out), only=only, say=_said(quiet))
    if as_json:
        print_json(result)
    elif not quiet:
        _print_result(result)
        click.echo(f"wrote {out}")
    if baseline is not None:
        _check_run(Path(baseline), Path(out), tolerance, quiet=quiet)


def _print_result(result: dict[str, Any]) -> None:
    from bench.facts import stage_rows
    from bench.suites import result_rows
    from cli.show import print_rows

    names = ["benchmark", "milliseconds", "a second", "cores", "peak MiB"]
    print_rows(f"{result['records']:,} records", names, result_rows(result))
    for each in result["benchmarks"]:
        if "stages" in each:
            names = ["stage", "seconds", "processor seconds", "cores busy", "peak MiB"]
            taken = {"cpu_seconds": each["cpu_seconds"], "peak_memory_bytes": each["peak_bytes"]}
            whole = {"stage": "the whole, best round", "seconds": each["seconds"], **taken}
            rows = stage_rows([*each["stages"], whole])
            print_rows(f"{each['name']}, its last round", names, rows)


def _check_run(baseline: Path, out: Path, tolerance: float | None, *, quiet: bool) -> None:
    """Check a new result; what seems dearer is measured again before it is called so."""
    from bench.compare import regressions
    from bench.suites import measure_again, read_result

    kept = read_result(baseline)
    for _ in range(MEASURED_AGAIN_MAX):
        dearer = [each.name for each in regressions(kept, read_result(out), tolerance)]
        if dearer:
            measure_again(out, dearer, say=_said(quiet))
    _compare(baseline, out, tolerance, as_json=False, fails=True)


@command.command("compare")
@click.argument("first", metavar="A")
@click.argument("second", metavar="B")
@click.option(
    "--check", is_flag=True, help="Exit code 1 where B is dearer than A beyond the tolerance."
)
@click.option("--tolerance", type=float, help="Of the check: 0.25 allows a cost 25 % higher.")
@json_option
def compare(first: str, second: str, check: bool, tolerance: float | None, as_json: bool) -> None:
    """Print two result files side by side, as ratios.

    `ratio` is B's seconds over A's. `cost ratio` is the same after each has been divided by what
    two kernels of the machine's own (a copy and a sort) took beside it, so that it holds between
    machines and between busy and quiet hours; the check goes by it.

    \b
    Examples:
      mpi bench compare before.json after.json
      mpi bench compare bench/results/baseline.json now.json --check
    """
    _compare(Path(first), Path(second), tolerance, as_json=as_json, fails=check)


def _compare(
    first: Path, second: Path, tolerance: float | None, *, as_json: bool, fails: bool
) -> None:
    from bench.compare import TOLERANCE, compare_results, geometric_mean
    from bench.suites import read_result
    from cli.show import print_json, print_notes, print_rows

    allowed = TOLERANCE if tolerance is None else tolerance
    compared, alone = compare_results(read_result(first), read_result(second))
    dearer = [each for each in compared if each.is_regression(allowed)]
    if as_json:
        names = [each.name for each in dearer]
        print_json({"comparisons": compared, "only_in_one": alone, "regressions": names})
    else:
        rows = [
            [each.name, *(1e3 * seconds for seconds in each.seconds), each.ratio, each.cost_ratio,
             each.peak_ratio, "dearer" if each in dearer else ""]
            for each in compared
        ]  # fmt: skip
        names = ["benchmark", "A ms", "B ms", "ratio", "cost ratio", "peak ratio", ""]
        print_rows("B over A", names, rows)
        mean = geometric_mean([each.cost_ratio for each in compared])
        click.echo(f"geometric mean of the cost ratios  {mean:.3f}")
        if alone:
            rest = f" and {len(alone) - NAMES_SHOWN} more" if len(alone) > NAMES_SHOWN else ""
            print_notes([f"in one of the results only: {', '.join(alone[:NAMES_SHOWN])}{rest}"])
        if any(each.measured_by == "processor" for each in compared):
            print_notes(["the machine was busy: costs are from processor time, not wall time"])
    if dearer and fails:
        listed = ", ".join(f"{each.name} ({each.cost_ratio:.2f} times)" for each in dearer)
        click.echo(
            f"mpi: {len(dearer)} of {len(compared)} measurements are more than {allowed:.0%} "
            f"dearer: {listed}",
            err=True,
        )
        click.get_current_context().exit(1)


@command.command("baseline")
@click.argument("result", metavar="[RESULT]", required=False)
@click.option(
    "--scale",
    default="small",
    show_default=True,
    metavar="NAME|N",
    help="Of the suites, where no RESULT is given.",
)
@_out_option("bench/results/baseline.json", "Baseline file to write.")
@threads_option
@quiet_option
def baseline(result: str | None, scale: str, out: str, quiet: bool) -> None:
    """Keep a result as the baseline that later runs are checked against.

    Without RESULT every suite is run first. Do that on a quiet machine.

    \b
    Examples:
      mpi bench baseline
      mpi bench baseline now.json --out before.json
    """
    import json

    from bench.compare import as_baseline
    from bench.suites import read_result, run_suites
    from mpi.outputs import write_file

    if result is None:
        result = f"{RESULTS}/result.json"
        measured = run_suites((), scale, Path(result), say=_said(quiet))
        if not quiet:
            _print_result(measured)
    kept = as_baseline(read_result(Path(result)))
    write_file(out, json.dumps(kept, indent=1) + "\n", overwrite=True)
    if not quiet:
        click.echo(f"wrote {out}")


@command.command("peers")
@scale_option
@click.option(
    "--engines",
    default="",
    metavar="NAMES",
    help="Of ours, splink, recordlinkage, goldenmatch, with commas between. Default: all.",
)
@click.option(
    "--rules",
    default="",
    metavar="NAMES",
    help="tight, loose, or both with a comma. Default: both.",
)
@_out_option(f"{RESULTS}/peers", "Directory of the results.")
@threads_option
@quiet_option
@json_option
def peers(scale: str, engines: str, rules: str, out: str, quiet: bool, as_json: bool) -> None:
    """Run other engines beside ours: same records, same rules, same machine.

    Each engine runs in a process of its own. Writes peers.json, peers.md and two charts; an
    engine that is not installed, or too slow for the scale, is said to be left out.

    \b
    Examples:
      mpi bench peers --scale small
      mpi bench peers --scale large --engines ours,splink --rules tight
    """
    from bench.peers import run_peers

    found = run_peers(scale, _words(engines), _words(rules), Path(out), say=_said(quiet))
    _show(found, Path(out) / "peers.md", quiet=quiet, as_json=as_json)


@command.command("scale")
@click.option(
    "--sizes",
    default="",
    metavar="LIST",
    help="Records, with commas between: 10k,100k,1m,20m. Default: seven sizes from 10k to 5m.",
)
@memory_option
@click.option(
    "--slope-from",
    default="1m",
    show_default=True,
    metavar="N",
    help="Fit the slope to sizes from here on; to all of them where fewer than two are.",
)
@click.option(
    "--stream",
    is_flag=True,
    help="In bounded memory, which the system holds, instead of the whole job.",
)
@click.option(
    "--from",
    "begin",
    type=click.Choice(["rows", "parquet", "both"]),
    default="rows",
    show_default=True,
    help="With --stream: from encoded rows to ids, from text in Parquet through `mpi dedupe "
    "--stream`, or both, drawn together.",
)
@_out_option(f"{RESULTS}/scale", "Directory of the results.")
@threads_option
@quiet_option
@json_option
def scale_command(
    sizes: str,
    memory: str,
    slope_from: str,
    stream: bool,
    begin: str,
    out: str,
    quiet: bool,
    as_json: bool,
) -> None:
    """Draw time and memory of the whole job against the number of records.

    Each size runs in a process of its own. Writes scale.json, scale.md and charts, with the
    slope of log time over log records: 1 is linear. Tables above 5 million records that were
    made for it are removed again.

    \b
    Examples:
      mpi bench scale
      mpi bench scale --sizes 1m,5m,20m --out scale
      mpi bench scale --stream --sizes 1m,10m,30m,100m --out scale-stream
      mpi bench scale --stream --from both --sizes 1m,10m,100m --out scale-stream
    """
    from bench.scale import run_scale

    begins = ["rows", "parquet"] if begin == "both" else [begin]
    found = run_scale(
        _words(sizes),
        Path(out),
        ways=begins if stream else ["job"],
        memory=memory,
        slope_from=slope_from,
        say=_said(quiet),
    )
    _show(found, Path(out) / "scale.md", quiet=quiet, as_json=as_json)


@command.command("approximate")
@scale_option
@click.option(
    "--rules",
    "rule_set",
    type=click.Choice(["default", "tight"]),
    default="default",
    show_default=True,
    help="The exact rules run before: those of the resident schema, or the five of `peers`.",
)
@_out_option(f"{RESULTS}/approximate", "Directory of the results.")
@threads_option
@quiet_option
@json_option
def approximate(scale: str, rule_set: str, out: str, quiet: bool, as_json: bool) -> None:
    """Measure what approximate blocking adds to exact rules, and at what price.

    Several settings of the search by likeness, and an exact join on names less one syllable
    beside them: pairs added, how many are true, recall, time and memory.

    \b
    Examples:
      mpi bench approximate --scale small --rules tight
    """
    from bench.approximate import run_approximate_bench

    found = run_approximate_bench(scale, rule_set, Path(out), say=_said(quiet))
    _show(found, Path(out) / "approximate.md", quiet=quiet, as_json=as_json)


@command.command("nation")
@click.option(
    "--records",
    default="1300000000",
    show_default=True,
    metavar="N",
    help="Records to draw; 250k and 100m are understood.",
)
@click.option(
    "--memory",
    default="20GiB",
    show_default=True,
    metavar="AMOUNT",
    help="Memory the whole run may use.",
)
@click.option(
    "--sample",
    default="1m",
    show_default=True,
    metavar="N",
    help="Records of other people that the model is fitted to first.",
)
@click.option("--keep-ids", is_flag=True, help="Leave the written enterprise ids in the directory.")
@_out_option(f"{RESULTS}/nation", "Directory of the results.")
@threads_option
@quiet_option
@json_option
def nation(
    records: str,
    memory: str,
    sample: str,
    keep_ids: bool,
    out: str,
    quiet: bool,
    as_json: bool,
) -> None:
    """Draw, match and number a whole nation, and hold the result against the truth.

    The directory holds the rows while they are matched, 40 bytes a record, then the ids. Writes
    nation.json and nation.md: time of each stage, pairs, memory, accuracy. nation-steps.json
    has the times of what has ended while the run goes on.

    \b
    Examples:
      mpi bench nation
      mpi bench nation --records 10m --memory 4GiB --keep-ids
    """
    from bench.data import scale_records
    from bench.nation import run_nation
    from cli.progress import open_progress

    with open_progress(quiet=quiet) as progress:
        found = run_nation(
            scale_records(records),
            Path(out),
            memory=memory,
            sample=scale_records(sample),
            keep_ids=keep_ids,
            progress=progress,
            say=_said(quiet),
        )
    _show(found, Path(out) / "nation.md", quiet=quiet, as_json=as_json)


def _show(found: Any, page: Path, *, quiet: bool, as_json: bool) -> None:
    """Print the results of a bench: as JSON, or the page that it wrote."""
    from cli.show import print_json

    if as_json:
        print_json(found)
    elif not quiet:
        click.echo(page.read_text(encoding="utf-8"))


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _said(quiet: bool) -> Any:
    return (lambda _: None) if quiet else (lambda line: click.echo(line, err=True))
