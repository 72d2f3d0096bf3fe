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
from person.jit import kernel

__all__ = ["COLUMN_BYTES", "RECORD_NUMBERS", "fill_texts", "put_document", "put_id", "put_name"]

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
    table = np.zeros((len(words), width), np.uint8)
    for row, word in enumerate(words):
        encoded = word.encode()
        table[row, : len(encoded)] = list(encoded)
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
    36,
)
_ID_CODES = _words(["01", "03", "06", "07", "99", "99"], 4)
_NAMES = _words(
    ["population_register", "health_records", "hospital-", "ncms_insurance", "disease_reports",
     "maternal_child", "health_card"], 24)  # fmt: skip
_PREFIXES = _words(["", "P", "MR", "Z"], 4)
_NOTHING = _words(["-", "无", "不详"], 8)


@kernel
def put_word(data, at, word):  # type: ignore[no-untyped-def]
    """Write bytes up to the first 0."""
    for place in range(word.shape[0]):
        if word[place] == 0:
            break
        data[at] = word[place]
        at += 1
    return at


@kernel
def put_name(data, at, codes, length, habit, surname_length):  # type: ignore[no-untyped-def]
    """Write a name: some sources widen names of two characters or print another dot."""
    dot = _DOTS[int64(habit >> uint64(14)) & 3]
    is_wide = length == 2 and surname_length == 1 and int64(habit >> uint64(10)) & 15 == 0
    for place in range(length):
        code = int64(codes[place])
        at = put_code(data, at, dot if code == MIDDLE_DOT else code)
        if is_wide and place == 0 and code > 0x2E80 and codes[1] > 0x2E80:
            at = put_code(data, at, WIDE_SPACE)
    return at


