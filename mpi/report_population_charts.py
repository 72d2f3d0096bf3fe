"""The pictures of a population check: Vega-Lite specifications, drawn with Altair."""

from __future__ import annotations

import altair as alt

from mpi.report_chart_parts import (
    AMBER,
    BLUE,
    RED,
    ROW_HEIGHT,
    TEAL,
    Rows,
    Spec,
    finished,
    inline,
    named_colours,
)

__all__ = ["household_sizes", "one_character_names", "pyramid", "shares_by_system", "surname_curve"]

_ORIGINS = {"generated": BLUE, "reference": AMBER}


def pyramid(rows: Rows) -> Spec:
    """Men to the left, women to the right, the census as a mark over each bar.

    Parameters
    ----------
    rows : age, order, sex, share, census
    """
    signed = [
        {
            **row,
            "x": row["share"] * side,
            "mark": row["census"] * side,
            "difference": row["share"] / row["census"] - 1,
        }
        for row in rows
        for side in (-1 if row["sex"] == "male" else 1,)
    ]
    ages = list(dict.fromkeys(row["age"] for row in sorted(rows, key=lambda row: -row["order"])))
    largest = max(max(row["share"], row["census"]) for row in rows) * 1.08
    tooltip = [
        alt.Tooltip("age:N"),
        alt.Tooltip("sex:N"),
        alt.Tooltip("share:Q", format=".3%", title="generated"),
        alt.Tooltip("census:Q", format=".3%"),
        alt.Tooltip("difference:Q", format="+.1%"),
    ]
    base = alt.Chart(inline(signed)).encode(
        y=alt.Y("age:N", sort=ages, title=None, axis=alt.Axis(ticks=False, domain=False)),
        tooltip=tooltip,
    )
    bars = base.mark_bar(height=13).encode(
        x=alt.X(
            "x:Q",
            title="share of the population",
            scale=alt.Scale(domain=[-largest, largest], nice=False),
            axis=alt.Axis(labelExpr="format(abs(datum.value), '.1~%')", tickCount=7),
        ),
        color=named_colours("sex:N", {"male": BLUE, "female": RED}),
    )
    # A dark heart in a light edge shows over the bar and over the page, light or dark.
    edge = base.mark_tick(thickness=4, size=17, color="white").encode(x=alt.X("mark:Q"))
    heart = base.mark_tick(thickness=2, size=17, color="#20262e").encode(x=alt.X("mark:Q"))
    return finished(alt.layer(bars, edge, heart), height=ROW_HEIGHT * len(ages))


def surname_curve(rows: Rows) -> Spec:
    """Share of the population that has one of so many commonest surnames.

    Parameters
    ----------
    rows : rank, share, origin (generated or reference)
    """
    base = alt.Chart(inline(rows)).encode(
        x=alt.X(
            "rank:Q",
            scale=alt.Scale(type="log"),
            title="commonest surnames (log scale)",
            axis=alt.Axis(values=[1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000], format="~s"),
        ),
        y=alt.Y(
            "share:Q",
            title="share of Han people",
            scale=alt.Scale(domain=[0, 1]),
            axis=alt.Axis(format="~%", tickCount=6),
        ),
        color=named_colours("origin:N", _ORIGINS),
        tooltip=[alt.Tooltip("rank:Q"), alt.Tooltip("share:Q", format=".2%"), "origin:N"],
    )
    line = base.transform_filter("datum.origin == 'generated'").mark_line(strokeWidth=2)
    points = base.transform_filter("datum.origin == 'reference'").mark_point(
        filled=True, size=70, opacity=1
    )
    return finished(alt.layer(line, points), height=300)


def one_character_names(rows: Rows) -> Spec:
    """Share of one-character given names by years of birth, beside the reference.

    Parameters
    ----------
    rows : cohort, share, origin
    """
    cohorts = list(dict.fromkeys(row["cohort"] for row in rows))
    bars = (
        alt.Chart(inline(rows))
        .mark_bar()
        .encode(
            x=alt.X("cohort:N", sort=cohorts, title="born", axis=alt.Axis(labelAngle=0)),
            xOffset=alt.XOffset("origin:N", sort=list(_ORIGINS)),
            y=alt.Y("share:Q", title="one-character names", axis=alt.Axis(format="~%")),
            color=named_colours("origin:N", _ORIGINS),
            tooltip=["cohort:N", "origin:N", alt.Tooltip("share:Q", format=".1%")],
        )
    )
    return finished(bars, height=300)


def household_sizes(rows: Rows) -> Spec:
    """Share of households by the number of people in them.

    Parameters
    ----------
    rows : size (8 = 8 or more), share
    """
    named = [{**row, "name": f"{row['size']}{'+' if row['size'] == 8 else ''}"} for row in rows]
    bars = (
        alt.Chart(inline(named))
        .mark_bar(color=TEAL)
        .encode(
            x=alt.X("name:N", sort=None, title="people", axis=alt.Axis(labelAngle=0)),
            y=alt.Y("share:Q", title="share of households", axis=alt.Axis(format="~%")),
            tooltip=["name:N", alt.Tooltip("share:Q", format=".1%")],
        )
    )
    return finished(bars, height=260)


def shares_by_system(rows: Rows, column: str, *, scheme: str) -> Spec:
    """A share for each system and column, as a map of colours with the figures in it.

    Parameters
    ----------
    rows : system, share and a column of names
    column : what the rows of the map are: 'column' or 'cause'
    scheme : colours of Vega
    """
    names = list(dict.fromkeys(row[column] for row in rows))
    systems = list(dict.fromkeys(row["system"] for row in rows))
    largest = max((row["share"] for row in rows), default=0.0) or 1.0
    texts = [
        {**row, "text": _percent(row["share"]), "dark": row["share"] > 0.45 * largest}
        for row in rows
    ]
    base = alt.Chart(inline(texts)).encode(
        x=alt.X(
            "system:N",
            sort=systems,
            title=None,
            axis=alt.Axis(
                orient="top", labelAngle=0, ticks=False, domain=False,
                labelExpr="split(datum.label, '_')", labelLimit=90,
                labelPadding=17,  # room for the second line
            ),
        ),
        y=alt.Y(f"{column}:N", sort=names, title=None, axis=alt.Axis(ticks=False, domain=False)),
        tooltip=["system:N", f"{column}:N", alt.Tooltip("share:Q", format=".3%")],
    )  # fmt: skip
    cells = base.mark_rect(stroke="rgba(128,128,128,0.25)").encode(
        color=alt.Color(
            "share:Q", scale=alt.Scale(scheme=scheme, type="sqrt", domainMin=0), legend=None
        )
    )
    figures = base.mark_text(fontSize=10).encode(
        text="text:N",
        color=alt.condition("datum.dark", alt.value("white"), alt.value("#20262e")),
    )
    return finished(alt.layer(cells, figures), height=(ROW_HEIGHT + 2) * len(names))


def _percent(share: float) -> str:
    if share == 0:
        return ""
    return f"{100 * share:.0f}" if share >= 0.1 else f"{100 * share:.2g}"
