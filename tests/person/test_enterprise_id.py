"""Enterprise ids: the printed form catches slips, and allocation never clashes."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from person.enterprise_id import (
    ENTERPRISE_ID_CHARACTERS,
    enterprise_ids_for,
    format_enterprise_id,
    format_enterprise_ids,
    parse_enterprise_id,
    parse_enterprise_ids,
    printed_enterprise_id,
    printed_enterprise_ids,
)
from person.errors import IdentityError
from person.text import Utf8Column

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

ids = st.integers(1, 2**64 - 1)
places = st.integers(0, ENTERPRISE_ID_CHARACTERS - 1)


def characters(enterprise_id: int) -> list[str]:
    return list(format_enterprise_id(enterprise_id).replace("-", ""))


def times_two(value: int) -> int:
    return (value << 1) ^ (37 if value & 16 else 0)


def naive_format(enterprise_id: int) -> str:
    values = [(enterprise_id >> (60 - 5 * place)) & 31 for place in range(13)]
    check = 0
    for value in values:
        check = times_two(check) ^ value
    text = "".join(ALPHABET[value] for value in [*values, times_two(check)])
    return f"{text[:4]}-{text[4:9]}-{text[9:]}"


@given(ids)
def test_printed_form_agrees_with_the_naive_twin(enterprise_id: int) -> None:
    """The kernel prints base 32 with a weighted GF(32) check character, grouped 4-5-5."""
    assert naive_format(enterprise_id) == format_enterprise_id(enterprise_id)


@given(st.lists(st.integers(0, 2**31), max_size=9), st.sampled_from(["", "west"]))
def test_a_few_are_printed_as_many_and_as_one(clusters: list[int], namespace: str) -> None:
    """Ids of a few clusters, of one and of columns of them read alike."""
    ids = enterprise_ids_for(np.array(clusters, np.int64), namespace)
    expected = format_enterprise_ids(ids).to_pylist()
    assert expected == printed_enterprise_ids(clusters, namespace)
    assert expected == [printed_enterprise_id(each, namespace) for each in clusters]


@given(ids)
def test_reading_undoes_printing(enterprise_id: int) -> None:
    """Every id survives being printed and read."""
    assert enterprise_id == parse_enterprise_id(format_enterprise_id(enterprise_id))


@given(ids, places, st.sampled_from(ALPHABET))
def test_every_single_wrong_character_is_caught(enterprise_id: int, at: int, wrong: str) -> None:
    """One character replaced by another never reads as an id."""
    text = characters(enterprise_id)
    assume(text[at] != wrong)
    text[at] = wrong
    with pytest.raises(IdentityError):
        parse_enterprise_id("".join(text))


@given(ids, places, places)
def test_every_swap_of_two_characters_is_caught(enterprise_id: int, one: int, other: int) -> None:
    """Two characters swapped, neighbours or not, never read as an id."""
    text = characters(enterprise_id)
    assume(text[one] != text[other])
    text[one], text[other] = text[other], text[one]
    with pytest.raises(IdentityError):
        parse_enterprise_id("".join(text))


@pytest.mark.parametrize("enterprise_id", [1, 31, 32, 2**63, 2**64 - 1, 0x0123456789ABCDEF])
def test_slips_are_caught_at_every_place(enterprise_id: int) -> None:
    """All 434 substitutions and all 91 swaps of one id, one by one, are no ids."""
    good = characters(enterprise_id)
    slips = []
    for at in range(len(good)):
        slips += [[*good[:at], s, *good[at + 1 :]] for s in ALPHABET if s != good[at]]
        for other in range(at):
            if good[at] != good[other]:
                swapped = list(good)
                swapped[at], swapped[other] = good[other], good[at]
                slips.append(swapped)
    column = Utf8Column.from_strings(["".join(slip) for slip in slips])
    assert not parse_enterprise_ids(column).any()


@given(ids)
def test_reading_is_forgiving(enterprise_id: int) -> None:
    """Case, missing or other separators, O for 0, I and L for 1, and full width do not matter."""
    printed = format_enterprise_id(enterprise_id)
    full_width = "".join(chr(ord(c) + 0xFEE0) for c in printed)
    for said in (
        printed.lower(),
        printed.replace("-", ""),
        f"  {printed.replace('-', ' ')} ",
        printed.replace("-", "\u2013"),
        printed.replace("0", "O").replace("1", "l"),
        printed.replace("0", "o").replace("1", "I"),
        full_width,
    ):
        assert enterprise_id == parse_enterprise_id(said)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "0 characters"),
        ("110101199003070011", "18 characters"),
        ("7K2M-9QX4T", "9 characters"),
        ("7K2M-9QX4T-0B6ZU", "character 14"),
        ("张伟", "character 1"),
        ("0000-00000-00000", "check character"),
        ("Z000-00000-00000", "check character"),
    ],
)
def test_errors_say_what_is_wrong_and_hold_no_value(text: str, said: str) -> None:
    """A refusal names the fault and never repeats what was typed."""
    with pytest.raises(IdentityError) as caught:
        parse_enterprise_id(text)
    assert said in str(caught.value)
    assert not text or text not in str(caught.value)


@pytest.mark.parametrize("number", [0, -1, 2**64])
def test_numbers_out_of_range_are_refused(number: int) -> None:
    """0 means no id, so it has no printed form."""
    with pytest.raises(IdentityError):
        format_enterprise_id(number)


@given(st.lists(st.integers(0, 2**64 - 1), max_size=20))
def test_columns_agree_with_single_ids(numbers: list[int]) -> None:
    """A printed column is the single ids printed, 0 is null, and it reads back."""
    array = format_enterprise_ids(np.array(numbers, np.uint64))
    array.validate(full=True)
    assert [format_enterprise_id(n) if n else None for n in numbers] == array.to_pylist()
    assert numbers == parse_enterprise_ids(Utf8Column.from_arrow(array)).tolist()


def test_columns_longer_than_a_slice_are_printed_whole() -> None:
    """Threads that print slices leave no gap."""
    numbers = enterprise_ids_for(np.arange(300_001))
    array = format_enterprise_ids(numbers)
    assert pa.string() == array.type
    assert np.array_equal(numbers, parse_enterprise_ids(Utf8Column.from_arrow(array)))


@given(
    st.lists(st.integers(0, 2**63 - 1), min_size=1, max_size=50),
    st.one_of(st.text(max_size=5), st.integers()),
)
def test_clusters_and_ids_are_one_to_one(cluster: list[int], namespace: str | int) -> None:
    """Ids are equal exactly where clusters are, never 0, and the same at every run."""
    rows = np.array(cluster, np.int64)
    first, second = enterprise_ids_for(rows, namespace), enterprise_ids_for(rows, namespace)
    assert first.tolist() == second.tolist()
    assert first.all()
    assert len(set(cluster)) == len(np.unique(first)) == len(set(zip(cluster, first.tolist())))


def test_allocation_is_fixed_for_ever() -> None:
    """A release that changed the ids of an old run would break every consumer."""
    printed = format_enterprise_ids(enterprise_ids_for(np.array([0, 1, 2]), "test")).to_pylist()
    assert ["6DZZ-JD7KA-17PSN", "66SF-JD6B0-CF2J7", "FPCG-VBY5Z-F471G"] == printed


def test_namespaces_do_not_share_ids() -> None:
    """Two runs' ids do not clash."""
    rows = np.arange(100_000)
    shared = np.intersect1d(enterprise_ids_for(rows, "a"), enterprise_ids_for(rows, "b"))
    assert 0 == len(shared)
