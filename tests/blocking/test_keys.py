"""Every key transform against what it should say of written-out values."""

from __future__ import annotations

from typing import Any

import jellyfish
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blocking import BlockingRule, KeySpec, kernels
from blocking.keys import TRANSFORMS, resolve_rules
from person.errors import ConfigError
from person.field import OverflowTable
from person.han import han_tables
from person.hashing import mix64
from person.kinds import KINDS
from person.layout import Layout, layout_for
from person.phone_kernels import phone_tag
from person.schema import Field
from tests.blocking.naive import pack_date, pack_text, put

OVERFLOW = 1 << 63


def _layout(kind: str, **options: Any) -> Layout:
    field = Field(name="field", kind=kind, columns=("field",), options=options)
    return layout_for([field])


def _parts(
    key: str,
    kind: str,
    values: list[tuple[int, ...]],
    overflow: OverflowTable | None = None,
    **options: Any,
) -> np.ndarray:
    """uint64[variants, n]: the key's parts of records with these component values."""
    layout = _layout(kind, **options)
    rows = np.zeros((len(values), layout.n_words), np.uint64)
    for row, value in enumerate(values):
        put(rows, layout, "field", row, *value)
    resolved = resolve_rules([BlockingRule("x", (key,))], layout, overflow)
    parts = np.full((len(resolved.parts), len(rows)), 9, np.uint64)
    resolved.fill_parts(range(len(parts)), rows, parts)
    return parts


def _text_parts(key: str, texts: list[str]) -> list[int]:
    return _parts(key, "latin_name", [tuple(pack_text(text, 2)) for text in texts])[0].tolist()


def _han(text: str, surname_length: int = 1) -> int:
    units = [int(han_tables().code_units[ord(character)]) & 0x7FFF for character in text]
    word = sum(unit << (45 - 15 * at) for at, unit in enumerate(units))
    return word | surname_length << 60


def _romanised(*syllables: str) -> int:
    numbers = [32 + han_tables().syllables.index(name) for name in syllables]
    word = sum(unit << (45 - 15 * at) for at, unit in enumerate(numbers))
    return word | 1 << 60 | 1 << 62


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_has_a_value_key(kind: str) -> None:
    """Any field can be a key by its value; missing gives none, equal gives equal."""
    components = len(_layout(kind).slots("field"))
    full = (pack_date(1980, 2, 3),) if kind == "date" else (3,) + (0,) * (components - 1)
    parts = _parts("field", kind, [full, full, (0,) * components])
    assert parts[0, 0] == parts[0, 1] != 0
    assert 0 == parts[0, 2]


@pytest.mark.parametrize("kind", ["latin_name", "identifier", "text"])
def test_value_reads_every_word(kind: str) -> None:
    """Texts that differ only past the tenth character differ."""
    texts = ["abcdefghijk", "abcdefghijl", "abcdefghij"]
    values = [tuple(pack_text(text, 2)) for text in texts]
    assert 3 == len(set(_parts("field", kind, values, characters=20)[0].tolist()))


def test_first_and_last_characters() -> None:
    """first:k and last:k compare that many characters; shorter texts count whole."""
    first = _text_parts("field:first:3", ["margaret", "marge", "mary", "ma", ""])
    assert first[0] == first[1] == first[2] != first[3] != 0
    assert 0 == first[4]
    last = _text_parts("field:last:4", ["vandenhoogenbergen", "bergen", "rgen", "gen"])
    assert last[0] == last[1] == last[2] != last[3] != 0


