"""What a national id number says about the rest of its record."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from person.field import EncodedField, FieldStatus
from person.jit import kernel
from person.layout import Layout
from person.national_id import (
    BIRTH_DATE_CONTRADICTS,
    SEX_CONTRADICTS,
    birth_day_of_body,
    id_contradictions,
    sex_of_body,
)
from person.records import RecordChunk
from person.schema import Schema
from person.slots import read_slot

__all__ = ["BIRTH_DATE_CONTRADICTS", "SEX_CONTRADICTS", "complete_from_id", "identity_keys"]


@kernel
def _complete(body, detail, day, sex, out_flags):  # type: ignore[no-untyped-def]
    for row in range(body.shape[0]):
        flags = 0
        if detail[row] & np.uint64(1):  # only a number that passes its own check says anything
            flags = id_contradictions(body[row], day[row], sex[row])
            if day[row] == 0:
                day[row] = birth_day_of_body(body[row])
            if sex[row] == 0:
                sex[row] = sex_of_body(body[row])
        out_flags[row] = flags


def complete_from_id(
    schema: Schema, layout: Layout, encoded: dict[str, EncodedField], count: int
) -> NDArray[np.uint8]:
    """Fill a missing birth date or sex from a valid id number; flag contradictions.

    The three lie in one comparison group, so what is derived is never counted as further
    evidence beside the number it came from; it lets the record meet others without a number.

    Parameters
    ----------
    schema, layout : tell which fields hold the number, the birth date and the sex
    encoded : the batch's fields; birth date and sex are filled in place, or added
    count : records in the batch

    Returns
    -------
    uint8[n_records], BIRTH_DATE_CONTRADICTS and SEX_CONTRADICTS added up
    """
    flags = np.zeros(count, np.uint8)
    by_role = {each.role: each.name for each in schema.fields if layout.has(each.name)}
    identity = encoded.get(by_role.get("national_id", ""))
    if identity is None:
        return flags
    day = _values(encoded, by_role.get("birth_date"), "day", count)
    sex = _values(encoded, by_role.get("sex"), "code", count)
    _complete(identity.components["body"], identity.components["detail"], day, sex, flags)
    return flags


def _values(
    encoded: dict[str, EncodedField], name: str | None, component: str, count: int
) -> NDArray[np.uint64]:
    if name is None:
        return np.zeros(count, np.uint64)
    if name not in encoded:
        status = np.full(count, np.uint8(FieldStatus.MISSING), np.uint8)
        encoded[name] = EncodedField({component: np.zeros(count, np.uint64)}, status)
    return encoded[name].components[component]


@kernel
def _fill_identity_keys(rows, slots, out):  # type: ignore[no-untyped-def]
    for row in range(rows.shape[0]):
        body = read_slot(rows, row, slots, 0)
        detail = read_slot(rows, row, slots, 1)
        # Only a number of 18 digits that passes its own check stands for one person for certain:
        # a slip of one digit, or of two neighbours, never passes it.
        is_checked = detail & np.uint64(1) and not detail & np.uint64(2)
        is_national = body >> np.uint64(60) != np.uint64(0xF)
        out[row] = body if is_checked and is_national else np.uint64(0)


def identity_keys(
    chunks: Iterable[RecordChunk], schema: Schema, layout: Layout, count: int
) -> NDArray[np.uint64] | None:
    """The valid national id of each record, uint64[n_records], 0 where there is none.

    None when the records have no such field. Two different keys are two different people.
    """
    names = [each.name for each in schema.fields if each.role == "national_id"]
    names = [name for name in names if layout.has(name) and not layout.is_hashed(name)]
    if not names:
        return None
    slots = layout.slots(names[0])
    keys = np.empty(count, np.uint64)
    for chunk in chunks:
        place = slice(chunk.first_row, chunk.first_row + len(chunk))
        _fill_identity_keys(chunk.rows, slots, keys[place])
    return keys
