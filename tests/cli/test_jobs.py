"""The commands on real files: what they write, print and refuse."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cli.main import run

from .made_up_people import write_residents, write_westerners
from .shell import Shell

ROOT = Path(__file__).resolve().parents[2]
FEBRL_SCHEMA = ROOT / "bench" / "schemas" / "febrl.toml"
CONTRACT = {
    "clusters.parquet",
    "links.parquet",
    "review.parquet",
    "rejects.parquet",
    "model.json",
    "run.json",
    "report.html",
}


@pytest.fixture(scope="module")
def residents(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return write_residents(tmp_path_factory.mktemp("residents"))


@pytest.fixture(scope="module")
def resident_run(
    residents: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path]:
    """A finished run on residents, and its truth."""
    out = tmp_path_factory.mktemp("run") / "result"
    assert 0 == run(["dedupe", str(residents[0]), "--out", str(out), "--quiet"])
    return out, residents[1]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# ---------------------------------------------------------------------------------- main jobs


def test_dedupe_needs_no_option_for_resident_columns(
    resident_run: tuple[Path, Path], residents: tuple[Path, Path]
) -> None:
    """`mpi dedupe FILE --out DIR` alone writes every file of the contract."""
    out, _ = resident_run
    assert set(names(out)) >= CONTRACT
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


# -------------------------------------------------------------------------------- bad input

HEADER = "record_id,name,birth_date\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no such file"),
        (b"", "the file is empty"),
        (HEADER.encode(), "only a header line"),
        (b"record_id,name,name\n1,a,b\n", "more than one column is named name"),
        (b"x,y\n1,2\n", "no column belongs to the schema"),
        ((HEADER + "1,王伟,1980-01-01\n").encode("utf-16"), "UTF-16"),
        (b"PAR1 cut short", "damaged or cut short"),
        (HEADER.encode() + b"1\n2\n", "no usable row"),
        (HEADER.encode() + "1,王伟,1980-01-01\n".encode() * 9 + b"2,\xff\xff,\n", "line 11"),
        (b"\n  \n\n", "only blank lines"),
        (b"\xef\xbb\xbf" + "姓名,出生日期\n王伟,1980-01-01\n".encode("gb18030"), "byte order mark"),
        (b"\0" * 5000, "binary data"),
    ],
)
def test_bad_inputs_are_one_line_and_3(
    mpi: Shell, tmp_path: Path, content: bytes | None, message: str
) -> None:
    """Each ends in one clear line on stderr and exit code 3, and leaves nothing behind."""
    path = tmp_path / "in" / "people.csv"
    path.parent.mkdir()
    if content is not None:
        path.write_bytes(content)
    answer = mpi("dedupe", path, "--out", tmp_path / "out", "--quiet")
    assert (3, "") == (answer.code, answer.out)
    assert message in answer.err
    assert 1 == answer.err.count("\n")
    assert ["in"] == names(tmp_path)


def test_text_that_is_not_utf8_in_parquet_is_3(mpi: Shell, tmp_path: Path) -> None:
    """Parquet promises UTF-8 and does not check it; the column is named, never its bytes."""
    raw = pa.array([b"\xff\xfe", b"ok"], pa.binary())
    text = pa.Array.from_buffers(pa.string(), 2, raw.buffers())
    for name in ("record_id", "name", "source"):
        path = tmp_path / f"{name}.parquet"
        columns = {"record_id": ["1", "2"], "name": ["王伟", "李娜"], "source": ["a", "b"]}
        pq.write_table(pa.table({**columns, name: text}), path)
        answer = mpi("dedupe", path, "--out", tmp_path / "out", "--quiet")
        assert 3 == answer.code, answer.err
        assert f"the column {name} holds bytes that are not UTF-8" in answer.err
        assert 1 == answer.err.count("\n")
    assert not (tmp_path / "out").exists()


def test_what_is_no_file_is_3(mpi: Shell, tmp_path: Path) -> None:
    """A pipe, which can be read only once, and a link to itself are refused at once."""
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "loop.csv").symlink_to("loop.csv")
    for name, message in (("pipe.csv", "a pipe"), ("loop.csv", "symbolic links")):
        answer = mpi("dedupe", tmp_path / name, "--out", tmp_path / "out", "-q")
        assert (3, "") == (answer.code, answer.out)
        assert message in answer.err
        assert 1 == answer.err.count("\n")


def test_a_file_named_like_an_option_is_read_after_two_dashes(
    mpi: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`mpi schema infer -- --help` reads the file called --help."""
    (tmp_path / "--help").write_text(HEADER + "1,王伟,1980-01-01\n2,李娜,1990-02-03\n")
    monkeypatch.chdir(tmp_path)
    answer = mpi("schema", "infer", "--", "--help")
    assert 0 == answer.code, answer.err
    assert "[fields.birth_date]" in answer.out


def test_thousands_of_columns_and_giant_cells_still_run(mpi: Shell, tmp_path: Path) -> None:
    """Columns that no field wants and a cell of a million characters do no harm."""
    path = tmp_path / "wide.csv"
    extra = [f"c{number}" for number in range(5000)]
    lines = [",".join([*HEADER.strip().split(","), *extra])]
    for record_id, name in (("1", "王伟"), ("2", "王伟"), ("3", "王" * 1_000_000)):
        lines.append(",".join([record_id, name, "1980-01-01", *("v" for _ in extra)]))
    path.write_text("\n".join(lines) + "\n")
    answer = mpi("dedupe", path, "--out", tmp_path / "out", "--json")
    assert 0 == answer.code, answer.err
    assert 3 == json.loads(answer.out)["counts"]["records"]


