"""Inputs: formats, encodings, delimiters, bad files and rows that cannot be used."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpi.delimited import row_numbers
from mpi.tables import InputSet, Rejects, open_inputs
from person.errors import (
    BadRecordsError,
    EncodingNotRecognisedError,
    InputError,
    SchemaMismatchError,
)

ROOT = Path(__file__).resolve().parents[2]
CHINESE = "姓名,电话\n王小明,013900000001\n李四,\n"


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def rows(inputs: InputSet) -> list[dict[str, Any]]:
    return [row for _, _, batch in inputs for row in batch.to_pylist()]


def read(*paths: Path | str) -> list[dict[str, Any]]:
    return rows(open_inputs([str(path) for path in paths]))


# ------------------------------------------------------------------------------- good inputs


@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
def test_delimiter_is_detected(tmp_path: Path, delimiter: str) -> None:
    """Comma, tab, semicolon and bar are told apart, also where another stands in values."""
    lines = [["id", "name", "note"], ["01", "x", "a-b. c"], ["02", "y", ""]]
    path = write(tmp_path / "a.txt", "".join(delimiter.join(line) + "\n" for line in lines))
    expected = [
        {"id": "01", "name": "x", "note": "a-b. c"},
        {"id": "02", "name": "y", "note": None},
    ]
    assert expected == read(path)


def test_values_with_another_delimiter_do_not_mislead(tmp_path: Path) -> None:
    """The delimiter that cuts all lines alike wins over one that only stands in values."""
    path = write(tmp_path / "a.csv", "id;name\n1;Li, Si\n2;Wang, Wu, Jr\n3;Bo\n")
    assert ["Li, Si", "Wang, Wu, Jr", "Bo"] == [row["name"] for row in read(path)]


@pytest.mark.parametrize(
    ("codec", "named"), [("utf-8", "utf-8"), ("utf-8-sig", "utf-8-sig"), ("gb18030", "gb18030")]
)
@pytest.mark.parametrize("packed", [False, True])
def test_encodings_are_detected(tmp_path: Path, codec: str, named: str, packed: bool) -> None:
    """UTF-8, UTF-8 with BOM and GB18030 read alike, packed or not; zeros in front are kept."""
    content = CHINESE.encode(codec)
    path = write(tmp_path / "a.csv", gzip.compress(content) if packed else content)
    inputs = open_inputs(str(path))
    expected = [{"姓名": "王小明", "电话": "013900000001"}, {"姓名": "李四", "电话": None}]
    assert expected == rows(inputs)
    assert named == inputs.files[0].encoding


def test_gb18030_far_behind_ascii_is_detected(tmp_path: Path) -> None:
    """The first Chinese character may come after megabytes of ASCII."""
    body = b"id,name\n" + b"1,aaaaaaaaaaaaaaaa\n" * 300_000 + "2,王小明\n3,李丽\n".encode("gb18030")
    inputs = open_inputs(str(write(tmp_path / "a.csv", body)))
    assert "gb18030" == inputs.files[0].encoding
    assert "李丽" == rows(inputs)[-1]["name"]


def test_characters_beyond_gbk_survive(tmp_path: Path) -> None:
    """Four-byte GB18030 characters (rare names) are read."""
    text = "姓名\n" + "王小明\n李伟\n张敏\n" * 5 + "王㛃\n李𠮷\n"
    path = write(tmp_path / "a.csv", text.encode("gb18030"))
    assert ["王㛃", "李𠮷"] == [row["姓名"] for row in read(path)][-2:]


def test_binary_formats_keep_their_types(tmp_path: Path) -> None:
    """Parquet, Arrow files and Arrow streams yield columns as they are, names trimmed."""
    table = pa.table({" a ": ["x", "y", "z"], "b": [1, 2, 3]})
    pq.write_table(table, tmp_path / "a.parquet")
    feather.write_feather(table, str(tmp_path / "b.arrow"))
    with pa.ipc.new_stream(str(tmp_path / "c.arrows"), table.schema) as stream:
        stream.write_table(table)
    expected = table.rename_columns(["a", "b"]).to_pylist()
    for name in ("a.parquet", "b.arrow", "c.arrows"):
        assert expected == read(tmp_path / name), name


def test_format_is_told_by_content_not_name(tmp_path: Path) -> None:
    """A Parquet file called .csv is still a Parquet file."""
    pq.write_table(pa.table({"a": [1]}), tmp_path / "a.csv")
    assert "parquet" == open_inputs(str(tmp_path / "a.csv")).files[0].format


def test_tables_in_memory_are_inputs() -> None:
    """Arrow tables, record batches and data frames are read like files."""
    import pandas as pd

    table = pa.table({"a": ["x", "y"]})
    inputs = open_inputs([table, table.to_batches()[0], pd.DataFrame({"a": ["z"]})])
    assert ["x", "y", "x", "y", "z"] == [row["a"] for row in rows(inputs)]
    assert ["<table>", "<table 2>", "<table 3>"] == [file.path for file in inputs.files]
    assert ["table", "table 2", "table 3"] == [file.stem for file in inputs.files]


def test_batches_carry_their_place(tmp_path: Path) -> None:
    """Iterating yields (file, first row, batch), batches no longer than asked."""
    for name in "ab":
        pq.write_table(pa.table({"x": list(range(5))}), tmp_path / f"{name}.parquet")
    places = [(i, first, b.num_rows) for i, first, b in open_inputs(tmp_path, batch_rows=2)]
    assert [(i, first, n) for i in (0, 1) for first, n in ((0, 2), (2, 2), (4, 1))] == places


def test_iterating_twice_gives_the_same(tmp_path: Path) -> None:
    """Passes are repeatable, and refused rows are recorded once."""
    inputs = open_inputs(str(write(tmp_path / "a.csv", "a,b\n1,2\n3\n4,5\n")))
    assert rows(inputs) == rows(inputs)
    assert (1, 2, 1) == (len(inputs.rejects), inputs.rows_read, inputs.files[0].rows_rejected)


def test_directories_and_patterns_are_walked_in_order(tmp_path: Path) -> None:
    """A directory gives its tables by name, hidden files left out; a file counts once."""
    (tmp_path / "sub").mkdir()
    for name in ("b.csv", "a.csv", "sub/c.tsv", "notes.md", ".hidden.csv", "_SUCCESS"):
        write(tmp_path / name, f"x\n{name}\n")
    inputs = open_inputs([str(tmp_path), str(tmp_path / "*.csv")])
    assert ["a.csv", "b.csv", "sub/c.tsv"] == [row["x"] for row in rows(inputs)]
    assert 2 == len(inputs.notes)


def test_results_of_a_run_are_no_input(tmp_path: Path) -> None:
    """Results that lie in the input directory are not read as people."""
    (tmp_path / "result").mkdir()
    write(tmp_path / "a.csv", "x\n1\n")
    write(tmp_path / "result" / "run.json", "{}")
    pq.write_table(pa.table({"x": ["2"]}), tmp_path / "result" / "clusters.parquet")
    assert [{"x": "1"}] == read(tmp_path)
    with pytest.raises(InputError, match="the result of a run"):
        read(tmp_path / "result")


def test_empty_part_of_a_directory_is_noted(tmp_path: Path) -> None:
    """An empty file among others is skipped and said so."""
    write(tmp_path / "a.csv", "x\n1\n")
    write(tmp_path / "b.csv", "")
    write(tmp_path / "c.csv", "x\n")
    inputs = open_inputs(str(tmp_path))
    assert (1, 2) == (len(inputs.files), len(inputs.notes))


def test_a_file_is_described_with_its_checksum(tmp_path: Path) -> None:
    """run.json can say what was read: path, format, size, checksum, rows."""
    path = write(tmp_path / "a.csv", "x\n1\n2\n")
    inputs = open_inputs(str(path))
    rows(inputs)
    expected = {
        "path": str(path),
        "format": "csv",
        "encoding": "utf-8",
        "size_bytes": 6,
        "sha256": "4d4edfe7b2d0c47afc2b4e6fb7da46b1e6b07cf7b4f0a8ce7a0b5a7ef0e9cf90",
        "rows": 2,
        "rows_rejected": 0,
        "lines_swallowed": 0,
    }
    import hashlib

    expected["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    assert [expected] == inputs.describe()


def test_checksum_of_a_table_is_of_its_content() -> None:
    """Equal tables have equal checksums, different ones different."""
    sums = [open_inputs(pa.table({"a": [v]})).files[0].sha256 for v in (1, 1, 2)]
    assert sums[0] == sums[1] != sums[2]


def test_line_breaks_and_quotes_inside_values_are_kept(tmp_path: Path) -> None:
    """A quoted value may hold delimiters, quotes and line breaks."""
    path = write(tmp_path / "a.csv", 'a,b\n"x, ""y""\nz",1\nu,2\n')
    assert [{"a": 'x, "y"\nz', "b": "1"}, {"a": "u", "b": "2"}] == read(path)


def test_line_ends_and_blank_lines_do_not_matter(tmp_path: Path) -> None:
    """CRLF, CR, blank lines and a missing last line end read alike."""
    expected = [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}]
    for number, text in enumerate(
        ("a,b\r\n1,2\r\n3,4\r\n", "a,b\r1,2\r3,4\r", "\n\na,b\n\n1,2\n\n3,4", "a,b\n1,2\n3,4\n\n")
    ):
        assert expected == read(write(tmp_path / f"{number}.csv", text))


def test_nul_bytes_reach_the_field_parsers(tmp_path: Path) -> None:
    """A NUL byte is part of the value; the field it stands in is judged invalid later."""
    assert [{"a": "x\0y", "b": "1"}] == read(write(tmp_path / "a.csv", "a,b\nx\0y,1\n"))


def test_a_column_without_a_name_is_named_by_position(tmp_path: Path) -> None:
    """A trailing delimiter in the header makes an extra column, not an error."""
    assert [{"a": "1", "column_2": None}] == read(write(tmp_path / "a.csv", "a,\n1,\n"))


# ------------------------------------------------------------------------------- rejected rows


def test_ragged_rows_are_set_aside_with_number_and_reason(tmp_path: Path) -> None:
    """Too short and too long rows are rejected, the others read, nothing is lost."""
    path = write(tmp_path / "a.csv", "a,b,c\n1,2,3\n\n4,5\n6,7,8\n9,9,9,9\n0,0,0\n")
    inputs = open_inputs(str(path))
    assert ["1", "6", "0"] == [row["a"] for row in rows(inputs)]
    expected = [
        (str(path), 2, "a", None, "wrong number of columns: 2 instead of 3"),
        (str(path), 4, "a", None, "wrong number of columns: 4 instead of 3"),
    ]
    assert expected == [tuple(row.values()) for row in inputs.rejects.to_table().to_pylist()]
    assert [1, 3, 5] == inputs.files[0].row_number(np.arange(3)).tolist()


def test_a_marked_header_does_not_count_rows_twice(tmp_path: Path) -> None:
    """GB18030 with its own byte order mark: the header is trimmed, each bad row told once."""
    content = "\ufeff姓名,号码\n王小明,01\n李丽\n".encode("gb18030")
    inputs = open_inputs(str(write(tmp_path / "a.csv", content)))
    assert [{"姓名": "王小明", "号码": "01"}] == rows(inputs)
    assert [2] == inputs.rejects.to_table()["row"].to_pylist()


@given(st.lists(st.booleans(), max_size=60))
def test_row_numbers_count_rejected_rows(is_usable: list[bool]) -> None:
    """Whatever is rejected, the k-th usable row keeps its number in the file."""
    usable = [number for number, good in enumerate(is_usable, 1) if good]
    rejected = [number for number, good in enumerate(is_usable, 1) if not good]
    numbers = row_numbers(np.arange(len(usable)), np.asarray(rejected, np.int64))
    assert usable == numbers.tolist()


def test_row_numbers_hold_across_blocks(tmp_path: Path) -> None:
    """Numbers are right although the parser runs ahead of the batches it hands out."""
    lines = [f"{i},x" if i % 1000 else f"{i}" for i in range(1, 300_001)]
    inputs = open_inputs(str(write(tmp_path / "a.csv", "id,b\n" + "\n".join(lines))))
    for _, first_row, batch in inputs:
        ids = np.asarray([int(value) for value in batch["id"].to_pylist()])
        positions = first_row + np.arange(batch.num_rows)
        assert np.array_equal(ids, inputs.files[0].row_number(positions))
    assert 300 == len(inputs.rejects)


def test_an_unclosed_quote_loses_no_line_silently(tmp_path: Path) -> None:
    """Lines swallowed by a quote that is not closed are one rejected row that says so."""
    text = 'a,b\n1,x\n2,y,z\n3,"w\n' + "4,v\n" * 30 + '5,"\n6,u\n'
    inputs = open_inputs(str(write(tmp_path / "a.csv", text)))
    usable = [row["a"] for row in rows(inputs)]
    assert ("1", "6") == (usable[0], usable[-1])
    rejected = {row["row"]: row["reason"] for row in inputs.rejects.to_table().to_pylist()}
    says = "a quote that opens on line 4 is not closed: 32 lines became one record"
    assert says == rejected[3]
    assert 31 == inputs.describe()[0]["lines_swallowed"]
    assert "31 lines were swallowed" in inputs.swallowed_notes()[0]


@pytest.mark.parametrize(
    ("text", "usable", "rejected"),
    [
        ('1,x\n2,"y\n3,z\n', ["1"], {2: 2}),
        ('1,x\n2,"y\n3,"z"\n4,u\n', ["1", "4"], {2: 2}),
        ('1,x\n2,"y\n3,z\n4,"u\n5,v\n', ["1", "5"], {2: 3}),
        ('"0","w"\n"1","x\n2,y\n', ["0"], {2: 2}),
        ('1,"x, x\nx"\n2,"y\n3,"z"\n4,"u, u\nu"\n', ["1", "4"], {2: 2}),
        ('1,"x, x\nx"\n2,"y ""y"" y, y\ny"\n', ["1", "2"], {}),
    ],
)
def test_a_quote_open_over_a_few_lines_is_told_from_a_value_of_lines(
    tmp_path: Path, text: str, usable: list[str], rejected: dict[int, int]
) -> None:
    """Records that fell into a value are rejected with it; a value of several lines is kept."""
    inputs = open_inputs(str(write(tmp_path / "a.csv", "a,b\n" + text)))
    assert usable == [row["a"] for row in rows(inputs)]
    found = {row["row"]: row["reason"] for row in inputs.rejects.to_table().to_pylist()}
    assert rejected.keys() == found.keys()
    for number, lines in rejected.items():
        assert f"is not closed: {lines} lines became one record" in found[number]


def test_a_row_of_wrong_width_over_several_lines_asks_for_its_quote(tmp_path: Path) -> None:
    """A quote left open in a middle column makes the row too short; the lines are counted."""
    inputs = open_inputs(str(write(tmp_path / "a.csv", 'a,b,c\n1,2,3\n4,"5,6\n7,8,9\n')))
    assert ["1"] == [row["a"] for row in rows(inputs)]
    reasons = inputs.rejects.to_table()["reason"].to_pylist()
    says = "wrong number of columns: 2 instead of 3, over 2 lines: is a quote not closed?"
    assert [says] == reasons


def test_a_quote_open_over_megabytes_is_an_error(tmp_path: Path) -> None:
    """A value longer than a block cannot be a person's."""
    path = write(tmp_path / "a.csv", 'a,b\n1,2\n3,"x\n' + "1,2\n" * 1_000_000)
    with pytest.raises(InputError, match=r"closing quote is missing .* opens on line 3"):
        read(path)


