"""Make resident.json, the model of Chinese residents that ships with the product.

    python -m matching.models.build_resident

Every probability below follows from a figure stated beside it, or is said to be a judgement. The
model is what is believed before any record is seen: training starts from it and is drawn towards
it, and a table too small to learn from is weighed with it as it is. It stands for a table of one
prefecture or hospital group, a few million records of a few hundred thousand to a few million
people; the chance that two strangers agree hardly depends on the size of the table.

Sources of the figures
----------------------
names      ChineseNames (1.2 billion Han born 1930-2008): sum of squared surname shares 0.0268;
           about 1.2e12 pairs of one full name and sex within a cohort of 1e8, which makes 2e-5
           within a cohort and sex, and some 5e-6 over all ages and both sexes.
errors     SIGHAN 2013-15 spelling corpora, 16,646 wrong characters: same sound and tone 53.6 %,
           same sound other tone 22.4 %, fuzzy sound 8.1 %, similar shape only 3.2 %, other 12.7 %.
           Records with an error in name, age or sex: 12 % in one county hospital (2023), 0.5 %
           to 14 % of notifiable-disease cards, 0.8 % of register entries (11 million corrected
           in 2014-17). Taken here: a record's name is wrong in 3.5 %, its birth date in 2 %, its
           sex in 0.8 %, its number in 1.2 %; a pair is wrong if either record is.
numbers    1.7 million re-issued numbers in 2009, 8 in 2017; check digit ISO 7064 MOD 11-2.
families   census 2020: mean household 2.62; twins are 18.8 per 1,000 births (2007-14).
moving     35 % live away from the register, of these 38 % in the same county, 36 % in another
           county of the province, 25 % in another province (census 2020).
phones     1.6 billion numbers for 1.41 billion people, reissued after months; families share.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from matching.defaults import default_comparisons
from matching.kernels.dates import DATE_GRADES
from matching.model import Comparison, Model
from matching.registry import comparator
from person.field import OverflowTable
from person.layout import layout_for
from person.schema import Schema, load_schema

__all__ = ["build", "main"]

TARGET: Final = Path(__file__).with_name("resident.json")
DIGITS: Final = 6

NAME_WRONG: Final = 1.0 - (1.0 - 0.035) ** 2
BIRTH_DATE_WRONG: Final = 1.0 - (1.0 - 0.02) ** 2
SEX_WRONG: Final = 1.0 - (1.0 - 0.008) ** 2
NUMBER_WRONG: Final = 1.0 - (1.0 - 0.012) ** 2
NEWBORN_OR_RENAMED: Final = 0.006  # births 0.7 % of the people a year; named after the mother first

Chances = dict[str, float]


def _name() -> tuple[Chances, Chances, Chances]:
    """m, u and relatives of a Chinese name.

    Of wrong names four in five are a wrong character, by the shares of the corpora; the rest a
    character missing or too many, given name first, or a masked character (judgement). A wholly
    wrong character leaves a name of three with one given character another, of two (a quarter
    of living people) with the surname only, and one in seven strikes the surname.
    """
    character, other = 0.80 * NAME_WRONG, 0.127
    m = {
        "same_syllables": character * (0.536 + 0.224) + 0.006,  # and pinyin only
        "fuzzy_syllables": character * 0.081,
        "similar_character": character * 0.032 + 0.03 * NAME_WRONG,
        "one_character": 0.12 * NAME_WRONG,
        "swapped": 0.05 * NAME_WRONG,
        "one_given_character": character * other * 0.60,
        "given_only": character * other * 0.15 + 0.001,
        "surname_only": character * other * 0.25 + 0.002,
        "else": NEWBORN_OR_RENAMED,
    }
    m["exact"] = 1.0 - sum(m.values())
    # Two strangers: a homophone is two to three times as common as the same characters (1,200
    # toned syllables against some 2,000 name characters in use); one given character of two
    # agrees in about 1 %, and surname agreement is 0.0268.
    u = {
        "exact": 5e-6,
        "same_syllables": 1e-5,
        "fuzzy_syllables": 1.5e-5,
        "similar_character": 1.5e-5,
        "one_character": 1.8e-4,
        "swapped": 1e-5,
        "one_given_character": 5e-4,
        "given_only": 2e-4,
        "surname_only": 0.0268,
    }
    u["else"] = 1.0 - sum(u.values())
    # Of the pairs of a household of 2.62 about half share the father's surname (children take it
    # 12 to 1; spouses share none); half of siblings with two given characters share one.
    relatives = {
        "exact": 1e-4,
        "same_syllables": 3e-4,
        "fuzzy_syllables": 6e-4,
        "similar_character": 3e-4,
        "one_character": 2e-3,
        "swapped": 1e-4,
        "one_given_character": 0.10,
        "given_only": 1e-3,
        "surname_only": 0.42,
    }
    relatives["else"] = 1.0 - sum(relatives.values())
    return m, u, relatives


def _wrong_dates() -> NDArray[np.float64]:
    """Grades of two birth dates of one person: slips made on drawn dates, graded as any other.

    Judgement, of the wrong ones: a year off by one, two or ten 40 %, 1 January for unknown 15 %,
    lunar for solar (three to seven weeks earlier) 15 %, day and month swapped 10 %, another day
    nearby or ten off 12 %, two digits swapped 3 %, anything 5 %.
    """
    random = np.random.default_rng(21)
    _, packed = _days()
    pairs = []
    for _ in range(40_000):
        place = int(random.integers(4000, len(packed) - 4000))
        date = int(packed[place])
        year, month, day = date >> 9, date >> 5 & 15, date & 31
        kind = random.random()
        if kind < 0.40:
            other = (year + int(random.choice([-10, -2, -1, -1, 1, 1, 2, 10]))) << 9 | date & 511
        elif kind < 0.55:
            other = year << 9 | 1 << 5 | 1
        elif kind < 0.70:
            other = int(packed[place - int(random.integers(21, 51))])
        elif kind < 0.80:
            other = year << 9 | day << 5 | month if day <= 12 else date
        elif kind < 0.92:
            other = int(packed[place + int(random.choice([-10, -2, -1, 1, 2, 10]))])
        elif kind < 0.95:
            turned = day % 10 * 10 + day // 10
            other = date & ~31 | turned if 0 < turned <= 28 else date
        else:
            other = int(packed[random.integers(0, len(packed))])
        if other != date:
            pairs.append((date, other))
    counts = _graded(np.array(pairs).T)
    chances = counts / counts.sum() * BIRTH_DATE_WRONG
    chances[0] = 1.0 - BIRTH_DATE_WRONG
    return np.maximum(chances, 1e-6)


def _days() -> tuple[NDArray[np.datetime64], NDArray[np.int64]]:
    """The days of 75 years of birth, and how dates are encoded."""
    days = np.arange("1945-01-01", "2020-01-01", dtype="datetime64[D]")
    years, months = days.astype("datetime64[Y]"), days.astype("datetime64[M]")
    packed = (years.astype(np.int64) + 1970 - 1849) << 9
    packed |= ((months - years).astype(np.int64) + 1) << 5
    packed |= (days - months).astype(np.int64) + 1
    return days, packed


def _chance_dates() -> NDArray[np.float64]:
    """Grades of two strangers' birth dates, counted on dates even over the years, one in a
    hundred written as 1 January."""
    random = np.random.default_rng(20)
    _, packed = _days()
    drawn = packed[random.integers(0, len(packed), (2, 2_000_000))]
    unknown = random.random(drawn.shape) < 0.01
    drawn[unknown] = drawn[unknown] >> 9 << 9 | 1 << 5 | 1
    counts = _graded(drawn) + 0.5
    return counts / counts.sum()


def _graded(pairs: NDArray[np.int64]) -> NDArray[np.float64]:
    """How many of these pairs of encoded dates, int64[2, n], get each grade."""
    a, b = (np.ascontiguousarray(each.astype(np.uint64)[:, None]) for each in pairs)
    rows = np.arange(len(a), dtype=np.int32)
    grades = np.empty(len(a), np.uint8)
    date = comparator("date")
    slots = np.array([[0, 0, 18]], np.int64)
    date.kernel(a, b, rows, rows, slots, date.tables(OverflowTable()), np.zeros(1), grades)
    return np.bincount(grades, minlength=len(DATE_GRADES)).astype(np.float64)


def _identity() -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """m, u and relatives of (number, birth date, sex), float64[n_grades of each].

    The numbers' grades: exact, one_digit, transposed, sequence_differs, same_birth_date, else.
    A third of wrong numbers is somebody else's; re-issued numbers keep the birth date.
    """
    wrong, date = _wrong_dates(), _chance_dates()
    number = NUMBER_WRONG * np.array([0.0, 0.42, 0.16, 0.03, 0.05, 0.34])
    number[0] = 1.0 - number.sum()
    sex = np.array([1.0 - SEX_WRONG, SEX_WRONG])
    m = np.einsum("i,j,k->ijk", number, wrong, sex)
    # Strangers: born on one day (then their numbers share the birth date, one in twenty also the
    # county of six digits), or not. One number on two strangers: somebody else's number used,
    # 1 record in 300, by one of the few thousand people one could have taken it from.
    stranger_number = np.array([0.0, 2e-4, 1e-5, 0.05, 0.95, 0.0])
    u = np.zeros((6, len(DATE_GRADES), 2))
    u += np.einsum("i,j,k->ijk", date[0] * stranger_number, wrong, [0.5, 0.5])
    apart = date.copy()
    apart[0] = date[0] * BIRTH_DATE_WRONG
    apart *= (1.0 - date[0]) / apart.sum()
    u[5] += np.einsum("j,k->jk", apart, [0.5, 0.5])
    u[0] += 1e-9 * np.einsum("j,k->jk", 0.9 * date + 0.1 * wrong, [0.5, 0.5])
    u[1:3] += 1e-9 * np.einsum("j,k->jk", date, [0.5, 0.5])
    # Relatives: twins, 1 pair of a household in 150, two in three of one sex, numbers a few apart;
    # or not twins, of whom 1 pair in 250 shows one member's number on the other.
    twins = np.einsum("i,j,k->ijk", [1e-4, 0.01, 0.002, 0.92, 0.02, 0.0479], wrong, [0.65, 0.35])
    others = np.einsum("i,j,k->ijk", [0.004, 1e-6, 1e-6, 1e-6, 1e-6, 0.996], apart, [0.42, 0.58])
    relatives = twins / 150 + others * (149 / 150)
    return m, u, relatives


def _phone() -> tuple[Chances, Chances, Chances]:
    """Old numbers 15 to 20 % of records, a relative's 12 to 15 % (judgement): seven pairs in ten
    agree on one. Strangers meet on reissued and on office numbers."""
    m = {"exact": 0.62, "any_shared": 0.04, "one_digit": 0.006, "transposed": 0.002, "else": 0.332}
    u = {
        "exact": 2e-6,
        "any_shared": 2e-6,
        "one_digit": 2e-7,
        "transposed": 1e-7,
        "else": 0.9999957,
    }
    relatives = {
        "exact": 0.40, "any_shared": 0.05, "one_digit": 1e-4, "transposed": 1e-4, "else": 0.5498,
    }  # fmt: skip
    return m, u, relatives


def _address() -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """m, u and relatives of (region, address text), float64[4 * 6].

    Two records of one person were written years apart: one in five shows another home, three in
    four of those moves within the prefecture. Texts are shortened or reordered in a third. Levels
    of the text: same, most_grams, same_numbers_some_grams, most_grams_other_numbers, some_grams,
    else.
    """
    region = np.array([0.82, 0.07, 0.06, 0.05])
    here = np.array([0.42, 0.13, 0.16, 0.05, 0.06, 0.18])
    away = np.array([0.05, 0.02, 0.03, 0.02, 0.08, 0.80])
    m = np.vstack([region[0] * here, np.outer(region[1:], away)])
    # A table of one prefecture: ten counties, one resident in four from outside it.
    stranger = np.array([0.10, 0.46, 0.26, 0.18])
    same_county = np.array([5e-5, 2e-5, 4e-5, 0.01, 0.12, 0.0])
    elsewhere = np.array([1e-6, 1e-6, 5e-6, 0.004, 0.08, 0.0])
    same_county[-1], elsewhere[-1] = 1.0 - same_county.sum(), 1.0 - elsewhere.sum()
    u = np.vstack([stranger[0] * same_county, np.outer(stranger[1:], elsewhere)])
    relatives = np.vstack([0.9 * here, np.outer([0.04, 0.04, 0.02], away)])
    return m, u, relatives


_CARDS: Final[dict[str, tuple[float, float, float]]] = {
    # Chance to agree: one person, strangers, relatives. A judgement but for the mother's number:
    # brothers and sisters have one mother; strangers share her by errors alone.
    "former_name": (0.90, 5e-6, 1e-4),
    "health_card": (0.85, 2e-8, 1e-4),
    "mother_id_number": (0.97, 1e-6, 0.90),
    "birth_certificate": (0.97, 2e-8, 1e-4),
}


def _cells(
    comparison: Comparison,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """m, u and relatives of a comparison's cells."""
    if comparison.name == "identity":
        grades = _identity()
    elif comparison.name == "address":
        grades = _address()
    elif comparison.name in _CARDS:
        m, u, relatives = (np.array([chance, 1.0 - chance]) for chance in _CARDS[comparison.name])
        return m, u, relatives
    else:
        (part,) = comparison.parts
        tables = _name() if part.comparator == "han_name" else _phone()
        order = comparator(part.comparator).grades
        m, u, relatives = (np.array([each[grade] for grade in order]) for each in tables)
        grades = m, u, relatives
    m, u, relatives = (_by_level(each, comparison) for each in grades)
    return m, u, relatives


