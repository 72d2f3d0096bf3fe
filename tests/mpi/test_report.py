"""The report: complete, self-contained, readable without charts, and silent about persons."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from mpi.report import ReportData, render_report, write_report
from mpi.report_build import QUALITY_SOURCES_MAX, quality_by_source
from mpi.report_data import (
    FIELD_QUALITY,
    as_plain,
    cluster_size_table,
    thinned,
    unlinkables_curve,
    weight_histogram,
)
from mpi.report_html import Figure
from mpi.report_sections import build_sections
from mpi.report_words import (
    bytes_text,
    count_text,
    name_text,
    number_text,
    seconds_text,
    share_text,
)
from person.errors import OutputError
from tests.mpi.report_example import example_report, lines_at

SECTIONS = [
    "summary",
    "weights",
    "calibration",
    "evaluation",
    "comparisons",
    "examples",
    "blocking",
    "clusters",
    "unlinkables",
    "quality",
    "timing",
    "parameters",
    "run",
]
VALUES = ("欧阳修远", "歐陽修遠", "1987-03-12")


class Page(HTMLParser):
    """What a test wants to know of a page: tags with attributes, and the JSON scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self._script: dict[str, str | None] | None = None
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._script = dict(attrs) if tag == "script" else None

    def handle_data(self, data: str) -> None:
        if self._script is not None:
            self.scripts.append((self._script, data))
            self._script = None

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]

    def specifications(self) -> list[dict[str, object]]:
        return [
            json.loads(text)
            for attrs, text in self.scripts
            if attrs.get("class") == "specification"
        ]