def test_strict_names_reasons_and_places() -> None:
    """`--strict` turns rejects into one error with counts by reason."""
    rejects = Rejects()
    rejects.raise_if_any()
    rejects.append("a.csv", [7, 3], reason="no record id")
    rejects.append("b.csv", 1, reason="twice", source="b", record_id="r1")
    with pytest.raises(BadRecordsError, match=r"3 rows .* first: a.csv row 3") as caught:
        rejects.raise_if_any()
    assert {"no record id": 2, "twice": 1} == caught.value.reasons == rejects.counts


def test_rejects_of_two_inputs_become_one() -> None:
    """A link job reports the rows of both sides, in order, nothing lost on the way."""
    left, right = Rejects(), Rejects()
    left.append("b.csv", [2], reason="x")
    right.append("a.csv", [9, 1], reason=["y", "x"], source="s", record_id=pa.array(["p", "q"]))
    left.extend(right)
    left.extend(left)
    expected = [("a.csv", 1, "s", "q", "x"), ("a.csv", 9, "s", "p", "y")]
    expected.append(("b.csv", 2, None, None, "x"))
    assert expected == [tuple(row.values()) for row in left.to_table().to_pylist()]
    assert {"x": 2, "y": 1} == left.counts


def test_only_bad_rows_is_an_error(tmp_path: Path) -> None:
    """A file none of whose rows fits its header is refused with the reasons."""
    with pytest.raises(InputError, match=r"no usable row .2 wrong number of columns"):
        read(write(tmp_path / "a.csv", "a,b\n1\n2\n"))


