"""Errors for the simulated census and social security files, which are stored without any.

The kinds and rates are those that pseudopeople applies by default when it hands these populations
out: each kind befalls 1 % of cells it can befall, a typo or misread letter then a tenth of their
characters. Seeded, so that every engine and every run sees the same table.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa

__all__ = ["noisy_census", "noisy_social_security"]

Values = list[str | None]
Columns = dict[str, Values]
Change = Callable[[str, np.random.Generator], str | None]

NAMES: Final = ("first_name", "middle_initial", "last_name")
CELL_SHARE: Final = 0.01
CHARACTER_SHARE: Final = 0.1
SEED: Final = 2_020
KEY_ROWS: Final = ("1234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm")
LOOKALIKES: Final = (
    ("5", "S"), ("2", "Z"), ("1", "l"), ("6", "G"), ("0", "O"), ("8", "B"), ("m", "n"),
    ("u", "v"), ("h", "b"), ("e", "c"), ("rn", "m"), ("cl", "d"), ("i", "l"), ("a", "o"),
)  # fmt: skip
STAND_INS: Final = {
    "first_name": ("Baby", "Child", "Daughter", "Son", "Mother", "Wife", "Resident", "Mr", "Girl"),
    "last_name": ("Anonymous", "Unknown", "Household", "Refused", "Family", "Resident", "Person"),
}


def noisy_census(table: pa.Table, folder: Path, *, noise: bool = True) -> tuple[Columns, list[str]]:
    """Identity columns of the census as text, and the simulant of each record.

    Ids of the simulation (household, guardians) are dropped, and so are age, which follows from
    the birth date and the year, and what does not identify (race, relationship, housing).
    """
    columns = _text_columns(
        table,
        [*NAMES, "sex", "date_of_birth", "street_number", "street_name", "unit_number"],
    )
    if noise:
        generator = np.random.default_rng(SEED)
        _add_person_errors(columns, table, folder, generator)
        for name in ("street_number", "street_name", "unit_number"):
            _add_text_errors(columns, name, generator)
    return columns, _text(table, "simulant_id")


def noisy_social_security(
    table: pa.Table, folder: Path, *, noise: bool = True
) -> tuple[Columns, list[str]]:
    """Identity columns of the register as text, and the simulant of each record.

    The middle name is cut to its initial, which is all that the census has. As in pseudopeople,
    the register makes no errors in its own number.
    """
    columns = _text_columns(table, ["first_name", "last_name", "sex", "date_of_birth", "ssn"])
    initials = [name[0] if name else None for name in _text(table, "middle_name")]
    columns["middle_initial"] = list(initials)
    if noise:
        _add_person_errors(columns, table, folder, np.random.default_rng(SEED + 1))
    return columns, _text(table, "simulant_id")


def _text(table: pa.Table, name: str) -> list[str]:
    return [value or "" for value in _text_columns(table, [name])[name]]


def _text_columns(table: pa.Table, names: list[str]) -> Columns:
    """Dictionaries and timestamps as plain text, dates as yyyy-mm-dd."""
    columns: Columns = {}
    for name in names:
        column = table[name]
        if pa.types.is_timestamp(column.type):
            column = column.cast(pa.timestamp("s")).cast(pa.date32())
        columns[name] = column.cast(pa.string()).to_pylist()
    return columns


def _add_person_errors(
    columns: Columns, table: pa.Table, folder: Path, generator: np.random.Generator
) -> None:
    nicknames = _nicknames(folder)
    others = [name or None for name in _text(table, "copy_date_of_birth")]
    _copy_over(columns["date_of_birth"], others, generator)
    _change(columns["date_of_birth"], _swap_month_and_day, generator)
    _change(columns["sex"], lambda sex, _: {"Male": "Female"}.get(sex, "Male"), generator)
    _change(columns["sex"], _leave_blank, generator)
    _change(
        columns["first_name"],
        lambda name, random: str(random.choice(nicknames.get(name.lower(), [name]))),
        generator,
    )
    for name, stand_ins in STAND_INS.items():
        _change(columns[name], _one_of(stand_ins), generator)
    sounds = _sounds(folder)
    for name in ("first_name", "last_name"):
        _change(columns[name], lambda value, random: _misheard(value, sounds, random), generator)
    for name in ("first_name", "last_name", "middle_initial", "date_of_birth"):
        _add_text_errors(columns, name, generator)


def _add_text_errors(columns: Columns, name: str, generator: np.random.Generator) -> None:
    for change in (_leave_blank, _misread, _mistyped):
        _change(columns[name], change, generator)


def _change(values: Values, change: Change, generator: np.random.Generator) -> None:
    """Apply one kind of error to its share of the cells that hold something."""
    chosen = np.flatnonzero(generator.random(len(values)) < CELL_SHARE)
    for row in chosen:
        value = values[row]
        if value:
            values[row] = change(value, generator)


def _copy_over(values: Values, others: Values, generator: np.random.Generator) -> None:
    """Give someone else's value of the same household, where there is one."""
    for row in np.flatnonzero(generator.random(len(values)) < CELL_SHARE):
        values[row] = others[row] or values[row]


def _one_of(values: Sequence[str]) -> Change:
    return lambda _, generator: str(generator.choice(values))


def _leave_blank(_value: str, _generator: np.random.Generator) -> None:
    return None


def _swap_month_and_day(value: str, _generator: np.random.Generator) -> str:
    year, month, day = value.split("-")
    return f"{year}-{day}-{month}"


def _mistyped(value: str, generator: np.random.Generator) -> str:
    """Neighbouring keys for, or one time in ten beside, a tenth of the characters, at least one."""
    hit = generator.random(len(value)) < CHARACTER_SHARE
    hit[generator.integers(len(value))] = True
    typed = []
    for character, wrong in zip(value, hit, strict=True):
        neighbours = _neighbours(character) if wrong else ""
        if neighbours:
            typed.append(generator.choice(list(neighbours)))
        if not neighbours or generator.random() < CHARACTER_SHARE:
            typed.append(character)
    return "".join(typed)


def _neighbours(character: str) -> str:
    for row in KEY_ROWS:
        place = row.find(character.lower())
        if place >= 0:
            return row[max(place - 1, 0) : place] + row[place + 1 : place + 2]
    return ""


def _misread(value: str, generator: np.random.Generator) -> str:
    found = [(a, b) for one, other in LOOKALIKES for a, b in ((one, other), (other, one))
             if a in value]  # fmt: skip
    if not found:
        return value
    old, new = found[generator.integers(len(found))]
    return value.replace(old, new, 1)


def _misheard(value: str, sounds: list[tuple[str, str]], generator: np.random.Generator) -> str:
    lower = value.lower()
    found = [pair for pair in sounds if pair[0] in lower[1:]]
    if not found:
        return value
    old, new = found[generator.integers(len(found))]
    return value[0] + value[1:].replace(old, new, 1)


def _sounds(folder: Path) -> list[tuple[str, str]]:
    """Spellings that sound alike anywhere in a word; '@' stands for silence."""
    with (folder / "phonetic_variations.csv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.reader(file) if row and row[0] == "ALL"]
    return [(row[1], "" if row[2] == "@" else row[2]) for row in rows]


def _nicknames(folder: Path) -> dict[str, list[str]]:
    with (folder / "nicknames.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))[1:]
    return {row[0].strip(): [name.strip().title() for name in row[1:] if name.strip()]
            for row in rows}  # fmt: skip
