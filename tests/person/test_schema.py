"""Schemas: reading, binding to a table's columns, and what is said of a wrong one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from person.errors import ConfigError, SchemaMismatchError
from person.kinds import KINDS, slots_of
from person.schema import Field, Schema, load_schema, read_schema
from tests import strategies

SMALL = """
[schema]
name = "small"
record_id = "rec"
source = ["src", "system"]
duplicate_free_sources = ["registry"]

[fields.given]
kind = "latin_name"
columns = ["given_name", "first name"]
role = "given_name"
options = { characters = 30 }

[fields.phone]
kind = "phone"
column = "tel"

[fields.surname]
kind = "latin_name"
compare = "jaro_winkler:0.9,0.8"
group = "name"

[[blocking_rules]]
keys = ["surname:soundex"]
refine = ["given"]
"""


def schema_of(*fields: Field, **more: Any) -> Schema:
    return Schema(name="small", fields=fields, **more)


def field(name: str = "given", kind: str = "latin_name", *columns: str) -> Field:
    return Field(name=name, kind=kind, columns=columns or (name,))


def write(folder: Path, text: str) -> Path:
    path = folder / "schema.toml"
    path.write_text(text, encoding="utf-8")
    return path


# ------------------------------------------------------------------------------------- reading


def test_a_schema_file_is_read_whole(tmp_path: Path) -> None:
    """Every entry of a schema file reaches the schema; a field's own name is its default column."""
    schema = read_schema(write(tmp_path, SMALL))
    assert ("small", ("rec",), ("src", "system")) == (schema.name, schema.record_id, schema.source)
    assert ("registry",) == schema.duplicate_free_sources
    assert ["given", "phone", "surname"] == [each.name for each in schema.fields]
    given_name = schema.field("given")
    assert ("given_name", "first name") == given_name.columns
    assert ("given_name", {"characters": 30}) == (given_name.role, dict(given_name.options))
    assert ("tel",) == schema.field("phone").columns
    assert ("surname",) == schema.field("surname").columns
    assert "jaro_winkler:0.9,0.8" == schema.field("surname").compare
    expected = ({"keys": ["surname:soundex"], "refine": ["given"]},)
    assert expected == schema.blocking_rules


def test_a_byte_order_mark_before_a_schema_is_read_over(tmp_path: Path) -> None:
    """Editors on Windows write UTF-8 with a byte order mark."""
    assert "small" == read_schema(write(tmp_path, "\ufeff" + SMALL)).name


@given(strategies.schemas())
def test_a_schema_survives_json(schema: Schema) -> None:
    """A model file holds the schema; reading it back gives the same schema."""
    assert schema == Schema.from_dict(json.loads(json.dumps(schema.to_dict())))


def test_the_resident_schema_is_the_default() -> None:
    """No schema, or its name, means Chinese residents."""
    assert "resident" == load_schema().name
    assert load_schema() == load_schema("resident")
    assert load_schema(load_schema()) is not None