@kernel
def put_id(data, at, body, check, small_x):  # type: ignore[no-untyped-def]
    """Write a number of 18 digits, or of 15 where `check` is FIFTEEN."""
    if check == FIFTEEN:
        at = put_number(data, at, body // 100000000000, 6)
        return put_number(data, at, body % 1000000000, 9)
    at = put_number(data, at, body, 17)
    if check == UNKNOWN_CHECK:
        check = check_of_body(body)
    data[at] = 48 + check if check < 10 else (0x78 if small_x else 0x58)
    return at + 1


@kernel
def document_of_body(body):  # type: ignore[no-untyped-def]
    """`DocumentType` of a number of 17 digits and a check digit: 0 but for residence permits."""
    return RESIDENCE_PERMIT if 81000000000000000 <= body < 84000000000000000 else 0


@kernel
def put_document(data, at, document):  # type: ignore[no-untyped-def]
    """Write the number of another document."""
    return put_word(data, at, document)


@kernel
def put_date(data, at, date, style):  # type: ignore[no-untyped-def]
    """Write yyyymmdd in one of eight styles of five forms."""
    year, month, day = date // 10000, date // 100 % 100, date % 100
    at = put_number(data, at, year, 4)
    if style < 4 or style == 7:
        mark = 0x2D if style < 4 else 0x2E
        data[at] = mark
        at = put_number(data, at + 1, month, 2)
        data[at] = mark
        return put_number(data, at + 1, day, 2)
    if style == 4:
        return put_number(data, put_number(data, at, month, 2), day, 2)
    if style == 5:
        data[at] = 0x2F
        at = put_number(data, at + 1, month, 1)
        data[at] = 0x2F
        return put_number(data, at + 1, day, 1)
    at = put_number(data, put_code(data, at, 0x5E74), month, 1)
    at = put_number(data, put_code(data, at, 0x6708), day, 1)
    return put_code(data, at, 0x65E5)


@kernel
def put_phone(data, at, phone, style):  # type: ignore[no-untyped-def]
    """Write a mobile plain (0 to 4), 138 1234 5678, 138-1234-5678 or with +86."""
    if style < 5:
        return put_number(data, at, phone, 11)
    if style == 7:
        data[at], data[at + 1], data[at + 2] = 0x2B, 0x38, 0x36
        return put_number(data, at + 3, phone, 11)
    mark = 0x20 if style == 5 else 0x2D
    at = put_number(data, at, phone // 100000000, 3)
    data[at] = mark
    at = put_number(data, at + 1, phone // 10000 % 10000, 4)
    data[at] = mark
    return put_number(data, at + 1, phone % 10000, 4)


@kernel
def put_source(data, at, system, source, county_codes):  # type: ignore[no-untyped-def]
    """Write the code of a source: the system's, and a hospital's place and number."""
    at = put_word(data, at, _NAMES[system])
    if system != HOSPITAL:
        return at
    place, which = (source - HOSPITAL_BASE) // HOSPITALS_A_COUNTY, (source - HOSPITAL_BASE) % 8
    region = int64(county_codes[place - 1]) if place > 0 else int64(0)
    if which >= OWN_HOSPITALS:
        region = region // 100 * 100
    at = put_number(data, at, region, 6)
    data[at], data[at + 1] = 0x2D, 49 + which
    return at + 2


@kernel
def put_time(data, at, day, second):  # type: ignore[no-untyped-def]
    """Write 2019-05-07 14:03:59."""
    at = put_date(data, at, civil_date(day), 0)
    data[at] = 0x20
    at = put_number(data, at + 1, second // 3600, 2)
    data[at] = 0x3A
    at = put_number(data, at + 1, second // 60 % 60, 2)
    data[at] = 0x3A
    return put_number(data, at + 1, second % 60, 2)


@kernel
def address_of(record, people):  # type: ignore[no-untyped-def]
    """The address that a record refers to, int32[9]."""
    if record.address_kind == ADDRESS_CURRENT:
        return people.address[record.slot]
    if record.address_kind == ADDRESS_PREVIOUS:
        return people.previous_address[record.slot]
    return people.register_address[record.slot]


@kernel
def put_record_name(data, at, record, people, pool, habit):  # type: ignore[no-untyped-def]
    """Write the name of a record."""
    slot = record.slot
    if record.name_kind == NAME_ALTERED:
        start = int64(record.name_start)
        codes = pool[start : start + int64(record.name_length)]
        return put_name(data, at, codes, int64(record.name_length), habit, 0)
    if record.name_kind == NAME_FORMER:
        length, surname = people.former_name_length[slot], people.former_surname_length[slot]
        return put_name(data, at, people.former_name[slot], int64(length), habit, surname)
    length, surname = people.name_length[slot], people.surname_length[slot]
    return put_name(data, at, people.name[slot], int64(length), habit, surname)


@kernel
def put_identity(data, ends, record, people, habit, nothing):  # type: ignore[no-untyped-def]
    """Write number and type of document; ends : int64[2], positions after them."""
    slot = record.slot
    if record.id_kind == ID_NONE:
        if nothing >= 0:
            ends[0] = put_word(data[ID_NUMBER], ends[0], _NOTHING[nothing])
        return
    document = 0
    if record.id_kind == ID_DOCUMENT:
        ends[0] = put_document(data[ID_NUMBER], ends[0], people.document[slot])
        document = int64(people.document_type[slot])
    else:
        document = document_of_body(int64(record.id_body))
        small_x = int64(habit >> uint64(19)) & 3 == 0
        ends[0] = put_id(
            data[ID_NUMBER], ends[0], int64(record.id_body), int64(record.id_check), small_x
        )
    style = int64(habit >> uint64(8)) & 3
    if style == 1:
        ends[1] = put_word(data[ID_TYPE], ends[1], _ID_WORDS[document])
    elif style != 3:
        ends[1] = put_word(data[ID_TYPE], ends[1], _ID_CODES[document])


@kernel
def put_extras(data, ends, record, people):  # type: ignore[no-untyped-def]
    """Write the columns that few records fill; ends : int64[4], positions after them."""
    slot = record.slot
    if record.has_former_name:
        length = int64(people.former_name_length[slot])
        ends[0] = put_name(
            data[FORMER_NAME], ends[0], people.former_name[slot], length, uint64(0), 0
        )
    if record.card_kind == CARD_ID:
        body = int64(people.id_body[slot])
        ends[1] = put_id(data[HEALTH_CARD], ends[1], body, check_of_body(body), False)
    elif record.card_kind != CARD_NONE:
        ends[1] = put_number(data[HEALTH_CARD], ends[1], int64(people.health_card[slot]), 10)
    if record.has_mother_id:
        body = int64(people.id_body[people.mother[slot]])
        ends[2] = put_id(data[MOTHER_ID], ends[2], body, check_of_body(body), False)
    if record.has_certificate:
        number = int64(people.birth_certificate[slot])
        data[BIRTH_CERTIFICATE][ends[3]] = 65 + number // 1000000000
        ends[3] = put_number(data[BIRTH_CERTIFICATE], ends[3] + 1, number % 1000000000, 9)


@kernel
def put_plain_columns(data, offsets, at, record, styles, nothing):  # type: ignore[no-untyped-def]
    """Write birth date, sex, phone and region in the habits of the source."""
    end = int64(offsets[BIRTH_DATE, at])
    if record.birth_date != 0:
        end = put_date(data[BIRTH_DATE], end, int64(record.birth_date), int64(styles) & 7)
    offsets[BIRTH_DATE, at + 1] = end
    end = int64(offsets[GENDER, at])
    if record.sex != 0:
        which = 2 * (int64(styles >> uint64(3)) & 3) + int64(record.sex) - 1
        end = put_word(data[GENDER], end, _SEXES[which])
    offsets[GENDER, at + 1] = end
    end = int64(offsets[PHONE, at])
    if record.phone != 0:
        end = put_phone(data[PHONE], end, int64(record.phone), int64(styles >> uint64(5)) & 7)
    elif nothing >= 0:
        end = put_word(data[PHONE], end, _NOTHING[nothing])
    offsets[PHONE, at + 1] = end
    end = int64(offsets[REGION_CODE, at])
    if record.region != 0:
        end = put_number(data[REGION_CODE], end, int64(record.region), 6)
    offsets[REGION_CODE, at + 1] = end


@kernel
def fill_texts(  # type: ignore[no-untyped-def]
    records, count, people_block, pool, first_number, key, tables, data, offsets, row
):
    """Append `count` records of one community from output row `row` on.

    tables : (RegionNumbers and AddressPieces as records, county codes); data : 15 arrays uint8[];
    offsets : int32[15, rows + 1], filled up to `row` before. A value of no bytes is null.
    """
    region_block, piece_block, county_codes = tables
    people, regions, pieces = people_block[0], region_block[0], piece_block[0]
    identity, extras = np.empty(2, np.int64), np.empty(4, np.int64)
    prefix_key = draw_bits(key, 7)
    for place in range(count):
        record = records[place]
        at = row + place
        habit = draw_bits(record.unit, HABIT)
        broken = int64(record.style) & 255 < BROKEN
        styles = draw_bits(record.style, 2) if broken else habit
        nothing = int64(habit >> uint64(22)) % 3 if int64(habit >> uint64(16)) & 7 == 0 else -1
        number = permute(first_number + place, RECORD_NUMBERS, key)
        prefix = int64(draw_bits(prefix_key, record.source) >> uint64(62))
        end = put_word(data[RECORD_ID], int64(offsets[RECORD_ID, at]), _PREFIXES[prefix])
        offsets[RECORD_ID, at + 1] = put_number(data[RECORD_ID], end, number, 11)
        offsets[SOURCE, at + 1] = put_source(
            data[SOURCE],
            int64(offsets[SOURCE, at]),
            int64(record.system),
            int64(record.source),
            county_codes,
        )
        offsets[NAME, at + 1] = put_record_name(
            data[NAME], int64(offsets[NAME, at]), record, people, pool, habit
        )
        identity[0], identity[1] = offsets[ID_NUMBER, at], offsets[ID_TYPE, at]
        put_identity(data, identity, record, people, habit, nothing)
        offsets[ID_NUMBER, at + 1], offsets[ID_TYPE, at + 1] = identity[0], identity[1]
        put_plain_columns(data, offsets, at, record, styles, nothing)
        end = int64(offsets[ADDRESS, at])
        if record.address_kind != ADDRESS_NONE:
            form, address = int64(record.address_form), address_of(record, people)
            end = put_address(data[ADDRESS], end, address, form, regions, pieces)
        elif nothing >= 0:
            end = put_word(data[ADDRESS], end, _NOTHING[nothing])
        offsets[ADDRESS, at + 1] = end
        for extra in range(4):
            extras[extra] = offsets[FORMER_NAME + extra, at]
        put_extras(data, extras, record, people)
        for extra in range(4):
            offsets[FORMER_NAME + extra, at + 1] = extras[extra]
        offsets[UPDATED_AT, at + 1] = put_time(
            data[UPDATED_AT], int64(offsets[UPDATED_AT, at]), record.day, int64(record.second)
        )
