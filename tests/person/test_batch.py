"""Batches of Chinese residents encoded whole: columns, gaps, what the id number tells."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from person.batch import PersonBatch, encode_batch
from person.dates import encode_date
from person.errors import InputError
from person.field import FieldStatus
from person.han_names import encode_han_name
from person.identity import BIRTH_DATE_CONTRADICTS, SEX_CONTRADICTS, identity_keys
from person.kinds import KINDS
from person.layout import Layout, layout_for
from person.national_id import encode_national_id, format_national_id
from person.phones import encode_phone
from person.records import ArrayRecordSource
from person.schema import Field, Schema, load_schema
from person.text import Utf8Column
from tests import reference, strategies

SCHEMA = load_schema()
LAYOUT = layout_for(SCHEMA.fields)
MALE_1980 = "110101198003072311"  # 7 March 1980, sequence 231: male
BOTH = BIRTH_DATE_CONTRADICTS | SEX_CONTRADICTS
FULL = {
    "姓名": ["张伟", "欧阳娜娜", None],
    "曾用名": [None, "欧阳娜", ""],
    "身份证号": [MALE_1980, "310104900512002", None],
    "证件类型": ["01", "居民身份证", None],
    "出生日期": ["1980-03-07", "1990年5月12日", None],
    "性别": ["男", "2", "不详"],
    "手机": ["13987650123", "+86 138-1234-5678", None],
    "联系电话": ["010-62345678", None, None],
    "行政区划代码": ["110101", "310104", None],
    "地址": ["东城区和平里中街7号3单元502室", "徐汇区漕溪北路88号", None],
    "居民健康卡号": ["A12345678", None, None],
    "母亲身份证号": ["110101195501010021", None, None],
    "出生医学证明编号": ["O110123456", None, None],
}


def encode(
    columns: dict[str, Any], schema: Schema = SCHEMA, layout: Layout = LAYOUT
) -> PersonBatch:
    table = pa.table({name: pa.array(values) for name, values in columns.items()})
    return encode_batch(table, schema, layout, schema.bind(table.column_names))


def values(batch: PersonBatch, field: str, component: int = 0) -> list[int]:
    return [row[component] for row in reference.field_values(batch.rows, LAYOUT, field)]


def packed_day(year: int, month: int = 0, day: int = 0) -> int:
    return (year - 1849) << 9 | month << 5 | day


def person(
    id_number: str | None = None, birth_date: str | None = None, gender: str | None = None
) -> PersonBatch:
    text = pa.string()
    return encode(
        {
            "id_number": pa.array([id_number], text),
            "birth_date": pa.array([birth_date], text),
            "gender": pa.array([gender], text),
        }
    )


# --------------------------------------------------------------------------------- all columns


def test_every_column_of_a_resident_is_encoded() -> None:
    """A full record fills every field; an empty one fills none and is unlinkable."""
    batch = encode(FULL)
    assert 3 == len(batch)
    assert (3, 6) == batch.rows.shape
    assert batch.rows.flags.c_contiguous
    for name in LAYOUT.positions:
        filled, missing = values(batch, name)[0], values(batch, name)[2]
        assert (name == "former_name") == (filled == 0), name
        assert 0 == missing, name
    assert [False, False, True] == batch.is_unlinkable.tolist()
    assert [0, 0, 0] == batch.flags.tolist()


def test_rows_hold_what_the_encoders_say() -> None:
    """A row is the encoders' components, each in its slot."""
    batch = encode(FULL)

    def column(name: str) -> Utf8Column:
        return Utf8Column.from_strings(FULL[name])

    ids = encode_national_id(column("身份证号"), {}, id_type=column("证件类型"))
    assert ids.components["body"].tolist() == values(batch, "id_number")
    assert ids.components["detail"].tolist() == values(batch, "id_number", 1)
    names = encode_han_name(column("姓名"), {})
    assert names.components["units"].tolist() == values(batch, "name")
    days = encode_date(column("出生日期"), {}).components["day"].tolist()
    assert [packed_day(1980, 3, 7), packed_day(1990, 5, 12), 0] == days
    assert days == values(batch, "birth_date")
    joined = ["010-62345678;13987650123", "+86 138-1234-5678", None]
    phones = encode_phone(Utf8Column.from_strings(joined), {}).components
    assert phones["first"].tolist() == values(batch, "phone")
    assert phones["second"].tolist() == values(batch, "phone", 1)
    assert phones["second"][0]


