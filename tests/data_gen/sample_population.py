"""One population that the tests of records share, drawn once a process."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import pyarrow as pa

from data_gen.parameters import GeneratorParameters
from data_gen.population import Population

PARAMETERS = GeneratorParameters(people=40_000, seed=20201101)

_DATE = re.compile(r"(\d{4})\D?(\d{1,2})\D?(\d{1,2})\D?")
_DOTS = str.maketrans(".\u2022", "\u00b7\u00b7", "\u3000")
MISSING_WORDS = (None, "-", "无", "不详")


@lru_cache(maxsize=1)
def records_and_truth() -> tuple[pa.Table, pa.Table]:
    """100,000 records and their truth."""
    pairs = list(Population(PARAMETERS).batches_with_truth())
    return (
        pa.Table.from_batches([records for records, _ in pairs]),
        pa.Table.from_batches([truth for _, truth in pairs]),
    )


@lru_cache(maxsize=1)
def people_by_id() -> dict[int, dict[str, Any]]:
    """The 40,000 people by person id."""
    rows = pa.Table.from_batches(list(Population(PARAMETERS).people())).to_pylist()
    return {row["person_id"]: row for row in rows}


@lru_cache(maxsize=1)
def joined() -> list[tuple[dict[str, Any], dict[str, Any], set[str]]]:
    """(record, its person, names of its causes) of every record."""
    records, truth = records_and_truth()
    people = people_by_id()
    return [
        (record, people[fact["person_id"]], set(filter(None, fact["cause_names"].split("|"))))
        for record, fact in zip(records.to_pylist(), truth.to_pylist(), strict=True)
    ]


def plain_name(text: str) -> str:
    """A name without its source's habits: wide blanks and other middle dots."""
    return text.translate(_DOTS)


def plain_date(text: str) -> str:
    """A date as yyyymmdd, whatever its form."""
    if text.isdigit():
        return text
    year, month, day = _DATE.fullmatch(text).groups()  # type: ignore[union-attr]
    return f"{year}{int(month):02d}{int(day):02d}"


def plain_phone(text: str | None) -> str | None:
    """The eleven digits of a phone, None for the ways to say nothing."""
    if text in MISSING_WORDS:
        return None
    return re.sub(r"\D", "", str(text))[-11:]


def plain_sex(text: str) -> int:
    """1 male, 2 female."""
    return 1 if text[0] in "男1M" else 2