def test_the_resident_schema_survives_json() -> None:
    """The built-in schema has no entry that a model file loses."""
    schema = load_schema()
    assert schema == Schema.from_dict(json.loads(json.dumps(schema.to_dict())))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[schema\n", "is not valid TOML"),
        ("schema = 3\n[fields.a]\nkind = 'text'\n", r"a \[schema\] table is needed"),
        ("[schema]\nname = 'x'\n", r"a \[fields\] table is needed"),
        ("[schema]\n[fields]\n", "schema table has no fields"),
        ("[schema]\n[fields]\na = 3\n", "fields.a must be a table with a kind"),
        ("[schema]\n[fields.a]\nrole = 'x'\n", "fields.a has no kind; known: address, "),
        ("[schema]\n[fields.a]\nkind = 'colour'\n", "field a: unknown kind 'colour'; known: addr"),
        ("[schema]\n[fields.A]\nkind = 'text'\n", "field name 'A' is not a plain lower-case word"),
        ("[schema]\n[fields.a]\nkind = 'text'\ncolumns = []\n", "field a names no column"),
        ("[schema]\n[fields.a]\nkind = 'text'\ncolumns = [3]\n", "fields.a.columns must be a text"),
        ("[schema]\n[fields.a]\nkind = 'text'\ncolour = 1\n", "fields.a: unknown entries colour"),
        ("[schema]\n[fields.a]\nkind = 'text'\noptions = 3\n", "fields.a.options must be a table"),
        ("[schema]\ncolour = 1\n[fields.a]\nkind = 'text'\n", "unknown entries schema.colour"),
        ("[schema]\n[fields.a]\nkind = 'text'\n[rules]\n", "unknown entries rules"),
        ("[schema]\nrecord_id = 3\n[fields.a]\nkind = 'text'\n", "schema.record_id must be a text"),
        (
            "[schema]\n[fields.a]\nkind = 'text'\n[blocking_rules]\nkeys = ['a']\n",
            r"write each rule as \[\[blocking_rules\]\]",
        ),
    ],
)
def test_a_wrong_schema_file_is_said_in_words(tmp_path: Path, text: str, message: str) -> None:
    """Each mistake ends in a ConfigError that names the entry and what is expected."""
    with pytest.raises(ConfigError, match=message):
        read_schema(write(tmp_path, text))


def test_a_schema_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    """A missing file, a directory and bytes that are no text are ConfigErrors with the path."""
    (tmp_path / "latin.toml").write_bytes(b"[schema]\nname = '\xe9'\n")
    for path in (tmp_path / "none.toml", tmp_path, tmp_path / "latin.toml"):
        with pytest.raises(ConfigError, match=f"schema file {path} "):
            read_schema(path)


def test_a_field_named_twice_is_refused() -> None:
    """Two fields of one name cannot be told apart by rules and comparisons."""
    with pytest.raises(ConfigError, match="schema small names a field twice: given"):
        schema_of(field(), field())


def test_an_unknown_field_is_named_with_those_there_are() -> None:
    """Asking for a field that a schema lacks says which it has."""
    with pytest.raises(ConfigError, match="schema small has no field 'x'; it has given"):
        schema_of(field()).field("x")


def test_fields_keep_their_order_when_some_are_left_out() -> None:
    """with_fields drops fields and never reorders them."""
    schema = load_schema().with_fields(["phone", "name", "nothing"])
    assert ["name", "phone"] == [each.name for each in schema.fields]


# ------------------------------------------------------------------------------------- binding


def bound(schema: Schema, *columns: str) -> dict[str, tuple[str, ...]]:
    return {each.field.name: each.columns for each in schema.bind(columns)}


@pytest.mark.parametrize(
    "column", ["birth_date", "Birth Date", " BIRTH-DATE ", "出生日期", "\ufeffcsrq", "DOB"]
)
def test_columns_are_known_by_any_alias(column: str) -> None:
    """Case, blanks, hyphens, underscores and byte order marks in a column name do not matter."""
    assert {"birth_date": (column,)} == bound(load_schema(), column)


def test_fields_without_a_column_are_left_out() -> None:
    """A table need not have every field; unknown columns are ignored."""
    assert {"name": ("姓名",)} == bound(load_schema(), "姓名", "血型")


def test_two_columns_for_one_field_are_refused() -> None:
    """Two columns that claim one field are an error that names both."""
    with pytest.raises(SchemaMismatchError, match=r"people\.csv: columns name and 姓名 both claim"):
        load_schema().bind(["姓名", "name", "phone"], path="people.csv")


def test_two_spellings_of_one_column_name_are_refused() -> None:
    """'Name' beside 'name' is two columns for one field: neither is dropped silently."""
    with pytest.raises(SchemaMismatchError) as caught:
        load_schema().bind(["name", "Name"])
    assert {"name", "Name"} == set(caught.value.columns)


