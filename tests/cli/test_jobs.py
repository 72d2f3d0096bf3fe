"""The commands on real files: what they write and print."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from .made_up_people import write_residents, write_westerners
from .shell import RUN_FILES, Shell

ROOT = Path(__file__).resolve().parents[2]
FEBRL_SCHEMA = ROOT / "bench" / "schemas" / "febrl.toml"


def test_dedupe_needs_no_option_for_resident_columns(
    resident_run: tuple[Path, Path], residents: tuple[Path, Path]
) -> None:
    """`mpi dedupe FILE --out DIR` alone writes every file of the contract."""
    out, _ = resident_run
    assert {path.name for path in out.iterdir()} >= RUN_FILES
    clusters = pq.read_table(out / "clusters.parquet")
    expected = ["source", "record_id", "enterprise_id", "cluster_size", "confidence"]
    assert expected == clusters.column_names
    assert 600 == clusters.num_rows
    facts = json.loads((out / "run.json").read_text())
    assert str(residents[0]) == facts["inputs"][0]["path"]
    assert 64 == len(facts["inputs"][0]["sha256"])
    assert 600 == facts["counts"]["records"]


def test_dedupe_prints_a_summary(mpi: Shell, residents: tuple[Path, Path], tmp_path: Path) -> None:
    """Counts, expected quality, seconds and where the report lies; stages on stderr."""
    answer = mpi("dedupe", residents[0], "--out", tmp_path / "out")
    assert 0 == answer.code
    for text in ("records", "600", "candidate pairs", "links", "people", "largest cluster"):
        assert text in answer.out
    assert str(tmp_path / "out" / "report.html") in answer.out
    assert "encode" in answer.err
    assert "王" not in answer.out + answer.err


def test_a_western_table_works_with_its_schema(mpi: Shell, tmp_path: Path) -> None:
    """--schema FILE serves any other table; truth confirms the result."""
    people, truth = write_westerners(tmp_path)
    answer = mpi("dedupe", people, "--schema", FEBRL_SCHEMA, "--out", tmp_path / "out", "--json")
    assert 0 == answer.code, answer.err
    assert 600 == json.loads(answer.out)["counts"]["records"]
    answer = mpi("evaluate", tmp_path / "out", "--truth", truth, "--json")
    assert 0 == answer.code, answer.err
    measures = json.loads(answer.out)["measures"]
    assert measures["precision"] > 0.95
    assert measures["recall"] > 0.8


def test_equal_runs_give_equal_results(
    mpi: Shell, residents: tuple[Path, Path], resident_run: tuple[Path, Path], tmp_path: Path
) -> None:
    """The same input and seed give the same clusters and links."""
    assert 0 == mpi("dedupe", residents[0], "--out", tmp_path / "out", "-q").code
    for name in ("clusters.parquet", "links.parquet"):
        assert pq.read_table(resident_run[0] / name).equals(pq.read_table(tmp_path / "out" / name))


def test_link_joins_two_tables(mpi: Shell, residents: tuple[Path, Path], tmp_path: Path) -> None:
    """`mpi link A B` links only records of different tables; one_to_one links each once."""
    lines = residents[0].read_text().splitlines()
    left, right = tmp_path / "left.csv", tmp_path / "right.csv"
    left.write_text("\n".join(lines[:1] + lines[1::3]) + "\n")
    right.write_text("\n".join(lines[:1] + lines[2::3]) + "\n")
    answer = mpi("link", left, right, "--clustering", "one_to_one", "--out", tmp_path / "out", "-q")
    assert 0 == answer.code, answer.err
    links = pq.read_table(tmp_path / "out" / "links.parquet").to_pylist()
    assert links
    assert all({"left", "right"} == {row["source_l"], row["source_r"]} for row in links)
    sizes = pq.read_table(tmp_path / "out" / "clusters.parquet")["cluster_size"].to_pylist()
    assert max(sizes) == 2


def test_a_trained_model_serves_another_run(
    mpi: Shell, residents: tuple[Path, Path], tmp_path: Path
) -> None:
    """`mpi train` writes a model that `mpi dedupe --model` uses."""
    model = tmp_path / "model.json"
    assert 0 == mpi("train", residents[0], "--out", model, "-q").code
    assert isinstance(json.loads(model.read_text()), dict)
    answer = mpi("dedupe", residents[0], "--model", model, "--out", tmp_path / "out", "-q")
    assert 0 == answer.code, answer.err
    assert 4 == mpi("train", residents[0], "--out", model).code
    labelled = mpi(
        "train", residents[0], "--labels", residents[1], "--out", model, "--overwrite", "-q"
    )
    assert 0 == labelled.code, labelled.err


def test_train_says_what_was_learnt(
    mpi: Shell, residents: tuple[Path, Path], tmp_path: Path
) -> None:
    """The prior, a line for each part, the lines, where the model went; as JSON every level."""
    model = tmp_path / "model.json"
    shown = mpi("train", residents[0], "--out", model).out
    for text in ("learnt by", "candidate pairs", "two random records match", "id_number", "lines"):
        assert text in shown
    assert shown.rstrip().endswith(str(model))
    told = json.loads(mpi("train", residents[0], "--out", model, "--overwrite", "--json").out)
    assert str(model) == told["model"]
    exact = next(each for each in told["levels"] if each["part"] == "id_number")
    assert exact["m_probability"] > exact["u_probability"]
    assert exact["match_weight"] > 10


# --------------------------------------------------------------------------------------- desk


def test_evaluate_prints_how_good_it_was(mpi: Shell, resident_run: tuple[Path, Path]) -> None:
    """Precision, recall, F1, B-cubed and false merges, for people and as JSON."""
    out, truth = resident_run
    answer = mpi("evaluate", out, "--truth", truth)
    assert 0 == answer.code, answer.err
    for text in ("precision", "recall", "f1", "cubed", "false merges"):
        assert text in answer.out.lower()
    told = json.loads(mpi("evaluate", out, "--truth", truth, "--json").out)
    assert told["measures"]["precision"] > 0.95
    assert "calibration" in answer.out.lower()
    surest = told["calibration"][-1]
    assert {"lower", "upper", "pairs", "expected_matches", "actual_matches"} == set(surest)
    assert surest["pairs"] == surest["actual_matches"]


def test_evaluate_takes_pairs_too(
    mpi: Shell, resident_run: tuple[Path, Path], tmp_path: Path
) -> None:
    """Truth may be a list of pairs."""
    pairs = tmp_path / "pairs.csv"
    pairs.write_text("record_id_l,record_id_r\nr00000,r00001\nr00003,r00004\n")
    assert 0 == mpi("evaluate", resident_run[0], "--truth", pairs).code


def test_explain_adds_up(mpi: Shell, resident_run: tuple[Path, Path]) -> None:
    """Prior and steps sum to the match weight in links.parquet; values only on request."""
    link = pq.read_table(resident_run[0] / "links.parquet").to_pylist()[0]
    words = ["explain", link["record_id_l"], link["record_id_r"], "--run", resident_run[0]]
    shown = json.loads(mpi(*words, "--json").out)
    total = shown["prior_match_weight"] + sum(
        step["match_weight"] + step["term_frequency_adjustment"] for step in shown["steps"]
    )
    assert link["match_weight"] == pytest.approx(total, abs=1e-6)
    answer = mpi(*words)
    assert 0 == answer.code
    assert f"{link['match_weight']:.2f} bits" in answer.out
    assert not any("人民路" in text for text in (answer.out, answer.err))
    assert "人民路" in mpi(*words, "--show-values").out


def test_explain_of_an_unknown_record_is_6(mpi: Shell, resident_run: tuple[Path, Path]) -> None:
    """A record id that the run does not know has an exit code of its own."""
    answer = mpi("explain", "r00000", "nobody", "--run", resident_run[0])
    assert 6 == answer.code
    assert 1 == answer.err.count("\n")


def test_profile_shows_shares_but_no_values(mpi: Shell, residents: tuple[Path, Path]) -> None:
    """Completeness and validity per field; the most frequent values only on request."""
    answer = mpi("profile", residents[0], "--quiet")
    assert 0 == answer.code, answer.err
    for field in ("name", "id_number", "birth_date", "phone"):
        assert field in answer.out
    surname_and_all = {line.split(",")[1] for line in residents[0].read_text().splitlines()[1:]}
    assert not any(name in answer.out for name in surname_and_all)
    assert isinstance(json.loads(mpi("profile", residents[0], "-q", "--json").out), dict)
    shown = mpi("profile", residents[0], "-q", "--show-values").out
    assert "男" in shown or any(name in shown for name in surname_and_all)


def test_analyse_counts_pairs_per_rule(mpi: Shell, residents: tuple[Path, Path]) -> None:
    """Pairs before running, and recall per rule when truth is given."""
    answer = mpi("analyse", residents[0], "--quiet")
    assert 0 == answer.code, answer.err
    assert "pairs" in answer.out
    with_truth = mpi("analyse", residents[0], "--truth", residents[1], "--quiet")
    assert 0 == with_truth.code, with_truth.err
    assert "recall" in with_truth.out


def test_schema_infer_drafts_a_usable_file(mpi: Shell, tmp_path: Path) -> None:
    """The draft describes the table well enough to run with it; notes say what was guessed."""
    people, _ = write_westerners(tmp_path)
    draft = tmp_path / "draft.toml"
    answer = mpi("schema", "infer", people, "--out", draft)
    assert 0 == answer.code, answer.err
    assert "" == answer.out
    assert "[fields." in draft.read_text()
    assert draft.read_text() == mpi("schema", "infer", people).out
    ran = mpi("dedupe", people, "--schema", draft, "--out", tmp_path / "out", "-q")
    assert 0 == ran.code, ran.err


def test_schema_show_lists_the_fields(mpi: Shell) -> None:
    """The built-in schema and a file's are shown as a table or as JSON."""
    assert "身份证号" in mpi("schema", "show").out
    shown = json.loads(mpi("schema", "show", FEBRL_SCHEMA, "--json").out)
    assert "febrl" == shown["schema"]["name"]
    assert 2 == mpi("schema", "show", "/nowhere.toml").code


def test_demo_runs_from_nothing(mpi: Shell, tmp_path: Path) -> None:
    """`mpi demo` makes its people, runs, and prints the accuracy, error by error."""
    answer = mpi("demo", "--out", tmp_path / "demo", "--people", 2000, "--json")
    assert 0 == answer.code, answer.err
    printed: dict[str, Any] = json.loads(answer.out)
    assert 5000 == printed["run"]["counts"]["records"]
    assert printed["evaluation"]["measures"]["precision"] > 0.99
    assert printed["evaluation"]["causes"]
    assert (tmp_path / "demo" / "result" / "report.html").exists()


def test_evaluate_writes_a_report(mpi: Shell, tmp_path: Path) -> None:
    """--report shows the truth on a page of its own, without a network."""
    people, truth = write_residents(tmp_path, 60)
    assert 0 == mpi("dedupe", people, "--out", tmp_path / "out", "--quiet").code
    page = tmp_path / "evaluation.html"
    assert 0 == mpi("evaluate", tmp_path / "out", "--truth", truth, "--report", page).code
    assert "against truth" in page.read_text("utf-8")
