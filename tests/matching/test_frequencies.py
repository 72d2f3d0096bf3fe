"""Counted exact agreement and value frequencies, against counting by hand."""

from __future__ import annotations

from collections import Counter
from itertools import combinations
from math import log2

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from matching import frequencies
from matching.frequencies import (
    ExactAgreement,
    TermFrequencies,
    count_exact_agreement,
    frequencies_from_arrow,
    frequency_adjustments,
    frequency_table,
)
from matching.kernels.weights import add_frequency_weights
from matching.model import Comparison, Part
from person.clusters import ClusterMembers
from person.hashing import hash_field_values
from person.layout import Layout, layout_for
from person.records import ArrayRecordSource
from person.schema import Field
from tests import reference

FIELDS = tuple(
    Field(name=name, kind=kind, columns=(name,), options=options)
    for name, kind, options in (
        ("a", "category", {}),
        ("b", "date", {}),
        ("c", "identifier", {"hashed": 20}),
    )
)
LAYOUT = layout_for(FIELDS)
COMPARISON = Comparison(
    name="abc",
    parts=tuple(
        Part(
            name=name,
            fields=(name,),
            comparator="exact",
            levels=(("exact",), ("else",)),
            term_frequency=True,
        )
        for name in "abc"
    ),
)
VALUES = st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(0, 2))
TABLES = st.lists(VALUES, max_size=30)


def rows_of(values: list[tuple[int, ...]], layout: Layout = LAYOUT) -> NDArray[np.uint64]:
    rows = np.zeros((len(values), layout.n_words), np.uint64)
    for row, record in enumerate(values):
        for name, value in zip("abc", record):
            word, shift, _ = layout.slots(name)[0].tolist()
            rows[row, word] |= np.uint64(value) << np.uint64(shift)
    return rows


def count(
    values: list[tuple[int, ...]],
    *,
    memory_bytes: int = 1 << 30,
    people: ClusterMembers | None = None,
) -> tuple[dict[frozenset[int], ExactAgreement], dict[str, TermFrequencies]]:
    source = ArrayRecordSource(rows_of(values), chunk_rows=4)
    agreements, found = count_exact_agreement(
        source, LAYOUT, [COMPARISON], memory_bytes=memory_bytes, people=people
    )
    return agreements["abc"], found


SETS = [frozenset(each) for size in (1, 2, 3) for each in combinations(range(3), size)]


@given(TABLES)
@example([])
@example([(0, 0, 0), (0, 1, 1)])
def test_agreement_is_what_listing_all_pairs_gives(values: list[tuple[int, ...]]) -> None:
    """Pairs that agree exactly on every set of parts, missing values agreeing with nothing."""
    agreements, _ = count(values)
    assert set(SETS) == set(agreements)
    for numbers in SETS:
        present = [record for record in values if all(record[n] for n in numbers)]
        agreeing = sum(
            all(one[n] == other[n] for n in numbers) for one, other in combinations(present, 2)
        )
        pairs = len(present) * (len(present) - 1) / 2
        assert ExactAgreement(agreeing, pairs) == agreements[numbers]


@given(TABLES)
def test_frequencies_are_what_a_counter_gives(values: list[tuple[int, ...]]) -> None:
    """Each value's hash comes with the number of records that hold it."""
    _, found = count(values)
    assert set("abc") == set(found)
    for place, name in enumerate("abc"):
        expected = Counter(record[place] for record in values if record[place])
        by_hash = {reference.combined_hash([value]): n for value, n in expected.items()}
        assert by_hash == dict(zip(found[name].hashes.tolist(), found[name].counts.tolist()))
        assert sorted(by_hash) == found[name].hashes.tolist()
        assert expected.total() == found[name].record_count
        assert found[name].is_complete


@given(TABLES, st.integers(1, 200))
def test_rounds_over_the_source_change_nothing(
    values: list[tuple[int, ...]], memory_bytes: int
) -> None:
    """Little memory means more rounds over the records and the same counts."""
    agreements, found = count(values)
    again, found_again = count(values, memory_bytes=memory_bytes)
    assert agreements == again
    for name, each in found.items():
        assert each.hashes.tolist() == found_again[name].hashes.tolist()
        assert each.counts.tolist() == found_again[name].counts.tolist()