def test_several_phone_columns_join() -> None:
    """A phone field takes every column that is a phone."""
    assert {"phone": ("phone", "手机", "mobile")} == bound(load_schema(), "mobile", "手机", "phone")


def test_a_repeated_column_is_refused() -> None:
    """One name on two columns cannot be bound."""
    with pytest.raises(SchemaMismatchError, match="the column x stands twice") as caught:
        load_schema().bind(["name", "x", "x"])
    assert ("x",) == caught.value.columns


@pytest.mark.parametrize("columns", [[], ["a", "b"]])
def test_a_table_of_other_columns_is_refused_with_a_way_out(columns: list[str]) -> None:
    """A table with no known column says how to describe it."""
    with pytest.raises(SchemaMismatchError, match="mpi schema infer FILE") as caught:
        load_schema().bind(columns)
    assert tuple(columns) == caught.value.columns


def test_the_first_alias_present_is_the_record_id() -> None:
    """Aliases go by their own order, not by that of the table."""
    schema = load_schema()
    assert "record_id" == schema.find_column(schema.record_id, ["id", "record_id"])
    assert "ID" == schema.find_column(schema.record_id, ["name", "ID"])
    assert None is schema.find_column(schema.record_id, ["name"])


# --------------------------------------------------------------------------------------- kinds


def test_every_kind_names_an_encoder_that_exists() -> None:
    """A kind's encoder encodes a missing value to zeros in the slots the kind declares."""
    from person.field import FieldStatus
    from person.text import Utf8Column

    for name, kind in KINDS.items():
        result = kind.encode(Utf8Column.all_missing(3), {})
        slots = slots_of(name, {})
        assert [slot.component for slot in slots] == list(result.components), name
        assert all(not values.any() for values in result.components.values()), name
        assert [FieldStatus.MISSING] * 3 == result.status.tolist(), name


def test_every_kind_compares_by_a_registered_comparator() -> None:
    """The comparator that a kind names exists and reads that kind."""
    from matching.registry import comparator

    for name, kind in KINDS.items():
        assert name in comparator(kind.comparator).kinds[0]


@given(st.sampled_from(sorted(KINDS)), st.integers(8, 64))
def test_a_hashed_field_takes_just_its_bits(kind: str, bits: int) -> None:
    """`hashed = BITS` replaces all slots of any kind by one of that width."""
    assert [("hash", bits)] == [(s.component, s.bits) for s in slots_of(kind, {"hashed": bits})]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hashed": 7}, "option hashed must be a number of bits from 8 to 64, not 7"),
        ({"hashed": 65}, "option hashed"),
        ({"hashed": "20"}, "option hashed"),
        ({"characters": 0}, "option characters must be 1 to 100, not 0"),
        ({"characters": 101}, "option characters"),
        ({"characters": 2.5}, "option characters"),
    ],
)
def test_a_wrong_option_is_refused(options: dict[str, Any], message: str) -> None:
    """Options out of their range are ConfigErrors."""
    with pytest.raises(ConfigError, match=message):
        slots_of("text", options)


@pytest.mark.parametrize(
    ("kind", "characters", "words"),
    [("text", None, 3), ("latin_name", None, 2), ("category", None, 1), ("text", 11, 2)],
)
def test_text_takes_a_word_for_ten_characters(
    kind: str, characters: int | None, words: int
) -> None:
    """`characters` rounds up to whole words."""
    options = {} if characters is None else {"characters": characters}
    assert words == len(slots_of(kind, options))


def test_a_column_that_two_fields_claim_is_refused() -> None:
    """One value read as two facts would count one agreement twice."""
    schema = Schema.from_dict(
        {
            "fields": {
                "first": {"kind": "latin_name", "column": "name"},
                "second": {"kind": "text", "column": "name"},
            }
        }
    )
    with pytest.raises(SchemaMismatchError, match="first and second both read the column name"):
        schema.bind(["name"])
