"""Pairs of Chinese records that no weight may link by itself: a person has to look at them.

one number, two people   The same id number, and name, birth date or sex say that somebody else
                         used it: numbers were issued twice, and relatives use each other's
                         cards. A desk reads the birth date off the card and a family shares phone
                         and address, so these agreeing is no second piece of evidence.
another given name       The same number and surname under another given name: a father's card
                         used for his child, or a person renamed; the records cannot say which.
                         Half a given name or the surname may be a slip, unless more differs:
                         two people of one number are of one county, birth date and sex, and
                         cousins share a generation character.
no name                  A newborn under the mother's name, an unknown person: all that agrees
                         may be the family's, unless a document of the person's own does.
twins                    The same birth date, given names apart, and no document that agrees:
                         twins and newborns share all the rest (surname, address, phone, mother).
another birth date       Born on wholly different days, and no document agrees: a home, a phone and
                         even a name are shared in a family.
everybody alike          In a table where nearly every pair looks like a match nothing was learnt;
                         only one id number may link.

A former name that agrees answers both questions about one number.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from matching.compiled import CompiledModel
from matching.model import Part

__all__ = [
    "EVERYBODY_ALIKE",
    "HELD_APART",
    "NAMELESS",
    "OTHER_BIRTH",
    "OTHER_NAME",
    "PAIR_REFUSALS",
    "RENAMED",
    "SHARED_NUMBER",
    "TWINS",
    "PairGuards",
    "holds_apart",
    "pair_refusals",
    "pattern_refusals",
]

EVERYBODY_ALIKE: Final = "nearly all records of this table look alike"
TWINS: Final = "born on one day with different given names, and no document agrees: perhaps twins"
OTHER_BIRTH: Final = "born on wholly different days, and no document agrees: perhaps one family"
NAMELESS: Final = "no name to compare and no document agrees: perhaps twins, or one family"
RENAMED: Final = "one id number under two names: perhaps renamed, perhaps a relative's card"
OTHER_NAME: Final = "one id number under two names that have nothing in common"
SHARED_NUMBER: Final = "one id number, but the name and the birth date or sex do not agree"
PAIR_REFUSALS: Final = (
    *(EVERYBODY_ALIKE, OTHER_BIRTH, NAMELESS, TWINS, RENAMED, OTHER_NAME, SHARED_NUMBER),
)
"""What the numbers of `pattern_refusals` say, from 1; where several hold, the last is given."""

HELD_APART: Final = frozenset({OTHER_NAME, SHARED_NUMBER})
"""Refusals that no third record can answer: such records come into one cluster by no way."""

_OTHER_NAME: Final = frozenset({"one_given_character", "given_only", "surname_only", "else"})
_OTHER_DATE: Final = frozenset(
    {"year_and_day", "year_only", "month_and_day", "two_digits_with_year", "else"}
)
_NEARLY: Final = frozenset({"one_character", "swapped"})
_ELSE: Final = frozenset({"else"})
_EXACT: Final = frozenset({"exact"})
_SURNAME_ONLY: Final = frozenset({"surname_only"})
_ONE_GIVEN: Final = frozenset({"one_given_character"})
_GIVEN_ONLY: Final = frozenset({"given_only"})
_NO_DOCUMENT: Final = frozenset({"former_name", "mother_id_number"})
_FORMER_NAME: Final = frozenset({"former_name"})
_SAME_NUMBER: Final = frozenset({"exact", "one_digit", "transposed"})
_SAME_PHONE: Final = frozenset({"exact", "any_shared", "one_digit", "transposed"})
_SAME_ADDRESS: Final = frozenset({"same", "most_grams", "same_numbers_some_grams"})
_OTHER_HOME: Final = frozenset({"most_grams_other_numbers", "some_grams", "else"})
_ASKED: Final[dict[str, tuple[frozenset[str], ...]]] = {
    "national_id": (_SAME_NUMBER, _EXACT),
    "exact": (_EXACT,),
    "han_name": (
        *(_OTHER_NAME, _OTHER_NAME - {"given_only"}),
        *(_SURNAME_ONLY, _ONE_GIVEN, _GIVEN_ONLY, _NEARLY, _ELSE),
    ),
    "date": (_EXACT, _OTHER_DATE, _ELSE),
    "gender": (_ELSE,),
    "phone": (_SAME_PHONE, _ELSE),
    "address": (_SAME_ADDRESS, _OTHER_HOME),
}
"""What the guards ask of each comparator; levels that answer all of it alike are one to them."""


def pair_refusals(compiled: CompiledModel, pattern: NDArray[np.int64]) -> NDArray[np.object_]:
    """Why each pair must not be linked by weight alone: object[n_pairs], None where it may.

    Parameters
    ----------
    compiled, pattern : see `pattern_refusals`; patterns may repeat
    """
    unique, place = np.unique(pattern, return_inverse=True)
    reasons = np.array((None, *PAIR_REFUSALS), object)
    refusal: NDArray[np.object_] = reasons[pattern_refusals(compiled, unique)][place]
    return refusal


def pattern_refusals(compiled: CompiledModel, pattern: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Why pairs of each pattern must not be linked by weight alone: uint8[n_patterns].

    0 where they may, else a place in PAIR_REFUSALS, counted from 1.

    Parameters
    ----------
    compiled : the model that compared the pairs; without a Chinese name and a birth date nothing
        is refused
    pattern : int64[n_patterns], different agreement patterns
    """
    return PairGuards(compiled).refusals(pattern)


