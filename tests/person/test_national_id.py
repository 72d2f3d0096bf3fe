"""National ids and other documents: shapes, checks, classes, what a number says of its holder."""

from __future__ import annotations

import datetime

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from person.field import EncodedField, FieldStatus
from person.id_types import IdTypeClass, classify_id_type
from person.national_id import (
    BIRTH_DATE_CONTRADICTS,
    SEX_CONTRADICTS,
    birth_day_of_body,
    check_value_of_body,
    encode_national_id,
    fill_id_contradictions,
    format_national_id,
    id_contradictions,
    region_of_body,
    sex_of_body,
)
from person.text import Utf8Column

WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
REGIONS = (110105, 440305, 510202, 460026, 652922, 320102)
VALID = FieldStatus.VALID

any_text = st.text(st.characters(codec="utf-8"), max_size=30)
id_like_text = st.text(st.sampled_from("0123456789Xx*OIlE-. Ａ１王字第\0😀"), max_size=22)
regions = st.sampled_from(REGIONS)
dates = st.dates(datetime.date(1900, 1, 1), datetime.date(2023, 12, 31))
sequences = st.integers(1, 995)


def full_number(region: int, date: datetime.date, sequence: int) -> str:
    """The 18 characters of GB 11643, by the table of weights."""
    digits = f"{region:06d}{date:%Y%m%d}{sequence:03d}"
    return digits + "10X98765432"[sum(map(lambda w, d: w * int(d), WEIGHTS, digits)) % 11]


def naive_body(number: str) -> int:
    """Body of 18 characters: region, last digit of the century, YYMMDD, sequence."""
    return int(number[:6] + number[7] + number[8:17], 16)


def encode(*values: str | None, types: list[str | None] | None = None) -> EncodedField:
    id_type = None if types is None else Utf8Column.from_strings(types)
    return encode_national_id(Utf8Column.from_strings(values), {}, id_type=id_type)


def one(value: str, id_type: str | None = None) -> tuple[int, int, FieldStatus]:
    """(body, detail, status) of one number."""
    encoded = encode(value, types=None if id_type is None else [id_type])
    body, detail = encoded.components["body"][0], encoded.components["detail"][0]
    return int(body), int(detail), FieldStatus(encoded.status[0])


def id_class(value: str, id_type: str | None = None) -> IdTypeClass:
    return IdTypeClass(one(value, id_type)[1] >> 2)


@given(regions, dates, sequences)
def test_eighteen_characters_become_the_body(
    region: int, date: datetime.date, sequence: int
) -> None:
    """A right number is valid, equals its naive packing and prints as it came."""
    number = full_number(region, date, sequence)
    body, detail, status = one(number)
    assert (naive_body(number), 1 | (1 << 2), VALID) == (body, detail, status)
    assert number == format_national_id(body, detail)


@given(regions, st.dates(datetime.date(1900, 1, 1), datetime.date(1999, 12, 31)), sequences)
def test_fifteen_and_eighteen_are_one_identity(
    region: int, date: datetime.date, sequence: int
) -> None:
    """The first generation's 15 digits give the body of the 18 that replaced them."""
    number = full_number(region, date, sequence)
    body, detail, status = one(number[:6] + number[8:17])
    assert (one(number)[0], 1 | 2 | (1 << 2), VALID) == (body, detail, status)


@pytest.mark.parametrize("sequence", (996, 999))
def test_last_sequences_of_fifteen_mark_the_nineteenth_century(sequence: int) -> None:
    """Sequences 996 to 999 of a 15-digit number belong to people born in 18xx."""
    number = full_number(110105, datetime.date(1895, 3, 4), sequence)
    assert one(number)[0] == one("110105950304" + str(sequence))[0]


@given(regions, dates, sequences, st.integers(0, 16), st.sampled_from("OIl"))
def test_look_alikes_count_only_where_the_check_digit_proves_them(
    region: int, date: datetime.date, sequence: int, place: int, letter: str
) -> None:
    """A letter is read as a digit if the number is right then, else it is no national number."""
    number = full_number(region, date, sequence)
    read = number[:place] + letter + number[place + 1 :]
    is_right = number[place] == ("0" if letter == "O" else "1")
    body = one(read)[0]
    assert is_right == (body == naive_body(number))
    assert is_right or body == 0 or body >> 60 == 0xF


