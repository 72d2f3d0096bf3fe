from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from rapidfuzz.distance import OSA, DamerauLevenshtein, Jaro, JaroWinkler, Levenshtein

from matching.kernels.edit_measures import (
    damerau_levenshtein_distance,
    jaro_similarity,
    jaro_winkler_similarity,
    levenshtein_distance,
    osa_distance,
)
from matching.kernels.name_grades import sound_code
from matching.kernels.strings import COMPARATORS
from matching.kernels.text_grades import STREET_WORDS
from person.packed_text import encode_identifier, encode_latin_name, encode_text, normalise_text
from person.text import Utf8Column
from tests import reference_strings as reference

BY_NAME = {comparator.name: comparator for comparator in COMPARATORS}
MEASURES = [
    (jaro_similarity, Jaro.similarity),
    (jaro_winkler_similarity, JaroWinkler.similarity),
    (levenshtein_distance, Levenshtein.distance),
    (osa_distance, OSA.distance),
    (damerau_levenshtein_distance, DamerauLevenshtein.distance),
]
ENCODERS = {"latin_name": encode_latin_name, "text": encode_text, "identifier": encode_identifier}


@st.composite
def alike(draw: st.DrawFn, alphabet: str, longest: int) -> tuple[str, str]:
    """A text and another one: a stranger, or the same after up to three edits."""
    text = draw(st.text(alphabet, max_size=longest))
    if draw(st.booleans()):
        return text, draw(st.text(alphabet, max_size=longest))
    other = list(text)
    for _ in range(draw(st.integers(0, 3))):
        place = draw(st.integers(0, len(other)))
        edit = draw(st.sampled_from(["insert", "delete", "swap", "replace"]))
        if edit == "insert":
            other.insert(place, draw(st.sampled_from(alphabet)))
        elif place < len(other) and edit == "delete":
            del other[place]
        elif place < len(other) and edit == "replace":
            other[place] = draw(st.sampled_from(alphabet))
        elif place + 1 < len(other):
            other[place : place + 2] = other[place + 1], other[place]
    return text, "".join(other)


def codes(text: str) -> NDArray[np.uint32]:
    return np.array([ord(character) for character in text], np.uint32)


def compare(
    name: str, kind: str, values: list[tuple[str | None, ...]], cutoffs: tuple[float, ...] = ()
) -> NDArray[np.uint8]:
    """Grades of all pairs of records of one or two fields, int grid [n, n]."""
    columns, overflow = [], None
    for place in range(len(values[0])):
        column = Utf8Column.from_strings([value[place] for value in values])
        field = ENCODERS[kind](column, {})
        columns += list(field.components.values())
        overflow = field.overflow if overflow is None else overflow.merged_with(field.overflow)
    spare = np.full(len(values), 12345, np.uint64)
    rows = np.ascontiguousarray(np.stack([spare, *columns], axis=1))
    slots = np.array([(word, 0, 64) for word in range(1, rows.shape[1])], np.int64)
    left, right = (grid.ravel().astype(np.int32) for grid in np.indices([len(values)] * 2))
    out = np.empty(len(left), np.uint8)
    comparator = BY_NAME[name]
    assert overflow is not None
    comparator.kernel(
        rows, rows.copy(), left, right, slots, comparator.tables(overflow), np.array(cutoffs), out
    )
    return out.reshape(len(values), len(values))


def grade_names(name: str, kind: str, *values: str | None) -> list[list[str | None]]:
    grades = [*BY_NAME[name].grades]
    grid = compare(name, kind, [(value,) for value in values])
    return [[None if cell == 255 else grades[cell] for cell in row] for row in grid]


@example(("", ""))
@example(("", "a"))
@example(("ca", "abc"))
@example(("a" * 64, "a" * 63 + "b"))
@example(("ab" * 33, "ba" * 33))
@given(
    st.sampled_from(["ab", "abcdefgh", "王李张伟静"]).flatmap(
        lambda alphabet: st.sampled_from([6, 20, 64, 90]).flatmap(
            lambda longest: alike(alphabet, longest)
        )
    )
)
def test_measures_equal_rapidfuzz_bit_for_bit(pair: tuple[str, str]) -> None:
    """Every measure, short or over 64 characters, Latin or Han, both ways round."""
    a, b = pair
    for measure, oracle in MEASURES:
        assert oracle(a, b) == measure(codes(a), codes(b)) == measure(codes(b), codes(a))


NAMES = st.sampled_from(["ab", "abceo", "annaelise", "ab c-'", "王伟ab "])


@settings(max_examples=150)
@given(NAMES.flatmap(lambda alphabet: st.lists(alike(alphabet, 24), min_size=1, max_size=4)))
@example([("rob", "robert"), ("j", "john"), ("smith-jones", "jones")])
@example([("catherine", "kathryn"), ("o'brien", "obrien"), ("mary ann", "ann")])
def test_name_grades_equal_the_reference(pairs: list[tuple[str, str]]) -> None:
    """Whatever was filtered out early, each pair gets the grade of the slow twin."""
    check_grades("latin_name", "latin_name", pairs, reference.grade_name)