# ------------------------------------------------------------------------------- refused inputs


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b"\xef\xbb\xbf", "the file is empty"),
        (b"\n\n", "the file is empty"),
        (b"a,b\n", "only a header line"),
        (b"a,b\r\n\r\n", "only a header line"),
        (b"PK\x03\x04xxxx", "Excel"),
        (b"PAR1 then nothing", "damaged or cut short"),
        (gzip.compress(os.urandom(4000).hex().encode())[:-900], "gzip data is damaged"),
    ],
)
def test_unusable_files_are_refused_in_one_line(
    tmp_path: Path, content: bytes, message: str
) -> None:
    """Empty, header-only, foreign and damaged files each get one line naming the file."""
    path = write(tmp_path / "a.csv", content)
    with pytest.raises(InputError, match=message) as caught:
        read(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "codec", "name"),
    [
        (CHINESE, "utf-16", "UTF-16"),
        (CHINESE, "utf-16-le", "UTF-16"),
        (CHINESE, "utf-32", "UTF-32"),
        ("姓名,地址\n" + "王小明,臺北市大安區\n陳美麗,高雄縣鳳山市\n" * 20, "big5", "Big5"),
        ("名前,住所\n" + "田中さくら,東京都ミナト区\n" * 20, "shift_jis", "Shift-JIS"),
        ("имя,город\n" + "Иван,Москва\nПётр,Казань\n" * 20, "cp1251", "another encoding"),
        ("name,city\nJosé,x\nMüller,Köln\n", "latin-1", "ISO-8859-1"),
    ],
)
def test_other_encodings_are_refused_by_name(
    tmp_path: Path, text: str, codec: str, name: str
) -> None:
    """No encoding is guessed: what is neither UTF-8 nor GB18030 is refused."""
    with pytest.raises(EncodingNotRecognisedError, match=name):
        read(write(tmp_path / "a.csv", text.encode(codec)))