@given(regions, dates, sequences, st.integers(0, 16), st.integers(1, 9))
def test_one_wrong_digit_never_proves_itself(
    region: int, date: datetime.date, sequence: int, place: int, step: int
) -> None:
    """MOD 11-2 finds every single wrong digit: the number is not valid and bit 0 is off."""
    number = full_number(region, date, sequence)
    wrong = number[:place] + str((int(number[place]) + step) % 10) + number[place + 1 :]
    _, detail, status = one(wrong)
    assert status != VALID
    assert detail & 1 == 0


@pytest.mark.parametrize(
    "text",
    (
        "11010519491231002X",
        "11010519491231002x",
        "１１０１０５１９４９１２３１００２Ｘ",
        "110105 19491231 002X",
        "110105-19491231-002X",
        "\u200b11010519491231002X\ufeff",
        " 11010519491231002* ",
        "11010519491231002＊",
        "11010519491231002×",
        "11010519491231002Х",  # Cyrillic
        "11O1O5l949I231OO2X",
        "'11010519491231002X",
        "11010519491231OO2X",
        "11010519491231O02X",
    ),
)
def test_ways_of_writing_one_number(text: str) -> None:
    """Width, blanks, separators, the look-alikes of X and, where it proves, of 0 and 1."""
    assert (0x1101059491231002, 1 | (1 << 2), VALID) == one(text)


@pytest.mark.parametrize(
    ("text", "status"),
    (
        ("110105194912310021", FieldStatus.BAD_CHECK_DIGIT),
        ("110105194902300028", FieldStatus.BAD_DATE),
        ("110105490230002", FieldStatus.BAD_DATE),
        ("110105299912310021", FieldStatus.BAD_DATE),
        ("660105194912310020", FieldStatus.UNKNOWN_REGION),
        ("660105491231002", FieldStatus.UNKNOWN_REGION),
        ("11010519491231002", FieldStatus.BAD_LENGTH),  # check digit left out
    ),
)
def test_wrong_numbers_still_carry_evidence(text: str, status: FieldStatus) -> None:
    """A number of national shape with a mistake is encoded, marked, and never proves itself."""
    body, detail, found = one(text)
    assert status == found
    assert body != 0
    assert detail >> 2 == IdTypeClass.NATIONAL
    assert detail & 1 == 0


@pytest.mark.parametrize(
    "text",
    (
        "111111111111111111", "000000000000000000", "999999999999999", "123456789012345678",
        "12345678901234567X", "123456789012345", "999999199001011234", "111111199001011234",
        "000000199001011234", "无", "不详", "-", "--", "NULL", "n/a", "未知", "暂无", "无身份证",
        "000000", "0", "110105199001010000", "110105199001011000",
    ),
)  # fmt: skip
def test_placeholders_are_missing(text: str) -> None:
    """What people and programs write to say nothing is no identity."""
    assert (0, 0, FieldStatus.PLACEHOLDER) == one(text)


@pytest.mark.parametrize(
    ("text", "status"),
    (
        ("", FieldStatus.MISSING),
        ("   ", FieldStatus.MISSING),
        ("11010519491231002X\0", FieldStatus.NUL_BYTE),
        ("\0", FieldStatus.NUL_BYTE),
        ("😀", FieldStatus.BAD_CHARACTER),
        ("110105********002X", FieldStatus.BAD_CHARACTER),
        ("1.10105194912E+17", FieldStatus.BAD_CHARACTER),
        ("1101051949123100", FieldStatus.BAD_LENGTH),
        ("1101051949123100211", FieldStatus.BAD_LENGTH),
        ("1" * 50, FieldStatus.BAD_LENGTH),
    ),
)
def test_unusable_values_are_missing_with_a_reason(text: str, status: FieldStatus) -> None:
    """Values that identify nobody are encoded as missing and say why."""
    assert (0, 0, status) == one(text)


def test_null_is_missing() -> None:
    """A null is MISSING, whatever its id type."""
    encoded = encode(None, types=["01"])
    assert (0, FieldStatus.MISSING) == (encoded.components["body"][0], encoded.status[0])


