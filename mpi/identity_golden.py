"""The golden record of an identity, from the texts of its records or from what they encode to."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mpi.identity_reading import Reader
from mpi.identity_view import number_key
from mpi.survivorship import GoldenField, SourceValue, Survivorship, golden_fields
from person.dates import date_to_text
from person.han_names import word_text
from person.national_id import format_national_id
from person.phones import format_phone

__all__ = ["GoldenRecord", "decoded_text", "golden_of_records", "golden_record"]


_ONE_STYLE: Final = frozenset({"date", "gender"})
"""Kinds that are printed in one way, however the sources write them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldenRecord:
    """What survives of all that an identity's records say.

    Attributes
    ----------
    enterprise_id : of the identity
    fields : field -> value with its provenance
    records : how many records had a say
    """

    enterprise_id: str
    fields: dict[str, GoldenField]
    records: int

    @property
    def values(self) -> dict[str, str]:
        """Field -> value, without provenance."""
        return {name: each.value for name, each in self.fields.items()}

    def to_dict(self) -> dict[str, Any]:
        return {
            "enterprise_id": self.enterprise_id,
            "records": self.records,
            "fields": {name: each.to_dict() for name, each in self.fields.items()},
        }


def golden_record(reader: Reader, identity: int, survivorship: Survivorship) -> GoldenRecord:
    """Make the golden record of a live identity.

    Parameters
    ----------
    reader : of the index
    identity : its number
    survivorship : how values are chosen
    """
    members = reader.state.members(identity)
    return golden_of_records(reader, members, reader.print_id(identity), survivorship)


def golden_of_records(
    reader: Reader, members: Sequence[int], enterprise_id: str, survivorship: Survivorship
) -> GoldenRecord:
    """Make the golden record that some records would have together.

    Parameters
    ----------
    reader : of the index
    members : numbers of the records
    enterprise_id : of the person
    survivorship : how values are chosen
    """
    numbers = np.array(members, np.int64)
    rows = reader.snapshot.rows(numbers)
    times = reader.snapshot.updated_at(numbers).tolist()
    stated: dict[str, list[SourceValue]] = {}
    for place, (source, record_id) in enumerate(reader.references(members)):
        for name, text in _texts(reader, members[place], rows[place]).items():
            stated.setdefault(name, []).append(SourceValue(text, source, record_id, times[place]))
    order = {each.name: number for number, each in enumerate(reader.engine.schema.fields)}
    stated = dict(sorted(stated.items(), key=lambda item: order.get(item[0], len(order))))
    return GoldenRecord(
        enterprise_id=enterprise_id,
        fields=golden_fields(stated, survivorship),
        records=len(members),
    )


def _texts(reader: Reader, record: int, row: NDArray[np.uint64]) -> dict[str, str]:
    """Field -> text of one record: as sent where that is kept, else what the row tells."""
    value = reader.snapshot.get("value", number_key(record))
    if value is not None:
        texts: dict[str, str] = json.loads(value)
        told = _told_by_row(reader, row, _ONE_STYLE)
        return {name: told.get(name, text) for name, text in texts.items()}
    return _told_by_row(reader, row, None)


def _told_by_row(
    reader: Reader, row: NDArray[np.uint64], kinds: frozenset[str] | None
) -> dict[str, str]:
    """Field -> text of what an encoded row tells of fields of some kinds, None for all."""
    layout, result = reader.engine.layout, {}
    for each in reader.engine.schema.fields:
        if layout.is_hashed(each.name) or (kinds is not None and each.kind not in kinds):
            continue
        components = [
            int(row[word] >> np.uint64(shift) & np.uint64((1 << bits) - 1))
            for word, shift, bits in layout.slots(each.name).tolist()
        ]
        text = decoded_text(each.kind, components, reader)
        if text:
            result[each.name] = text
    return result


def decoded_text(kind: str, components: Sequence[int], reader: Reader) -> str:
    """What an encoded value means; '' for a sketch, which has no way back.

    Parameters
    ----------
    kind : of the field
    components : of the value
    reader : of the index, for names that are too long for their slot
    """
    main = components[0]
    if main == 0:
        return ""
    if kind == "han_name":
        return word_text(main, reader.engine.names.of_rows(np.array([[main]], np.uint64)))
    if kind == "national_id":
        return format_national_id(main, components[1])
    if kind == "date":
        return date_to_text(main)
    if kind == "phone":
        return format_phone(main)
    if kind == "region":
        return f"{main:06d}"
    if kind == "gender":
        return {1: "男", 2: "女"}.get(main, "")
    return ""
