"""The page of a population check: verdict, figures beside facts, pictures."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from data_gen.check import PopulationCheck
from data_gen.findings import Finding
from mpi.report import render_page
from mpi.report_html import Figure, Section, Table, Tile
from mpi.report_words import bytes_text, count_text, number_text, share_text

__all__ = ["finding_texts", "render_population_check"]

GRADES = (
    "Bounds hold what the reference leaves open and what chance does at this size. Grades:"
    " A official or peer reviewed, B press copy of an official figure, C weak, D computed from"
    " public data, P the generator's own plan."
)
_RESULTS = {True: "ok", False: "FAILS"}


def render_population_check(check: PopulationCheck) -> str:
    """Give the check as the text of an HTML page.

    Parameters
    ----------
    check : what was found

    Returns
    -------
    str
    """
    parameters = check.manifest.parameters
    subtitle = f"mpi generate check · seed {parameters['seed']} · {count_text(check.people)} people"
    return render_page(
        "Generated population",
        subtitle=f'<p class="subtitle">{subtitle}</p>',
        build=lambda charts: _sections(check, charts),
        data={
            "problems": list(check.problems),
            "findings": [finding_texts(finding) for finding in check.findings],
            "charts": check.charts,
        },
        footer="All people of this population are made up.",
    )


def finding_texts(finding: Finding) -> tuple[str, ...]:
    """Word a finding: name, value, reference, bounds, result, grade, source.

    Parameters
    ----------
    finding : one row of the check
    """
    value = _value(finding, finding.value)
    if finding.reference is None:
        return (finding.name, value, "", "", "", "", "")
    bounds = f"{_value(finding, finding.low)} to {_value(finding, finding.high)}"
    return (
        finding.name,
        value,
        _value(finding, finding.reference),
        bounds if finding.low < finding.high else "exactly",
        _RESULTS[finding.passed],
        finding.grade,
        finding.source,
    )


def _value(finding: Finding, value: float) -> str:
    if finding.form == "count":
        return count_text(int(value))
    if finding.form == "number":
        return f"{value:.2e}" if value >= 1e7 else number_text(value)
    return share_text(value) if 0 < value < 1 else f"{100 * min(max(value, 0.0), 1.0):.0f} %"


def _sections(check: PopulationCheck, charts: ModuleType | None) -> tuple[Section, ...]:
    pictures = None
    if charts is not None:
        pictures = import_module("mpi.report_population_charts")
    chapters = dict.fromkeys(finding.chapter for finding in check.findings)
    return (
        _summary(check),
        *(_chapter(check, name, pictures) for name in chapters),
        *([_causes(check, pictures)] if check.charts.get("causes") else []),
    )


def _summary(check: PopulationCheck) -> Section:
    held = check.manifest
    judged = [finding for finding in check.findings if finding.reference is not None]
    lead = (
        f"All {len(judged)} figures lie within their bounds."
        if check.passed
        else f"{len(check.problems)} files and {len(check.failed)} of {len(judged)} figures are"
        " wrong."
    )
    failed = [(finding.chapter, *finding_texts(finding)) for finding in check.failed]
    columns = ("chapter", "figure", "measured", "reference", "bounds", "", "grade", "source")
    parameters = Table(
        "Parameters", ("parameter", "value"),
        [[name, str(value)] for name, value in held.parameters.items()], frozenset({1}),
    )  # fmt: skip
    systems = Table(
        "Records by system", ("system", "records"),
        [[name, count_text(rows)] for name, rows in held.rows_by_system.items()], frozenset({1}),
    )  # fmt: skip
    blocks = [Table("Out of bounds", columns, failed)] if failed else []
    return Section(
        "summary",
        "Verdict",
        f"{lead} {GRADES}",
        (*blocks, systems, parameters),
        tiles=(
            Tile("result", "passed" if check.passed else "FAILED"),
            Tile("people", count_text(held.people), f"{count_text(check.people)} looked at"),
            Tile(
                "records", count_text(held.stop - held.start), f"{count_text(check.records)} read"
            ),
            Tile("sources", count_text(len(held.rows_by_source))),
            Tile("files", count_text(len(held.files)), bytes_text(held.size_bytes)),
        ),
        warnings=check.problems,
    )


def _chapter(check: PopulationCheck, name: str, pictures: ModuleType | None) -> Section:
    findings = [finding for finding in check.findings if finding.chapter == name]
    table = Table(
        f"{_title(name)}: measured and expected",
        ("figure", "measured", "reference", "bounds", "", "grade", "source"),
        [finding_texts(finding) for finding in findings],
        frozenset({1, 2, 3}),
    )
    failed = sum(not finding.passed for finding in findings)
    lead = f"{failed} of {len(findings)} figures are out of bounds." if failed else ""
    figures = _figures(check, name, pictures)
    key = name.replace(" ", "-")
    return Section(key, _title(name), lead, (*figures, table))


def _title(name: str) -> str:
    return name[:1].upper() + name[1:]


def _figures(check: PopulationCheck, name: str, pictures: ModuleType | None) -> list[Figure]:
    rows = check.charts
    found = []
    if name == "age and sex" and rows.get("pyramid"):
        found.append(
            Figure(
                "pyramid", "", "Bars: generated. Marks: census 2020.",
                pictures.pyramid(rows["pyramid"]) if pictures else None,
                _share_table("Age and sex", rows["pyramid"], ("age", "sex"), ("share", "census")),
            )
        )  # fmt: skip
    if name == "households" and rows.get("households"):
        found.append(
            Figure(
                "households", "", "Households by the number of people who live in them.",
                pictures.household_sizes(rows["households"]) if pictures else None,
                _share_table("Households", rows["households"], ("size",), ("share",)),
            )
        )  # fmt: skip
    if name == "surnames of Han people" and rows.get("surnames"):
        found.append(
            Figure(
                "surnames", "", "Share of people who have one of the so many commonest surnames.",
                pictures.surname_curve(rows["surnames"]) if pictures else None,
                _share_table("Surnames", rows["surnames"], ("rank", "origin"), ("share",)),
            )
        )  # fmt: skip
    if name == "given names" and rows.get("one_character"):
        found.append(
            Figure(
                "one-character", "", "One-character given names of Han people by years of birth.",
                pictures.one_character_names(rows["one_character"]) if pictures else None,
                _share_table(
                    "One character", rows["one_character"], ("cohort", "origin"), ("share",)
                ),
            )
        )  # fmt: skip
    if name == "sources" and rows.get("missing"):
        found.append(
            Figure(
                "missing", "", "Missing values by source system and column, in per cent.",
                pictures.shares_by_system(rows["missing"], "column", scheme="blues")
                if pictures
                else None,
                _share_table("Missing", rows["missing"], ("system", "column"), ("share",)),
            )
        )  # fmt: skip
    return found


def _causes(check: PopulationCheck, pictures: ModuleType | None) -> Section:
    rows = check.charts["causes"]
    figure = Figure(
        "cause-map", "", "Records with each cause of error by source system, in per cent.",
        pictures.shares_by_system(rows, "cause", scheme="oranges") if pictures else None,
        _share_table("Causes of error", rows, ("system", "cause"), ("share",)),
    )  # fmt: skip
    lead = "How often each thing was done to a record. A record may have several."
    return Section("causes", "Causes of error", lead, (figure,))


def _share_table(
    caption: str,
    rows: list[dict[str, object]],
    names: tuple[str, ...],
    shares: tuple[str, ...],
) -> Table:
    return Table(
        caption,
        (*names, *shares),
        [
            [*(str(row[name]) for name in names), *(share_text(float(str(row[s]))) for s in shares)]
            for row in rows
        ],
        frozenset(range(len(names), len(names) + len(shares))),
    )