@given(st.lists(st.tuples(VALUES, st.integers(0, 4)), max_size=30))
@example([((1, 1, 1), 0)] * 100 + [((2, 1, 1), 0), ((1, 1, 1), 1)])
def test_a_person_counts_once_for_each_value(
    records: list[tuple[tuple[int, int, int], int]],
) -> None:
    """With clusters known, a person's many records do not make their name look common."""
    values = [value for value, _ in records]
    first: dict[int, int] = {}
    cluster = [first.setdefault(person, row) for row, (_, person) in enumerate(records)]
    agreements, found = count(values, people=ClusterMembers.of(np.array(cluster, np.int64)))
    for numbers in SETS:
        held = {
            (tuple(value[n] for n in numbers), person)
            for value, person in records
            if all(value[n] for n in numbers)
        }
        counts = Counter(value for value, _ in held).values()
        agreeing = sum(n * (n - 1) / 2 for n in counts)
        assert ExactAgreement(agreeing, len(held) * (len(held) - 1) / 2) == agreements[numbers]
    persons = {(value[0], person) for value, person in records if value[0]}
    assert len(persons) == found["a"].record_count


def test_only_parts_with_term_frequency_get_a_table() -> None:
    """Agreement is counted for every part, frequencies are kept where they are asked for."""
    plain = Comparison(
        name="abc",
        parts=tuple(
            Part(name=n, fields=(n,), comparator="exact", levels=(("exact",), ("else",)))
            for n in "abc"
        ),
    )
    source = ArrayRecordSource(rows_of([(1, 1, 1)]))
    agreements, found = count_exact_agreement(source, LAYOUT, [plain])
    assert {} == found
    assert 7 == len(agreements["abc"])


def test_the_most_frequent_values_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """A table of too many values keeps the frequent ones and says that it is not complete."""
    monkeypatch.setattr(frequencies, "TF_VALUES_MAX", 3)
    values = [(value, 0, 0) for value in range(1, 9) for _ in range(value)]
    agreements, found = count(values)
    assert not found["a"].is_complete
    assert [6, 7, 8] == sorted(found["a"].counts.tolist())
    assert 36 == found["a"].record_count
    assert sum(n * (n - 1) / 2 for n in range(9)) == agreements[frozenset([0])].agreeing_pairs


