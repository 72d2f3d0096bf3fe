"""The people of one community: arrays that `draw_people` fills and the record kernels read.

Days are counted from 1970-01-01. A *slot* is a row of the community, so a person's number is
`frame_community * COMMUNITY_PEOPLE + slot`. All that is zero, empty or -1 means 'has none'.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "ADDRESS_COLUMNS",
    "COMMUNITY_PEOPLE",
    "NAME_CHARACTERS",
    "AddressKind",
    "DocumentType",
    "Origin",
    "People",
    "PeopleArrays",
    "Role",
]

COMMUNITY_PEOPLE: Final = 1024
NAME_CHARACTERS: Final = 32
"""Code points a name may have; the longest one drawn (a foreigner's) stays below."""

ADDRESS_COLUMNS: Final = (
    "region",  # county code of today
    "kind",  # AddressKind
    "township",  # row of Facts.township_*; -1 = none
    "road",  # number of a road name, see `facts.road_name`
    "number",  # house number in the road or village
    "place",  # number of a village, estate, dormitory name; see `facts.place_name`
    "building",  # 0 = none
    "unit",  # 0 = none
    "room",  # 0 = none, else floor * 100 + door
)


class Role(IntEnum):
    """Place in the household, seen from its head."""

    HEAD = 0
    SPOUSE = 1
    CHILD = 2
    CHILD_IN_LAW = 3
    GRANDCHILD = 4
    PARENT = 5
    GRANDPARENT = 6
    SIBLING = 7
    LODGER = 8
    COLLECTIVE = 9
    """Lives in a dormitory, barracks, home for the old: a household of its own here."""


class Origin(IntEnum):
    MAINLAND = 0
    HONG_KONG = 1
    MACAO = 2
    TAIWAN = 3
    FOREIGN = 4


class DocumentType(IntEnum):
    """What `document` holds for people from abroad; the last one never stands there."""

    NONE = 0
    PASSPORT = 1
    TRAVEL_PERMIT_HONG_KONG_MACAO = 2
    TRAVEL_PERMIT_TAIWAN = 3
    RESIDENCE_CARD_FOREIGN = 4
    """Permanent residence card of 2017: three letters of the nationality and twelve digits."""
    RESIDENCE_PERMIT = 5
    """Of residents of Hong Kong, Macao and Taiwan since 2018: 18 digits, so kept in `id_body`."""


class AddressKind(IntEnum):
    NONE = 0
    VILLAGE = 1
    """Township, village (place), group and house number."""
    ESTATE = 2
    """Road and number, estate (place), building, unit, room."""
    ROAD = 3
    """Road and number, room: an old street."""
    DORMITORY = 4
    """Road and number, school, factory or home (place), building, room."""


class PeopleArrays(NamedTuple):
    """The fields of `People`."""

    household: NDArray[np.int16]
    role: NDArray[np.uint8]
    mother: NDArray[np.int16]
    father: NDArray[np.int16]
    spouse: NDArray[np.int16]
    twin: NDArray[np.int16]
    sex: NDArray[np.uint8]
    birth_day: NDArray[np.int32]
    death_day: NDArray[np.int32]
    nation: NDArray[np.uint8]
    origin: NDArray[np.uint8]
    name: NDArray[np.uint32]
    name_length: NDArray[np.uint8]
    surname_length: NDArray[np.uint8]
    former_name: NDArray[np.uint32]
    former_name_length: NDArray[np.uint8]
    former_surname_length: NDArray[np.uint8]
    rename_day: NDArray[np.int32]
    id_region: NDArray[np.int32]
    id_body: NDArray[np.int64]
    id_day: NDArray[np.int32]
    had_15_digits: NDArray[np.bool_]
    previous_id_body: NDArray[np.int64]
    id_change_day: NDArray[np.int32]
    document_type: NDArray[np.uint8]
    document: NDArray[np.uint8]
    phone: NDArray[np.int64]
    previous_phone: NDArray[np.int64]
    phone_change_day: NDArray[np.int32]
    family_phone: NDArray[np.int16]
    register_region: NDArray[np.int32]
    live_region: NDArray[np.int32]
    address: NDArray[np.int32]
    register_address: NDArray[np.int32]
    previous_address: NDArray[np.int32]
    moved_day: NDArray[np.int32]
    health_card: NDArray[np.int64]
    birth_certificate: NDArray[np.int64]


_COLUMNS: Final[dict[str, tuple[Any, int]]] = {
    "household": (np.int16, 0),
    "role": (np.uint8, 0),
    "mother": (np.int16, 0),
    "father": (np.int16, 0),
    "spouse": (np.int16, 0),
    "twin": (np.int16, 0),
    "sex": (np.uint8, 0),
    "birth_day": (np.int32, 0),
    "death_day": (np.int32, 0),
    "nation": (np.uint8, 0),
    "origin": (np.uint8, 0),
    "name": (np.uint32, NAME_CHARACTERS),
    "name_length": (np.uint8, 0),
    "surname_length": (np.uint8, 0),
    "former_name": (np.uint32, NAME_CHARACTERS),
    "former_name_length": (np.uint8, 0),
    "former_surname_length": (np.uint8, 0),
    "rename_day": (np.int32, 0),
    "id_region": (np.int32, 0),
    "id_body": (np.int64, 0),
    "id_day": (np.int32, 0),
    "had_15_digits": (np.bool_, 0),
    "previous_id_body": (np.int64, 0),
    "id_change_day": (np.int32, 0),
    "document_type": (np.uint8, 0),
    "document": (np.uint8, 16),
    "phone": (np.int64, 0),
    "previous_phone": (np.int64, 0),
    "phone_change_day": (np.int32, 0),
    "family_phone": (np.int16, 0),
    "register_region": (np.int32, 0),
    "live_region": (np.int32, 0),
    "address": (np.int32, len(ADDRESS_COLUMNS)),
    "register_address": (np.int32, len(ADDRESS_COLUMNS)),
    "previous_address": (np.int32, len(ADDRESS_COLUMNS)),
    "moved_day": (np.int32, 0),
    "health_card": (np.int64, 0),
    "birth_certificate": (np.int64, 0),
}


_BLOCK: Final = np.dtype(
    [
        # numba has no nested arrays of booleans
        (
            name,
            np.uint8 if dtype is np.bool_ else dtype,
            (COMMUNITY_PEOPLE, width) if width else COMMUNITY_PEOPLE,
        )
        for name, (dtype, width) in _COLUMNS.items()
    ],
    align=True,
)


@dataclass(slots=True)
class People:
    """One community, `count` of COMMUNITY_PEOPLE rows in use; allocated once, filled many times.

    Attributes
    ----------
    arrays : PeopleArrays of COMMUNITY_PEOPLE rows:

        household int16, slot of the household's first member
        role uint8, `Role`
        mother, father, spouse, twin int16, slots, -1 = not in this household
        sex uint8, 1 male, 2 female
        birth_day int32; death_day int32, 0 = alive at the reference day
        nation uint8, GB/T 3304 code, 0 = foreigner; origin uint8, `Origin`
        name uint32[32], code points, 0 after the end; name_length uint8
        surname_length uint8, 0 = the name has no surname (Uyghur, Tibetan, foreign ...)
        former_name, former_name_length, former_surname_length the same, length 0 = none;
            rename_day int32, day from which `name` is right
        id_region int32, code in force at issue; id_body int64, the 17 digits as a number, 0 = none
        id_day int32, day of issue (at times after the reference day: then no id yet: body 0)
        had_15_digits bool, the number was first issued with 15 digits
        previous_id_body int64, another number that was the person's until id_change_day
        document_type uint8, document uint8[16], ASCII, zero padded: other documents; who has a
            residence permit (810000, 820000, 830000) besides has that in id_body
        phone int64, 11 digits; previous_phone int64, the person's until phone_change_day
        family_phone int16, slot of the member whose phone the person gives, -1 = an own one;
            `phone` then holds that member's number too
        register_region, live_region int32, county codes of today
        address, register_address, previous_address int32[9], ADDRESS_COLUMNS; kind 0 = none
        moved_day int32, day from which `address` is right, 0 = long ago
        health_card int64, local card number of the county's clinics; 0 = none
        birth_certificate int64, letter (0 = A) * 10**9 + nine digits, 0 = none
    block : the same arrays as one record, which kernels take by its address (see `blocks`)
    frame_community : int, number of the community in the frame
    count : int, rows in use
    """

    frame_community: int = -1
    count: int = 0
    block: NDArray[np.void] = field(default_factory=lambda: np.zeros(1, _BLOCK))
    arrays: PeopleArrays = field(init=False)

    def __post_init__(self) -> None:
        views = {name: self.block[name][0].view(dtype) for name, (dtype, _) in _COLUMNS.items()}
        self.arrays = PeopleArrays(**views)

    @property
    def first_person_id(self) -> int:
        """Person id of slot 0; that of slot s is s more."""
        return self.frame_community * COMMUNITY_PEOPLE

    def __getattr__(self, name: str) -> NDArray[Any]:
        """`people.sex` is `people.arrays.sex`."""
        if name in _COLUMNS:
            return getattr(self.arrays, name)
        raise AttributeError(name)