@pytest.mark.parametrize(
    ("text", "id_type", "expected"),
    (
        ("810000199408230021", None, IdTypeClass.RESIDENT_PERMIT),
        ("820000199408230021", "01", IdTypeClass.RESIDENT_PERMIT),
        ("830000199408230021", None, IdTypeClass.RESIDENT_PERMIT),
        ("E12345678", None, IdTypeClass.PASSPORT),
        ("EA1234567", "03", IdTypeClass.PASSPORT),
        ("G12345678", "护照", IdTypeClass.PASSPORT),
        ("H12345678", None, IdTypeClass.HK_MACAO_TRAVEL_PERMIT),
        ("M1234567801", None, IdTypeClass.HK_MACAO_TRAVEL_PERMIT),
        ("H12345678", "06", IdTypeClass.HK_MACAO_TRAVEL_PERMIT),
        ("12345680", "07", IdTypeClass.TAIWAN_TRAVEL_PERMIT),
        ("52345680", None, IdTypeClass.TAIWAN_TRAVEL_PERMIT),
        ("5234568001(B)", None, IdTypeClass.TAIWAN_TRAVEL_PERMIT),
        ("军字第1234567号", None, IdTypeClass.MILITARY),
        ("南字第01234567号", "04", IdTypeClass.MILITARY),
        ("USA110000512301", None, IdTypeClass.FOREIGNER_PERMANENT_RESIDENCE),
        ("X320101001", None, IdTypeClass.BIRTH_CERTIFICATE),
        ("X320101001", "出生医学证明", IdTypeClass.BIRTH_CERTIFICATE),
        ("A123456789", "居民健康卡", IdTypeClass.HEALTH_CARD),
        ("7654321", "99", IdTypeClass.OTHER),
        ("11010519491231002X", "03", IdTypeClass.NATIONAL),  # the shape proves the type wrong
        ("11010519491231002X", "05", IdTypeClass.NATIONAL),  # a driving licence bears the id
        ("110105194912310021", "02", IdTypeClass.NATIONAL),
    ),
)  # fmt: skip
def test_documents_find_their_class(text: str, id_type: str | None, expected: IdTypeClass) -> None:
    """The class comes from the id type, or from the shape of the number where none is given."""
    assert expected == id_class(text, id_type)


def test_new_foreigner_card_follows_the_national_scheme() -> None:
    """The card of 2023 begins with 9, holds the birth date and ends in a MOD 11-2 digit."""
    number = full_number(911840, datetime.date(1981, 5, 6), 7)
    body, detail, status = one(number)
    assert (VALID, IdTypeClass.FOREIGNER_PERMANENT_RESIDENCE) == (status, detail >> 2)
    assert ((1981 - 1849) << 9) | (5 << 5) | 6 == birth_day_of_body(np.uint64(body))
    assert region_of_body(np.uint64(body)) == 0


@pytest.mark.parametrize(
    ("text", "same"),
    (
        ("H12345678", "H1234567802"),  # issue number of the card
        ("h 1234-5678", "H12345678"),
        ("军字第1234567号", "军1234567"),
        ("Ｅ12345678", "e12345678"),
        ("52345680", "5234568001B"),
    ),
)
def test_one_document_has_one_body(text: str, same: str) -> None:
    """Spelling and issue numbers do not make another document; the top nibble is 0xF."""
    body = one(text)[0]
    assert body == one(same)[0]
    assert body >> 60 == 0xF


def test_class_is_part_of_the_body() -> None:
    """The same characters on a passport and on a permit are two documents."""
    assert one("H12345678", "03")[0] != one("H12345678", "06")[0]


def test_document_that_claims_to_be_a_national_id_is_flagged() -> None:
    """A passport number under type 01 keeps its evidence and is counted as a wrong length."""
    body, detail, status = one("E12345678", "01")
    assert body == one("E12345678")[0]
    assert (IdTypeClass.PASSPORT, FieldStatus.BAD_LENGTH) == (detail >> 2, status)


@pytest.mark.parametrize(
    ("text", "expected"),
    (
        ("01", IdTypeClass.NATIONAL), ("1", IdTypeClass.NATIONAL),
        ("居民身份证", IdTypeClass.NATIONAL), ("id_card", IdTypeClass.NATIONAL),
        ("02", IdTypeClass.OTHER), ("居民户口簿", IdTypeClass.OTHER),
        ("03", IdTypeClass.PASSPORT), ("外国护照", IdTypeClass.PASSPORT),
        ("04", IdTypeClass.MILITARY), ("军官证", IdTypeClass.MILITARY),
        ("军人身份证", IdTypeClass.MILITARY), ("05", IdTypeClass.OTHER),
        ("06", IdTypeClass.HK_MACAO_TRAVEL_PERMIT),
        ("港澳居民来往内地通行证", IdTypeClass.HK_MACAO_TRAVEL_PERMIT),
        ("07", IdTypeClass.TAIWAN_TRAVEL_PERMIT),
        ("台湾居民来往大陆通行证", IdTypeClass.TAIWAN_TRAVEL_PERMIT),
        ("港澳台居民居住证", IdTypeClass.RESIDENT_PERMIT),
        ("外国人永久居留身份证", IdTypeClass.FOREIGNER_PERMANENT_RESIDENCE),
        ("０１", IdTypeClass.NATIONAL), ("99", IdTypeClass.OTHER),
        ("", IdTypeClass.UNKNOWN), ("77", IdTypeClass.UNKNOWN),
    ),
)  # fmt: skip
def test_id_types_by_code_and_word(text: str, expected: IdTypeClass) -> None:
    """WS/T 364 CV02.01.101 codes and the words people write for them."""
    assert expected == classify_id_type(text)


