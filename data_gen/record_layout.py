"""What is drawn of a record before it is printed or encoded: one entry of fixed width each."""

from __future__ import annotations

from typing import Final

import numpy as np

__all__ = ["ADDRESS_MEMO", "KNOWN_FIELDS", "RECORD_FIELDS"]

# How a record's name is given.
NAME_CURRENT, NAME_FORMER, NAME_ALTERED = 0, 1, 2
# How its number is given.
ID_NONE, ID_CURRENT, ID_OTHER, ID_DOCUMENT = 0, 1, 2, 3
# Which address of its person it has.
ADDRESS_NONE, ADDRESS_CURRENT, ADDRESS_PREVIOUS, ADDRESS_REGISTERED = 0, 1, 2, 3
# Bits of `address_form`: what an abbreviated address leaves out or shortens.
WITHOUT_CITY, WITHOUT_COUNTY, WITHOUT_TOWNSHIP, DASHED_NUMBERS, SHORT_NAMES = 1, 2, 4, 8, 16
# What the health card column holds.
CARD_NONE, CARD_ID, CARD_LOCAL = 0, 1, 2

RECORD_FIELDS: Final = np.dtype(
    [
        ("causes", np.uint64),
        ("style", np.uint64),  # random bits for the way values are printed
        ("unit", np.uint64),  # random bits of the source: its habits
        ("id_body", np.int64),  # 17 digits, for ID_CURRENT and ID_OTHER
        ("phone", np.int64),  # 11 digits, 0 = missing
        ("name_start", np.int32),  # into the pool of altered names
        ("day", np.int32),  # of the last change, since 1970-01-01
        ("second", np.int32),
        ("birth_date", np.int32),  # yyyymmdd as written, 0 = missing
        ("region", np.int32),  # 0 = missing
        ("slot", np.int16),  # the person
        ("visit", np.int16),
        ("source", np.uint16),
        ("system", np.uint8),
        ("name_kind", np.uint8),
        ("name_length", np.uint8),  # of an altered name
        ("id_kind", np.uint8),
        ("id_check", np.uint8),  # 10 = X, 254 = right, 255 = the form of 15 digits
        ("sex", np.uint8),  # 0 = missing
        ("address_kind", np.uint8),
        ("address_form", np.uint8),
        ("card_kind", np.uint8),
        ("has_former_name", np.bool_),
        ("has_mother_id", np.bool_),
        ("has_certificate", np.bool_),
    ],
    align=True,
)
"""One record of a community."""

ADDRESS_MEMO: Final = 512
"""Addresses whose sketch is remembered; neighbours differ only in their numbers."""

KNOWN_FIELDS: Final = np.dtype(
    [
        ("word", np.uint64),  # units of the name, 0 where `person` must read it
        ("body", np.uint64),
        ("detail", np.uint64),
        ("phone_code", np.uint64),
        ("birth_code", np.uint64),
        ("grams", np.uint64),  # of the present address
        ("numbers", np.uint64),
        ("phone", np.int64),
        ("birth_date", np.int32),  # yyyymmdd
        ("rarity", np.uint8),  # of the characters of the present name
        ("is_home_known", np.bool_),
        ("registered_differs", np.bool_),  # from the present address
        ("previous_differs", np.bool_),
        # Not of a person: addresses met before, and scratch.
        ("memo", np.uint64, (ADDRESS_MEMO, 4)),
        ("minima", np.uint64, 6),
        ("pair", np.uint32, 2),
        ("units", np.uint32, 8),
    ],
    align=True,
)
"""What is true of a person, worked out once for all the person's records."""
