"""Records as text: columns, habits of sources, long and rare names."""

from __future__ import annotations

import itertools
import re
from collections import Counter

import pyarrow.compute as pc

from data_gen.text import RECORD_SCHEMA, TRUTH_SCHEMA
from person.schema import load_schema
from tests.data_gen.sample_population import joined, records_and_truth


def test_columns_are_those_of_the_resident_schema() -> None:
    """The built-in schema binds every field of it to the records."""
    schema = load_schema("resident")
    bound = schema.bind(RECORD_SCHEMA.names)
    assert {each.name for each in schema.fields} == {each.field.name for each in bound}


def test_batches_are_valid_arrow_of_the_schema() -> None:
    """Buffers written by compiled code pass Arrow's own checks, UTF-8 included."""
    records, truth = records_and_truth()
    records.validate(full=True)
    truth.validate(full=True)
    assert RECORD_SCHEMA == records.schema
    assert TRUTH_SCHEMA == truth.schema


def test_missing_is_null_never_empty() -> None:
    """No value is an empty text."""
    records, _ = records_and_truth()
    for name in RECORD_SCHEMA.names:
        assert (pc.min(pc.binary_length(records.column(name))).as_py() or 1) >= 1


def test_record_ids_are_unique_and_say_nothing() -> None:
    """A record id occurs once, and its order is not that of the records."""
    records, truth = records_and_truth()
    ids = records.column("record_id").to_pylist()
    assert len(ids) == len(set(ids))
    assert ids == truth.column("record_id").to_pylist()
    numbers = [int(re.sub(r"\D", "", text)) for text in ids[:2000]]
    rising = sum(a < b for a, b in itertools.pairwise(numbers))
    assert 900 < rising < 1100


def test_sources_differ_in_how_they_print() -> None:
    """Dates, sexes and phones come in several forms, each source with a habit."""
    dates, sexes, phones = Counter(), Counter(), Counter()  # type: ignore[var-annotated]
    for record, _, _ in joined():
        dates[re.sub(r"\d", "", record["birth_date"] or "")] += 1
        sexes[record["gender"]] += 1
        phones[re.sub(r"\d", "", record["phone"] or "")] += 1
    assert {"--", "", "//", "年月日", ".."} <= set(dates)
    assert {"男", "女", "1", "2", "M", "F", "男性", "女性"} <= set(sexes)
    assert {"", "+", "  ", "--"} <= set(phones)


def test_long_and_rare_names_survive() -> None:
    """Names beyond the BMP and of more than ten characters are printed whole."""
    names = [record["name"] for record, _, causes in joined() if not causes]
    assert any(ord(character) > 0xFFFF for name in names for character in name)
    assert max(map(len, names)) > 10


def test_a_source_keeps_its_habit() -> None:
    """Nearly all records of one hospital print the sex alike."""
    by_source: dict[str, Counter[bool]] = {}
    for record, _, _ in joined():
        if record["gender"] and record["source"].startswith("hospital"):
            counts = by_source.setdefault(record["source"], Counter())
            counts[record["gender"] in ("男", "女")] += 1
    large = [counts for counts in by_source.values() if counts.total() > 200]
    assert large
    assert all(max(counts.values()) > 0.9 * counts.total() for counts in large)
