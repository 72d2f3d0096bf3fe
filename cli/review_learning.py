"""`mpi review advice`, `audit-sample` and `dashboard`: what decisions teach."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import click

from cli.identity_options import digest_key_option, index_option, steward_option, table_option
from cli.options import seed_option
from cli.review_options import finite

if TYPE_CHECKING:
    from mpi.review.agreement import Dashboard
    from mpi.review.audit_sample import Precision

__all__ = ["advice_command", "audit_sample_command", "dashboard_command"]


@click.command("advice")
@index_option
@click.option(
    "--mistakes-max",
    type=click.FloatRange(min=0, max=1, min_open=True, max_open=True),
    callback=finite,
    default=0.01,
    show_default=True,
    metavar="SHARE",
    help="Largest share of mistakes among the pairs that a moved line decides.",
)
@click.option(
    "--confidence",
    type=click.FloatRange(min=0.5, max=1, max_open=True),
    callback=finite,
    default=0.95,
    show_default=True,
    metavar="SHARE",
    help="Of every interval.",
)
@digest_key_option
@table_option
def advice_command(
    index_dir: str,
    mistakes_max: float,
    confidence: float,
    digest_key: str | None,
    as_table: bool,
) -> None:
    """Tell where the two lines would have been better for the pairs that stewards decided.

    A line is advised only if the exact upper bound of its share of mistakes is small enough, so a
    handful of decisions moves nothing. Only pairs in doubt were decided: of others the advice
    says nothing, see `mpi review audit-sample`. To move a line, edit `thresholds` of the model.

    \b
    Examples:
      mpi review advice --index people.index --table
    """
    from cli.identity_options import opened, print_answers
    from cli.show import print_facts, print_notes
    from mpi.review.decided import advise_index

    with opened(index_dir, digest_key) as index:
        advice = advise_index(index, mistakes_max=mistakes_max, confidence=confidence)
    if not as_table:
        print_answers([advice], as_table=False)
        return
    print_answers(
        [each.to_dict() for each in advice.curve], as_table=True, title="If the link line were at"
    )
    print_facts(
        [
            ("decided pairs", f"{advice.pairs:,}"),
            ("one person", f"{advice.same:,}"),
            ("two people", f"{advice.different:,}"),
            ("kept apart by a guard", f"{advice.refused:,}, {advice.refused_same:,} one person"),
            ("against the weight", _share(advice.overruled)),
            ("link line", advice.link.sentence),
            ("review line", advice.review.sentence),
        ]
    )
    print_notes(advice.notes)


@click.command("audit-sample")
@index_option
@click.option(
    "--size",
    type=click.IntRange(1, 20_000),
    required=True,
    metavar="N",
    help="Automatic links to draw.",
)
@click.option(
    "--strata",
    "bands",
    default="0,5,10,20,40",
    show_default=True,
    metavar="BITS,...",
    help="Where bands of weight begin, in bits above the link line.",
)
@click.option(
    "--repeats",
    type=click.FloatRange(min=0, max=1),
    callback=finite,
    default=0.1,
    show_default=True,
    metavar="SHARE",
    help="Of the links that are put a second time, to another steward.",
)
@seed_option
@steward_option
@digest_key_option
@table_option
def audit_sample_command(
    index_dir: str,
    size: int,
    bands: str,
    repeats: float,
    seed: int,
    by: str,
    digest_key: str | None,
    as_table: bool,
) -> None:
    """Draw automatic links and put them to stewards, who see two records and nothing else.

    Their verdicts tell what share of the links that no person ever looked at is right, with
    bounds, for each band of weight and for all: see `mpi review dashboard`. MERGE says that the
    two are one person; DIFFERENT says that they are not and leaves them where they are; SPLIT
    also parts them.

    \b
    Examples:
      mpi review audit-sample --index people.index --size 300 --by 'Dr Li'
    """
    from cli.identity_options import opened, print_answers
    from mpi.review.audit_sample import draw_audit

    edges = _bands(bands)
    with opened(index_dir, digest_key, writable=True) as index:
        sample = draw_audit(index, size=size, by=by, seed=seed, band_bits=edges, repeats=repeats)
    if not as_table:
        print_answers([sample], as_table=False)
        return
    print_answers(sample.bands, as_table=True, title=f"Sample {sample.sample}")


def _bands(text: str) -> list[float]:
    try:
        bits = [float(each) for each in text.split(",")]
    except ValueError:
        bits = [math.nan]
    if not all(map(math.isfinite, bits)):
        raise click.UsageError("--strata wants bits above the link line, as 0,5,10,20")
    return bits


@click.command("dashboard")
@index_option
@digest_key_option
@table_option
def dashboard_command(index_dir: str, digest_key: str | None, as_table: bool) -> None:
    """Print the figures of the review: backlog, stewards, agreement, overruled, precision.

    \b
    Examples:
      mpi review dashboard --index people.index --table
    """
    from cli.identity_options import opened, print_answers
    from mpi.review.agreement import Figures

    with opened(index_dir, digest_key) as index:
        dashboard = Figures(index).dashboard()
    if as_table:
        _print_dashboard(dashboard)
    else:
        print_answers([dashboard], as_table=False)


def _print_dashboard(dashboard: Dashboard) -> None:
    from cli.identity_options import print_answers
    from cli.show import print_facts

    for title, answers in (
        ("Waiting", dashboard.ages),
        ("Stewards", dashboard.stewards),
        ("Agreement", dashboard.agreement.pairs),
        ("Last days", dashboard.days),
    ):
        print_answers(answers, as_table=True, title=title)
    bands = [{**each.to_dict(), "rate": _share(each.rate)} for each in dashboard.bands]
    print_answers(bands, as_table=True, title="Decided by weight")
    agreement, kappa = dashboard.agreement, dashboard.agreement.kappa
    facts = [
        ("waiting", f"{dashboard.open_tasks:,}"),
        *((f"tasks {name}", f"{count:,}") for name, count in dashboard.by_status.items()),
        ("oldest since", dashboard.oldest_at or ""),
        ("judged by two", f"{agreement.tasks:,}, agreed on {_share(agreement.share)}"),
        ("kappa", "" if kappa is None else f"{kappa:.2f} ({agreement.method})"),
        ("leaned to link, one person", _share(dashboard.decided_precision)),
    ]
    if dashboard.precision is not None:
        _print_precision(dashboard.precision)
        facts.append(("automatic links right", _precision_text(dashboard.precision)))
    print_facts(facts)


def _print_precision(precision: Precision) -> None:
    from cli.identity_options import print_answers

    print_answers(precision.bands, as_table=True, title="Audit of automatic links")


def _precision_text(precision: Precision) -> str:
    if not precision.judged:
        return f"not known: none of {precision.sampled:,} sampled links has been judged"
    bounds = f"{precision.low:.2%} to {precision.high:.2%}"
    bands = f"{precision.bands_judged} of {precision.bands_held} bands judged"
    if precision.estimate is None:
        return f"not yet: {bands}, with {precision.covered:.1%} of the links ({bounds})"
    return (
        f"{precision.estimate:.2%} ({bounds}, {precision.judged:,} of {precision.links:,} links "
        f"judged; {bands}, with {precision.covered:.1%} of the links)"
    )


def _share(interval: Any) -> str:
    if interval.estimate is None:
        return "-"
    bounds = f"{interval.low:.1%} to {interval.high:.1%}"
    return f"{interval.estimate:.1%} ({bounds}; {interval.count:,} of {interval.of:,})"