@pytest.mark.parametrize("codec", ["utf-8", "gb18030"])
def test_a_wrong_byte_is_named_by_its_line(tmp_path: Path, codec: str) -> None:
    """A broken character in the middle of a file is an error that gives the line."""
    good = "王小明,1390\n".encode(codec)
    content = "姓名,电话\n".encode(codec) + good * 500 + b"a\xff\xff,2\n" + good * 20
    with pytest.raises(EncodingNotRecognisedError, match="line 502"):
        read(write(tmp_path / "a.csv", content))


def test_a_wrong_byte_in_western_utf8_is_not_taken_for_chinese(tmp_path: Path) -> None:
    """UTF-8 with a few accents and one broken byte stays UTF-8."""
    content = "name,b\nJosé,1\nZoë,2\nRené,3\nIrène,4\n".encode() + b"Andr\xe9,5\n"
    with pytest.raises(EncodingNotRecognisedError, match="line 6 are not UTF-8"):
        read(write(tmp_path / "a.csv", content))


@pytest.mark.parametrize("kind", ["parquet", "arrow", "arrows"])
@pytest.mark.parametrize("cut", [0.1, 0.5, 0.9])
def test_truncated_binary_files_are_refused(tmp_path: Path, kind: str, cut: float) -> None:
    """A file cut anywhere is an error, not fewer rows."""
    table = pa.table({"a": [f"value {i}" for i in range(5000)], "b": list(range(5000))})
    path = tmp_path / f"a.{kind}"
    if kind == "parquet":
        pq.write_table(table, path)
    elif kind == "arrow":
        feather.write_feather(table, str(path), compression="uncompressed")
    else:
        with pa.ipc.new_stream(str(path), table.schema) as stream:
            stream.write_table(table)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * cut)])
    with pytest.raises(InputError, match="damaged or cut short"):
        read(path)


