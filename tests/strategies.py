"""Hypothesis strategies: what people and tables are made of, the ugly parts included."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import strategies as st

from person.kinds import KINDS
from person.schema import Field, Schema

__all__ = [
    "bad_dates",
    "field_lists",
    "han_names",
    "latin_names",
    "messy_texts",
    "pinyin_names",
    "schemas",
    "text_arrays",
]

_TEXT_KINDS = ("latin_name", "identifier", "text", "category")


@st.composite
def options_of(draw: st.DrawFn, kind: str) -> dict[str, int]:
    """Options that a field of this kind may have."""
    choice = draw(st.integers(0, 3))
    if choice == 0:
        return {"hashed": draw(st.integers(8, 64))}
    if choice == 1 and kind in _TEXT_KINDS:
        return {"characters": draw(st.integers(1, 60))}
    return {}


@st.composite
def field_lists(draw: st.DrawFn, *, size_max: int = 12) -> list[Field]:
    """Fields f0, f1 ... of any kinds."""
    kinds = draw(st.lists(st.sampled_from(sorted(KINDS)), min_size=1, max_size=size_max))
    return [
        Field(name=f"f{place}", kind=kind, columns=(f"f{place}",), options=draw(options_of(kind)))
        for place, kind in enumerate(kinds)
    ]


@st.composite
def schemas(draw: st.DrawFn) -> Schema:
    """A schema of any fields, with or without the optional entries."""
    word = st.text("abcxyz_中文 ", min_size=1, max_size=8)
    words = st.lists(word, max_size=3).map(tuple)
    return Schema(
        name=draw(word),
        fields=tuple(draw(field_lists(size_max=5))),
        record_id=draw(words),
        source=draw(words),
        id_type=draw(words),
        updated_at=draw(words),
        duplicate_free_sources=draw(words),
    )


han_names = st.one_of(
    st.text("王李张欧阳单仇解曾伟芳娜敏静丽强磊军洋", min_size=1, max_size=5),
    st.sampled_from(
        [
            "",
            " ",
            "张　三",
            "買買提·阿不都拉",
            "𠮷野",
            "欧阳娜娜",
            "王*",
            "无名氏",
            "ＷＡＮＧ",
            "王wei",
        ]
    ),
)
"""Chinese names as they are typed: blanks, dots, full width, rare characters, placeholders."""

pinyin_names = st.lists(
    st.sampled_from(["wang", "WEI", "Li", "lü", "xi'an", "zhāng", "Hsieh", "ming-te"]),
    min_size=1,
    max_size=4,
).map(" ".join)
"""Romanised names with tones, apostrophes, hyphens and Wade-Giles among them."""

latin_names = st.one_of(
    st.text("abcdefghijklmnopqrstuvwxyz '-", max_size=35),
    st.sampled_from(["O'Brien", "MÜLLER", "de  la Cruz", "Иванов", "x" * 200, "N/A", "-"]),
)
"""Western names: long ones, other scripts, and ways to say nothing."""

bad_dates = st.sampled_from(
    [
        *("", "1980", "1980-13-01", "1980-02-30", "19800230", "0000-00-00", "1900-01-01"),
        *("03/04/1980", "31.12.1980", "1980年3月4日", "1980-03", "2050-01-01", "not a date"),
    ]
)
"""Dates that are partial, impossible, ambiguous, or stand for nothing."""

messy_texts = st.one_of(
    st.none(),
    han_names,
    pinyin_names,
    latin_names,
    bad_dates,
    st.text(max_size=12),
    st.text("0123456789xX ", max_size=20),
)
"""Anything a source may write into a cell."""


@st.composite
def text_arrays(draw: st.DrawFn, *, size_max: int = 20) -> pa.Array | pa.ChunkedArray:
    """A text column as Arrow may bring it: sliced, chunked, as a dictionary, as large strings."""
    values = draw(st.lists(st.one_of(st.none(), st.text(max_size=8)), max_size=size_max))
    array = pa.array(values, draw(st.sampled_from([pa.string(), pa.large_string()])))
    if draw(st.booleans()):
        array = array.dictionary_encode()
    start = draw(st.integers(0, len(array)))
    array = array.slice(start, draw(st.integers(0, len(array) - start)))
    if draw(st.booleans()):
        cut = draw(st.integers(0, len(array)))
        return pa.chunked_array([array.slice(0, cut), array.slice(cut)], array.type)
    return array