@given(regions, dates, sequences)
def test_a_body_tells_region_birth_date_sex_and_check_digit(
    region: int, date: datetime.date, sequence: int
) -> None:
    """What the body holds reads back as it went in."""
    number = full_number(region, date, sequence)
    body = np.uint64(one(number)[0])
    assert region == region_of_body(body)
    packed = ((date.year - 1849) << 9) | (date.month << 5) | date.day
    assert packed == birth_day_of_body(body)
    assert (1 if sequence % 2 else 2) == sex_of_body(body)
    assert number[-1] == "0123456789X"[check_value_of_body(body)]


def test_hashed_and_missing_bodies_tell_nothing() -> None:
    """No birth date, sex, region or check digit comes out of a passport or of nothing."""
    for body in (np.uint64(0), np.uint64(one("E12345678")[0])):
        assert birth_day_of_body(body) == sex_of_body(body) == region_of_body(body) == 0
        assert check_value_of_body(body) == -1


DAY = ((1949 - 1849) << 9) | (12 << 5) | 31


@pytest.mark.parametrize(
    ("day", "gender", "expected"),
    (
        (DAY, 2, 0), (DAY, 0, 0), (0, 0, 0), (DAY + 1, 2, BIRTH_DATE_CONTRADICTS),
        (DAY, 1, SEX_CONTRADICTS), (DAY ^ 32, 1, BIRTH_DATE_CONTRADICTS | SEX_CONTRADICTS),
        ((1949 - 1849) << 9, 0, 0),  # only the year is known, and it agrees
        (((1949 - 1849) << 9) | (12 << 5), 0, 0),
        ((1950 - 1849) << 9, 0, BIRTH_DATE_CONTRADICTS),
    ),
)  # fmt: skip
def test_contradictions_with_the_records_own_fields(day: int, gender: int, expected: int) -> None:
    """A number is held against the record's birth date and sex; unknown parts do not count."""
    body = np.uint64(0x1101059491231002)
    assert expected == id_contradictions(body, np.uint64(day), np.uint64(gender))
    flags = np.zeros(1, np.uint8)
    one_row = (np.array([value], np.uint64) for value in (body, day, gender))
    fill_id_contradictions(*one_row, flags)
    assert [expected] == flags.tolist()


@given(st.lists(st.one_of(st.none(), any_text, id_like_text), max_size=12))
@example([])
@example(["A" * 40, "A" * 41, "9" * 40, "9" * 41])
def test_a_batch_is_its_records_one_by_one(values: list[str | None]) -> None:
    """Any text at all encodes, the same alone as among others, and missing is 0 everywhere."""
    batch = encode(*values)
    for row, value in enumerate(values):
        alone = encode(value)
        assert alone.status[0] == batch.status[row]
        for name, component in batch.components.items():
            assert alone.components[name][0] == component[row]
    body, detail = batch.components["body"], batch.components["detail"]
    assert ((body == 0) == (detail == 0)).all()
    assert (detail < 64).all()
    assert (body[batch.status == VALID] != 0).all()


@given(st.lists(st.tuples(id_like_text, st.one_of(st.none(), any_text)), max_size=8))
def test_any_id_type_is_read(pairs: list[tuple[str, str | None]]) -> None:
    """No id type makes the encoder fail or leave its bits."""
    encoded = encode(*[value for value, _ in pairs], types=[kind for _, kind in pairs])
    assert (encoded.components["detail"] < 64).all()


def test_printing_other_documents() -> None:
    """Only the class and the hash of another document can be shown."""
    body, detail, _ = one("E12345678")
    assert format_national_id(body, detail).startswith("passport:")
    assert format_national_id(0) == ""
    assert format_national_id(one("110105299912310021")[0]) == "110105??991231002?"