@given(st.text("abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=20))
def test_soundex_agrees_with_jellyfish(text: str) -> None:
    """American Soundex, h and w transparent, as the reference has it."""
    (found,) = _text_parts("field:soundex", [text])
    code = jellyfish.soundex(text)
    expected = (ord(code[0].lower()) - 96) * 1000 + int(code[1:])
    assert expected == found


def test_sorted_tokens_do_not_mind_order() -> None:
    """Words of a name in another order, or with a hyphen, are the same key."""
    keys = _text_parts(
        "field:sorted_tokens", ["anna maria", "maria anna", "maria-anna", "mariaanna"]
    )
    assert keys[0] == keys[1] == keys[2] != keys[3]


def test_digits_ignore_everything_else() -> None:
    """Only the digits and their order count."""
    keys = _text_parts("field:digits", ["flat 12 b", "12b", "21b", "b"])
    assert keys[0] == keys[1] != keys[2]
    assert 0 == keys[3]


@pytest.mark.parametrize("transform", ["first:3", "last:3", "soundex", "digits"])
def test_text_that_overflowed_has_no_partial_key(transform: str) -> None:
    """A hash says nothing of characters: no key rather than a wrong one."""
    parts = _parts(f"field:{transform}", "latin_name", [(OVERFLOW | 12345, 0)])
    assert 0 == parts[0, 0]


def test_date_parts() -> None:
    """Each date transform reads its part and needs all of it."""
    dates = [(1980, 3, 4), (1980, 4, 3), (1980, 3, 5), (1981, 3, 4), (1980, 3, 0), (1980, 0, 0)]
    values = [(pack_date(*date),) for date in dates]
    expected = {
        "field": [0, 1, 2, 3, None, None],
        "field:year": [0, 0, 0, 3, 0, 0],
        "field:year_month": [0, 1, 0, 3, 0, None],
        "field:month_day": [0, 1, 2, 0, None, None],
        "field:day_month_sorted": [0, 0, 2, 3, None, None],
    }
    for key, groups in expected.items():
        assert groups == _groups(_parts(key, "date", values)[0]), key


def _groups(parts: np.ndarray) -> list[int | None]:
    """First place of each value; None for no key."""
    values = parts.tolist()
    return [values.index(value) if value else None for value in values]


def test_national_id_parts() -> None:
    """Region, birth date and halves of a national id; another document has only its value."""
    body = 0x1101050194912310  # region 110105, century 0, yymmdd 194912, sequence 310
    typo_in_region = body ^ 1 << 44
    typo_in_sequence = body ^ 1
    passport = 0xF << 60 | 77
    values = [(number, 1) for number in (body, typo_in_region, typo_in_sequence, passport)]
    expected = {
        "field": [0, 1, 2, 3],
        "field:region": [0, 1, 0, None],
        "field:birth_date": [0, 0, 0, None],
        "field:first_half": [0, 1, 0, None],
        "field:last_half": [0, 0, 2, None],
    }
    for key, groups in expected.items():
        assert groups == _groups(_parts(key, "national_id", values)[0]), key


def test_value_ignores_how_an_id_was_written() -> None:
    """The detail of a national id (check digit, 15 digits) is no part of its identity."""
    parts = _parts("field", "national_id", [(77 << 44, 1), (77 << 44, 6)])
    assert parts[0, 0] == parts[0, 1]


def test_phone_explodes_into_both_numbers() -> None:
    """Either number of one record meets either of another."""
    tag = int(phone_tag(13_812_345_678))
    values = [(13_812_345_678, 0), (99, tag), (13_812_345_678, tag), (0, 0)]
    parts = _parts("field", "phone", values)
    assert parts[0, 0] == parts[1, 1] == parts[0, 2] != 0
    assert [0, 0] == [parts[1, 0], parts[1, 2]]  # the same number twice is one key
    assert [0, 0] == parts[:, 3].tolist()


def test_region_tiers() -> None:
    """Prefecture and province; a code that stops at the province has no prefecture."""
    values = [(110105,), (110108,), (110228,), (110000,), (310105,)]
    assert [0, 0, 2, None, 4] == _groups(_parts("field:prefecture", "region", values)[0])
    assert [0, 0, 0, 0, 4] == _groups(_parts("field:province", "region", values)[0])


def test_address_numbers_and_grams() -> None:
    """The k-th gram is its own key; a zero gram of a known address is a value."""
    values = [(0x0000_0000_1200, 5), (0x0000_0000_1300, 5), (0, 0)]
    assert [0, 1, None] == _groups(_parts("field:grams:2", "address", values)[0])
    assert [0, 0, None] == _groups(_parts("field:grams:1", "address", values)[0])
    assert [0, 0, None] == _groups(_parts("field:numbers", "address", values)[0])


def test_han_syllables_meet_across_writings() -> None:
    """Homophones, any tone, and pinyin share syllable keys; surname readings are used."""
    names = [(_han("张伟"),), (_han("章卫"),), (_romanised("zhang", "wei"),), (_han("张韦"),)]
    keys = _parts("field:syllables", "han_name", names)[0]
    assert keys[0] == keys[1] == keys[2] == keys[3] != 0
    shan = _parts("field:syllables", "han_name", [(_han("单伟"),), (_romanised("shan", "wei"),)])[0]
    assert shan[0] == shan[1]
    values = _parts("field", "han_name", names)[0]
    assert values[0] != values[1]


def test_han_name_parts() -> None:
    """Surname, given name, any order and fuzzy sounds of a Han name."""
    names = [(_han("张小红"),), (_han("张小兰"),), (_han("王小红"),), (_han("小红张"),)]
    surname = _parts("field:surname_syllable", "han_name", names)[0]
    assert surname[0] == surname[1] != surname[2]
    assert surname.tolist() != _parts("field:surname", "han_name", names)[0].tolist()
    given_name = _parts("field:given_syllables", "han_name", names)[0]
    assert given_name[0] == given_name[2] != given_name[1]
    any_order = _parts("field:sorted_syllables", "han_name", names)[0]
    assert any_order[0] == any_order[3] != any_order[1]
    fuzzy_names = [(_han("张三"),), (_han("臧山"),)]
    fuzzy = _parts("field:fuzzy_syllables", "han_name", fuzzy_names)[0]
    assert fuzzy[0] == fuzzy[1]
    assert 2 == len(set(_parts("field:syllables", "han_name", fuzzy_names)[0].tolist()))


def test_compound_surnames_are_read_as_surnames() -> None:
    """万俟 is Moqi, two characters of surname."""
    names = [(_han("万俟伟", 2),), (_romanised("mo", "qi", "wei") ^ 3 << 60,)]
    syllables = _parts("field:syllables", "han_name", names)[0]
    assert syllables[0] == syllables[1]
    given_name = _parts("field:given_syllables", "han_name", names)[0]
    assert given_name[0] == given_name[1]


def test_overflowing_han_names_read_their_own_units() -> None:
    """A name of more than four characters has syllables where its text is at hand."""
    long_name = [int(han_tables().code_units[ord(c)]) for c in "买买提吐尔逊"]
    hashes = np.array([OVERFLOW | 5, OVERFLOW | 9], np.uint64)
    offsets = np.array([0, 6, 12], np.int64)
    codes = np.array(long_name + long_name[::-1], np.uint32)
    names = [(OVERFLOW | 5,), (OVERFLOW | 9,), (OVERFLOW | 11,)]
    table = OverflowTable(hashes, offsets, codes)
    ordered = _parts("field:syllables", "han_name", names, table)[0]
    any_order = _parts("field:sorted_syllables", "han_name", names, table)[0]
    assert ordered[0] != ordered[1]
    assert any_order[0] == any_order[1]
    assert OVERFLOW | 11 == int(ordered[2])  # unknown to the table: still equal to itself
    assert 0 == _parts("field:surname", "han_name", names, table)[0, 2]


def test_hashed_fields_have_only_their_value() -> None:
    """Where the schema keeps a hash, transforms of the characters are refused by name."""
    parts = _parts("field", "identifier", [(5,), (5,), (0,)], hashed=22)
    assert parts[0].tolist() == [5, 5, 0]
    with pytest.raises(ConfigError, match="only a hash"):
        _parts("field:first:3", "identifier", [(5,)], hashed=22)


def test_keys_and_rules_are_written_as_they_are_read() -> None:
    """Rule -> dict -> rule changes nothing; keys print in their shortest form."""
    rule = BlockingRule("r", ("surname:soundex", "a+b:unordered", "name:value"), ("x:first:2",), 50)
    assert ("surname:soundex", "a+b:unordered", "name") == rule.keys
    assert rule == BlockingRule.from_dict(rule.to_dict())
    assert KeySpec(("x",), "first", "2") == KeySpec.parse(" x : first:2")


@pytest.mark.parametrize(
    "raw",
    [
        {"name": "x"},
        {"keys": []},
        {"keys": ["a:b:c:d"]},
        {"keys": ["a++b"]},
        {"keys": [":soundex"]},
        {"keys": 5},
        {"keys": ["a"], "block_size_max": 1},
        {"keys": ["a"], "block_size_max": "many"},
        {"keys": ["a"], "window": 0},
        {"keys": ["a"], "kind": "x"},
        "a",
    ],
)
def test_malformed_rules_are_refused(raw: Any) -> None:
    """A rule that cannot mean anything is a ConfigError."""
    with pytest.raises(ConfigError):
        BlockingRule.from_dict(raw)


def test_every_transform_names_a_kind_that_exists() -> None:
    """The registry and the kinds agree."""
    assert set(TRANSFORMS) == set(KINDS)


def test_parts_of_a_name_made_together_are_those_made_alone() -> None:
    """Syllables, given name, surname and any order in one look: the same parts of any name."""
    layout = _layout("han_name")
    random = np.random.default_rng(7)
    tables = han_tables()
    words = random.integers(0, 1 << 60, 4000, dtype=np.uint64)
    lengths = random.integers(0, 5, len(words))
    words &= ~((np.uint64(1) << (np.uint64(60) - 15 * lengths.astype(np.uint64))) - np.uint64(1))
    words |= random.integers(0, 4, len(words), dtype=np.uint64) << np.uint64(60)
    compound = random.integers(0, len(tables.compound_units), 500)
    first, second = tables.compound_units[compound, :2].astype(np.uint64).T
    words[:500] = (words[:500] << np.uint64(34) >> np.uint64(34)) | np.uint64(2 << 60)
    words[:500] |= first << np.uint64(45) | second << np.uint64(30)
    overflow = OverflowTable(
        np.array([1 << 63, (1 << 63) + 5], np.uint64),
        np.array([0, 5, 11], np.int64),
        random.integers(1, 20_000, 11).astype(np.uint32),
    )
    words[500:900] = random.integers(1 << 63, (1 << 63) + 8, 400, dtype=np.uint64)
    rows = np.zeros((len(words), layout.n_words), np.uint64)
    (word, shift, bits) = layout.slots("field")[0].tolist()
    assert (0, 64) == (shift, bits)
    rows[:, word] = words
    names = ("syllables", "surname_syllable", "given_syllables", "sorted_fuzzy_syllables")
    rule = BlockingRule("all", tuple(f"field:{each}" for each in names))
    resolved = resolve_rules([rule], layout, overflow)
    alone, together = np.zeros((2, 4, len(rows)), np.uint64)
    for part in range(4):
        resolved.fill_parts((part,), rows, alone)
    resolved.fill_parts(range(4), rows, together)
    assert alone.tolist() == together.tolist()
    for some in ((0, 2), (3, 1)):
        together[:] = 0
        resolved.fill_parts(some, rows, together)
        assert alone[list(some)].tolist() == together[list(some)].tolist()
        assert not together[[each for each in range(4) if each not in some]].any()


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5])
def test_a_key_mixes_its_parts_in_turn(count: int) -> None:
    """A key of any number of parts is their mix in order, and none where one is missing."""
    random = np.random.default_rng(count)
    parts = random.integers(0, 1 << 63, (6, 300), dtype=np.uint64)
    parts[random.random(parts.shape) < 0.1] = 0
    chosen = random.permutation(6)[:count].astype(np.int64)
    keys = np.zeros(300, np.uint64)
    found = kernels.combine_keys(parts, chosen, 300, keys)
    expected = []
    for row in range(300):
        key = np.uint64(0x9E3779B97F4A7C15)
        for part in chosen:
            key = np.uint64(mix64(key ^ parts[part, row]))
        expected.append(int(key) if parts[chosen, row].all() else 0)
    assert expected == keys.tolist()
    assert np.count_nonzero(keys) == found
