"""Pairs taken a block at a time come to what one pair after the other comes to."""

from __future__ import annotations

import random
from itertools import product
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from matching.comparator import NULL_GRADE
from matching.compiled import compile_model
from matching.kernels.graded_strings import fill_identifier_text, fill_latin_name
from matching.kernels.han_names import align_units, unlike_units_min
from matching.kernels.han_units import han_addresses
from matching.kernels.pair_blocks import BLOCK
from matching.kernels.text_looks import OPEN, look_at_texts
from matching.kernels.weights import (
    REMEMBERED,
    accumulate_cells,
    log2_with_one,
    take_off_relatives,
)
from matching.registry import comparator
from person.batch import encode_batch
from person.layout import layout_for
from person.schema import Field, Schema, load_schema

from .test_scoring import RESIDENT_VALUES, WESTERN, WESTERN_VALUES, World, all_pairs, world

Rows = NDArray[np.uint64]


def _encoded(kind: str, values: list[str]) -> tuple[Rows, NDArray[np.int64], Any]:
    """Rows of one field, its slots and the overflow table."""
    schema = Schema(name="one", fields=(Field(name="x", kind=kind, columns=("x",)),))
    layout = layout_for(schema.fields)
    batch = encode_batch(pa.table({"x": values}), schema, layout, schema.bind(["x"]))
    return batch.rows, layout.slots("x"), batch.overflow


def _han_names() -> list[str]:
    """Names of two to many characters that share sounds, shapes and characters, some masked."""
    given = ["伟", "玮", "芳", "方", "建国", "国建", "建军", "健国", "小明", "娜娜"]
    names = [surname + name for surname, name in product(["张", "章", "王", "欧阳", "单"], given)]
    return [
        *(*names, "王?明", "?明", "zhang wei", "wei zhang", "shan xiongxin", "", "伟", "买买提"),
        *(
            "买买提·阿布都拉",
            "买买提·阿布都拉·吐尔逊",
            "阿布都拉·买买提",
            "买买提·阿不都拉·吐尔逊江",
        ),
    ]


def test_names_of_a_block_get_the_grades_of_their_comparator() -> None:
    """Equal, unlike and hard names, whatever stands beside them in their block."""
    records = world(load_schema(), {**RESIDENT_VALUES, "name": _han_names()})
    rows, slots, overflow = _encoded("han_name", _han_names())
    compiled = compile_model(records.model, records.layout, overflow, records.frequencies)
    number, part = next(
        (number, part)
        for number, each in enumerate(compiled.comparisons)
        for part in each.parts
        if part.part.comparator == "han_name"
    )
    word, shift, bits = slots[0].tolist()
    placed = np.zeros((len(rows), records.layout.n_words), np.uint64)
    to_word, to_shift, to_bits = part.slots[0].tolist()
    assert (shift, bits) == (to_shift, to_bits)
    placed[:, to_word] = rows[:, word]
    left, right = all_pairs(len(rows))
    grades, expected = np.empty(len(left), np.uint8), np.zeros(len(left), np.int32)
    part.kernel(placed, placed, left, right, part.slots, part.tables, part.cutoffs, grades)
    accumulate_cells(grades, part.level_of_grade, part.stride, expected)
    assert len(left) > 8 * BLOCK
    assert expected.tolist() == compiled.score(placed, placed, left, right).cells[number].tolist()


def test_no_alignment_of_long_names_goes_under_its_bound() -> None:
    """Names are not aligned where units without a common sound already rule a likeness out."""
    chance, han = np.random.default_rng(3), han_addresses()
    units = chance.integers(28, int(han[-1]) + 3, 12)
    for _ in range(300):
        a = units[chance.integers(0, 12, chance.integers(1, 9))]
        b = units[chance.integers(0, 12, chance.integers(1, 9))]
        cost = align_units(a, len(a), b, len(b), np.zeros(65, np.int64), han)
        assert unlike_units_min(a, len(a), b, len(b), han) <= (cost >> 36) + (cost >> 24 & 0xFFF)


def test_sharing_every_unit_is_never_unlike() -> None:
    """A name in another order shares all its sounds."""
    units = np.array([500, 900, 30_000, 700, 31_000], np.int64)
    assert unlike_units_min(units, 5, units[::-1].copy(), 5, han_addresses()) == 0


