"""What a record says in each of its columns, as of the day it was made: compiled code.

Every choice is a draw of its own, numbered below, under the key of the record, so that changing
the rule of one field moves no other.
"""

from __future__ import annotations

import numpy as np
from numba import int64, uint64

from data_gen.cause_bits import (
    ADDRESS_ABBREVIATED,
    ADDRESS_MISSING,
    ADDRESS_PREVIOUS,
    BIRTH_MISSING,
    DAY_MONTH_SWAPPED,
    EXTRA_CHARACTER,
    FAMILY_ID,
    FAMILY_PHONE,
    FIFTEEN_DIGITS,
    FIRST_OF_JANUARY,
    FORMER_NAME,
    HOMOPHONE,
    ID_MISSING,
    LUNAR,
    MISSING_CHARACTER,
    NEWBORN_PLACEHOLDER,
    ONE_DIGIT,
    OTHER_CHARACTER,
    PHONE_MISSING,
    PHONE_OLD,
    PINYIN,
    PREVIOUS_ID,
    RARE_MASKED,
    RARE_SPLIT,
    RESPELLED,
    SEX_MISSING,
    SEX_WRONG,
    SWAPPED,
    TRADITIONAL,
    TRANSPOSED,
    TRUNCATED,
    UNKNOWN_PERSON,
    YEAR_OFF,
)
from data_gen.counter import bits_below, draw_bits, high_half, low_half
from data_gen.people import AddressKind
from data_gen.record_layout import (
    ADDRESS_CURRENT,
    ADDRESS_NONE,
    ADDRESS_REGISTERED,
    DASHED_NUMBERS,
    ID_CURRENT,
    ID_DOCUMENT,
    ID_NONE,
    ID_OTHER,
    NAME_ALTERED,
    NAME_CURRENT,
    NAME_FORMER,
    SHORT_NAMES,
    WITHOUT_CITY,
    WITHOUT_COUNTY,
    WITHOUT_TOWNSHIP,
)
from data_gen.record_layout import (
    ADDRESS_PREVIOUS as AT_PREVIOUS,
)
from data_gen.slip_kernels import (
    apply_name_slip,
    has_rare_character,
    hide_rare_character,
    put_text,
)
from data_gen.value_kernels import (
    FIFTEEN,
    UNKNOWN_CHECK,
    check_of_body,
    civil_date,
    slip_birth_date,
    slip_id,
)
from person.jit import inlined_kernel, kernel

__all__ = ["draw_address", "draw_birth_date", "draw_id", "draw_name", "draw_phone", "draw_sex"]

# Numbers of a record's draws; a field's further draws lie under a key of its own.
(DAY, PLACE, CARE, NAME, NAME_DETAIL, ID, ID_DETAIL, BIRTH, SEX, PHONE, ADDRESS, COLUMNS, STYLE,
 ADDRESS_DETAIL) = range(14)  # fmt: skip

ONE_32 = 2.0**-32
VILLAGE, TOWNSHIP, ROAD, UNIT = int(AddressKind.VILLAGE), 2, 3, 7
END_OF_FIFTEEN = 15706
"""2013-01-01, when the first generation's cards ceased to be valid."""
KNOWN_BEFORE = 12784
"""2005-01-01; before the second generation's cards numbers of 15 digits were the rule."""
TRAVEL_PERMIT_LIMIT = np.uint64(0.4 * 2.0**32)
"""Share of the holders of a residence permit who show the travel permit (assumed)."""
FIFTEEN_RULE = 0.6
"""Share of 15 digits among records made before that (assumed)."""

_NAME_ORDER = np.array(
    [*range(HOMOPHONE, OTHER_CHARACTER + 1), MISSING_CHARACTER, EXTRA_CHARACTER, SWAPPED,
     TRADITIONAL, PINYIN, RESPELLED], np.int64)  # fmt: skip
