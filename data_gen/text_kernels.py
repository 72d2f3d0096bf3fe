"""Records as columns of text: compiled code that writes Arrow's buffers.

Each source prints dates, sexes and phones in a habit of its own, drawn from the bits of the
source; a few in a hundred records break it (assumed: 3 %).
"""

from __future__ import annotations

import numpy as np
from numba import int64, uint64

from data_gen.address_kernels import put_address, put_code, put_number
from data_gen.counter import draw_bits, permute
from data_gen.people import DocumentType
from data_gen.record_kernels import HOSPITALS_A_COUNTY, OWN_HOSPITALS
from data_gen.record_layout import (
    ADDRESS_CURRENT,
    ADDRESS_NONE,
    ADDRESS_PREVIOUS,
    CARD_ID,
    CARD_NONE,
    ID_DOCUMENT,
    ID_NONE,
    NAME_ALTERED,
    NAME_FORMER,
)
from data_gen.sources import HOSPITAL_BASE
from data_gen.value_kernels import FIFTEEN, UNKNOWN_CHECK, check_of_body, civil_date
from data_gen.visit_kernels import HOSPITAL
from person.jit import inlined_kernel, kernel, store_uint8, store_uint16, store_uint64

__all__ = [
    "COLUMN_BYTES",
    "RECORD_NUMBERS",
    "fill_references",
    "fill_texts",
    "put_document",
    "put_id",
    "put_name",
]

(RECORD_ID, SOURCE, NAME, ID_NUMBER, ID_TYPE, BIRTH_DATE, GENDER, PHONE, REGION_CODE, ADDRESS,
 FORMER_NAME, HEALTH_CARD, MOTHER_ID, BIRTH_CERTIFICATE, UPDATED_AT) = range(15)  # fmt: skip

COLUMN_BYTES = (16, 24, 512, 20, 48, 24, 8, 20, 8, 320, 160, 24, 20, 12, 20)
"""Most bytes that a value of each column takes."""

RESIDENCE_PERMIT = int(DocumentType.RESIDENCE_PERMIT)
RECORD_NUMBERS = 1 << 34
"""Record numbers are permuted below this, above the records of the largest population."""

HABIT = 1 << 30
BROKEN = 8  # of 256 records break their source's habit
WIDE_SPACE, MIDDLE_DOT = 0x3000, 0xB7
_DOTS = np.array([MIDDLE_DOT, MIDDLE_DOT, ord("."), 0x2022], np.int64)