@settings(max_examples=150)
@given(st.lists(alike("0123ab", 24) | alike("012", 6), min_size=1, max_size=4))
@example([("12", "21"), ("123", "132"), ("1234", "2134"), ("1234", "4321"), ("1", "12")])
@example([("1234567890", "123456789"), ("1234567890", "1234567809"), ("0123456789", "123456789")])
@example([("123456", "123456789"), ("456789", "123456789"), ("nsw", "vic"), ("2000", "2001")])
@example([("1234567", "001234567"), ("1234567", "123456789"), ("12", "13"), ("1234", "1243")])
def test_identifier_grades_equal_the_reference(pairs: list[tuple[str, str]]) -> None:
    """Identifiers over 20 characters and short ones alike."""
    check_grades("identifier_text", "identifier", pairs, reference.grade_identifier)


TEXTS = st.lists(
    st.sampled_from(
        ["main", "high", "street", "st", "road", "oak", "mainx", "hi", "12", "朝阳", "o'x", "unit"]
    ),
    min_size=1,
    max_size=7,
).map(" ".join)


@settings(max_examples=150)
@given(st.lists(st.tuples(TEXTS, TEXTS) | alike("abc /", 34), min_size=1, max_size=4))
@example([("smith st", "smith street"), ("oak street", "high street"), ("main oak", "oak main")])
def test_text_grades_equal_the_reference(pairs: list[tuple[str, str]]) -> None:
    """Words in any order, parts, street types, long text."""
    common = set(STREET_WORDS)
    check_grades("text", "text", pairs, lambda a, b: reference.grade_text(a, b, common))


def check_grades(name: str, kind: str, pairs: list[tuple[str, str]], twin: object) -> None:
    texts = [normalise_text(text, kind) for pair in pairs for text in pair]
    grid = grade_names(name, kind, *texts)
    single = [row[row_number] for row_number, row in enumerate(grid)]
    for row, a in enumerate(texts):
        for column, b in enumerate(texts):
            if single[row] is None or single[column] is None:
                assert grid[row][column] is None
            else:
                assert (a, b, twin(a, b)) == (a, b, grid[row][column])  # type: ignore[operator]
                assert grid[row][column] == grid[column][row]


@pytest.mark.parametrize(
    ("name", "oracle", "cutoffs"),
    [
        ("jaro", Jaro.similarity, (1.0, 0.9, 0.75)),
        ("jaro_winkler", JaroWinkler.similarity, (1.0, 0.92, 0.8, 0.6)),
        ("levenshtein", Levenshtein.distance, (0.0, 1.0, 3.0)),
        ("osa", OSA.distance, (0.0, 1.0, 2.0)),
        ("damerau_levenshtein", DamerauLevenshtein.distance, (0.0, 1.0, 2.0, 4.0)),
        ("osa", OSA.distance, (0.0,)),
    ],
)
@settings(max_examples=60)
@given(pairs=st.lists(alike("abcdeé王 ", 24), min_size=1, max_size=4))
def test_measured_grades_are_the_first_cutoff_reached(
    name: str, oracle: object, cutoffs: tuple[float, ...], pairs: list[tuple[str, str]]
) -> None:
    """Grade 0 is equality, then the cutoffs in turn, then their number."""
    texts = [normalise_text(text, "latin_name") for pair in pairs for text in pair]
    grid = compare(name, "latin_name", [(text,) for text in texts], cutoffs)
    is_distance = BY_NAME[name].measure == "distance"
    for row, a in enumerate(texts):
        for column, b in enumerate(texts):
            if 255 in (grid[row, row], grid[column, column]):
                assert 255 == grid[row, column]
                continue
            value = oracle(a, b)  # type: ignore[operator]
            reached = [
                grade
                for grade, cutoff in enumerate(cutoffs[1:], 1)
                if (value <= cutoff if is_distance else value >= cutoff)
            ]
            expected = 0 if a == b else min(reached, default=len(cutoffs))
            assert (a, b, expected) == (a, b, grid[row, column])


def test_exact_compares_all_words() -> None:
    """Text that differs after its first ten characters is not equal; missing is null."""
    values = ("annabelle smith", "annabelle smyth", None, "annabelle smith")
    expected = [[0, 1, 255, 0], [1, 0, 255, 1], [255] * 4, [0, 1, 255, 0]]
    assert expected == compare("exact", "latin_name", [(value,) for value in values]).tolist()


def test_name_grades_by_example() -> None:
    """One pair for each grade."""
    pairs = {
        "exact": ("Smith", "SMITH"),
        "one_edit": ("Jon Paul", "jonpaul"),
        "near": ("mikayla", "mikaylie"),
        "same_sound": ("reece", "rhys"),
        "initial": ("J.", "John"),
        "contained": ("Rob", "Robert"),
        "similar": ("marlene", "marie"),
        "else": ("anna", "peter"),
    }
    found = {
        grade: grade_names("latin_name", "latin_name", *pair)[0][1]
        for grade, pair in pairs.items()
        if grade != "same_sound"
    }
    assert {grade: grade for grade in found} == found