_ID_ORDER = np.array([ONE_DIGIT, TRANSPOSED, FAMILY_ID], np.int64)
_BIRTH_ORDER = np.array(
    [DAY_MONTH_SWAPPED, LUNAR, YEAR_OFF, FIRST_OF_JANUARY, BIRTH_MISSING], np.int64
)
_FORMS = np.array(
    [WITHOUT_CITY, WITHOUT_COUNTY, WITHOUT_CITY | DASHED_NUMBERS, WITHOUT_COUNTY | DASHED_NUMBERS,
     DASHED_NUMBERS, SHORT_NAMES, WITHOUT_TOWNSHIP, WITHOUT_COUNTY | WITHOUT_TOWNSHIP], np.uint8
)  # fmt: skip


def _texts(texts, width):  # type: ignore[no-untyped-def]
    table = np.zeros((len(texts), width), np.uint32)
    for row, text in enumerate(texts):
        table[row, : len(text)] = [ord(character) for character in text]
    return table


_CHILD_WORDS = _texts(["之子", "之女", "之大子", "之大女", "之小子", "之小女", "婴儿", "婴儿"], 4)
_SOME_CHILD = _texts(["某之子", "某之女"], 4)
_UNKNOWN_WORDS = _texts(["无名氏", "无名氏", "无名男", "无名女", "无名氏男", "无名氏女"], 6)


@kernel
def bit(cause):  # type: ignore[no-untyped-def]
    """The bit of a cause."""
    return uint64(1) << uint64(cause)


@inlined_kernel
def chosen_cause(chance, order, rates):  # type: ignore[no-untyped-def]
    """The cause in whose stretch of the line `chance` falls, -1 beyond all of them."""
    total = 0.0
    for place in range(order.shape[0]):
        total += rates[order[place]]
        if chance < total:
            return order[place]
    return int64(-1)


@kernel
def relative(people, slot, bits32):  # type: ignore[no-untyped-def]
    """Slot of a parent, the spouse or the household's head, -1 for people alone."""
    found = int64(-1)
    first = bits_below(bits32, 3)
    for step in range(3):
        which = (first + step) % 3
        if which == 0:
            found = int64(people.mother[slot])
        elif which == 1:
            found = int64(people.father[slot])
        else:
            found = int64(people.spouse[slot])
        if found >= 0:
            return found
    head = int64(people.household[slot])
    return head if head != slot else int64(-1)


@kernel
def newborn_name(people, slot, bits, name):  # type: ignore[no-untyped-def]
    """The name of a child without one: its mother's, and what it is to her; returns the length."""
    mother = int64(people.mother[slot])
    length = int64(people.name_length[mother])
    for place in range(length):
        name[place] = people.name[mother, place]
    daughter = int64(people.sex[slot]) - 1
    form = bits_below(low_half(bits), 20)
    if form == 0 and people.surname_length[mother] > 0:
        return put_text(_SOME_CHILD[daughter], name, int64(people.surname_length[mother]))
    if form <= 2:
        return put_text(_CHILD_WORDS[6 + daughter], name, length)
    rank = 0
    if people.twin[slot] >= 0:
        rank = 1 if people.twin[slot] > slot else 2
    return put_text(_CHILD_WORDS[2 * rank + daughter], name, length)


@inlined_kernel
def is_newborn(people, slot, day):  # type: ignore[no-untyped-def]
    """Whether a record of this day is of a child not registered yet, its mother known."""
    return (
        people.mother[slot] >= 0
        and day - people.birth_day[slot] < 366
        and day < people.id_day[slot]
    )


@kernel
def copy_name(people, slot, kind, name):  # type: ignore[no-untyped-def]
    """Copy a person's present or former name; returns (length, length of the surname)."""
    if kind == NAME_FORMER:
        length = int64(people.former_name_length[slot])
        for place in range(length):
            name[place] = people.former_name[slot, place]
        return length, int64(people.former_surname_length[slot])
    length = int64(people.name_length[slot])
    for place in range(length):
        name[place] = people.name[slot, place]
    return length, int64(people.surname_length[slot])


