"""Soundness of text columns: exactly what Arrow calls sound, never more."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from person.utf8_check import text_is_sound

pieces = st.one_of(
    st.binary(max_size=4),
    st.sampled_from(["张", "é", "😀", "\ud7ff", "\ue000", "\U0010ffff"]).map(str.encode),
    st.sampled_from([b"\xed\xa0\x80", b"\xe0\x9f\xbf", b"\xf0\x8f\xbf\xbf", b"\xf4\x90\x80\x80"]),
    st.text("ab1 ", max_size=40).map(str.encode),
)
texts = st.lists(st.lists(pieces, max_size=5).map(b"".join), min_size=1, max_size=12)
plain_texts = st.lists(st.text(st.characters(codec="utf-8"), max_size=30), min_size=1, max_size=12)


def string_column(values: list[bytes | None]) -> pa.StringArray:
    """A column of strings that nobody has checked."""
    raw = pa.array(values, pa.binary())
    return pa.Array.from_buffers(pa.string(), len(raw), raw.buffers(), raw.null_count)


def arrow_calls_it_sound(array: pa.Array) -> bool:
    try:
        array.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


@given(texts, st.integers(0, 3))
@example([b"a" * 40 + b"\xff" + b"a" * 40], 0)
@example([b"\xe5\xbc", b"\xa0"], 0)
@example([b"\xe5\xbc\xa0" * 30, b"\xe5\xbc"], 0)
def test_text_is_judged_as_arrow_judges_it(values: list[bytes], first: int) -> None:
    """Broken, overlong and cut characters are found wherever they are, in slices too."""
    array = string_column(list(values)).slice(first)
    expected = arrow_calls_it_sound(array) and len(array) > 0
    assert expected == text_is_sound(array)


@given(plain_texts)
def test_text_of_any_language_is_sound(values: list[str]) -> None:
    """What Arrow made of text needs no closer look."""
    assert text_is_sound(pa.array([*values, None], pa.string()))


@pytest.mark.parametrize("offsets", ([0, 4, 2, 6], [0, 7, 3, 6]))
def test_offsets_that_point_elsewhere_are_not_sound(offsets: list[int]) -> None:
    """Values lie in the text, one behind the other."""
    buffers = [None, pa.py_buffer(np.array(offsets, np.int32)), pa.py_buffer(b"abcdef")]
    assert not text_is_sound(pa.Array.from_buffers(pa.string(), 3, buffers, 0))


def test_a_wrong_count_of_nulls_is_not_sound() -> None:
    """A file that says it has other nulls than it has is damaged."""
    whole = pa.array(["a", None, "b"])
    assert not text_is_sound(pa.Array.from_buffers(pa.string(), 3, whole.buffers(), 2))


@given(plain_texts)
def test_nonsense_under_a_null_is_left_to_arrow(values: list[str]) -> None:
    """A null may stand over any bytes: never called sound, and Arrow lets it pass."""
    array = string_column([*(value.encode() for value in values), b"\xff"])
    bits = np.packbits([True] * len(values) + [False], bitorder="little")
    buffers = [pa.py_buffer(bits), *array.buffers()[1:]]
    nulled = pa.Array.from_buffers(pa.string(), len(array), buffers, 1)
    assert (False, True) == (text_is_sound(nulled), arrow_calls_it_sound(nulled))
