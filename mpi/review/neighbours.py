"""Other identities near a case: twins, relatives, namesakes, and why they look alike."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

import numpy as np

from mpi.identity_candidates import find_candidates
from mpi.identity_reading import Reader
from mpi.review.types import LookAlike
from mpi.review.values import StatedRecord, components_of, printed_facts

__all__ = ["find_look_alikes"]

LOOK_ALIKES_MAX: Final = 8
RECORDS_ASKED_MAX: Final = 6
_SAME: Final = {
    "phone": "same_phone",
    "mother_id": "same_mother",
    "address": "same_household",
    "national_id": "same_number",
}


def find_look_alikes(
    reader: Reader, records: Sequence[StatedRecord], own: Collection[int]
) -> tuple[LookAlike, ...]:
    """Identities outside a case that share keys with its records, heaviest first.

    Parameters
    ----------
    reader : of the index
    records : of the case
    own : its identities
    """
    asked = records[:RECORDS_ASKED_MAX]
    if not asked:
        return ()
    rows = np.stack([each.row for each in asked])
    candidates = find_candidates(reader.snapshot, reader.engine, rows)
    best: dict[int, int] = {}
    order = np.argsort(-candidates.weighed.weight, kind="stable")
    for place in order.tolist():
        identity = int(candidates.identity[place])
        if identity not in own:
            best.setdefault(identity, place)
        if len(best) == LOOK_ALIKES_MAX:
            break
    found = []
    for identity, place in best.items():
        record = int(candidates.record[place])
        weight = float(candidates.weighed.weight[place])
        (source, record_id), facts = reader.references([record])[0], printed_facts(reader, [record])
        found.append(
            LookAlike(
                enterprise_id=reader.print_id(identity),
                source=source,
                record_id=record_id,
                name=facts[0]["name"],
                birth_date=facts[0]["birth_date"],
                match_weight=round(weight, 4),
                match_probability=reader.engine.probability(weight),
                why=_why(reader, asked[int(candidates.query[place])], record),
            )
        )
    return tuple(found)


def _why(reader: Reader, one: StatedRecord, record: int) -> tuple[str, ...]:
    """What two records have in common, as keys of the word tables."""
    row = reader.snapshot.rows(np.array([record], np.int64))[0]
    same: set[str] = set()
    for each in reader.engine.schema.fields:
        ours = one.values[each.name].components
        if any(ours) and ours == components_of(reader, row, each.name):
            same.add(each.role)
    why = [key for role, key in _SAME.items() if role in same]
    family = {"same_mother", "same_household", "same_phone"} & set(why)
    if "birth_date" in same and family and "full_name" not in same:
        why.insert(0, "twin")
    if "full_name" in same and not why:
        why.append("namesake")
    return tuple(why or ["similar"])