def _words(words, width):  # type: ignore[no-untyped-def]
    """A row a word: its length in bytes, then the word, zero padded, eight bytes an element."""
    table = np.zeros((len(words), 1 + width // 8), np.uint64)
    for row, word in enumerate(words):
        encoded = word.encode()
        table[row, 0] = len(encoded)
        table[row, 1:] = np.frombuffer(encoded.ljust(width, b"\0"), np.uint64)
    return table


_SEXES = _words(["男", "女", "1", "2", "M", "F", "男性", "女性"], 8)
_ID_WORDS = _words(
    [
        "居民身份证",
        "护照",
        "港澳居民来往内地通行证",
        "台湾居民来往大陆通行证",
        "外国人永久居留身份证",
        "港澳台居民居住证",
    ],
    40,
)
_ID_CODES = _words(["01", "03", "06", "07", "99", "99"], 8)
_NAMES = _words(
    ["population_register", "health_records", "hospital-", "ncms_insurance", "disease_reports",
     "maternal_child", "health_card"], 24)  # fmt: skip
_PREFIXES = _words(["", "P", "MR", "Z"], 8)
_NOTHING = _words(["-", "无", "不详"], 8)


@inlined_kernel
def put_word(at, words, row):  # type: ignore[no-untyped-def]
    """Write a word of a table of `_words`; up to seven bytes more are overwritten."""
    length = int64(words[row, 0])
    for place in range(0, length, 8):
        store_uint64(at + place, words[row, 1 + place // 8])
    return at + length


@inlined_kernel
def put_name(at, codes, length, habit, surname_length):  # type: ignore[no-untyped-def]
    """Write a name: some sources widen names of two characters or print another dot."""
    dot = _DOTS[int64(habit >> uint64(14)) & 3]
    is_wide = length == 2 and surname_length == 1 and int64(habit >> uint64(10)) & 15 == 0
    for place in range(length):
        code = int64(codes[place])
        at = put_code(at, dot if code == MIDDLE_DOT else code)
        if is_wide and place == 0 and code > 0x2E80 and codes[1] > 0x2E80:
            at = put_code(at, WIDE_SPACE)
    return at


@inlined_kernel
def put_id(at, body, check, small_x):  # type: ignore[no-untyped-def]
    """Write a number of 18 digits, or of 15 where `check` is FIFTEEN."""
    if check == FIFTEEN:
        at = put_number(at, body // 100000000000, 6)
        return put_number(at, body % 1000000000, 9)
    at = put_number(at, body, 17)
    if check == UNKNOWN_CHECK:
        check = check_of_body(body)
    store_uint8(at, 48 + check if check < 10 else (0x78 if small_x else 0x58))
    return at + 1


@kernel
def document_of_body(body):  # type: ignore[no-untyped-def]
    """`DocumentType` of a number of 17 digits and a check digit: 0 but for residence permits."""
    return RESIDENCE_PERMIT if 81000000000000000 <= body < 84000000000000000 else 0


@kernel
def put_document(at, document):  # type: ignore[no-untyped-def]
    """Write the number of another document."""
    length = 0
    while length < document.shape[0] and document[length] != 0:
        store_uint8(at + length, document[length])
        length += 1
    return at + length


@inlined_kernel
def put_date(at, date, style):  # type: ignore[no-untyped-def]
    """Write yyyymmdd in one of eight styles of five forms."""
    year, month, day = date // 10000, date // 100 % 100, date % 100
    at = put_number(at, year, 4)
    if style < 4 or style == 7:
        mark = 0x2D if style < 4 else 0x2E
        store_uint8(at, mark)
        at = put_number(at + 1, month, 2)
        store_uint8(at, mark)
        return put_number(at + 1, day, 2)
    if style == 4:
        return put_number(put_number(at, month, 2), day, 2)
    if style == 5:
        store_uint8(at, 0x2F)
        at = put_number(at + 1, month, 1)
        store_uint8(at, 0x2F)
        return put_number(at + 1, day, 1)
    at = put_number(put_code(at, 0x5E74), month, 1)
    at = put_number(put_code(at, 0x6708), day, 1)
    return put_code(at, 0x65E5)


@inlined_kernel
def put_phone(at, phone, style):  # type: ignore[no-untyped-def]
    """Write a mobile plain (0 to 4), 138 1234 5678, 138-1234-5678 or with +86."""
    if style < 5:
        return put_number(at, phone, 11)
    if style == 7:
        store_uint16(at, 0x2B | 0x38 << 8)
        store_uint8(at + 2, 0x36)
        return put_number(at + 3, phone, 11)
    mark = 0x20 if style == 5 else 0x2D
    at = put_number(at, phone // 100000000, 3)
    store_uint8(at, mark)
    at = put_number(at + 1, phone // 10000 % 10000, 4)
    store_uint8(at, mark)
    return put_number(at + 1, phone % 10000, 4)


@inlined_kernel
def put_source(at, system, source, county_codes):  # type: ignore[no-untyped-def]
    """Write the code of a source: the system's, and a hospital's place and number."""
    at = put_word(at, _NAMES, system)
    if system != HOSPITAL:
        return at
    place, which = (source - HOSPITAL_BASE) // HOSPITALS_A_COUNTY, (source - HOSPITAL_BASE) % 8
    region = int64(county_codes[place - 1]) if place > 0 else int64(0)
    if which >= OWN_HOSPITALS:
        region = region // 100 * 100
    at = put_number(at, region, 6)
    store_uint16(at, 0x2D | (49 + which) << 8)
    return at + 2


@inlined_kernel
def put_time(at, day, second):  # type: ignore[no-untyped-def]
    """Write 2019-05-07 14:03:59."""
    at = put_date(at, civil_date(day), 0)
    store_uint8(at, 0x20)
    at = put_number(at + 1, second // 3600, 2)
    store_uint8(at, 0x3A)
    at = put_number(at + 1, second // 60 % 60, 2)
    store_uint8(at, 0x3A)
    return put_number(at + 1, second % 60, 2)


@kernel
def address_of(record, people):  # type: ignore[no-untyped-def]
    """The address that a record refers to, int32[9]."""
    if record.address_kind == ADDRESS_CURRENT:
        return people.address[record.slot]
    if record.address_kind == ADDRESS_PREVIOUS:
        return people.previous_address[record.slot]
    return people.register_address[record.slot]


@inlined_kernel
def put_record_name(at, record, people, pool, habit):  # type: ignore[no-untyped-def]
    """Write the name of a record."""
    slot = record.slot
    if record.name_kind == NAME_ALTERED:
        start = int64(record.name_start)
        codes = pool[start : start + int64(record.name_length)]
        return put_name(at, codes, int64(record.name_length), habit, 0)
    if record.name_kind == NAME_FORMER:
        length, surname = people.former_name_length[slot], people.former_surname_length[slot]
        return put_name(at, people.former_name[slot], int64(length), habit, surname)
    length, surname = people.name_length[slot], people.surname_length[slot]
    return put_name(at, people.name[slot], int64(length), habit, surname)


@inlined_kernel
def put_identity(ends, record, people, habit, nothing):  # type: ignore[no-untyped-def]
    """Write number and type of document."""
    slot = record.slot
    if record.id_kind == ID_NONE:
        if nothing >= 0:
            ends[ID_NUMBER] = put_word(ends[ID_NUMBER], _NOTHING, nothing)
        return
    document = 0
    if record.id_kind == ID_DOCUMENT:
        ends[ID_NUMBER] = put_document(ends[ID_NUMBER], people.document[slot])
        document = int64(people.document_type[slot])
    else:
        document = document_of_body(int64(record.id_body))
        small_x = int64(habit >> uint64(19)) & 3 == 0
        ends[ID_NUMBER] = put_id(
            ends[ID_NUMBER], int64(record.id_body), int64(record.id_check), small_x
        )
    style = int64(habit >> uint64(8)) & 3
    if style == 1:
        ends[ID_TYPE] = put_word(ends[ID_TYPE], _ID_WORDS, document)
    elif style != 3:
        ends[ID_TYPE] = put_word(ends[ID_TYPE], _ID_CODES, document)


@inlined_kernel
def put_extras(ends, record, people):  # type: ignore[no-untyped-def]
    """Write the columns that few records fill."""
    slot = record.slot
    if record.has_former_name:
        length = int64(people.former_name_length[slot])
        ends[FORMER_NAME] = put_name(
            ends[FORMER_NAME], people.former_name[slot], length, uint64(0), 0
        )
    if record.card_kind == CARD_ID:
        body = int64(people.id_body[slot])
        ends[HEALTH_CARD] = put_id(ends[HEALTH_CARD], body, check_of_body(body), False)
    elif record.card_kind != CARD_NONE:
        ends[HEALTH_CARD] = put_number(ends[HEALTH_CARD], int64(people.health_card[slot]), 10)
    if record.has_mother_id:
        body = int64(people.id_body[people.mother[slot]])
        ends[MOTHER_ID] = put_id(ends[MOTHER_ID], body, check_of_body(body), False)
    if record.has_certificate:
        number, end = int64(people.birth_certificate[slot]), ends[BIRTH_CERTIFICATE]
        store_uint8(end, 65 + number // 1000000000)
        ends[BIRTH_CERTIFICATE] = put_number(end + 1, number % 1000000000, 9)


@inlined_kernel
def put_plain_columns(ends, record, styles, nothing):  # type: ignore[no-untyped-def]
    """Write birth date, sex, phone and region in the habits of the source."""
    if record.birth_date != 0:
        style = int64(styles) & 7
        ends[BIRTH_DATE] = put_date(ends[BIRTH_DATE], int64(record.birth_date), style)
    if record.sex != 0:
        which = 2 * (int64(styles >> uint64(3)) & 3) + int64(record.sex) - 1
        ends[GENDER] = put_word(ends[GENDER], _SEXES, which)
    if record.phone != 0:
        style = int64(styles >> uint64(5)) & 7
        ends[PHONE] = put_phone(ends[PHONE], int64(record.phone), style)
    elif nothing >= 0:
        ends[PHONE] = put_word(ends[PHONE], _NOTHING, nothing)
    if record.region != 0:
        ends[REGION_CODE] = put_number(ends[REGION_CODE], int64(record.region), 6)


@inlined_kernel
def put_record_id(at, number, source, key):  # type: ignore[no-untyped-def]
    """Write a record's id: the prefix of its source and its number, shuffled."""
    prefix = int64(draw_bits(draw_bits(key, 7), source) >> uint64(62))
    return put_number(put_word(at, _PREFIXES, prefix), permute(number, RECORD_NUMBERS, key), 11)


@kernel
def fill_references(records, order, numbers, key, county_codes, starts, offsets, row):  # type: ignore[no-untyped-def]
    """Append source and record id of records `order`; the arguments are those of `fill_texts`,
    starts and offsets for these two columns alone.
    """
    source_end, id_end = starts[0] + offsets[0, row], starts[1] + offsets[1, row]
    for place in range(order.shape[0]):
        record = records[order[place]]
        source = int64(record.source)
        source_end = put_source(source_end, int64(record.system), source, county_codes)
        id_end = put_record_id(id_end, numbers[place], record.source, key)
        offsets[0, row + place + 1] = source_end - starts[0]
        offsets[1, row + place + 1] = id_end - starts[1]


@kernel
def fill_texts(  # type: ignore[no-untyped-def]
    records, order, numbers, people_block, pool, key, tables, starts, offsets, row
):
    """Append records of one community from output row `row` on.

    order : int64[n], which entries of `records`; numbers : int64[n], their numbers in the
    population; tables : (RegionNumbers and AddressPieces as records, county codes); starts :
    int64[15], the address of each column's bytes, with COLUMN_BYTES a row and 64 more; offsets :
    int32[15, rows + 1], filled up to `row` before. A value of no bytes is null.
    """
    region_block, piece_block, county_codes = tables
    people, regions, pieces = people_block[0], region_block[0], piece_block[0]
    ends = np.empty(starts.shape[0], np.int64)
    for column in range(starts.shape[0]):
        ends[column] = starts[column] + offsets[column, row]
    for place in range(order.shape[0]):
        record = records[order[place]]
        habit = draw_bits(record.unit, HABIT)
        broken = int64(record.style) & 255 < BROKEN
        styles = draw_bits(record.style, 2) if broken else habit
        nothing = int64(habit >> uint64(22)) % 3 if int64(habit >> uint64(16)) & 7 == 0 else -1
        ends[RECORD_ID] = put_record_id(ends[RECORD_ID], numbers[place], record.source, key)
        ends[SOURCE] = put_source(
            ends[SOURCE], int64(record.system), int64(record.source), county_codes
        )
        ends[NAME] = put_record_name(ends[NAME], record, people, pool, habit)
        put_identity(ends, record, people, habit, nothing)
        put_plain_columns(ends, record, styles, nothing)
        if record.address_kind != ADDRESS_NONE:
            form, address = int64(record.address_form), address_of(record, people)
            ends[ADDRESS] = put_address(ends[ADDRESS], address, form, regions, pieces)
        elif nothing >= 0:
            ends[ADDRESS] = put_word(ends[ADDRESS], _NOTHING, nothing)
        put_extras(ends, record, people)
        ends[UPDATED_AT] = put_time(ends[UPDATED_AT], record.day, int64(record.second))
        for column in range(starts.shape[0]):
            offsets[column, row + place + 1] = ends[column] - starts[column]
