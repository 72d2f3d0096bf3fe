"""The people of a population as Arrow record batches, for checks and for those who count them."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from data_gen.community import community_people, frame_community
from data_gen.draw import draw_people
from data_gen.facts import facts
from data_gen.parameters import GeneratorParameters
from data_gen.people import COMMUNITY_PEOPLE, People
from data_gen.records import Workspace
from data_gen.value_kernels import check_of_body

__all__ = ["PEOPLE_SCHEMA", "draw_people_table"]

PEOPLE_SCHEMA: Final = pa.schema(
    [
        pa.field("person_id", pa.int64()),
        pa.field("household_id", pa.int64()),
        pa.field("mother_id", pa.int64()),
        pa.field("twin_id", pa.int64()),
        pa.field("role", pa.uint8()),
        pa.field("sex", pa.uint8()),
        pa.field("birth_date", pa.date32()),
        pa.field("death_date", pa.date32()),
        pa.field("nation", pa.uint8()),
        pa.field("origin", pa.uint8()),
        pa.field("name", pa.string()),
        pa.field("surname_length", pa.uint8()),
        pa.field("former_name", pa.string()),
        pa.field("id_number", pa.string()),
        pa.field("previous_id_number", pa.string()),
        pa.field("phone", pa.string()),
        pa.field("register_region", pa.int32()),
        pa.field("live_region", pa.int32()),
        pa.field("province", pa.int32()),
    ]
)
"""Ids of kin are null where they do not live in the household; no id number: null."""


def draw_people_table(
    parameters: GeneratorParameters, start: int, stop: int, workspace: Workspace
) -> pa.RecordBatch:
    """People start to stop of a population.

    Parameters
    ----------
    parameters : GeneratorParameters
    start, stop : numbers in the order of the population's communities, start < stop
    workspace : buffers of the calling thread

    Returns
    -------
    batch of PEOPLE_SCHEMA
    """
    parts = []
    for position in range(start // COMMUNITY_PEOPLE, (stop - 1) // COMMUNITY_PEOPLE + 1):
        count = community_people(parameters, position)
        community = frame_community(parameters, position)
        draw_people(
            *(parameters, facts(), community, workspace.people),
            count=count,
            scratch=workspace.scratch,
        )
        first = max(0, start - position * COMMUNITY_PEOPLE)
        last = min(count, stop - position * COMMUNITY_PEOPLE)
        parts.append(_community_table(workspace.people, slice(first, last)))
    return pa.Table.from_batches(parts).combine_chunks().to_batches()[0]


def _community_table(people: People, rows: slice) -> pa.RecordBatch:
    first = people.first_person_id
    slots = np.arange(rows.start, rows.stop)

    def kin(name: str) -> pa.Array:
        other = getattr(people, name)[rows].astype(np.int64)
        return pa.array(first + other, mask=other < 0)

    death = people.death_day[rows].astype(np.int32)
    live = people.live_region[rows].astype(np.int32)
    columns = [
        *(pa.array(first + slots), pa.array(first + people.household[rows].astype(np.int64))),
        *(kin("mother"), kin("twin")),
        *(pa.array(people.role[rows].copy()), pa.array(people.sex[rows].copy())),
        pa.array(people.birth_day[rows].copy()).cast(pa.date32()),
        pa.array(death, mask=death == 0).cast(pa.date32()),
        *(pa.array(people.nation[rows].copy()), pa.array(people.origin[rows].copy())),
        _names(people.name[rows], people.name_length[rows]),
        pa.array(people.surname_length[rows].copy()),
        _names(people.former_name[rows], people.former_name_length[rows]),
        *(_numbers(people.id_body[rows]), _numbers(people.previous_id_body[rows])),
        _phones(people.phone[rows]),
        *(pa.array(people.register_region[rows].copy()), pa.array(live)),
        pa.array(live // 10_000 * 10_000),
    ]
    return pa.record_batch(columns, schema=PEOPLE_SCHEMA)


def _names(codes: NDArray[Any], lengths: NDArray[Any]) -> pa.Array:
    texts = [
        "".join(map(chr, row[:length])) or None
        for row, length in zip(codes.tolist(), lengths.tolist(), strict=True)
    ]
    return pa.array(texts, pa.string())


def _numbers(bodies: NDArray[np.int64]) -> pa.Array:
    texts = [
        f"{body:017d}" + "0123456789X"[check_of_body(body)] if body else None
        for body in bodies.tolist()
    ]
    return pa.array(texts, pa.string())


def _phones(phones: NDArray[np.int64]) -> pa.Array:
    return pa.array([str(phone) if phone else None for phone in phones.tolist()], pa.string())
