"""Grades told without a branch are the grades that the comparators give."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from matching.compiled import CompiledModel
from matching.kernels.weights import accumulate_cells
from person.schema import load_schema

from .test_scoring import RESIDENT_VALUES, all_pairs, world

ROWS = 90
BIRTH_DATES = ("1971-06-24", "1970-12-31", "1971-01-01", "1971-06-00", "1971-00-00", "1985-11-08")


def _packed(text: str) -> int:
    year, month, day = map(int, text.split("-"))
    return (year - 1849) << 9 | month << 5 | day


def _near_numbers(chance: np.random.Generator, nibbles: int, count: int) -> list[int]:
    """A number of so many digits, others with a few of them changed or swapped, and 0."""
    base = [int(digit) for digit in chance.integers(0, 10, nibbles)]
    numbers = [0]
    for _ in range(count):
        digits = list(base)
        for place in chance.integers(0, nibbles, chance.integers(0, 5)):
            digits[place] = int(chance.integers(0, 10))
        if chance.random() < 0.4:
            place = int(chance.integers(0, nibbles - 1))
            digits[place], digits[place + 1] = digits[place + 1], digits[place]
        numbers.append(int("".join(map(str, digits)), 16))
    return numbers


def _values(chance: np.random.Generator) -> dict[str, list[list[int]]]:
    """What the slots of each field may hold, component by component."""
    bodies = [*_near_numbers(chance, 15, 30), 15 << 60 | 7, 15 << 60 | 8]
    bodies += [bodies[1] ^ 0x120, bodies[1] ^ 0xFFF, bodies[1] ^ 0xF << 44]
    dates = [0, *map(_packed, BIRTH_DATES)]
    dates += [(year << 9) | (month << 5) | day for year, month, day in
              chance.integers((60, 1, 1), (160, 13, 29), (30, 3)).tolist()]  # fmt: skip
    grams = [0] + [int(n) for n in chance.integers(1, 4, (25, 6)) @ (256 ** np.arange(6))]
    regions = [0, 110101, 110105, 110100, 110000, 310104, 441900, 442000, 320100, 110228]
    return {
        "id_number": [bodies, [0, 1, 4, 5, 8, 63]],
        "birth_date": [dates],
        "gender": [[0, 1, 2, 3]],
        "phone": [[*_near_numbers(chance, 9, 20), 15 << 36 | 5], [0, 0, 0, 1, 2]],
        "region_code": [regions],
        "address": [grams, [0, 1, 2]],
    }


def _rows(compiled: CompiledModel) -> NDArray[np.uint64]:
    chance = np.random.default_rng(5)
    rows = np.zeros((ROWS, compiled.layout.n_words), np.uint64)
    for field, pools in _values(chance).items():
        slots = compiled.layout.slots(field).tolist()
        for (word, shift, _), pool in zip(slots, pools, strict=False):
            drawn = np.array(pool, np.uint64)[chance.integers(0, len(pool), ROWS)]
            rows[:, word] |= drawn << np.uint64(shift)
    return rows


def test_whole_pairs_come_to_the_grades_of_each_comparator_alone() -> None:
    """Codes and tables that stand for a comparator agree with it on alike and odd values."""
    compiled = world(load_schema(), RESIDENT_VALUES).compiled()
    rows, (left, right) = _rows(compiled), all_pairs(ROWS)
    expected = np.zeros((len(compiled.comparisons), len(left)), np.int32)
    grades = np.empty(len(left), np.uint8)
    for number, each in enumerate(compiled.comparisons):
        for part in each.parts:
            part.kernel(rows, rows, left, right, part.slots, part.tables, part.cutoffs, grades)
            accumulate_cells(grades, part.level_of_grade, part.stride, expected[number])
    assert expected.tolist() == compiled.score(rows, rows, left, right).cells.tolist()