@pytest.fixture(scope="module", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def page_text(_own_cache: None) -> str:
    pytest.importorskip("altair")
    pytest.importorskip("vl_convert")
    return render_report(example_report())


@pytest.fixture
def _no_altair(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "altair", None)
    monkeypatch.delitem(sys.modules, "mpi.report_charts", raising=False)
    monkeypatch.delitem(sys.modules, "mpi.report_chart_parts", raising=False)


def test_every_section_is_there_in_order(page_text: str) -> None:
    """A reader finds the same sections in the same order in every report."""
    assert SECTIONS == [attributes["id"] for attributes in Page(page_text).of("section")]


def test_every_section_is_linked_from_the_top(page_text: str) -> None:
    """The navigation leads to every section and nowhere else."""
    assert [f"#{name}" for name in SECTIONS] == [each["href"] for each in Page(page_text).of("a")]


def test_nothing_is_loaded_from_elsewhere(page_text: str) -> None:
    """The page opens without a network: no source, no sheet, no font, and it forbids itself any."""
    page = Page(page_text)
    assert [] == [tag for tag, attrs in page.tags if "src" in attrs or tag in ("link", "iframe")]
    style = page_text[page_text.index("<style>") : page_text.index("</style>")]
    assert "url(" not in style
    assert "@import" not in style
    policy = next(each for each in page.of("meta") if "http-equiv" in each)["content"] or ""
    assert policy.startswith("default-src 'none'")
    assert "http" not in policy


def test_the_chart_library_is_in_the_page_once(page_text: str) -> None:
    """Twenty charts do not bring twenty copies of a megabyte of JavaScript."""
    assert 1 == page_text.count("window.vegaEmbed=")
    assert len(page_text) < 2_000_000


def test_every_chart_has_words_and_a_table(page_text: str) -> None:
    """A reader who cannot see a chart gets its description and its numbers."""
    page = Page(page_text)
    charts = [each for each in page.of("div") if "chart" in (each.get("class") or "").split()]
    assert len(charts) == len(page.specifications()) >= 12
    assert all(each["role"] == "img" and each["aria-label"] for each in charts)
    assert len(page.of("figure")) == len(page.of("figcaption")) == len(charts)
    assert len(page.of("table")) >= len(charts)
    assert len(page.of("table")) == len(page.of("caption"))


def test_specifications_compile(page_text: str) -> None:
    """Every specification is one that Vega-Lite can compile, and holds its own rows."""
    converter = pytest.importorskip("vl_convert")
    for specification in Page(page_text).specifications():
        assert "container" == specification["width"]
        assert '"url"' not in json.dumps(specification)
        assert converter.vegalite_to_vega(specification)["marks"]


def test_specifications_satisfy_the_schema(page_text: str) -> None:
    """Drawn with every check of Altair switched on, the charts are the same."""
    charts = pytest.importorskip("mpi.report_charts")
    report = example_report().without_values()
    checked = [
        block.specification
        for section in build_sections(report, charts)
        for block in section.blocks
        if isinstance(block, Figure)
    ]
    assert checked == Page(page_text).specifications()


def test_no_value_of_a_person_unless_asked(page_text: str) -> None:
    """Compared values stay out, from the embedded data too, until someone asks for them."""
    assert not any(value in page_text for value in VALUES)
    asked = render_report(example_report(), include_values=True)
    assert all(value in asked for value in VALUES)
    assert "This file shows values of persons" in asked
    assert "This file shows values of persons" not in page_text


def test_chinese_text_stands_as_itself(page_text: str) -> None:
    """Names of sources and titles are written in their own characters, as UTF-8."""
    assert "市第一人民医院" in page_text
    assert {"charset": "utf-8"} in Page(page_text).of("meta")


def test_the_page_carries_its_numbers(page_text: str) -> None:
    """The embedded JSON is the report as `as_dict` gives it."""
    page = Page(page_text)
    [embedded] = [text for attrs, text in page.scripts if attrs.get("id") == "report-data"]
    assert example_report().without_values().as_dict() == json.loads(embedded)


def test_hostile_text_stays_text() -> None:
    """A file or level named like markup neither breaks nor scripts the page."""
    hostile = '</script><script>alert("1")</script><!--'
    report = example_report(with_truth=False)
    named = report.comparisons.set_column(1, "level", [[hostile] * report.comparisons.num_rows])
    calm = len(Page(render_report(report)).of("script"))
    page = Page(
        render_report(
            replace(
                report,
                title=hostile,
                warnings=(hostile,),
                comparisons=named,
                run={"command": hostile, "inputs": [{hostile: hostile}], "seconds": {hostile: 1.0}},
            )
        )
    )
    assert calm == len(page.of("script"))
    assert SECTIONS == [attributes["id"] for attributes in page.of("section")]


def test_a_run_of_nothing_still_gives_a_report() -> None:
    """No records, no pairs, no model: every section says that it has nothing."""
    page = render_report(ReportData(run={}))
    assert SECTIONS == [attributes["id"] for attributes in Page(page).of("section")]
    for said in ("No pair was scored.", "No truth was given.", "No clusters were built."):
        assert said in page
    assert "NaN" not in re.sub(r"<script type=.module.*?</script>", "", page, flags=re.S)


def test_thresholds_of_no_pairs_are_drawn() -> None:
    """Thresholds without a single pair behind them are a report, not a division by zero."""
    none = lines_at(np.zeros(0), np.zeros(0, np.int64))
    report = ReportData(run={"counts": {"records": 0}, "seconds": {"read": 0.0}}, thresholds=none)
    assert "expected precision" in render_report(report)


@pytest.mark.usefixtures("_no_altair")
def test_without_altair_the_numbers_are_tables() -> None:
    """Without the chart packages the page has the same sections and says how to get charts."""
    page_text = render_report(example_report())
    page = Page(page_text)
    assert SECTIONS == [attributes["id"] for attributes in page.of("section")]
    assert "pip install" in page_text
    assert [] == page.specifications()
    assert "vegaEmbed" not in page_text
    assert len(page.of("table")) >= 15
    assert "621,234" in page_text


def test_same_numbers_same_bytes(page_text: str) -> None:
    """A report is a pure function of its numbers."""
    assert page_text == render_report(example_report())


def test_a_file_that_cannot_be_written_is_one_error(tmp_path: Path) -> None:
    """A missing directory ends in an OutputError that names it, and leaves nothing."""
    target = tmp_path / "absent" / "report.html"
    with pytest.raises(OutputError, match="absent"):
        write_report(ReportData(run={}), target)
    assert [] == list(tmp_path.iterdir())


def test_tables_are_bounded() -> None:
    """A table of ten thousand rows shows its first and says how many it leaves out."""
    report = example_report(with_truth=False)
    runs = report.largest_runs.slice(0, 1).to_pylist() * 10_000
    many = replace(report, largest_runs=report.largest_runs.from_pylist(runs))
    page = render_report(many)
    assert "first 250 rows; 9,750 more" in page


def test_histogram_counts_every_pair_once_and_splits_at_the_lines() -> None:
    """The bars add up to the pairs, and none stands on both sides of a threshold."""
    random = np.random.default_rng(2)
    weights = random.normal(0, 20, 5000)
    counts = random.integers(0, 50, 5000)
    lines = lines_at(weights, counts)
    decisions = np.where(weights >= lines.link_weight, "MATCH", "NO_MATCH")
    table = weight_histogram(weights, counts, decisions, thresholds=lines)
    assert counts.sum() == sum(table["pairs"].to_pylist())
    for row in table.to_pylist():
        for line in (lines.link_weight, lines.review_weight):
            assert not row["lower"] < line < row["upper"]
        if row["decision"] == "MATCH":
            assert row["lower"] >= lines.link_weight
    assert 0 == weight_histogram(weights[:0], counts[:0], []).num_rows


def test_unlinkables_curve_equals_the_naive_count() -> None:
    """At each threshold the curve is the share of records strictly under it."""
    random = np.random.default_rng(4)
    weights, counts = random.normal(20, 10, 400), random.integers(1, 9, 400)
    for row in unlinkables_curve(weights, counts).to_pylist():
        naive = counts[weights < row["weight"]].sum() / counts.sum()
        assert naive == pytest.approx(row["share"])
    assert unlinkables_curve(weights, counts).num_rows <= 200
    assert [0.0, 1.0] == [unlinkables_curve(np.array([3.0]))["share"][i].as_py() for i in (0, -1)]


def test_cluster_sizes_are_counted() -> None:
    """Sizes come out once each, rising."""
    table = cluster_size_table(np.array([1, 3, 1, 2, 1]))
    expected = [{"size": s, "clusters": c} for s, c in ((1, 3), (2, 1), (3, 1))]
    assert expected == table.to_pylist()


def test_thinning_keeps_both_ends() -> None:
    """A curve for a page is short and spans the same range."""
    curve = example_report().evaluation.curve
    short = thinned(curve, 100)
    assert 100 == short.num_rows
    assert curve["weight"][0] == short["weight"][0]
    assert curve["weight"][-1] == short["weight"][-1]


def test_plain_values_can_be_json() -> None:
    """Numpy, Arrow and not-a-number all become something JSON has a word for."""
    value = {"a": np.float64(2.5), "b": np.array([1, 2]), "c": float("nan"), "d": (Path("x"),)}
    assert {"a": 2.5, "b": [1, 2], "c": None, "d": ["x"]} == as_plain(value)
    assert json.dumps(example_report().as_dict(), allow_nan=False)


def test_a_table_with_a_missing_column_is_our_own_mistake() -> None:
    """A part that lacks a column is refused when the report is put together."""
    with pytest.raises(AssertionError, match="clusters"):
        ReportData(run={}, cluster_sizes=cluster_size_table(np.array([1])).select(["size"]))


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.0, "0 %"),
        (1.0, "100 %"),
        (0.5, "50.0 %"),
        (0.9861, "98.6 %"),
        (0.99987, "99.987 %"),
        (0.999977, "99.9977 %"),
        (1 - 1e-12, "over 99.99999 %"),
        (1e-12, "under 0.00001 %"),
        (0.0004, "0.040 %"),
    ],
)
def test_shares_never_round_to_all_or_none(share: float, text: str) -> None:
    """A precision of 0.99998 is not printed as 100 %."""
    assert text == share_text(share)


