"""The comparison with other engines as Markdown and charts."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from bench.charts import AMBER, BLUE, RED, TEAL, altair, save_chart
from bench.facts import facts_line
from bench.peers_data import RULE_SETS

__all__ = ["markdown", "write_report"]

COLOURS: Final = {
    "this engine": TEAL, "Splink 5": AMBER, "recordlinkage": BLUE, "GoldenMatch": RED,
}  # fmt: skip


def write_report(found: dict[str, Any], out: Path) -> None:
    """Write peers.md and, where anything was measured, its charts, into `out`."""
    (out / "peers.md").write_text(markdown(found), encoding="utf-8")
    if found["results"]:
        save_chart(cost_chart(found), out / "peers-cost")
        save_chart(accuracy_chart(found), out / "peers-accuracy")


def markdown(found: dict[str, Any]) -> str:
    """A table for each set of rules, what each engine was given, and who was left out."""
    lines = [f"# {found['records']:,} generated residents, engine beside engine", ""]
    for rules, members in RULE_SETS.items():
        results = [each for each in found["results"] if each["rules"] == rules]
        if not results:
            continue
        names = "; ".join(rule.name for rule in members)
        lines += [f"## {rules.capitalize()} rules", "", f"{names}.", "", *_table(results), ""]
        lines += [*_stages(results), ""]
        if len(results) > 1 and found["pair_counts_agree"][rules]:
            lines += ["Every engine that counts candidate pairs found the same number.", ""]
    if found["left_out"]:
        lines += ["Left out:", "", *(f"- {reason}" for reason in found["left_out"]), ""]
    lines += [
        "Seconds run from before the engine is imported to clusters in hand; processor seconds are "
        "those of all threads meanwhile. Our engine reads raw "
        "text; the peers are given its cleaned values, whose making is not in their time. Ours "
        "also judges clusters as wholes and writes its results, links and report to disk. F1 is "
        "over pairs of records put together; the best cut is chosen with the truth.",
        "",
        facts_line(found["run"]),
        "",
    ]
    return "\n".join(lines)


def _table(results: list[dict[str, Any]]) -> list[str]:
    header = [
        "engine", "seconds", "× ours", "processor s", "peak MiB", "pairs", "precision", "recall",
        "F1 at default", "F1 at best cut", "false merges / 10,000", "default",
    ]  # fmt: skip
    ours = next((each["seconds"] for each in results if each["engine"] == "ours"), None)
    lines = ["| " + " | ".join(header) + " |", "| " + " | ".join(["---"] * len(header)) + " |"]
    for each in results:
        at_default = each["at_default"]
        mark = "*" if "pairs_are" in each else ""
        cells = [
            each["title"],
            f"{each['seconds']:.1f}",
            f"{each['seconds'] / ours:.1f}" if ours else "",
            f"{each['cpu_seconds']:.1f}",
            f"{each['peak_bytes'] / 2**20:,.0f}",
            f"{each['pairs']:,}{mark}",
            f"{at_default['precision']:.4f}",
            f"{at_default['recall']:.4f}",
            f"{at_default['f1']:.4f}",
            f"{each['best_cut_f1']:.4f}",
            f"{at_default['false_merges_per_10_000_people']:.1f}",
            each["default"],
        ]
        lines.append("| " + " | ".join(cells) + " |")
    if any("pairs_are" in each for each in results):
        lines += ["", "\\* pairs scored above the engine's own cut; it does not tell how many it "
                  "compared."]  # fmt: skip
    return lines


def _stages(results: list[dict[str, Any]]) -> list[str]:
    """Where the seconds went, of the engines that tell."""
    return [
        f"- {each['title']}: "
        + ", ".join(f"{n} {s:.1f}" for n, s in each["stages"].items() if n != "total")
        for each in results
        if each["stages"]
    ]


def _rows(found: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "engine": each["title"],
            "rules": f"{each['rules']} rules",
            "seconds": each["seconds"],
            "MiB": each["peak_bytes"] / 2**20,
            "F1": each["at_default"]["f1"],
            "best": each["best_cut_f1"],
        }
        for each in found["results"]
    ]


def cost_chart(found: dict[str, Any]) -> Any:
    """Seconds and peak memory of each engine, a row for each set of rules."""
    alt = altair()
    rows = _rows(found)
    order = [title for title in COLOURS if title in {row["engine"] for row in rows}]
    sets = [
        f"{rules} rules" for rules in RULE_SETS if f"{rules} rules" in {r["rules"] for r in rows}
    ]

    def bars(rules: str, field: str, title: str, form: str, *, with_names: bool) -> Any:
        largest = max(row[field] for row in rows)
        base = alt.Chart(alt.Data(values=[row for row in rows if row["rules"] == rules])).encode(
            y=alt.Y(
                "engine:N",
                sort=order,
                title=rules if with_names else None,
                axis=alt.Axis(
                    labels=with_names, ticks=False, domain=False, labelPadding=8, titlePadding=12
                ),
            ),
            x=alt.X(
                f"{field}:Q",
                title=title,
                scale=alt.Scale(domain=[0, 1.18 * largest]),
                axis=alt.Axis(tickCount=5, format="~s"),
            ),
        )
        colour = alt.Color(
            "engine:N",
            scale=alt.Scale(domain=list(COLOURS), range=list(COLOURS.values())),
            legend=None,
        )
        text = base.mark_text(align="left", dx=5, fontSize=12).encode(
            text=alt.Text(f"{field}:Q", format=form)
        )
        return (base.mark_bar(height=18).encode(color=colour) + text).properties(
            width=330, height=alt.Step(28)
        )

    panels = [
        alt.hconcat(
            bars(rules, "seconds", "seconds", ",.1f", with_names=True),
            bars(rules, "MiB", "peak memory, MiB", ",.0f", with_names=False),
            spacing=24,
        )
        for rules in sets
    ]
    title = f"{found['records']:,} records: time and memory, shorter is better"
    return alt.vconcat(*panels, spacing=18).properties(title=title)


def accuracy_chart(found: dict[str, Any]) -> Any:
    """F1 at each engine's default, and at the cut that is best when the truth is known."""
    alt = altair()
    rows = _rows(found)
    order = [title for title in COLOURS if title in {row["engine"] for row in rows}]
    least = min(min(row["F1"], row["best"]) for row in rows)
    span = max(1.0 - least, 0.002)
    kinds = {"F1": "at its default", "best": "at the best cut"}
    points = [
        {**row, "value": row[field], "cut": name, "text": f"{row[field]:.4f}"}
        for row in rows
        for field, name in kinds.items()
    ]
    sets = [
        f"{rules} rules" for rules in RULE_SETS if f"{rules} rules" in {r["rules"] for r in rows}
    ]

    def panel(rules: str) -> Any:
        base = alt.Chart(
            alt.Data(values=[each for each in points if each["rules"] == rules])
        ).encode(
            y=alt.Y("engine:N", sort=order, title=rules,
                    axis=alt.Axis(ticks=False, domain=False, labelPadding=8, titlePadding=12)),
            x=alt.X("value:Q", title="F1 over pairs",
                    scale=alt.Scale(domain=[max(0.0, least - 0.1 * span), 1.0 + 0.02 * span],
                                    zero=False, nice=False),
                    axis=alt.Axis(tickCount=6, format=".4~f")),
            yOffset=alt.YOffset("cut:N", sort=list(kinds.values())),
        )  # fmt: skip
        cut = alt.Color(
            "cut:N",
            sort=list(kinds.values()),
            scale=alt.Scale(domain=list(kinds.values()), range=[TEAL, AMBER]),
            legend=alt.Legend(title=None, orient="top"),
        )
        dots = base.mark_point(filled=True, size=90, opacity=1).encode(color=cut)
        text = base.mark_text(fontSize=11, dx=9, align="left").encode(text="text:N")
        return (dots + text).properties(width=620, height=alt.Step(36, **{"for": "position"}))

    title = f"{found['records']:,} records: F1, further right is better"
    return alt.vconcat(*(panel(rules) for rules in sets), spacing=14).properties(title=title)
