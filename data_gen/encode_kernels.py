"""Records as encoded rows, without writing their text: compiled code.

What is common is encoded here from the drawn values: plain Han names, right 18-digit numbers,
dates, phones, addresses in pieces. All else is written as text into a list of its own and goes
through the encoders of `person` (see `data_gen.encoded`).
"""

from __future__ import annotations

import numpy as np
from numba import int64, uint64

from data_gen.address_kernels import encode_pieces, hash_numbers, put_address, put_code
from data_gen.counter import draw_bits
from data_gen.record_layout import (
    ADDRESS_CURRENT,
    ADDRESS_NONE,
    CARD_ID,
    CARD_NONE,
    ID_CURRENT,
    ID_DOCUMENT,
    ID_NONE,
    NAME_ALTERED,
    NAME_CURRENT,
)
from data_gen.text_kernels import HABIT, address_of, document_of_body, put_document, put_id
from data_gen.value_kernels import check_of_body, civil_date
from person.han import CHARACTER_BASE, MARK
from person.han_names import surname_length
from person.hashing import mix64
from person.jit import inlined_kernel, kernel, prefetch
from person.national_id import birth_day_of_body, sex_of_body
from person.regions import look_up_region

__all__ = ["SLOT_PLACES", "SLOW_KINDS", "fill_rows", "patch_hashes", "patch_ids", "patch_words"]

# Places in the table of slots.
(UNITS, BODY, DETAIL, DAY, SEX, PHONE, SECOND_PHONE, REGION, GRAMS, NUMBERS, FORMER, CARD, MOTHER,
 CERTIFICATE) = range(14)  # fmt: skip

SLOT_PLACES = (
    (0, 0, 64), (1, 0, 64), (5, 58, 6), (5, 40, 18), (3, 62, 2), (3, 0, 40), (4, 42, 20),
    (5, 0, 20), (2, 0, 48), (2, 48, 16), (5, 20, 20), (3, 40, 22), (4, 0, 21), (4, 21, 21),
)  # fmt: skip
"""(word, shift, bits) of each in the resident layout. `fill_rows` puts a row together in
registers and so needs them when it is compiled; `encoded` refuses another layout."""
_SHIFTS = [np.uint64(shift) for _, shift, _ in SLOT_PLACES]
NUMBERS_SHIFT, CARD_SHIFT, SEX_SHIFT = _SHIFTS[NUMBERS], _SHIFTS[CARD], _SHIFTS[SEX]
DAY_SHIFT, DETAIL_SHIFT, CERTIFICATE_SHIFT = _SHIFTS[DAY], _SHIFTS[DETAIL], _SHIFTS[CERTIFICATE]
CARD_BITS, MOTHER_BITS = SLOT_PLACES[CARD][2], SLOT_PLACES[MOTHER][2]
CERTIFICATE_BITS = SLOT_PLACES[CERTIFICATE][2]

SLOW_NAME, SLOW_ID, SLOW_ADDRESS, SLOW_FORMER = range(4)
SLOW_KINDS = 4
"""Lists of text for `person`: names, numbers, addresses, former names."""