def test_every_field_has_a_status() -> None:
    """Reports count valid, missing and invalid for every field of the layout, columns or not."""
    batch = encode({"姓名": ["张伟", "无名氏"], "出生日期": ["1980-13-01", None]})
    assert set(LAYOUT.positions) == set(batch.status)
    assert [FieldStatus.VALID, FieldStatus.TEMPORARY_NAME] == batch.status["name"].tolist()
    assert [FieldStatus.BAD_DATE, FieldStatus.MISSING] == batch.status["birth_date"].tolist()
    assert [FieldStatus.MISSING] * 2 == batch.status["phone"].tolist()


@pytest.mark.parametrize("missing", sorted(FULL))
def test_a_missing_column_leaves_its_field_empty(missing: str) -> None:
    """Leaving out one column changes no slot of a field that does not depend on it."""
    full = encode(FULL)
    part = encode({name: column for name, column in FULL.items() if name != missing})
    own = {each.name for each in SCHEMA.fields if missing in each.columns}
    touched = {"证件类型": {"id_number"}, "身份证号": {"birth_date", "gender"}}.get(missing, set())
    for name in set(LAYOUT.positions) - own - touched:
        assert values(full, name) == values(part, name), name


def test_columns_may_hold_numbers_and_dates() -> None:
    """Ids, phones and codes that arrive as numbers, with gaps as floats, encode like text."""
    import datetime

    as_text = encode(
        {
            "id_number": ["310104900512002", None],
            "phone": ["13987650123", None],
            "mobile": ["13812345678", None],
            "birth_date": ["1990-05-12", None],
            "gender": ["2", None],
        }
    )
    as_numbers = encode(
        {
            "id_number": [310104900512002, None],
            "phone": [13987650123.0, None],
            "mobile": [13812345678.0, None],
            "birth_date": [datetime.date(1990, 5, 12), None],
            "gender": pa.array([2, None], pa.int8()).dictionary_encode(),
        }
    )
    assert as_text.rows.tolist() == as_numbers.rows.tolist()


def test_phones_stay_with_their_records() -> None:
    """Of several phone columns some, or all, may be empty; no phone moves to another record."""
    phones = [None, "13987650123", None, "13812349876", None]
    others = [None, None, "010-62345678", "", ""]
    batch = encode({"name": ["张伟"] * 5, "phone": phones, "mobile": others})
    expected = [FieldStatus.MISSING, *[FieldStatus.VALID] * 3, FieldStatus.MISSING]
    assert expected == batch.status["phone"].tolist()
    alone = encode({"phone": ["13987650123", "010-62345678", "13812349876"]})
    assert [0, *values(alone, "phone"), 0] == values(batch, "phone")


def test_several_phones_may_come_as_a_list() -> None:
    """A list column of phones reads like phones joined by a sign, gaps in the list included."""
    joined = encode({"phone": ["13987650123;010-62345678"]})
    listed = encode({"phone": [["13987650123", None, "010-62345678"]]})
    assert joined.rows.tolist() == listed.rows.tolist()


def test_an_unreadable_column_is_named() -> None:
    """A column of structs ends in an error with the column's name and no value."""
    with pytest.raises(InputError, match=r"the column 姓名: a column of type struct") as caught:
        encode({"姓名": [{"a": "张伟"}]})
    assert "张伟" not in str(caught.value)