def test_damaged_pages_are_refused(tmp_path: Path) -> None:
    """A Parquet file whose footer is whole and whose data is not is an error."""
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"a": [f"v{i}" for i in range(5000)]}), path, compression="zstd")
    content = bytearray(path.read_bytes())
    content[20 : len(content) // 2] = bytes(len(content) // 2 - 20)
    path.write_bytes(content)
    with pytest.raises(InputError, match="damaged or cut short"):
        read(path)


def test_duplicate_columns_are_refused_by_name(tmp_path: Path) -> None:
    """Two columns of one name, also after trimming, are refused."""
    with pytest.raises(SchemaMismatchError, match="more than one column is named a") as caught:
        read(write(tmp_path / "a.csv", "a,b, a \n1,2,3\n"))
    assert ("a",) == caught.value.columns


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing.csv", "no such file"),
        ("*.csv", "no file fits this pattern"),
        (".", "no table in this directory"),
    ],
)
def test_inputs_that_are_not_there(tmp_path: Path, name: str, message: str) -> None:
    """Missing files, patterns without a match and directories without tables are errors."""
    with pytest.raises(InputError, match=message):
        read(tmp_path / name)


def test_nothing_and_nonsense_are_refused() -> None:
    """No input, an empty table and an object of another kind are errors."""
    for nothing in ([], pa.table({"a": pa.array([], pa.string())}), 42):
        with pytest.raises(InputError):
            open_inputs(nothing)


@pytest.mark.parametrize("target", ["file.csv", "folder"])
def test_lack_of_permission_is_said(tmp_path: Path, target: str) -> None:
    """A file or directory that may not be read is an error that says so."""
    (tmp_path / "folder").mkdir()
    path = write(tmp_path / "file.csv", "a\n1\n") if target == "file.csv" else tmp_path / target
    path.chmod(0)
    code = (
        "import sys\nfrom mpi.tables import open_inputs\nfrom person.errors import InputError\n"
        "try: open_inputs(sys.argv[1])\n"
        "except InputError as error: print(error)\n"
    )
    script = code if os.getuid() else f"import mpi.tables, os; os.setuid(65534)\n{code}"
    if not os.getuid():
        for folder in [tmp_path, *tmp_path.parents]:
            if folder.stat().st_uid == 0 and str(folder).startswith("/tmp/pytest"):
                folder.chmod(0o755)
    run = subprocess.run(
        [sys.executable, "-c", script, str(path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    path.chmod(0o755)
    assert "no permission to read" in run.stdout, run.stderr[-500:]