def test_gb18030_under_chinese_headers(
    mpi: Shell, residents: tuple[Path, Path], tmp_path: Path
) -> None:
    """The usual export of a Chinese desktop is read as it is."""
    path = tmp_path / "居民.csv"
    path.write_bytes(residents[0].read_text("utf-8").encode("gb18030"))
    answer = mpi("dedupe", path, "--out", tmp_path / "out", "--json")
    assert 0 == answer.code, answer.err
    facts = json.loads(answer.out)
    assert ("gb18030", 600) == (facts["inputs"][0]["encoding"], facts["counts"]["records"])


@pytest.mark.parametrize(
    ("rows", "people"),
    [
        (["1,王伟,1980-01-01"], 1),
        ([f"{i},王伟,1980-01-01" for i in range(50)], None),
        (["1,王\0伟,1980-01-01", "2,李娜,1990-02-03"], 2),
        (["1,,", "2,,"], 2),
    ],
)
def test_odd_tables_still_run(
    mpi: Shell, tmp_path: Path, rows: list[str], people: int | None
) -> None:
    """One row, identical rows, NUL bytes and rows that hold nothing end in a result."""
    path = tmp_path / "people.csv"
    path.write_text(HEADER + "\n".join(rows) + "\n")
    answer = mpi("dedupe", path, "--out", tmp_path / "out", "--json")
    assert 0 == answer.code, answer.err
    counts = json.loads(answer.out)["counts"]
    assert len(rows) == counts["records"]
    if people is not None:
        assert people == counts["people"]


def test_rejects_are_written_with_their_place(mpi: Shell, tmp_path: Path) -> None:
    """Rows that cannot be used are counted and kept with file, row and reason; --strict refuses."""
    path = tmp_path / "people.csv"
    rows = [
        "1,王伟,1980-01-01",
        "2,李娜",
        ",张敏,1970-01-01",
        "1,刘洋,1960-01-01",
        "5,陈杰,1950-01-01",
    ]
    path.write_text(HEADER + "\n".join(rows) + "\n")
    answer = mpi("dedupe", path, "--out", tmp_path / "out", "--json")
    assert 0 == answer.code, answer.err
    assert 3 == json.loads(answer.out)["counts"]["rejects"]
    rejects = pq.read_table(tmp_path / "out" / "rejects.parquet").to_pylist()
    assert [2, 3, 4] == [row["row"] for row in rejects]
    assert {str(path)} == {row["file"] for row in rejects}
    assert all(row["reason"] for row in rejects)
    strict = mpi("dedupe", path, "--out", tmp_path / "strict", "--strict", "-q")
    assert 3 == strict.code
    assert "3 rows cannot be used" in strict.err
    assert "王" not in strict.err
    assert not (tmp_path / "strict").exists()


def test_equal_ids_of_two_sources_are_two_records(mpi: Shell, tmp_path: Path) -> None:
    """Two sources may use the same record ids."""
    for name in ("a", "b"):
        (tmp_path / f"{name}.csv").write_text(HEADER + "1,王伟,1980-01-01\n2,李娜,1990-02-03\n")
    answer = mpi("dedupe", tmp_path / "?.csv", "--out", tmp_path / "out", "--json")
    assert 0 == answer.code, answer.err
    counts = json.loads(answer.out)["counts"]
    assert (4, 0) == (counts["records"], counts["rejects"])


# ----------------------------------------------------------------------------------- bad output


def test_an_existing_result_is_kept(mpi: Shell, resident_run: tuple[Path, Path]) -> None:
    """Without --overwrite the run does not begin, exit code 4."""
    answer = mpi("dedupe", "any.csv", "--out", resident_run[0])
    assert answer.code in (3, 4)
    assert set(names(resident_run[0])) >= CONTRACT


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 24 KiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=24k", "tmpfs", str(disk)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("may not mount a file system")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_full_disk_is_4_and_leaves_nothing(
    mpi: Shell, residents: tuple[Path, Path], small_disk: Path
) -> None:
    """A disk that fills while results are written: one line, exit code 4, nothing left."""
    answer = mpi("dedupe", residents[0], "--out", small_disk / "out", "--quiet")
    assert 4 == answer.code
    assert "disk" in answer.err
    assert ".partial" not in answer.err
    assert 1 == answer.err.count("\n")
    assert [] == names(small_disk)


def test_a_full_scratch_disk_is_4_and_names_tmpdir(
    mpi: Shell,
    residents: tuple[Path, Path],
    small_disk: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Temporary files that do not fit end the run in a line that says where they went."""
    monkeypatch.setattr(tempfile, "tempdir", str(small_disk))
    answer = mpi("dedupe", residents[0], "--out", tmp_path / "out", "--quiet")
    assert 4 == answer.code
    assert "TMPDIR" in answer.err
    assert 1 == answer.err.count("\n")
    assert ([], False) == (names(small_disk), (tmp_path / "out").exists())


@pytest.mark.parametrize(("signal_number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_run_leaves_nothing(tmp_path: Path, signal_number: int, code: int) -> None:
    """Ctrl-C and SIGTERM in the middle of a run: one line, its exit code, no output, no scratch."""
    people, _ = write_residents(tmp_path, 40_000)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-m", "cli", "dedupe", str(people), "--out", str(tmp_path / "out")],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(scratch), "MPI_DEBUG": ""},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A test run in the background of a shell ignores Ctrl-C, and its children would too.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    deadline = time.monotonic() + 60
    while not any(scratch.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(0.3)
    assert process.poll() is None, "the run was over before it could be interrupted"
    process.send_signal(signal_number)
    out, err = process.communicate(timeout=60)
    assert (code, "") == (process.returncode, out)
    assert "Traceback" not in err
    assert err.splitlines()[-1].startswith("mpi: error: ")
    assert ["residents.csv", "scratch", "truth.csv"] == names(tmp_path)
    assert [] == names(scratch)


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
