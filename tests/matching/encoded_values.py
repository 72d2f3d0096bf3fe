"""Encoded rows of made-up values of every kind, for tests that treat all comparators alike."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from matching.comparator import Comparator
from person.batch import encode_batch
from person.field import OverflowTable
from person.layout import Layout, layout_for
from person.schema import Field, Schema

__all__ = ["EncodedValues", "encoded_values", "grades_of"]

_VALUES: Final[dict[str, Sequence[str]]] = {
    "han_name": (
        *(
            "张伟",
            "張偉",
            "张玮",
            "章伟",
            "张伟伟",
            "伟张",
            "欧阳娜娜",
            "欧阳娜",
            "娜娜欧阳",
            "单雄信",
        ),
        *(
            "shan xiongxin",
            "Zhang Wei",
            "买买提·阿布都拉·吐尔逊江",
            "买买提·阿布都拉",
            "王?明",
            "王小明",
        ),
    ),
    "latin_name": (
        *("smith", "smyth", "smithe", "smit", "s", "john", "jon", "johnathan", "o'brien", "obrien"),
        *(
            "anne marie",
            "marie anne",
            "de la cruz",
            "van der berg-" + "long" * 5,
            "müller",
            "иванов",
        ),
    ),
    "text": (
        *(
            "12 high street",
            "high street 12",
            "12 high st",
            "21 high street",
            "flat 3",
            "highstreet",
        ),
        *("a" * 40, "a" * 39 + "b", "rose cottage", "rosecottage", "the rose cottage", "x"),
    ),
    "identifier": (
        *("12345678", "12345687", "12345679", "12355679", "AB-123456", "ab123456", "9", "k" * 30),
        *("0012345678", "87654321"),
    ),
    "category": ("nsw", "vic", "nws", "qld", "new south wales", "n", "vicc"),
    "national_id": (
        *("110101198003072311", "110101800307231", "110101198003072338", "110101198003072310"),
        *("110101198003072321", "310104199005120023", "E12345678", "810000199001010018"),
    ),
    "date": (
        *("1980-03-07", "1980-07-03", "1980-03-08", "1980-03", "1980", "1981-03-07", "1980-01-01"),
        *("1970-12-31", "1908-03-07", "2001-02-28"),
    ),
    "gender": ("男", "女"),
    "phone": (
        *("13987650123", "13987650132", "13987650124", "010-62345679", "62345679"),
        *("13987650123;13812349876", "13812349876", "0755-82345670"),
    ),
    "region": ("110101", "110105", "310104", "440305", "110103", "310000"),
    "address": (
        *("东城区和平里中街7号3单元502室", "和平里中街7号502", "和平里中街9号502", "漕溪北路88号"),
        *("人民路1号", "东城区和平里中街", "7号"),
    ),
}


@dataclass(frozen=True, slots=True)
class EncodedValues:
    """`rows` hold in each field f0, f1 ... a value of its kind; row 0 holds none."""

    rows: NDArray[np.uint64]
    layout: Layout
    overflow: OverflowTable
    fields: tuple[str, ...]
    more_slots: NDArray[np.int64] = field(default_factory=lambda: np.zeros((0, 3), np.int64))

    @property
    def slots(self) -> NDArray[np.int64]:
        """What a comparator of these fields is given."""
        slots = [self.layout.slots(name) for name in self.fields]
        return np.ascontiguousarray(np.vstack([*slots, self.more_slots]))


def _mutated(text: str, chance: random.Random) -> str:
    place = chance.randrange(len(text))
    change = chance.randrange(4)
    if change == 0:
        return text[:place] + text[place + 1 :]
    if change == 1:
        return text[:place] + chance.choice(text) + text[place + 1 :]
    if change == 2:
        return text[:place] + text[place : place + 2][::-1] + text[place + 2 :]
    return text + chance.choice(text)


@lru_cache(maxsize=32)
def encoded_values(kinds: tuple[str, ...], count: int = 60) -> EncodedValues:
    """Encode `count` rows of fields of these kinds: the listed values, then slips of them."""
    chance = random.Random(str(kinds))
    fields = tuple(
        Field(name=f"f{place}", kind=kind, columns=(f"f{place}",))
        for place, kind in enumerate(kinds)
    )
    columns: dict[str, list[str | None]] = {}
    for each in fields:
        listed = list(_VALUES[each.kind])
        if len(fields) > 1:
            chance.shuffle(listed)
        values: list[str | None] = [None, *listed]
        while len(values) < count:
            value = chance.choice(listed)
            for _ in range(chance.randint(0, 2)):
                value = _mutated(value, chance) or value
            values.append(value if chance.random() < 0.95 else None)
        columns[each.name] = values[:count]
    if len(set(kinds)) < len(kinds):  # a quarter of the rows are others with their values swapped
        for row in range(count // 4):
            for name, other in zip(columns, reversed(columns)):
                columns[name][count - 1 - row] = columns[other][1 + row]
    schema, layout = Schema(name="values", fields=fields), layout_for(fields)
    arrays = {name: pa.array(values, pa.string()) for name, values in columns.items()}
    table = pa.table(arrays)
    batch = encode_batch(table, schema, layout, schema.bind(table.column_names))
    return EncodedValues(batch.rows, layout, batch.overflow, tuple(f.name for f in fields))


def grades_of(
    comparator: Comparator,
    values: EncodedValues,
    left: NDArray[np.int32],
    right: NDArray[np.int32],
    cutoffs: Sequence[float] = (),
) -> NDArray[np.uint8]:
    """Grades of pairs of rows by one call of the kernel, uint8[n_pairs]."""
    out = np.full(len(left), 77, np.uint8)
    comparator.kernel(
        values.rows,
        values.rows,
        np.ascontiguousarray(left, np.int32),
        np.ascontiguousarray(right, np.int32),
        values.slots,
        comparator.tables(values.overflow),
        np.array(cutoffs or (0.0,), np.float64),
        out,
    )
    return out
