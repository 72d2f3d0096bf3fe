"""Inputs that are not as they should be: refused in one line, or read as far as they can be."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from .shell import Shell

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
    assert ["in"] == [path.name for path in tmp_path.iterdir()]


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


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("people.csv", HEADER.encode(), "damaged, or not a Parquet table that a run wrote"),
        ("run/clusters.parquet", b"PAR1 cut short", "damaged, or not a Parquet table"),
        ("run/clusters.parquet", None, "not there; run again"),
        ("run/links.parquet", None, "not there; run again"),
    ],
)
def test_a_run_that_is_not_whole_is_3(
    mpi: Shell,
    resident_run: tuple[Path, Path],
    tmp_path: Path,
    name: str,
    content: bytes | None,
    message: str,
) -> None:
    """Evaluating what is no run, or what somebody took a file from, says which file it is."""
    run, truth = resident_run
    shutil.copytree(run, tmp_path / "run")
    path = tmp_path / name
    path.unlink(missing_ok=True)
    if content is not None:
        path.write_bytes(content)
    named = path if path.parent == tmp_path else path.parent
    answer = mpi("evaluate", named, "--truth", truth)
    assert (3, "") == (answer.code, answer.out)
    assert f"{path}: {message}" in answer.err
    assert 1 == answer.err.count("\n")


def test_a_table_that_is_no_table_of_clusters_is_3(
    mpi: Shell, resident_run: tuple[Path, Path]
) -> None:
    """The column that it lacks is named."""
    run, truth = resident_run
    answer = mpi("evaluate", run / "rejects.parquet", "--truth", truth)
    assert 3 == answer.code
    assert "has no column enterprise_id" in answer.err