@pytest.mark.parametrize("schema", ["western", "resident"])
def test_pairs_score_alike_wherever_their_blocks_are_cut(schema: str) -> None:
    """The same weights to the bit, given all at once or in parts of any size."""
    records = (
        world(WESTERN, WESTERN_VALUES)
        if schema == "western"
        else world(load_schema(), RESIDENT_VALUES)
    )
    compiled, rows = records.compiled(), records.batch.rows
    left, right = all_pairs()
    whole = compiled.score(rows, rows, left, right)
    for size in (1, 31, BLOCK - 1, BLOCK + 1):
        cuts = range(0, 3 * BLOCK, size) if size > 1 else range(40)
        for start in cuts:
            part = slice(start, start + size)
            scores = compiled.score(rows, rows, left[part], right[part])
            assert whole.weight[part].tobytes() == scores.weight.tobytes()
            assert whole.pattern[part].tobytes() == scores.pattern.tobytes()


def _texts(kind: str) -> list[str]:
    chance = random.Random(7)
    letters = "abcdefghijklmnopqrstu-é" if kind == "latin_name" else "0123456789-k"
    texts = ["", "a", "anna", "hannah", "1", "12", "x" * 10, "x" * 11, "x" * 30, "x" * 29 + "y"]
    for _ in range(120):
        text = "".join(chance.choices(letters, k=chance.randint(1, 14)))
        place = chance.randrange(len(text))
        texts += [text, text[:place] + text[place + 1 :], text[:place] + "7" + text[place:]]
        texts.append(text[:place] + text[place : place + 2][::-1] + text[place + 2 :])
    return texts


@pytest.mark.parametrize("kind", ["latin_name", "identifier"])
def test_a_look_says_nothing_that_spelling_out_would_not(kind: str) -> None:
    """What a look tells of two texts is their grade, and it tells most of them."""
    rows, slots, overflow = _encoded(kind, _texts(kind))
    is_name = kind == "latin_name"
    name, grades = ("latin_name", fill_latin_name) if is_name else (
        "identifier_text", fill_identifier_text)  # fmt: skip
    source = comparator(name)
    chance = np.random.default_rng(2)
    left = np.sort(chance.integers(0, len(rows), 5000)).astype(np.int32)
    right = chance.integers(0, len(rows), 5000).astype(np.int32)
    right[::5] = np.clip(left[::5] + chance.integers(-3, 4, 1000), 0, len(rows) - 1)
    told, expected = np.empty(5000, np.uint8), np.empty(5000, np.uint8)
    grade_else = len(source.grades) - 1
    opened = look_at_texts(rows, rows, left, right, slots, is_name, grade_else, told)
    assert int(np.count_nonzero(told == OPEN)) == opened < 4500
    _grade_one_by_one(grades, rows, left, right, slots, source.tables(overflow), expected)
    assert expected[told != OPEN].tolist() == told[told != OPEN].tolist()


def _grade_one_by_one(
    fill: Any, rows: Rows, left: Any, right: Any, slots: Any, tables: Any, out: Any
) -> None:
    """What the comparator says when every pair is spelled out."""
    from matching.kernels import graded_strings

    grading = 0 if fill is fill_latin_name else 1
    graded_strings._fill_graded(rows, rows, left, right, slots, tables, grading, out)
    assert out.max() <= NULL_GRADE


def test_remembered_logarithms_are_those_computed() -> None:
    """Relatives are taken off to the bit, however often their places are used anew."""
    chance = np.random.default_rng(4)
    relatives = np.round(chance.normal(-8, 20, 30_000), 2)
    weights = chance.normal(0, 20, 30_000)
    expected = [w - log2_with_one(r) for w, r in zip(weights, relatives, strict=True)]
    take_off_relatives(weights, relatives, np.full((REMEMBERED // 64, 2), np.nan))
    assert expected == weights.tolist()


def test_later_comparisons_never_add_more_than_their_bound() -> None:
    """A least weight drops exactly the pairs below it, whatever parts are missing or equal."""
    values = {name: [*listed, ""] for name, listed in WESTERN_VALUES.items()}
    for seed in range(3):
        records: World = world(WESTERN, values, seed)
        compiled, rows = records.compiled(), records.batch.rows
        left, right = all_pairs()
        everything = compiled.score(rows, rows, left, right)
        for weight_min in np.quantile(everything.weight, [0.2, 0.5, 0.9, 0.99]):
            kept = compiled.score(rows, rows, left, right, weight_min=float(weight_min))
            expected = np.flatnonzero(everything.weight >= weight_min)
            assert expected.tolist() == kept.pair.tolist()
            assert everything.weight[expected].tobytes() == kept.weight.tobytes()
