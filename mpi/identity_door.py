"""What may come in at the index's door, and what is said of what may not."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any, Final

import pyarrow as pa

from person.errors import ConfigError, InputError, SchemaMismatchError
from person.national_id import encode_national_id
from person.schema import Schema
from person.text import Utf8Column

__all__ = ["check_columns", "check_name", "check_utf8", "plain_person", "without_numbers"]

_LETTERS_MIN: Final = 4
"""Shorter names are one slip from too many words."""

_NUMBERS: Final = re.compile(r"(?<!\d)(?:\d{17}[\dXx]|\d{15})(?!\d)")
_MASK: Final = "[id number]"
_PROVES: Final = 1
_NAME_CHARACTERS_MAX: Final = 100
_UNPRINTED: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode categories that no name holds. Private characters stay: rare Han names are kept so."""


def check_utf8(text: str, option: str) -> None:
    """Refuse what is no text, or has characters for undecoded bytes, as a wrong terminal sends.

    Parameters
    ----------
    text : written by a person
    option : what it was given as

    Raises
    ------
    ConfigError : names the option
    """
    if not isinstance(text, str):
        raise ConfigError(f"'{option}' is a text; what was given is of type {type(text).__name__}")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ConfigError(
            f"'{option}' is not valid UTF-8; set the terminal or the file to UTF-8 and say it again"
        ) from None


def check_name(name: str, option: str) -> None:
    """Refuse what cannot be the name of a person who works with the index.

    Parameters
    ----------
    name : of who acts, or of who is to
    option : what it was given as

    Raises
    ------
    ConfigError : names the option
    """
    check_utf8(name, option)
    is_printed = not any(unicodedata.category(letter) in _UNPRINTED for letter in name)
    if not name.strip() or len(name) > _NAME_CHARACTERS_MAX or not is_printed:
        raise ConfigError(
            f"'{option}' is a name of 1 to {_NAME_CHARACTERS_MAX} characters on one line, "
            "without control characters"
        )


def check_columns(schema: Schema, names: Iterable[str], bound: Iterable[str]) -> None:
    """Refuse a column that nobody reads and that is one slip from one that is missing.

    Parameters
    ----------
    schema : of the index
    names : of the columns that came
    bound : names of the fields that were found among them

    Raises
    ------
    SchemaMismatchError : names the column and what it seems to mean
    """
    given = list(names)
    known = {_folded(alias) for alias in _known_columns(schema)}
    found = set(bound)
    missing = {
        _folded(alias): alias
        for field in schema.fields
        if field.name not in found
        for alias in (field.name, *field.columns)
    }
    for name in given:
        if _folded(name) in known or len(name) < _LETTERS_MIN or not name.isascii():
            continue
        meant = next(
            (alias for key, alias in missing.items() if _one_slip(_folded(name), key)), None
        )
        if meant is not None:
            raise SchemaMismatchError(
                f"no field of the schema reads the column {name!r}; is it {meant!r}?"
            )


def _folded(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())


def _known_columns(schema: Schema) -> Iterable[str]:
    for field in schema.fields:
        yield field.name
        yield from field.columns
    for roles in (schema.record_id, schema.source, schema.id_type, schema.updated_at):
        yield from roles


def _one_slip(one: str, other: str) -> bool:
    """Whether two different words are one letter apart: more, less, other, or two swapped."""
    if one == other or abs(len(one) - len(other)) > 1:
        return False
    start = 0
    while start < min(len(one), len(other)) and one[start] == other[start]:
        start += 1
    a, b = one[start:], other[start:]
    if len(a) == len(b):
        return a[1:] == b[1:] or (a[:2] == b[:2][::-1] and a[2:] == b[2:])
    return a[1:] == b if len(a) > len(b) else a == b[1:]


def plain_person(person: Mapping[str, Any]) -> dict[str, str | None]:
    """A person's values as texts.

    Parameters
    ----------
    person : texts, whole numbers, dates and times, lists of texts (several phones), None

    Raises
    ------
    InputError : a value of another type; names its column
    ConfigError : a column whose name is no text
    """
    if not all(isinstance(name, str) for name in person):
        raise ConfigError("columns are named by texts")
    return {name: _text(name, value) for name, value in person.items()}


def _text(name: str, value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if value != value:
            return None
        if value == int(value):
            return str(int(value))
    elif isinstance(value, (datetime, date)):
        return value.isoformat()
    elif isinstance(value, (list, tuple)) and all(isinstance(each, str) for each in value):
        return ";".join(value)
    elif hasattr(value, "item") and not getattr(value, "shape", ()):
        return _text(name, value.item())  # a number of numpy's
    raise InputError(
        f"the column {name!r} holds a value of type {type(value).__name__}; give it as text"
    )


def without_numbers(text: str) -> str:
    """A text in which id numbers that prove themselves are masked.

    Parameters
    ----------
    text : written by a person: a reason, an address, a name
    """
    return _NUMBERS.sub(lambda found: _MASK if _is_number(found[0]) else found[0], text)


def _is_number(text: str) -> bool:
    encoded = encode_national_id(Utf8Column.from_arrow(pa.array([text], pa.string())), {})
    return bool(int(encoded.components["detail"][0]) & _PROVES)
