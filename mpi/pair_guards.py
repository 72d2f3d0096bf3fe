"""Pairs of Chinese records that no weight may link by itself: a person has to look at them.

one number, two people   The same id number under two names and two birth dates: numbers were
                         issued twice, and relatives use each other's cards.
twins                    The same birth date, given names apart, and no document that agrees:
                         twins and newborns share all the rest (surname, address, phone, mother).
everybody alike          In a table where nearly every pair looks like a match nothing was learnt;
                         only one id number may link.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from matching.compiled import CompiledModel
from matching.model import Part

__all__ = ["EVERYBODY_ALIKE", "SHARED_NUMBER", "TWINS", "pair_refusals"]

SHARED_NUMBER: Final = "one id number, but neither the name nor the birth date agrees"
EVERYBODY_ALIKE: Final = "nearly all records of this table look alike"
TWINS: Final = "born on one day with different given names, and no document agrees: perhaps twins"

_OTHER_NAME: Final = frozenset({"one_given_character", "given_only", "surname_only", "else"})
_OTHER_DATE: Final = frozenset(
    {"year_and_day", "year_only", "month_and_day", "two_digits_with_year", "else"}
)
_EXACT: Final = frozenset({"exact"})
_SAME_NUMBER: Final = frozenset({"exact", "one_digit", "transposed"})


def pair_refusals(compiled: CompiledModel, pattern: NDArray[np.int64]) -> NDArray[np.object_]:
    """Why each pair must not be linked by weight alone: object[n_pairs], None where it may.

    Parameters
    ----------
    compiled : the model that compared the pairs; without a Chinese name and a birth date nothing
        is refused
    pattern : int64[n_pairs], agreement patterns
    """
    refusal = np.full(len(pattern), None, object)
    unique, place = np.unique(pattern, return_inverse=True)
    cells = compiled.unpack_patterns(unique)
    name = _at(compiled, cells, "han_name", _OTHER_NAME)
    given = _at(compiled, cells, "han_name", _OTHER_NAME - {"given_only"})
    born = _at(compiled, cells, "date", _EXACT)
    not_born = _at(compiled, cells, "date", _OTHER_DATE)
    number = _at(compiled, cells, "national_id", _EXACT)
    document = _at(compiled, cells, "national_id", _SAME_NUMBER)
    document |= _at(compiled, cells, "exact", _EXACT, unless={"former_name", "mother_id_number"})
    if compiled.model.training.get("is_collapsed"):
        refusal[(~number)[place]] = EVERYBODY_ALIKE
    refusal[(given & born & ~document)[place]] = TWINS
    refusal[(name & not_born & number)[place]] = SHARED_NUMBER
    return refusal


def _at(
    compiled: CompiledModel,
    cells: NDArray[np.int32],
    comparator: str,
    grades: frozenset[str],
    unless: frozenset[str] | set[str] = frozenset(),
) -> NDArray[np.bool_]:
    """Pairs in which some part of that comparator stands at a level of only these grades."""
    found = np.zeros(cells.shape[1], np.bool_)
    for number, comparison in enumerate(compiled.comparisons):
        for each in comparison.parts:
            if each.part.comparator == comparator and each.part.name not in unless:
                level = cells[number] // each.stride % (len(each.part.levels) + 1)
                found |= np.isin(level, _levels(each.part, grades))
    return found


def _levels(part: Part, grades: frozenset[str]) -> list[int]:
    return [number for number, level in enumerate(part.levels) if set(level) <= grades]