@inlined_kernel
def name_limit(unit, rate):  # type: ignore[no-untyped-def]
    """Code points that a source's name column holds; large where it cuts none.

    A share `rate` of the sources cuts, at 6 (12 bytes), 7 as in a public list, 8 or 10.
    """
    if float(unit & uint64(0xFFFFF)) * 2.0**-20 >= rate:
        return int64(1000)
    which = int64(unit >> uint64(20)) & 3
    return int64(6 + which + int64(which == 3))


@inlined_kernel
def is_same_address(first, second):  # type: ignore[no-untyped-def]
    """Whether two addresses agree in all the columns that are written out."""
    for column in range(first.shape[0]):
        is_written = first[1] != VILLAGE or (column != ROAD and column < UNIT)
        if is_written and first[column] != second[column]:
            return False
    return True


@inlined_kernel
def know_person(known, people, slot, slips):  # type: ignore[no-untyped-def]
    """Work out what all records of a person need: KNOWN_FIELDS, the part that text needs too."""
    known.birth_date = civil_date(people.birth_day[slot])
    length = int64(people.name_length[slot])
    known.rarity = has_rare_character(people.name[slot], length, slips) if length <= 4 else 0
    present = people.address[slot]
    registered, previous = people.register_address[slot], people.previous_address[slot]
    known.registered_differs = registered[1] != 0 and not is_same_address(registered, present)
    known.previous_differs = previous[1] != 0 and not is_same_address(previous, present)


@inlined_kernel
def draw_name(people, known, slot, day, care, key, unit, rates, total, kept, slips, name):  # type: ignore[no-untyped-def]
    """The name as written; returns (kind, length of an altered name in `name`, causes)."""
    bits, causes, kind = draw_bits(key, NAME), uint64(0), NAME_CURRENT
    has_former = people.former_name_length[slot] > 0
    chance = float(low_half(bits)) * ONE_32 / care
    detail = uint64(0)
    if chance < total or has_former or rates[UNKNOWN_PERSON] > 0.0 or day < people.id_day[slot]:
        detail = draw_bits(key, NAME_DETAIL)
    if rates[UNKNOWN_PERSON] > 0.0:
        if float(high_half(detail)) * ONE_32 < rates[UNKNOWN_PERSON]:
            which = 2 * bits_below(low_half(detail), 3) + int64(people.sex[slot]) - 1
            return NAME_ALTERED, put_text(_UNKNOWN_WORDS[which], name, 0), bit(UNKNOWN_PERSON)
    if is_newborn(people, slot, day):
        if float(high_half(detail)) * ONE_32 < rates[NEWBORN_PLACEHOLDER]:
            return NAME_ALTERED, newborn_name(people, slot, detail, name), bit(NEWBORN_PLACEHOLDER)
    if has_former:
        if day < people.rename_day[slot] or low_half(detail) < kept:
            kind, causes = NAME_FORMER, bit(FORMER_NAME)
    length, surname, is_altered = int64(-1), int64(0), False
    if chance < total:
        cause = chosen_cause(chance, _NAME_ORDER, rates)
        length, surname = copy_name(people, slot, kind, name)
        length, happened = apply_name_slip(cause, name, length, surname, detail, slips)
        if happened >= 0:
            is_altered = True
            causes |= bit(happened)
    size = people.former_name_length[slot] if kind == NAME_FORMER else people.name_length[slot]
    rarity = int64(known.rarity)
    if kind == NAME_FORMER:
        rarity = has_rare_character(people.former_name[slot], size, slips) if size <= 4 else 0
    if rarity > 0 and not causes & bit(PINYIN):
        # A system without GBK is one in twelve of those without the rarest characters (assumed).
        rare_chance = float(high_half(bits)) * ONE_32 * (1.0 if rarity == 2 else 12.0)
        if rare_chance < rates[RARE_MASKED] + rates[RARE_SPLIT]:
            if length < 0:
                length, surname = copy_name(people, slot, kind, name)
            wanted = RARE_SPLIT if rare_chance < rates[RARE_SPLIT] else RARE_MASKED
            if has_rare_character(name, length, slips):
                length, happened = hide_rare_character(wanted, name, length, unit, slips)
                is_altered = True
                causes |= bit(happened)
    limit = name_limit(unit, rates[TRUNCATED])
    if length > limit or (length < 0 and size > limit):
        if length < 0:
            length, surname = copy_name(people, slot, kind, name)
        length, is_altered = limit, True
        causes |= bit(TRUNCATED)
    if is_altered:
        return NAME_ALTERED, length, causes
    return kind, int64(0), causes