def test_values_met_once_are_left_out_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """They weigh what an absent value weighs; of values met as often all are kept, or none."""
    monkeypatch.setattr(frequencies, "TF_VALUES_MAX", 3)
    values = [(value, 0, 0) for value in range(1, 5)] + [(value, 0, 0) for value in (5, 6) * 2]
    found = count(values)[1]["a"]
    assert not found.is_complete
    assert [2, 2] == found.counts.tolist()
    many = [(value, 0, 0) for value in range(1, 7) for _ in range(2 + value // 6)]
    assert [3] == count(many)[1]["a"].counts.tolist()


# -------------------------------------------------------------------------------------- tables


def added(
    rows: NDArray[np.uint64],
    left: NDArray[np.int32],
    slots: NDArray[np.int64],
    agrees: NDArray[np.bool_],
    arrays: tuple[NDArray[np.uint64], NDArray[np.float64], float],
) -> NDArray[np.float64]:
    """What `add_frequency_weights` adds, float64[n]; the same to each of its sums."""
    sums = np.zeros((3, len(left)))
    pair = np.arange(len(left), dtype=np.int32)
    exact = agrees.astype(np.uint64) << np.uint64(5)
    add_frequency_weights(rows, left, pair, exact, 5, slots, *arrays, *sums)
    assert sums[0].tolist() == sums[1].tolist() == sums[2].tolist()
    return sums[0]


@given(
    st.dictionaries(st.integers(1, 1000), st.integers(1, 50), max_size=40),
    st.integers(0, 500),
    st.floats(1e-6, 0.5),
    st.sampled_from([0.0, 0.01, 0.2]),
    st.booleans(),
    st.booleans(),
)
@example({}, 0, 0.1, 0.0, True, False)
def test_adjustments_are_what_a_dictionary_gives(
    counts: dict[int, int],
    others: int,
    u_exact: float,
    minimum: float,
    complete: bool,
    of_people: bool,
) -> None:
    """A pair agreeing exactly gets log2(u_exact) - log2(chance that a stranger has the value).

    The two themselves do not count; in a table that is cut, a value that is not there counts as
    rare as the rarest kept. tf_minimum_u bounds the chance below.
    """
    slots = LAYOUT.value_slots("a")
    values = sorted({*counts, 1001})
    rows = rows_of([(value, 0, 0) for value in values])
    hashes = hash_field_values(rows, slots)
    hash_of = dict(zip(values, hashes.tolist()))
    held = sorted((hash_of[value], n) for value, n in counts.items())
    total = sum(counts.values()) + others
    table = TermFrequencies(
        np.array([value for value, _ in held], np.uint64),
        np.array([n for _, n in held], np.int64),
        total,
        complete,
        of_people,
    )
    arrays = frequency_table(table.hashes, *frequency_adjustments(table, u_exact, minimum))
    left = np.arange(len(values), dtype=np.int32)
    weights = added(rows, left, slots, np.ones(len(values), np.bool_), arrays) + 1.0
    rarest = 0 if complete or not counts else min(counts.values())

    def adjustment(value: int) -> float:
        chance = reference.stranger_chance(counts.get(value, rarest), total, u_exact, of_people)
        return log2(u_exact) - log2(max(chance, minimum))

    assert weights - 1.0 == pytest.approx([adjustment(value) for value in values], abs=1e-9)
    size = len(arrays[0])
    assert size & (size - 1) == 0
    assert (arrays[0] == 0).any()  # a free place ends every search


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 255)), min_size=1, max_size=30))
def test_only_exact_agreement_is_adjusted(pairs: list[tuple[int, int]]) -> None:
    """Frequencies speak for grade 0 alone, whatever the order of the left rows."""
    rows = rows_of([(value, 0, 0) for value in (1, 2, 3, 4)])
    slots = LAYOUT.value_slots("a")
    hashes = hash_field_values(rows, slots)
    order = np.argsort(hashes)
    table = TermFrequencies(hashes[order], np.array([2, 4, 8, 16]), 100, True)
    arrays = frequency_table(table.hashes, *frequency_adjustments(table, 0.5))
    expected_of = {
        int(row): log2(0.5) - log2(reference.stranger_chance(2 << place, 100, 0.5, False))
        for place, row in enumerate(order)
    }
    left = np.array([row for row, _ in pairs], np.int32)
    weights = added(rows, left, slots, np.array([grade == 0 for _, grade in pairs]), arrays)
    expected = [expected_of[row] if grade == 0 else 0.0 for row, grade in pairs]
    assert weights == pytest.approx(expected, abs=1e-12)


@given(TABLES)
def test_frequencies_survive_parquet(values: list[tuple[int, ...]]) -> None:
    """What a run writes beside its model is read back for explanations, complete or cut."""
    _, found = count(values)
    cut = {name: TermFrequencies(f.hashes, f.counts, 99, False) for name, f in found.items()}
    for tables in (found, cut):
        sinks = {}
        for name, each in tables.items():
            sink = pa.BufferOutputStream()
            pq.write_table(each.to_arrow(), sink)
            sinks[name] = pq.read_table(pa.BufferReader(sink.getvalue()))
        again = frequencies_from_arrow(sinks)
        for name, each in tables.items():
            assert each.hashes.tolist() == again[name].hashes.tolist()
            assert each.counts.tolist() == again[name].counts.tolist()
            assert each.record_count == again[name].record_count
            assert each.is_complete == again[name].is_complete
            assert np.uint64 == again[name].hashes.dtype
