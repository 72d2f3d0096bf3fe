"""What a record says, field by field: as it was sent where that is kept, else from its row."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mpi.identity_golden import decoded_text
from mpi.identity_reading import Reader
from mpi.identity_view import number_key
from person.batch import encode_batch
from person.errors import MpiError
from person.field import FieldStatus
from person.schema import Field, Schema

__all__ = [
    "FieldValue",
    "StatedRecord",
    "components_of",
    "fields_in_order",
    "printed_facts",
    "stated_records",
]

_ROLES_IN_ORDER: Final = (
    *("full_name", "surname", "given_name", "former_name", "national_id", "birth_date", "sex"),
    *("phone", "region", "address", "mother_id"),
)
_SEALED_KINDS: Final = frozenset({"national_id", "identifier"})


@dataclass(frozen=True, slots=True)
class FieldValue:
    """What one record says in one field.

    Attributes
    ----------
    text : printed, None where it is missing or cannot be read
    origin : 'text', 'encoded', 'digest' or 'missing'
    components : of the encoded value
    """

    text: str | None
    origin: str
    components: tuple[int, ...]

    @property
    def is_missing(self) -> bool:
        return self.origin == "missing"


@dataclass(frozen=True, slots=True)
class StatedRecord:
    """One record of the index.

    Attributes
    ----------
    record : its number
    row : uint64[n_words]
    values : field -> what it says
    has_texts : its texts are kept
    flags : what is odd about it
    """

    record: int
    row: NDArray[np.uint64]
    values: dict[str, FieldValue]
    has_texts: bool
    flags: tuple[str, ...]


def components_of(reader: Reader, row: NDArray[np.uint64], name: str) -> tuple[int, ...]:
    """The components of one field of a row.

    Parameters
    ----------
    reader : of the index
    row : uint64[n_words]
    name : of the field
    """
    return tuple(
        int(row[word] >> np.uint64(shift) & np.uint64((1 << bits) - 1))
        for word, shift, bits in reader.engine.layout.slots(name).tolist()
    )


def stated_records(
    reader: Reader, records: Sequence[int], *, with_flags: bool = True
) -> list[StatedRecord]:
    """What records say.

    Parameters
    ----------
    reader : of the index
    records : their numbers
    with_flags : also what is odd about them, which takes most of the time
    """
    rows = reader.snapshot.rows(np.array(records, np.int64))
    texts = [_texts(reader, record) for record in records]
    flags = _flags(reader, texts) if with_flags else [()] * len(records)
    return [
        StatedRecord(
            record,
            rows[place],
            {
                each.name: _value(
                    reader, each, components_of(reader, rows[place], each.name), texts[place]
                )
                for each in reader.engine.schema.fields
            },
            texts[place] is not None,
            flags[place],
        )
        for place, record in enumerate(records)
    ]


def _texts(reader: Reader, record: int) -> dict[str, str] | None:
    """Field -> text as it was sent, None where texts are not kept."""
    held = reader.snapshot.get("value", number_key(record))
    if held is None:
        return None
    found: dict[str, str] = json.loads(held)
    return found


def _value(
    reader: Reader, field: Field, components: tuple[int, ...], texts: dict[str, str] | None
) -> FieldValue:
    written = "" if texts is None else texts.get(field.name, "").strip()
    if written:
        return FieldValue(written, "text", components)
    if not components[0]:
        return FieldValue(None, "missing", components)
    is_sealed = reader.engine.sealer is not None and field.kind in _SEALED_KINDS
    if is_sealed or reader.engine.layout.is_hashed(field.name):
        return FieldValue(None, "digest", components)
    text = decoded_text(field.kind, components, reader)
    return (
        FieldValue(text, "encoded", components) if text else FieldValue(None, "digest", components)
    )


def _flags(reader: Reader, texts: Sequence[dict[str, str] | None]) -> list[tuple[str, ...]]:
    """Oddities of what was written, as the encoders see them: 'name:temporary_name' ..."""
    import pyarrow as pa

    schema, engine = reader.engine.schema, reader.engine
    said = [place for place, each in enumerate(texts) if each]
    columns = {
        each.columns[0]: pa.array(
            [(texts[place] or {}).get(each.name) for place in said], pa.string()
        )
        for each in schema.fields
        if each.columns and any(each.name in (texts[place] or {}) for place in said)
    }
    found: list[tuple[str, ...]] = [()] * len(texts)
    if not columns:
        return found
    table = pa.table(columns)
    try:
        batch = encode_batch(table, schema, engine.layout, schema.bind(table.column_names))
    except MpiError:
        return found
    for row, place in enumerate(said):
        odd = []
        for name, status in batch.status.items():
            told = FieldStatus(int(status[row]))
            if told not in (FieldStatus.VALID, FieldStatus.MISSING):
                odd.append(f"{name}:{told.name.lower()}")
        if batch.flags[row]:
            odd.append("id_number:contradicts_record")
        found[place] = tuple(odd)
    return found


def fields_in_order(schema: Schema) -> list[Field]:
    """Fields as people read them: names, numbers, birth, sex, ways to reach, relatives, cards.

    Parameters
    ----------
    schema : of the index, which keeps its fields in the order of their names
    """
    place = {role: number for number, role in enumerate(_ROLES_IN_ORDER)}
    return sorted(schema.fields, key=lambda each: place.get(each.role, len(place)))


def printed_facts(reader: Reader, records: Sequence[int]) -> list[dict[str, str]]:
    """Name and birth date of records, '' where unknown: what tells people apart in a list.

    Parameters
    ----------
    reader : of the index
    records : their numbers
    """
    wanted = {"full_name": "name", "birth_date": "birth_date"}
    fields = [each for each in reader.engine.schema.fields if each.role in wanted]
    found = []
    for row in reader.snapshot.rows(np.array(records, np.int64)):
        facts = {"name": "", "birth_date": ""}
        for each in fields:
            value = _value(reader, each, components_of(reader, row, each.name), None)
            facts[wanted[each.role]] = value.text or ""
        found.append(facts)
    return found