def test_names_that_sound_alike_share_a_code() -> None:
    """First letters of one sound are one; silent letters are not heard."""

    def code(text: str) -> int:
        return int(sound_code(np.array([ord(c) - 96 for c in text], np.uint32), len(text)))

    for a, b in (("catherine", "katherine"), ("philip", "filip"), ("knight", "night")):
        assert code(a) == code(b) != 0
    assert code("smith") != code("jones")


def test_reversed_names() -> None:
    """Crossed names are told from straight ones; what cannot be compared is null."""
    people = [
        ("li", "anna"),
        ("anna", "li"),
        ("anna", "lisa"),
        ("annaa", "li"),
        ("anna", None),
        (None, "anna"),
        (None, None),
        ("li", "li"),
    ]
    grades = [*BY_NAME["reversed_names"].grades, "null"]
    grid = compare("reversed_names", "latin_name", people)
    first = [grades[min(cell, 3)] for cell in grid[0]]
    assert [
        "not_reversed",
        "reversed_exact",
        "not_reversed",
        "reversed_near",
        "reversed_near",
        "not_reversed",
        "null",
        "not_reversed",
    ] == first
    assert "not_reversed" == grades[grid[7, 7]]
    assert (grid == grid.T).all()


LINES = alike("ab c", 14) | st.tuples(TEXTS, TEXTS)


@settings(max_examples=150)
@given(
    st.lists(st.tuples(LINES, LINES), min_size=1, max_size=3),
    st.sampled_from([(30, 30), (30, 10), (10, 20)]),
)
@example([(("flat 2", "flat 2"), ("high street", "high street"))], (30, 10))
def test_reversed_texts_equal_the_reference(
    pairs: list[tuple[tuple[str, str], tuple[str, str]]], characters: tuple[int, int]
) -> None:
    """Lines of unequal widths, where a text fits one field and overflows the other, too."""
    people = []
    for first, second in pairs:
        people += [(first[0], second[0]), (second[1], first[1])]
    people = [tuple(normalise_text(text) for text in person) for person in people]
    fields = [
        encode_text(Utf8Column.from_strings([person[place] for person in people]), options)
        for place, options in enumerate({"characters": each} for each in characters)
    ]
    for row, person in enumerate(people):  # what is a placeholder is missing
        words = [0 if field.status[row] else 1 for field in fields]
        people[row] = tuple(t if w else "" for t, w in zip(person, words, strict=True))
    rows = np.stack([word for field in fields for word in field.components.values()], axis=1)
    counts = [len(field.components) for field in fields]
    places = [[(word, 0, 64) for word in range(counts[0])]]
    places.append([(counts[0] + word, 0, 64) for word in range(counts[1])])
    for part in places:
        part += [(0, 0, 0)] * (max(counts) - len(part))
    slots = np.array(places[0] + places[1], np.int64)
    left, right = (grid.ravel().astype(np.int32) for grid in np.indices([len(people)] * 2))
    out = np.empty(len(left), np.uint8)
    comparator = BY_NAME["reversed_texts"]
    tables = comparator.tables(fields[0].overflow.merged_with(fields[1].overflow))
    comparator.kernel(rows, rows, left, right, slots, tables, np.zeros(1), out)
    for row_a, row_b, grade in zip(left, right, out, strict=True):
        a, b = people[row_a], people[row_b]
        found = None if grade == 255 else comparator.grades[grade]
        assert (a, b, reference.grade_reversed(a, b)) == (a, b, found)


def test_sketches_are_told_apart_in_a_batch_of_many_rows() -> None:
    """More rows than are kept sketched, met in any order, grade as each pair does alone."""
    texts = [f"{word} {number} street" for word in ("oak", "elm", "ash") for number in range(2000)]
    field = encode_text(Utf8Column.from_strings(texts), {})
    rows = np.stack(list(field.components.values()), axis=1)
    slots = np.array([(word, 0, 64) for word in range(3)], np.int64)
    random = np.random.default_rng(5)
    left = np.repeat(random.integers(0, len(texts), 60), 200).astype(np.int32)
    right = random.integers(0, len(texts), len(left)).astype(np.int32)
    out = np.empty(len(left), np.uint8)
    comparator = BY_NAME["text"]
    comparator.kernel(
        rows, rows, left, right, slots, comparator.tables(field.overflow), np.zeros(1), out
    )
    common = set(STREET_WORDS)
    for row_a, row_b, grade in zip(left, right, out, strict=True):
        expected = reference.grade_text(texts[row_a], texts[row_b], common)
        assert expected == comparator.grades[grade]


def test_one_chunk_may_mix_runs_and_nulls() -> None:
    """Empty input is fine, and a run of one left row leaves no trace in the next."""
    assert (0, 0) == compare("latin_name", "latin_name", [("a",)])[:0, :0].shape
    values: list[str | None] = ["anna", None, "a very long name of twenty six", "王伟", "anna"]
    grid = grade_names("latin_name", "latin_name", *values)
    for row, a in enumerate(values):
        for column, b in enumerate(values):
            expected = None if a is None or b is None else reference.grade_name(a, b)
            assert expected == grid[row][column]
