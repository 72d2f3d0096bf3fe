"""Values beside each other: fields of records, golden records before and after a merge."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from mpi.review.places import place_name
from mpi.review.web.text import pieces

if TYPE_CHECKING:
    from mpi.identity_golden import GoldenRecord

__all__ = [
    "RELATED_ROLES",
    "field_order",
    "golden_changes",
    "golden_rows",
    "marks_used",
    "record_rows",
    "region_fields",
]

Plain = Mapping[str, Any]

RELATED_ROLES: Final[dict[str, tuple[str, ...]]] = {
    "identity": ("national_id", "birth_date", "sex"),
    "address": ("region", "address"),
}
"""Comparisons of several fields: their weight stands at the first, the others point to it."""

_ROLES: Final = (
    *("full_name", "surname", "given_name", "national_id", "birth_date", "sex"),
    *("phone", "region", "address", "former_name", "mother_id", "identifier"),
)
"""Who somebody is comes first, whatever the order of the schema."""


# ------------------------------------------------------------------------- values side by side


def record_rows(records: Sequence[Plain], pair: Plain | None) -> list[dict[str, Any]]:
    """One row a field: what each record says, and what the pair's comparison makes of it.

    Parameters
    ----------
    records : of the case
    pair : looked at closely: its two records are marked against each other, None for no pair
    """
    firsts = _fields_in_order(records)
    held = [{each["name"]: each for each in record["fields"]} for record in records]
    weights = _weights_by_field(firsts.values(), pair)
    rows = []
    for name, first in firsts.items():
        cells = [_cell(fields.get(name), place, pair) for place, fields in enumerate(held)]
        bits, counted_with = weights.get(name, (None, None))
        rows.append(
            {
                "name": name,
                "role": first["role"],
                "kind": first["kind"],
                "cells": cells,
                "is_stated": any(cell["origin"] != "missing" for cell in cells),
                "is_sealed": {"digest"} == {each["origin"] for each in cells} - {"missing"},
                "level": "" if pair is None else pair["levels"].get(name, ""),
                "bits": bits,
                "counted_with": counted_with,
                "speaks": "none"
                if bits is None or abs(bits) < 0.05
                else "for"
                if bits > 0
                else "against",
            }
        )
    return rows


def field_order(records: Sequence[Plain]) -> list[str]:
    """Names of the fields of some records as the pages list them.

    Parameters
    ----------
    records : plain
    """
    return list(_fields_in_order(records))


def _fields_in_order(records: Sequence[Plain]) -> dict[str, Plain]:
    """Field -> its first view: who somebody is, then where they are, then other numbers."""
    found: dict[str, Plain] = {}
    for record in records:
        for each in record["fields"]:
            found.setdefault(each["name"], each)
    return dict(sorted(found.items(), key=lambda item: _rank(item[1]["role"])))


def _rank(role: str | None) -> int:
    return _ROLES.index(role) if role in _ROLES else len(_ROLES)


def _cell(field: Plain | None, place: int, pair: Plain | None) -> dict[str, Any]:
    if field is None:
        return {
            "value": None,
            "origin": "missing",
            "pieces": [],
            "reading": "",
            "place": "",
            "masked": False,
        }
    spans: Sequence[Plain] | None = None
    if pair is not None:
        of_pair = {pair["left"]: pair["spans_left"], pair["right"]: pair["spans_right"]}
        spans = of_pair.get(place, {}).get(field["name"], ())  # only these two are compared
    shown = pieces(field, spans)
    is_read = any(each["reading"] for each in shown)
    return {
        "value": field["value"],
        "origin": field["origin"],
        "pieces": shown,
        "place": place_name(field["value"]) if field["kind"] == "region" else "",
        "masked": field.get("masked", False),
        # Readings that could not be laid above their characters stand below the name.
        "reading": "" if is_read or not field["pinyin"] else " ".join(field["pinyin"]),
    }


def _weights_by_field(
    fields: Any, pair: Plain | None
) -> dict[str, tuple[float | None, str | None]]:
    """Field -> (bits, None) where they are counted, or (None, the field where they are)."""
    if pair is None:
        return {}
    fields = tuple(fields)
    steps = {step["comparison"]: step["bits"] for step in pair["steps"]}
    result: dict[str, tuple[float | None, str | None]] = {}
    for comparison, roles in RELATED_ROLES.items():
        if comparison in steps:
            of = [each["name"] for role in roles for each in fields if each["role"] == role]
            # The weight stands where something was compared, not at a number that is missing.
            said = [name for name in of if pair["levels"].get(name, "missing") != "missing"]
            # And at a field that says what the sum says: no "differs" beside bits for one person.
            fits = [n for n in said if (pair["levels"][n] == "else") == (steps[comparison] < 0)]
            home = (fits or said or of or [""])[0]
            for name in of:
                result[name] = (steps[comparison], None) if name == home else (None, home)
    for each in fields:
        if each["name"] in steps and each["name"] not in result:
            result[each["name"]] = (steps[each["name"]], None)
    return result


def marks_used(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Marks to explain in the legend, in a fixed order.

    Parameters
    ----------
    rows : of `record_rows`
    """
    used = {piece["mark"] for row in rows for cell in row["cells"] for piece in cell["pieces"]}
    order = ("differs", "missing", "tone", "sound", "shape", "transposed")
    return [mark for mark in order if mark in used]


# ------------------------------------------------------------------------- golden records


def golden_changes(now: Sequence[GoldenRecord], after: GoldenRecord | None) -> list[set[str]]:
    """Fields whose golden value a merge would change, for each identity; of unmasked records.

    Parameters
    ----------
    now : golden records
    after : the golden record of all, None without one
    """
    if after is None:
        return [set() for _ in now]
    return [
        {name for name, each in after.values.items() if golden.values.get(name) != each}
        for golden in now
    ]


def golden_rows(
    now: Sequence[Plain],
    after: Plain | None,
    *,
    order: Sequence[str] = (),
    changes: Sequence[Collection[str]] = (),
    regions: Collection[str] = (),
) -> list[dict[str, Any]]:
    """Field by field: the golden value of each identity now, and after a merge.

    Parameters
    ----------
    now : golden records, masked
    after : the golden record of all, masked; None without one
    order : of the fields
    changes : see `golden_changes`; masked values cannot tell
    regions : fields that hold codes of regions; see `region_fields`
    """
    held: dict[str, None] = {}
    for golden in (*now, *(() if after is None else (after,))):
        held |= dict.fromkeys(golden["fields"])
    place = {name: number for number, name in enumerate(order)}
    names = sorted(held, key=lambda name: place.get(name, len(place)))
    rows = []
    for name in names:
        is_region = name in regions
        values = [_golden_value(golden["fields"].get(name), is_region) for golden in now]
        merged = None if after is None else _golden_value(after["fields"].get(name), is_region)
        rows.append(
            {
                "name": name,
                "now": values,
                "after": merged,
                "is_changed": [name in each for each in changes],
            }
        )
    return rows


def _golden_value(field: Any, is_region: bool) -> dict[str, Any] | None:
    if field is None:
        return None
    return dict(field) | {"place": place_name(field["value"]) if is_region else ""}


def region_fields(records: Sequence[Plain]) -> frozenset[str]:
    """Names of the fields of some records that hold codes of regions.

    Parameters
    ----------
    records : plain
    """
    return frozenset(
        each["name"] for record in records for each in record["fields"] if each["kind"] == "region"
    )
