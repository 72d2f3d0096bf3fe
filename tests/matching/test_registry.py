"""What every comparator promises, whatever it compares."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from matching.comparator import NULL_GRADE, Comparator
from matching.frequencies import countable_parts
from matching.model import Comparison, Part
from matching.registry import all_comparators, comparator, default_levels
from person.errors import ConfigError
from person.han import WILDCARD_UNIT
from person.hashing import hash_field_values
from person.kinds import KINDS
from person.slots import read_slot_column

from .encoded_values import EncodedValues, encoded_values, grades_of

NAMES = sorted(all_comparators())
CUTOFFS = {"similarity": (1.0, 0.9, 0.7), "distance": (0.0, 1.0, 2.0), "grade": ()}
CASES = [(name, kind) for name in NAMES for kind in all_comparators()[name].kinds[0]]
EXACT_CASES = [
    (name, kind)
    for name, kind in CASES
    if len(comparator(name).kinds) == 1 and (comparator(name).grades or ("exact",))[0] == "exact"
]


def case(name: str, kind: str) -> tuple[Comparator, EncodedValues, tuple[float, ...]]:
    source = comparator(name)
    kinds = (kind, *(kind if kind in each else each[0] for each in source.kinds[1:]))
    return source, encoded_values(kinds), CUTOFFS[source.measure]


def all_pairs(values: EncodedValues) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    count = len(values.rows)
    left, right = np.divmod(np.arange(count * count, dtype=np.int32), count)
    return left, right


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_swapping_the_sides_changes_nothing(name: str, kind: str) -> None:
    """A comparator that says it is symmetric is; all of ours say so."""
    source, values, cutoffs = case(name, kind)
    left, right = all_pairs(values)
    one = grades_of(source, values, left, right, cutoffs)
    assert source.is_symmetric
    assert one.tolist() == grades_of(source, values, right, left, cutoffs).tolist()


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_grades_are_known_or_null(name: str, kind: str) -> None:
    """A grade is an index into the declared grades (or cutoffs and else), or 255 for null."""
    source, values, cutoffs = case(name, kind)
    grades = grades_of(source, values, *all_pairs(values), cutoffs)
    count = len(source.grades) or len(cutoffs) + 1
    assert set(grades.tolist()) <= {*range(count), NULL_GRADE}
    assert len(set(grades.tolist())) > 2  # the values do put the comparator to work


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_a_missing_value_is_neither_for_nor_against(name: str, kind: str) -> None:
    """A pair in which a side has no value is null, never a disagreement."""
    source, values, cutoffs = case(name, kind)
    everyone = np.arange(len(values.rows), dtype=np.int32)
    nobody = np.zeros_like(everyone)  # row 0 holds nothing
    for left, right in ((everyone, nobody), (nobody, everyone)):
        assert {NULL_GRADE} == set(grades_of(source, values, left, right, cutoffs).tolist())


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_one_pair_at_a_time_gives_the_same_grades(name: str, kind: str) -> None:
    """What a kernel keeps between pairs of one left row never changes a grade."""
    source, values, cutoffs = case(name, kind)
    left, right = all_pairs(values)
    some = np.random.default_rng(5).permutation(len(left))[:300]
    together = grades_of(source, values, left, right, cutoffs)[some]
    shuffled = grades_of(source, values, left[some], right[some], cutoffs)
    alone = [
        int(grades_of(source, values, left[[pair]], right[[pair]], cutoffs)[0]) for pair in some
    ]
    assert together.tolist() == alone
    assert shuffled.tolist() == alone


@pytest.mark.parametrize(("name", "kind"), EXACT_CASES)
def test_the_exact_grade_is_equality_of_the_value(name: str, kind: str) -> None:
    """Where the best grade is 'exact' it is given to equal values and to no others.

    The chance of it is counted from value hashes, which is right only if both mean the same. Dates
    of which a part is missing and names with a covered character are equal, but not for certain.
    """
    source, values, cutoffs = case(name, kind)
    left, right = all_pairs(values)
    hashes = hash_field_values(values.rows, values.layout.value_slots("f0"))
    is_equal = (hashes[left] == hashes[right]) & (hashes[left] != 0)
    certain = is_certain(values, kind)[left]
    if name == "exact":
        values = replace(values, fields=(), more_slots=values.layout.value_slots("f0"))
    is_exact = grades_of(source, values, left, right, cutoffs) == 0
    assert (is_equal & certain).tolist() == (is_exact & certain).tolist()
    assert not (is_exact & ~is_equal).any()


def is_certain(values: EncodedValues, kind: str) -> NDArray[np.bool_]:
    """False for a partial date and for a name with a covered character."""
    word = np.empty(len(values.rows), np.uint64)
    read_slot_column(values.rows, values.layout.slots("f0"), 0, word)
    if kind == "date":
        parts = (word >> np.uint64(9), (word >> np.uint64(5)) & np.uint64(15), word & np.uint64(31))
        return np.all([part != 0 for part in parts], axis=0)
    if kind == "han_name":
        lanes = [(word >> np.uint64(shift)) & np.uint64(0x7FFF) for shift in (0, 15, 30, 45)]
        return ~np.any([lane == WILDCARD_UNIT for lane in lanes], axis=0)
    return np.ones(len(word), np.bool_)


@pytest.mark.parametrize("name", [name for name in NAMES if comparator(name).grades])
def test_default_levels_take_in_every_grade_once(name: str) -> None:
    """No grade is left without a level and none has two, fine or coarse; there are two or more."""
    grades = comparator(name).grades
    for coarse in (False, True):
        levels = default_levels(name, coarse=coarse)
        placed = [grade for level in levels for grade in level]
        assert sorted(grades) == sorted(placed)
        assert len(levels) >= 2
        assert grades[0] in levels[0]
        assert grades[-1] in levels[-1]
    assert len(default_levels(name, coarse=True)) <= len(default_levels(name))


def test_names_are_the_keys_of_the_registry() -> None:
    """A comparator is found under its own name."""
    assert all(name == each.name for name, each in all_comparators().items())


def test_an_unknown_comparator_is_named_with_those_there_are() -> None:
    """A misspelt comparator is a ConfigError that lists the known ones."""
    with pytest.raises(ConfigError, match="unknown comparator 'jaro_wrinkler'; known: address, "):
        comparator("jaro_wrinkler")


def test_every_comparator_reads_known_kinds() -> None:
    """The kinds a comparator names exist."""
    for each in all_comparators().values():
        assert {kind for kinds in each.kinds for kind in kinds} <= set(KINDS)


def test_only_parts_whose_best_level_is_equality_are_counted() -> None:
    """u is counted from value frequencies only where level 0 means 'equal values'."""

    def part(name: str, comparator_name: str, *levels: tuple[str, ...]) -> Part:
        return Part(name=name, fields=(name,), comparator=comparator_name, levels=levels)

    comparison = Comparison(
        name="c",
        parts=(
            part("a", "latin_name", ("exact",), ("else",)),
            part("b", "latin_name", ("exact", "one_edit"), ("else",)),
            part("c", "address", ("same",), ("else",)),
            part("d", "levenshtein", ("exact",), ("<=1",), ("else",)),
            Part(
                name="e",
                fields=("a", "d"),
                comparator="reversed_names",
                levels=(("exact",), ("else",)),
            ),
        ),
    )
    assert (0, 3) == countable_parts(comparison)