def test_no_rows_are_ordinary_input() -> None:
    """A batch of no records encodes to none."""
    batch = encode({"姓名": pa.array([], pa.string()), "手机": pa.array([], pa.string())})
    assert (0, 6) == batch.rows.shape
    assert all(len(status) == 0 for status in batch.status.values())


RECORD = st.fixed_dictionaries(dict.fromkeys(FULL, strategies.messy_texts))


@given(st.lists(RECORD, min_size=1, max_size=6))
@example([dict.fromkeys(FULL)])
def test_a_batch_of_one_is_a_batch_of_many(records: list[dict[str, str | None]]) -> None:
    """A lookup of one record encodes it as the nightly batch did, whatever a source wrote."""
    text = pa.string()
    columns = {name: pa.array([record[name] for record in records], text) for name in FULL}
    many = encode(columns)
    for row in range(len(records)):
        one = encode({name: column.slice(row, 1) for name, column in columns.items()})
        assert many.rows[row].tolist() == one.rows[0].tolist()
        assert many.flags[row] == one.flags[0]
        for name, status in many.status.items():
            assert status[row] == one.status[name][0]
        assert set(one.overflow.hashes.tolist()) <= set(many.overflow.hashes.tolist())


LAYOUTS = {
    "large": lambda array: array.cast(pa.large_string()),
    "view": lambda array: array.cast(pa.string_view()),
    "listed": lambda array: array.dictionary_encode(),
    "slice": lambda array: pa.concat_arrays([pa.array(["x", None]), array, array]).slice(
        2, len(array)
    ),
}


@given(st.lists(RECORD, min_size=1, max_size=3), st.sampled_from(sorted(LAYOUTS)))
def test_text_of_any_arrow_type_encodes_alike(
    records: list[dict[str, str | None]], kind: str
) -> None:
    """Long offsets, views, lists of values and slices hold the same text; also many times over."""
    text = pa.string()
    columns = {name: pa.array([record[name] for record in records] * 3, text) for name in FULL}
    plain = encode(columns)
    other = encode({name: LAYOUTS[kind](column) for name, column in columns.items()})
    assert plain.rows.tolist() == other.rows.tolist()
    assert plain.flags.tolist() == other.flags.tolist()
    assert plain.overflow.hashes.tolist() == other.overflow.hashes.tolist()
    for name, status in plain.status.items():
        assert status.tolist() == other.status[name].tolist()


def test_long_names_go_to_the_overflow_table() -> None:
    """Two long names that differ only at the end stay two names; nothing is cut."""
    names = ["买买提·阿布都拉·吐尔逊江", "买买提·阿布都拉·吐尔逊娜", "张伟"]
    batch = encode({"name": names})
    assert 3 == len(set(values(batch, "name")))
    assert 2 == len(batch.overflow)


def test_hashed_fields_keep_equality() -> None:
    """A hashed field is equal exactly where its value is, and short enough for its slot."""
    batch = encode({"health_card": ["A123", "a123 ", "A124", None]})
    one, same, other, none = values(batch, "health_card")
    assert one == same
    assert one != other
    assert 0 == none
    assert max(one, other) < 1 << 22


def test_a_field_without_roles_needs_no_id() -> None:
    """A table of one field encodes; nothing is completed where no id number is."""
    schema = Schema(name="t", fields=(Field(name="x", kind="category", columns=("x",)),))
    batch = encode({"x": ["red", None]}, schema, layout_for(schema.fields))
    assert [True, False] == (batch.rows[:, 0] != 0).tolist()
    assert [0, 0] == batch.flags.tolist()


# ------------------------------------------------------------------- what the id number tells


def test_the_id_fills_birth_date_and_sex() -> None:
    """A valid number gives the date and sex that the record leaves out; status says missing."""
    for batch in (person(MALE_1980), encode({"id_number": [MALE_1980]})):
        assert [packed_day(1980, 3, 7)] == values(batch, "birth_date")
        assert [1] == values(batch, "gender")
        assert FieldStatus.MISSING == batch.status["birth_date"][0]
        assert 0 == batch.flags[0]