def test_numbers_read_well() -> None:
    """Counts, sizes, durations and names are printed for people."""
    assert "1,234,567" == count_text(1_234_567)
    assert "" == count_text(None)
    assert "3.40e-07" == number_text(3.4e-7)
    assert "871 MiB" == bytes_text(913_000_000)
    assert ["9.88 s", "2 min 5 s", "1 h 1 min"] == [seconds_text(s) for s in (9.88, 125, 3660)]
    assert "false merges per 10,000 entities" == name_text("false_merges_per_10_000_entities")


@pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not installed")
@pytest.mark.parametrize("width", [1200, 500])
def test_a_browser_draws_every_chart_without_complaint(
    page_text: str, tmp_path: Path, width: int
) -> None:
    """A real browser finds nothing to report on its console and draws all charts."""
    file = tmp_path / "report.html"
    file.write_text(page_text, encoding="utf-8")
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic"]
    command += ["--no-first-run", "--disable-background-networking", "--disable-component-update"]
    command += ["--disable-sync", "--enable-logging=stderr", "--virtual-time-budget=20000"]
    command += [f"--user-data-dir={tmp_path / 'profile'}", f"--window-size={width},4000"]
    done = subprocess.run(
        [*command, "--dump-dom", file.as_uri()], capture_output=True, timeout=120, check=True
    )
    complaints = [line for line in done.stderr.decode().splitlines() if "CONSOLE" in line]
    assert [] == complaints
    dom = done.stdout.decode()
    assert 'data-drawn="true"' in dom
    drawn = len(re.findall(r"<svg[^>]*class=\"marks\"", dom))
    assert len(Page(page_text).specifications()) == drawn


def test_many_sources_are_told_together() -> None:
    """Data quality of the largest sources one by one, of all others in one sum."""
    rows = [
        {"source": f"s{n}", "field": field, "status": status, "reason": reason, "records": n + 1}
        for n in range(100)
        for field in ("name", "phone")
        for status, reason in (("valid", None), ("invalid", "bad_length"))
    ]
    table = pa.Table.from_pylist(rows, FIELD_QUALITY)
    found = quality_by_source(table)
    sources = list(dict.fromkeys(found["source"].to_pylist()))
    kept = QUALITY_SOURCES_MAX - 1
    assert [f"s{99 - n}" for n in range(kept)] == sources[:kept]
    assert [f"{100 - kept} other sources"] == sources[kept:]
    assert sum(table["records"].to_pylist()) == sum(found["records"].to_pylist())
    few = table.slice(0, 4)
    assert few.equals(quality_by_source(few))


def test_stages_show_how_many_processors_they_kept_busy() -> None:
    """run.json's profile stands in the table of stages; a run without one has no such column."""
    report = example_report()
    taken = {"cpu_seconds": 3.8, "peak_memory_bytes": 1 << 29}
    stages = [
        {"stage": name, "seconds": each, **taken} for name, each in report.run["seconds"].items()
    ]
    (timed,) = (
        each
        for each in build_sections(replace(report, run={**report.run, "stages": stages}), None)
        if each.key == "timing"
    )
    table = timed.blocks[0].table
    assert ("stage", "seconds", "share", "processors busy", "peak memory") == tuple(table.columns)
    assert ["train", "1.9", "19.2 %", "2.00", "512 MiB"] == table.rows[1]