def holds_apart(refusal: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Which numbers of `pattern_refusals` keep two records apart for good: bool[n].

    Parameters
    ----------
    refusal : uint8[n], from `pattern_refusals`
    """
    certain = np.array([False, *(reason in HELD_APART for reason in PAIR_REFUSALS)])
    return certain[refusal]


class PairGuards:
    """The guards of one model, made ready: which levels of which part say what."""

    def __init__(self, compiled: CompiledModel) -> None:
        self._compiled = compiled
        self._parts = [
            (number, each.part, each.stride, len(each.part.levels))
            for number, comparison in enumerate(compiled.comparisons)
            for each in comparison.parts
        ]
        self._has_names = any(part.comparator == "han_name" for _, part, _, _ in self._parts)
        self._tables: dict[Any, list[tuple[int, int, NDArray[np.bool_]]]] = {}
        self._plain = list(self._plain_levels())

    def refusals(self, pattern: NDArray[np.int64]) -> NDArray[np.uint8]:
        """See `pattern_refusals`.

        Parameters
        ----------
        pattern : int64[n_patterns]
        """
        refusal = np.zeros(len(pattern), np.uint8)
        cells = self._compiled.unpack_patterns(pattern)
        found = {
            EVERYBODY_ALIKE: np.zeros(len(pattern), np.bool_),
            **self._without_document(cells),
            **self._one_number(cells),
        }
        if self._compiled.model.training.get("is_collapsed"):
            found[EVERYBODY_ALIKE] = ~self._at(cells, "national_id", _EXACT)
        for number, reason in enumerate(PAIR_REFUSALS):
            refusal[found[reason]] = 1 + number
        return refusal

    def plain_pattern(self, pattern: int) -> int:
        """A pattern of which the guards think the same, one for all that are alike to them.

        Parameters
        ----------
        pattern : of one pair
        """
        return sum([plain[pattern // stride % len(plain)] for stride, plain in self._plain])

    def _plain_levels(self) -> Iterator[tuple[int, list[int]]]:
        """(stride in patterns, what each level adds to a plain pattern) of every part."""
        counts = [each.null_cell_count for each in self._compiled.comparisons]
        strides = [prod(counts[number + 1 :]) for number in range(len(counts))]
        for number, part, stride, count in self._parts:
            asked = _ASKED.get(part.comparator, ())
            answers = [tuple(set(level) <= grades for grades in asked) for level in part.levels]
            alike = [answers.index(each) for each in answers]
            own = strides[number] * stride
            yield own, [*(own * level for level in alike), own * count]

    def _without_document(self, cells: NDArray[np.int32]) -> dict[str, NDArray[np.bool_]]:
        """Twins, families and the nameless: no document of the person's own agrees."""
        document = self._at(cells, "national_id", _SAME_NUMBER)
        document |= self._at(cells, "exact", _EXACT, unless=_NO_DOCUMENT)
        given = self._at(cells, "han_name", _OTHER_NAME - {"given_only"})
        born = self._at(cells, "date", _EXACT)
        other_birth = self._at(cells, "date", _ELSE)
        return {
            OTHER_BIRTH: other_birth & ~document & self._has_names,
            NAMELESS: self._is_nameless(cells) & ~document,
            TWINS: given & born & ~document,
        }

    def _one_number(self, cells: NDArray[np.int32]) -> dict[str, NDArray[np.bool_]]:
        """Numbers that a second person may have used."""
        number = self._at(cells, "national_id", _SAME_NUMBER)
        number &= ~self._at(cells, "exact", _EXACT, only=_FORMER_NAME)
        if not number.any():
            return {RENAMED: number, OTHER_NAME: number, SHARED_NUMBER: number}
        other_date = self._at(cells, "date", _OTHER_DATE)
        other_sex = self._at(cells, "gender", _ELSE)
        surname = self._at(cells, "han_name", _SURNAME_ONLY)
        one_given = self._at(cells, "han_name", _ONE_GIVEN)
        other_surname = self._at(cells, "han_name", _GIVEN_ONLY)
        nearly = self._at(cells, "han_name", _NEARLY)
        shared = (surname | self._is_nameless(cells)) & (other_date | other_sex)
        other_birth = self._at(cells, "date", _ELSE)
        shared |= nearly & other_date & (other_sex | other_birth)
        shared |= other_birth & other_sex
        renamed = surname | (one_given & (other_date | other_sex | self._lives_apart(cells)))
        renamed |= other_surname & other_date
        return {
            RENAMED: number & renamed,
            OTHER_NAME: number & self._at(cells, "han_name", _ELSE),
            SHARED_NUMBER: number & shared,
        }

    def _lives_apart(self, cells: NDArray[np.int32]) -> NDArray[np.bool_]:
        """Pairs whose phones or addresses differ, and neither agrees."""
        phone = self._at(cells, "phone", _SAME_PHONE)
        address = self._at(cells, "address", _SAME_ADDRESS)
        differs = self._at(cells, "phone", _ELSE) | self._at(cells, "address", _OTHER_HOME)
        return differs & ~phone & ~address

    def _is_nameless(self, cells: NDArray[np.int32]) -> NDArray[np.bool_]:
        """Pairs of which one record at least has no name, in a table of Chinese names."""
        has_part, has_name = False, np.zeros(cells.shape[1], np.bool_)
        for number, part, stride, levels in self._parts:
            if part.comparator.startswith("han_name"):
                has_part = True
                has_name |= cells[number] // stride % (levels + 1) != levels
        return ~has_name & has_part

    def _at(
        self,
        cells: NDArray[np.int32],
        comparator: str,
        grades: frozenset[str],
        *,
        unless: frozenset[str] = frozenset(),
        only: frozenset[str] = frozenset(),
    ) -> NDArray[np.bool_]:
        """Pairs in which some part of that comparator stands at a level of only these grades."""
        asked = (comparator, grades, unless, only)
        tables = self._tables.get(asked)
        if tables is None:
            tables = self._tables[asked] = [
                (number, stride, _table(part, grades))
                for number, part, stride, _ in self._parts
                if part.comparator == comparator
                and (part.name in only if only else part.name not in unless)
            ]
        found = np.zeros(cells.shape[1], np.bool_)
        for number, stride, table in tables:
            found |= table[cells[number] // stride % len(table)]
        return found


def _table(part: Part, grades: frozenset[str]) -> NDArray[np.bool_]:
    """Which levels of a part have only these grades; the null level, the last one, has none."""
    return np.array([*(set(level) <= grades for level in part.levels), False])