ONE = np.uint64(1)
_NIBBLES = np.array([int(f"{number:03d}", 16) for number in range(1000)], np.uint16)
_THREE_CODES = np.array(
    [(27 + n // 100) << 12 | (27 + n // 10 % 10) << 6 | (27 + n % 10) for n in range(1000)],
    np.uint32,
)
NATIONAL, RESIDENT_PERMIT, FOREIGNER = 1, 2, 7
FILLER_PHONE = 13800138000
FIRST_OF_1900 = 19000101
YEAR_BASE = 1849


@kernel
def put_slot(rows, row, slots, which, value):  # type: ignore[no-untyped-def]
    """Put a value into its place in a row that was zero there."""
    rows[row, slots[which, 0]] |= uint64(value) << uint64(slots[which, 1])


@inlined_kernel
def plain_word(codes, length, code_units, flags, compounds, units):  # type: ignore[no-untyped-def]
    """Word of a name of one to four plain characters, 0 where `person` must read its text."""
    if length < 1 or length > 4:
        return uint64(0)
    word = uint64(0)
    for place in range(length):
        code = int64(codes[place])
        if code < 0x3000 or code > 0xFFFF:
            return uint64(0)
        unit = int64(code_units[code])
        if unit < CHARACTER_BASE or unit >= MARK:
            return uint64(0)
        units[place] = unit
        word |= uint64(unit) << uint64(45 - 15 * place)
    return word | uint64(surname_length(units, length, int64(0), flags, compounds)) << uint64(60)


@inlined_kernel
def nibbles(number, groups):  # type: ignore[no-untyped-def]
    """The last 3 * groups decimal digits of a number as nibbles."""
    packed, rest, shift = uint64(0), uint64(number), uint64(0)
    for _ in range(groups):
        packed |= uint64(_NIBBLES[rest % uint64(1000)]) << shift
        rest //= uint64(1000)
        shift += uint64(12)
    return packed


@inlined_kernel
def encode_body(body):  # type: ignore[no-untyped-def]
    """(body, detail) of a right number of 17 digits, born 1800 to 2099."""
    region, rest = body // 100000000000, body % 100000000000
    century = rest // 1000000000
    digit = uint64(century - 10 if century < 20 else 0)
    packed = nibbles(region, 2) << uint64(40) | digit << uint64(36)
    packed |= nibbles(rest % 1000000000, 3)
    id_class = NATIONAL
    if region == 810000 or region == 820000 or region == 830000:
        id_class = RESIDENT_PERMIT
    elif region >= 900000:
        id_class = FOREIGNER
    return packed, uint64(id_class << 2 | 1)


@inlined_kernel
def encode_day(date):  # type: ignore[no-untyped-def]
    """A written date, yyyymmdd, in the packing of the date slot; 1900-01-01 says nothing."""
    if date == 0 or date == FIRST_OF_1900:
        return uint64(0)
    year, month, day = date // 10000, date // 100 % 100, date % 100
    return uint64((year - YEAR_BASE) << 9 | month << 5 | day)


@inlined_kernel
def encode_mobile(phone):  # type: ignore[no-untyped-def]
    """A mobile of 11 digits, 0 where it is a filler: its last eight digits alike or counting."""
    if phone == 0 or phone == FILLER_PHONE:
        return uint64(0)
    rest, last = phone // 10, phone % 10
    alike, rising, falling = True, True, True
    for _ in range(7):
        digit = rest % 10
        step = last - digit
        alike &= step == 0
        rising &= step == 1 or step == -9
        falling &= step == -1
        if not (alike or rising or falling):
            return nibbles(phone % 10000000000, 4)
        last, rest = digit, rest // 10
    return uint64(0)


@inlined_kernel
def hashed(first, second, words, bits):  # type: ignore[no-untyped-def]
    """The hash that stands in a narrow slot for a value of one or two words."""
    if first == 0:
        return uint64(0)
    value = mix64(first)
    if words == 2:
        value = mix64(value ^ second)
    value >>= uint64(64 - bits)
    return value if value != 0 else ONE


@kernel
def packed_digits(number, width, shift):  # type: ignore[no-untyped-def]
    """Decimal digits as the 6-bit codes of identifiers, the last at `shift`."""
    word = uint64(0)
    while width >= 3:
        word |= uint64(_THREE_CODES[number % 1000]) << uint64(shift)
        number //= 1000
        width, shift = width - 3, shift + 18
    for _ in range(width):
        word |= uint64(27 + number % 10) << uint64(shift)
        number //= 10
        shift += 6
    return word


@inlined_kernel
def hash_card(record, people, bits):  # type: ignore[no-untyped-def]
    """Hash of a health card: the id number, or a local number."""
    if record.card_kind == CARD_NONE:
        return uint64(0)
    if record.card_kind == CARD_ID:
        body = int64(people.id_body[record.slot])
        check = check_of_body(body)
        last = uint64(24 if check == 10 else 27 + check)  # 24 is x
        second = packed_digits(body % 10000000, 7, 18) | last << uint64(12)
        return hashed(packed_digits(body // 10000000, 10, 0), second, 2, bits)
    number, width = int64(people.health_card[record.slot]), 10
    rest = number // 10000000000
    while rest > 0:
        width += 1
        rest //= 10
    over = width - 10
    if over == 0:
        return hashed(packed_digits(number, 10, 0), uint64(0), 2, bits)
    high = number // 10**over
    return hashed(
        packed_digits(high, 10, 0), packed_digits(number % 10**over, over, 60 - 6 * over), 2, bits
    )


@kernel
def hash_certificate(number, bits):  # type: ignore[no-untyped-def]
    """Hash of a birth certificate, a letter and nine digits."""
    word = packed_digits(number % 1000000000, 9, 0)
    return hashed(word | uint64(1 + number // 1000000000) << uint64(54), uint64(0), 2, bits)


@kernel
def put_codes(at, codes, length):  # type: ignore[no-untyped-def]
    """Write code points as UTF-8."""
    for place in range(length):
        at = put_code(at, int64(codes[place]))
    return at


@kernel
def add_slow(kind, row, slow):  # type: ignore[no-untyped-def]
    """Note a row for a list of text; returns (its number there, the address of its text)."""
    starts, offsets, rows, counts, _ = slow
    number = counts[kind]
    rows[kind, number] = row
    counts[kind] = number + 1
    return number, starts[kind] + offsets[kind, number]


@kernel
def put_slow_codes(kind, codes, length, row, slow):  # type: ignore[no-untyped-def]
    """Write code points into a list of text."""
    number, at = add_slow(kind, row, slow)
    slow[1][kind, number + 1] = put_codes(at, codes, length) - slow[0][kind]


@kernel
def put_slow_name(record, people, pool, row, slow):  # type: ignore[no-untyped-def]
    """Write a name that is not plain into the list of names."""
    slot = record.slot
    if record.name_kind == NAME_ALTERED:
        start, length = int64(record.name_start), int64(record.name_length)
        put_slow_codes(SLOW_NAME, pool[start : start + length], length, row, slow)
    elif record.name_kind == NAME_CURRENT:
        put_slow_codes(SLOW_NAME, people.name[slot], int64(people.name_length[slot]), row, slow)
    else:
        length = int64(people.former_name_length[slot])
        put_slow_codes(SLOW_NAME, people.former_name[slot], length, row, slow)


@kernel
def put_slow_id(record, people, row, slow):  # type: ignore[no-untyped-def]
    """Write a number with a slip, of 15 digits or of another document into the list of numbers."""
    number, at = add_slow(SLOW_ID, row, slow)
    document = 0
    if record.id_kind == ID_DOCUMENT:
        at = put_document(at, people.document[record.slot])
        document = int64(people.document_type[record.slot])
    else:
        body, check = int64(record.id_body), int64(record.id_check)
        document = document_of_body(body)
        at = put_id(at, body, check, False)
    has_type = int64(draw_bits(record.unit, HABIT) >> uint64(8)) & 3 != 3
    slow[4][number] = 1 + document if has_type else 0
    slow[1][SLOW_ID, number + 1] = at - slow[0][SLOW_ID]


@kernel
def put_slow_address(address, form, regions, pieces, row, slow):  # type: ignore[no-untyped-def]
    """Write an address with a number in a name into the list of addresses."""
    number, at = add_slow(SLOW_ADDRESS, row, slow)
    at = put_address(at, address, form, regions, pieces)
    slow[1][SLOW_ADDRESS, number + 1] = at - slow[0][SLOW_ADDRESS]


@inlined_kernel
def know_values(known, people, slot, names):  # type: ignore[no-untyped-def]
    """Encode what is true of a person, once for all the person's records.

    names : (code_units, surname_flags, compound_units)
    """
    code_units, flags, compounds = names
    length, body = int64(people.name_length[slot]), int64(people.id_body[slot])
    known.word = plain_word(people.name[slot], length, code_units, flags, compounds, known.units)
    known.body, known.detail = encode_body(body) if body != 0 else (uint64(0), uint64(0))
    known.phone = people.phone[slot]
    known.phone_code = encode_mobile(int64(people.phone[slot]))
    known.birth_date = civil_date(people.birth_day[slot])
    known.birth_code = encode_day(int64(known.birth_date))
    known.is_home_known = False


@inlined_kernel
def encode_place(record, known, people, regions, pieces):  # type: ignore[no-untyped-def]
    """Word of a record's address, grams and numbers; 0 where its text must be read."""
    address, form = address_of(record, people), int64(record.address_form)
    is_home = record.address_kind == ADDRESS_CURRENT
    if is_home and form == 0 and known.is_home_known:
        return known.grams | known.numbers << NUMBERS_SHIFT
    grams = encode_pieces(address, form, regions, pieces, known)
    if grams == uint64(0):
        return uint64(0)
    numbers = hash_numbers(address)
    if is_home and form == 0:
        known.grams, known.numbers, known.is_home_known = grams, numbers, True
    return grams | numbers << NUMBERS_SHIFT


@inlined_kernel
def encode_extras(record, people):  # type: ignore[no-untyped-def]
    """Word of the mother's number and the birth certificate."""
    word, slot = uint64(0), int64(record.slot)
    if record.has_mother_id:
        body, _ = encode_body(int64(people.id_body[people.mother[slot]]))
        word |= hashed(body, uint64(0), 1, MOTHER_BITS)
    if record.has_certificate:
        number = int64(people.birth_certificate[slot])
        word |= hash_certificate(number, CERTIFICATE_BITS) << CERTIFICATE_SHIFT
    return word


@kernel
def fill_rows(  # type: ignore[no-untyped-def]
    records, count, people_block, pool, tables, order, known_block, slow, first_row, rows, sources
):
    """Encode `count` records of one community into rows from `first_row` on.

    tables : (RegionNumbers and AddressPieces as records, regions' prefix_row, canonical,
        names' code_units, surname_flags, compound_units)
    order : int16[count], place of each record among the rows
    known_block : KNOWN_FIELDS[1] of the thread
    slow : (addresses of the text of each kind int64[kinds], offsets int64[kinds, rows + 1],
        rows int32[kinds, rows], counts int64[kinds], id classes uint8[rows])
    """
    prefix_row, canonical = tables[2], tables[3]
    people, known, last, region = people_block[0], known_block[0], int64(-1), int64(0)
    flat, words = rows.reshape(rows.size), rows.shape[1]
    regions, pieces, region_code = tables[0][0], tables[1][0], uint64(0)
    for turn in range(count):
        place = int64(order[turn])
        record, row = records[turn], first_row + place
        ahead = int64(order[min(turn + 16, count - 1)])
        prefetch(flat, (first_row + ahead) * words)
        slot = int64(record.slot)
        if slot != last:
            last = slot
            know_values(known, people, slot, tables[4:])
        sources[row] = record.source
        word = known.word if record.name_kind == NAME_CURRENT else uint64(0)
        if word == uint64(0):
            put_slow_name(record, people, pool, row, slow)
        date = int64(record.birth_date)
        day = known.birth_code if date == known.birth_date else encode_day(date)
        sex, body, detail = uint64(record.sex), uint64(0), uint64(0)
        if record.id_kind == ID_CURRENT:
            body, detail = known.body, known.detail
            if record.id_body != people.id_body[slot]:
                body, detail = encode_body(int64(record.id_body))
            if day == 0:
                day = birth_day_of_body(body)
            if sex == 0:
                sex = sex_of_body(body)
        elif record.id_kind != ID_NONE:
            put_slow_id(record, people, row, slow)
        phone = int64(record.phone)
        phone_code = known.phone_code if phone == known.phone else encode_mobile(phone)
        if record.region != region:
            region, region_code = int64(record.region), uint64(0)
            if region != 0:
                region_code = uint64(look_up_region(region, prefix_row, canonical))
        home = uint64(0)
        if record.address_kind != ADDRESS_NONE:
            home = encode_place(record, known, people, regions, pieces)
            if home == uint64(0):
                address, form = address_of(record, people), int64(record.address_form)
                put_slow_address(address, form, regions, pieces, row, slow)
        if record.has_former_name:
            length = int64(people.former_name_length[slot])
            put_slow_codes(SLOW_FORMER, people.former_name[slot], length, row, slow)
        card = hash_card(record, people, CARD_BITS)
        rows[row, 0], rows[row, 1], rows[row, 2] = word, body, home
        rows[row, 3] = phone_code | card << CARD_SHIFT | sex << SEX_SHIFT
        rows[row, 4] = encode_extras(record, people)
        rows[row, 5] = region_code | day << DAY_SHIFT | detail << DETAIL_SHIFT


@kernel
def patch_words(values, which, slots, slow_rows, rows):  # type: ignore[no-untyped-def]
    """Put values, uint64[n], into slot `which` of the rows in `slow_rows`, int32[n]."""
    for place in range(values.shape[0]):
        put_slot(rows, slow_rows[place], slots, which, values[place])


@kernel
def patch_hashes(values, which, slots, slow_rows, rows):  # type: ignore[no-untyped-def]
    """The same with the hashes of values of one word."""
    for place in range(values.shape[0]):
        value = hashed(values[place], uint64(0), 1, slots[which, 2])
        put_slot(rows, slow_rows[place], slots, which, value)


@kernel
def patch_ids(bodies, details, slots, slow_rows, rows):  # type: ignore[no-untyped-def]
    """Put numbers in, and what right ones say of birth date and sex that their records lack."""
    for place in range(bodies.shape[0]):
        row, body, detail = slow_rows[place], bodies[place], details[place]
        put_slot(rows, row, slots, BODY, body)
        put_slot(rows, row, slots, DETAIL, detail)
        if detail & ONE == 0:
            continue
        if rows[row, slots[DAY, 0]] >> uint64(slots[DAY, 1]) & uint64(0x3FFFF) == 0:
            put_slot(rows, row, slots, DAY, birth_day_of_body(body))
        if rows[row, slots[SEX, 0]] >> uint64(slots[SEX, 1]) & uint64(3) == 0:
            put_slot(rows, row, slots, SEX, sex_of_body(body))
