"""What the peers are given: our own cleaned values as text, and the rules as pairs of columns.

A peer has no reader for Chinese ids, dates and names, so it gets what ours made of them, free of
charge: folded names and their pinyin, ISO dates, 17-digit id bodies, phone digits, present-day
region codes. Equal text then means exactly what an equal slot means to our engine, and a rule
yields the same pairs in every engine; the table says so, pair for pair.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from bench.data import Dataset
from bench.workload import encode_file
from blocking.rules import BLOCK_SIZE_LIMIT, BlockingRule
from mpi.ingest import Ingested
from person.dates import date_to_text
from person.han import han_tables
from person.han_names import ROMANISED_BIT, unpack_units, word_text
from person.phones import format_phone
from person.schema import load_schema
from person.slots import read_slot_column

__all__ = ["LOOSE", "RULE_SETS", "TIGHT", "PeerRule", "prepare_peers", "schema_with_rules"]

_SURNAME_BITS: Final = ~np.uint64(3 << 60)


@dataclass(frozen=True, slots=True)
class PeerRule:
    """One blocking rule in both tongues: `keys` of ours, `columns` of the prepared table."""

    name: str
    keys: tuple[str, ...]
    columns: tuple[str, ...]


TIGHT: Final = (
    PeerRule("id number", ("id_number",), ("id_number",)),
    PeerRule("name + birth date", ("name", "birth_date"), ("name", "full_birth_date")),
    PeerRule("phone + name", ("phone:first", "name"), ("phone", "name")),
    PeerRule(
        "birth date + surname + county",
        ("birth_date", "name:surname", "region_code"),
        ("full_birth_date", "surname", "region_code"),
    ),
    PeerRule(
        "name + county + birth year",
        ("name", "region_code", "birth_date:year"),
        ("name", "region_code", "birth_year"),
    ),
)
"""Five rules under which nearly every pair is a match: what is measured is finding them."""

LOOSE: Final = (
    *TIGHT,
    PeerRule("phone", ("phone:first",), ("phone",)),
    PeerRule("name + prefecture", ("name", "region_code:prefecture"), ("name", "prefecture")),
    PeerRule(
        "birth date + surname", ("birth_date", "name:surname"), ("full_birth_date", "surname")
    ),
)
"""Three more that bring mostly strangers: what is measured is telling them apart."""

RULE_SETS: Final = {"tight": TIGHT, "loose": LOOSE}


def schema_with_rules(rules: tuple[PeerRule, ...], path: Path) -> None:
    """Write the resident schema with these rules and no other; no block is cut short."""
    lines = [Path(str(_resident_toml())).read_text(encoding="utf-8")]
    for rule in rules:
        keys = ", ".join(f'"{key}"' for key in rule.keys)
        lines.append(
            f'\n[[blocking_rules]]\nname = "{rule.name}"\nkeys = [{keys}]\n'
            f"block_size_max = {BLOCK_SIZE_LIMIT}\n"
        )
    path.write_text("".join(lines), encoding="utf-8")
    blocking = load_schema(path).blocking_rules
    assert [rule.name for rule in rules] == [BlockingRule.from_dict(each).name for each in blocking]


def prepare_peers(data: Dataset, path: Path) -> None:
    """Write the prepared table of a dataset: `row` (its number) and cleaned text columns."""
    with tempfile.TemporaryDirectory() as scratch:
        ingested = encode_file(data.records, Path(scratch))
        try:
            assert ingested.record_count == data.record_count, "the table has rows ours rejects"
            table = _prepared(ingested)
        finally:
            ingested.store.close()
    address = pq.read_table(data.records, columns=["address"])["address"]
    table = table.append_column("address", address.combine_chunks())
    pq.write_table(table, path, compression="zstd")


def _resident_toml() -> Any:
    from importlib import resources

    return resources.files("person").joinpath("schemas/resident.toml")


def _prepared(ingested: Ingested) -> pa.Table:
    rows = np.concatenate([np.asarray(chunk.rows) for chunk in ingested.store.chunks()])

    def column(field: str, component: int = 0) -> NDArray[np.uint64]:
        out = np.empty(len(rows), np.uint64)
        read_slot_column(rows, ingested.layout.slots(field), component, out)
        return out

    name, date = column("name"), column("birth_date")
    plain = np.where(name >> np.uint64(63) == 0, name & _SURNAME_BITS, name)
    overflow = ingested.overflow
    region = column("region_code")
    is_full = (date & np.uint64(31) != 0) & ((date >> np.uint64(5)) & np.uint64(15) != 0)
    year = date >> np.uint64(9)
    prefecture = region // np.uint64(100)
    prefecture[prefecture % np.uint64(100) == 0] = 0
    return pa.table(
        {
            "row": np.arange(len(rows)),
            "name": _texts(plain, lambda word: _name_text(word, overflow)),
            "pinyin": _texts(plain, lambda word: _pinyin(word, overflow)),
            "surname": _texts(name, lambda word: _surname(word, overflow)),
            "id_number": _texts(column("id_number"), lambda body: f"{body:016x}"),
            "birth_date": _texts(date, date_to_text),
            "full_birth_date": _texts(np.where(is_full, date, np.uint64(0)), date_to_text),
            "birth_year": _texts(year, lambda value: date_to_text(value << 9)),
            "gender": _texts(column("gender"), str),
            "phone": _texts(column("phone"), format_phone),
            "region_code": _texts(region, str),
            "prefecture": _texts(prefecture, str),
        }
    )


def _texts(values: NDArray[np.uint64], text: Callable[[int], str]) -> pa.Array:
    """Text of each value, null for 0; each distinct value is put into words once."""
    distinct, place = np.unique(values, return_inverse=True)
    words = pa.array([text(value) if value else None for value in distinct.tolist()], pa.string())
    return words.take(pa.array(place.reshape(-1)))


def _name_text(word: int, overflow: Any) -> str:
    mark = "*" if not word >> 63 and word & int(ROMANISED_BIT) else ""
    return word_text(word, overflow) + mark


def _surname(word: int, overflow: Any) -> str:
    units = unpack_units(word, overflow)
    length = 1 if word >> 63 else max(word >> 60 & 3, 1)
    return "-".join(str(unit) for unit in units[:length])


def _pinyin(word: int, overflow: Any) -> str:
    tables = han_tables()
    return " ".join(
        tables.syllables[tables.syllable[unit]] if unit < len(tables.syllable) else "?"
        for unit in unpack_units(word, overflow)
    )