@inlined_kernel
def draw_id(people, slot, day, care, key, rates, total, kept, causes_of_name):  # type: ignore[no-untyped-def]
    """The number as written; returns (kind, body, check digit, causes).

    The check digit of a right number is left to who writes it, for a row has none.
    """
    none = (ID_NONE, int64(0), int64(0))
    body = int64(people.id_body[slot])
    has_document = people.document_type[slot] != 0
    if body == 0 and not has_document:
        return ID_NONE, int64(0), int64(0), uint64(0)
    bits = draw_bits(key, ID)
    if causes_of_name & (bit(UNKNOWN_PERSON) | bit(NEWBORN_PLACEHOLDER)):
        return none[0], none[1], none[2], bit(ID_MISSING)
    if body != 0 and has_document and day < people.id_day[slot]:
        body = 0  # a residence permit to come: the travel permit until then
    if body != 0 and day < people.id_day[slot]:
        return none[0], none[1], none[2], bit(ID_MISSING)
    if float(high_half(bits)) * ONE_32 < rates[ID_MISSING] * (0.5 + 0.5 * care):
        return none[0], none[1], none[2], bit(ID_MISSING)
    if body == 0:
        return ID_DOCUMENT, int64(0), int64(0), uint64(0)
    detail, kind, causes = draw_bits(key, ID_DETAIL), ID_CURRENT, uint64(0)
    if has_document and low_half(detail) < TRAVEL_PERMIT_LIMIT:
        return ID_DOCUMENT, int64(0), int64(0), uint64(0)
    if people.previous_id_body[slot] != 0:
        if day < people.id_change_day[slot] or low_half(detail) < kept:
            body, kind, causes = int64(people.previous_id_body[slot]), ID_OTHER, bit(PREVIOUS_ID)
    check = int64(UNKNOWN_CHECK)
    if people.had_15_digits[slot] and day < END_OF_FIFTEEN:
        rate = FIFTEEN_RULE if day < KNOWN_BEFORE else rates[FIFTEEN_DIGITS]
        if float(high_half(detail)) * ONE_32 < rate:
            check, kind = int64(FIFTEEN), ID_OTHER
            causes |= bit(FIFTEEN_DIGITS)
    chance = float(low_half(bits)) * ONE_32 / care
    if chance < total:
        cause = chosen_cause(chance, _ID_ORDER, rates)
        if cause == FAMILY_ID:
            other = relative(people, slot, high_half(draw_bits(detail, 1)))
            if other >= 0 and people.id_body[other] != 0 and day >= people.id_day[other]:
                body = int64(people.id_body[other])
                return ID_OTHER, body, check_of_body(body), bit(FAMILY_ID)
        elif cause >= 0:
            if check == UNKNOWN_CHECK:
                check = check_of_body(body)
            body, check, changed = slip_id(cause, body, check, draw_bits(detail, 2))
            if changed:
                return ID_OTHER, body, check, causes | bit(cause)
    return kind, body, check, causes


@inlined_kernel
def draw_birth_date(people, known, slot, care, key, rates, total, causes_of_name, slips):  # type: ignore[no-untyped-def]
    """The birth date as written, yyyymmdd, and causes."""
    if causes_of_name & bit(UNKNOWN_PERSON):
        return int64(0), bit(BIRTH_MISSING)
    bits = draw_bits(key, BIRTH)
    chance = float(low_half(bits)) * ONE_32 / care
    date = int64(known.birth_date)
    if chance < total:
        day = int64(people.birth_day[slot])
        cause = chosen_cause(chance, _BIRTH_ORDER, rates)
        if cause == BIRTH_MISSING:
            return int64(0), bit(BIRTH_MISSING)
        if cause >= 0:
            written = slip_birth_date(cause, day, bits, slips)
            if written != date:
                return written, bit(cause)
    return date, uint64(0)