def test_a_15_digit_id_tells_as_much() -> None:
    """The old form states the same facts as the new."""
    batch = person("110101800307231")
    assert [packed_day(1980, 3, 7)] == values(batch, "birth_date")
    assert [1] == values(batch, "gender")


def test_a_wrong_check_digit_fills_nothing() -> None:
    """A number that does not prove itself neither fills nor contradicts."""
    batch = person(MALE_1980[:-1] + "0", "1990-01-02", "女")
    assert [packed_day(1990, 1, 2)] == values(batch, "birth_date")
    assert 0 == batch.flags[0]
    assert [0] == values(person(MALE_1980[:-1] + "0"), "birth_date")


def test_the_record_keeps_what_it_states_itself() -> None:
    """A contradiction is flagged, and the record's own date and sex are kept."""
    batch = person(MALE_1980, "1981-03-07", "女")
    assert [packed_day(1981, 3, 7)] == values(batch, "birth_date")
    assert [2] == values(batch, "gender")
    assert BOTH == batch.flags[0]


@pytest.mark.parametrize(
    ("birth_date", "gender", "flags"),
    [
        ("1980-03-07", "男", 0),
        (None, None, 0),
        ("1980", "男", 0),
        ("1980-03", "男", 0),
        ("1981", "男", BIRTH_DATE_CONTRADICTS),
        ("1980-04", "男", BIRTH_DATE_CONTRADICTS),
        ("1980-03-08", "男", BIRTH_DATE_CONTRADICTS),
        ("1980-03-07", "女", SEX_CONTRADICTS),
        ("1981", "女", BOTH),
        ("not a date", "不详", 0),
    ],
)
def test_contradictions_are_flagged_part_by_part(
    birth_date: str | None, gender: str | None, flags: int
) -> None:
    """A year alone, or year and month, contradicts an id only where a part it has differs."""
    assert flags == person(MALE_1980, birth_date, gender).flags[0]


def test_a_mothers_number_says_nothing_of_the_child() -> None:
    """Only the record's own number fills birth date and sex."""
    batch = encode({"mother_id_number": [MALE_1980], "birth_date": ["2010-01-02"]})
    assert [packed_day(2010, 1, 2)] == values(batch, "birth_date")
    assert [0] == values(batch, "gender")
    assert 0 == batch.flags[0]


def test_a_passport_says_nothing_of_birth() -> None:
    """A document outside the national scheme fills nothing."""
    batch = encode({"id_number": ["E12345678"], "id_type": ["护照"]})
    assert values(batch, "id_number")[0]
    assert [0] == values(batch, "birth_date")


def test_identity_keys_are_the_proven_numbers() -> None:
    """Only an 18-digit national number with a right check digit keeps people apart."""
    numbers = [
        MALE_1980,
        "110101800307231",  # 15 digits prove less
        MALE_1980[:-1] + "0",  # a slip
        "E12345678",
        None,
    ]
    types = ["01", "01", "01", "03", None]
    batch = encode({"id_number": numbers, "id_type": types})
    source = ArrayRecordSource(batch.rows, chunk_rows=2)
    keys = identity_keys(source.chunks(), SCHEMA, LAYOUT, 5)
    assert keys is not None
    assert [True, False, False, False, False] == (keys != 0).tolist()
    assert MALE_1980 == format_national_id(int(keys[0]))


def test_records_without_an_id_field_have_no_identity_keys() -> None:
    """None says that no field could tell."""
    schema = SCHEMA.with_fields(["name"])
    layout = layout_for(schema.fields)
    rows = np.zeros((2, layout.n_words), np.uint64)
    assert None is identity_keys(ArrayRecordSource(rows).chunks(), schema, layout, 2)


def test_kinds_that_join_columns_are_the_ones_of_many_values() -> None:
    """Only phones take several columns; for all other kinds two columns are a contradiction."""
    assert ["phone"] == [name for name, kind in KINDS.items() if kind.joins_columns]