def _by_level(chances: NDArray[np.float64], comparison: Comparison) -> NDArray[np.float64]:
    """Chances of the parts' grades summed into their levels."""
    for axis, part in enumerate(comparison.parts):
        grades = comparator(part.comparator).grades
        sorted_in = np.array([[grade in level for grade in grades] for level in part.levels], float)
        chances = np.moveaxis(np.tensordot(sorted_in, chances, (1, axis)), 0, axis)
    return chances.reshape(-1)


def build() -> Model:
    """The shipped model."""
    schema: Schema = load_schema("resident")
    layout = layout_for(schema.fields)
    comparisons = []
    for comparison in default_comparisons(schema.fields, layout):
        m, u, relatives = (np.maximum(each, 1e-13) for each in _cells(comparison))
        comparisons.append(
            Comparison(
                name=comparison.name,
                parts=comparison.parts,
                m_probability=_rounded(m),
                u_probability=_rounded(u),
                relative_probability=_rounded(relatives),
            )
        )
    return Model(
        schema=schema,
        comparisons=tuple(comparisons),
        blocking_rules=(),  # those of the fields a table has are chosen when it is read
        # A million records of half as many people; every table brings its own prior.
        probability_two_random_records_match=2e-6,
        probability_two_random_records_relatives=4e-6,
        training={"method": "published figures", "notes": []},
    )


def _rounded(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.array([float(f"{value:.{DIGITS}g}") for value in values / values.sum()])


def main() -> None:
    """Write resident.json beside this file."""
    text = json.dumps(build().to_dict(), ensure_ascii=False, indent=1)
    TARGET.write_text(text + "\n", "utf-8")


if __name__ == "__main__":
    main()