@inlined_kernel
def draw_sex(people, slot, care, key, rates):  # type: ignore[no-untyped-def]
    """The sex as written, and causes."""
    chance = float(low_half(draw_bits(key, SEX))) * ONE_32 / care
    sex = int64(people.sex[slot])
    if chance < rates[SEX_WRONG]:
        return 3 - sex, bit(SEX_WRONG)
    if chance < rates[SEX_WRONG] + rates[SEX_MISSING]:
        return int64(0), bit(SEX_MISSING)
    return sex, uint64(0)


@inlined_kernel
def draw_phone(people, slot, day, care, key, rates, kept, causes_of_name):  # type: ignore[no-untyped-def]
    """The phone as written, 0 = none, and causes."""
    phone = int64(people.phone[slot])
    bits = draw_bits(key, PHONE)
    missing = bit(PHONE_MISSING) if phone != 0 else uint64(0)
    if causes_of_name & bit(UNKNOWN_PERSON):
        return int64(0), missing
    if causes_of_name & bit(NEWBORN_PLACEHOLDER):  # the mother answers
        other = int64(people.phone[people.mother[slot]])
        if other != 0 and other != phone:
            return other, bit(FAMILY_PHONE)
        return phone, uint64(0)
    chance = float(low_half(bits)) * ONE_32
    if chance < rates[PHONE_MISSING] * (0.5 + 0.5 * care):
        return int64(0), missing
    chance = float(high_half(bits)) * ONE_32
    if chance < rates[FAMILY_PHONE]:
        other = relative(people, slot, low_half(draw_bits(bits, 1)))
        if other >= 0 and people.phone[other] != 0 and people.phone[other] != phone:
            return int64(people.phone[other]), bit(FAMILY_PHONE)
    previous = int64(people.previous_phone[slot])
    if previous != 0 and previous != phone:
        if day < people.phone_change_day[slot] or high_half(draw_bits(bits, 2)) < kept:
            return previous, bit(PHONE_OLD)
    return phone, uint64(0)


@inlined_kernel
def draw_address(people, known, slot, day, care, key, rates, kept, is_registered, causes_of_name):  # type: ignore[no-untyped-def]
    """Which address, how it is worded, its region and causes: (kind, form, region, causes)."""
    bits, causes, kind = draw_bits(key, ADDRESS), uint64(0), ADDRESS_CURRENT
    region = int64(people.address[slot, 0])
    if is_registered and people.register_address[slot, 1] != 0:
        region = int64(people.register_address[slot, 0])
        if known.registered_differs:
            kind, causes = ADDRESS_REGISTERED, bit(ADDRESS_PREVIOUS)
    elif people.previous_address[slot, 1] != 0:
        if day < people.moved_day[slot] or low_half(bits) < kept:
            if known.previous_differs:
                kind, causes = AT_PREVIOUS, bit(ADDRESS_PREVIOUS)
                region = int64(people.previous_address[slot, 0])
    detail = draw_bits(key, ADDRESS_DETAIL)
    is_unknown = causes_of_name & bit(UNKNOWN_PERSON) != uint64(0)
    missing_chance = rates[ADDRESS_MISSING] * (0.5 + 0.5 * care)
    if is_unknown or float(high_half(bits)) * ONE_32 < missing_chance:
        return ADDRESS_NONE, int64(0), region, bit(ADDRESS_MISSING)
    if float(low_half(detail)) * ONE_32 < rates[ADDRESS_ABBREVIATED]:
        form = int64(_FORMS[bits_below(high_half(detail), _FORMS.shape[0])])
        if form == WITHOUT_TOWNSHIP:  # not every address has one
            form = WITHOUT_TOWNSHIP | WITHOUT_CITY
        return kind, form, region, causes | bit(ADDRESS_ABBREVIATED)
    return kind, int64(0), region, causes
