"""Causes: their bits and names."""

from __future__ import annotations

import numpy as np

from data_gen import cause_bits
from data_gen.causes import CAUSE_NAMES, CAUSES, cause_names

FIELDS = {"name", "id_number", "birth_date", "gender", "phone", "address"}


def test_bits_are_places_and_names_are_unique() -> None:
    """A cause's bit is its place, its name names the column it shows in."""
    assert list(range(len(CAUSES))) == [cause.bit for cause in CAUSES]
    assert len(CAUSES) == len({cause.name for cause in CAUSES})
    assert {cause.field for cause in CAUSES} == FIELDS
    assert all(cause.name.startswith(cause.field + ":") and cause.meaning for cause in CAUSES)


def test_bits_of_the_kernels_are_those_of_the_names() -> None:
    """The numbers that kernels use mean what files say they mean."""
    pairs = {
        "name:homophone": cause_bits.HOMOPHONE,
        "name:other_character": cause_bits.OTHER_CHARACTER,
        "name:missing_character": cause_bits.MISSING_CHARACTER,
        "name:traditional": cause_bits.TRADITIONAL,
        "name:rare_split": cause_bits.RARE_SPLIT,
        "name:newborn_placeholder": cause_bits.NEWBORN_PLACEHOLDER,
        "name:former": cause_bits.FORMER_NAME,
        "id_number:missing": cause_bits.ID_MISSING,
        "id_number:fifteen_digits": cause_bits.FIFTEEN_DIGITS,
        "id_number:previous": cause_bits.PREVIOUS_ID,
        "birth_date:day_month_swapped": cause_bits.DAY_MONTH_SWAPPED,
        "birth_date:missing": cause_bits.BIRTH_MISSING,
        "gender:missing": cause_bits.SEX_MISSING,
        "phone:old": cause_bits.PHONE_OLD,
        "phone:missing": cause_bits.PHONE_MISSING,
        "address:missing": cause_bits.ADDRESS_MISSING,
    }
    assert pairs == {name: CAUSE_NAMES[name] for name in pairs}


def test_names_of_a_mask_are_joined_in_order() -> None:
    """Several causes are named in the order of their bits, none by an empty text."""
    mask = 1 << CAUSE_NAMES["id_number:missing"] | 1 << CAUSE_NAMES["name:homophone"]
    words = cause_names(np.array([0, mask, 0], np.uint64)).to_pylist()
    assert ["", "name:homophone|id_number:missing", ""] == words
