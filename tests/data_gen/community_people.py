"""Two hundred communities drawn once, joined to long columns, for the tests of people."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data_gen.community import frame_community
from data_gen.draw import draw_people, people_scratch
from data_gen.facts import facts
from data_gen.parameters import REFERENCE_DAY, GeneratorParameters
from data_gen.people import COMMUNITY_PEOPLE, People

__all__ = ["PARAMETERS", "ages", "people_columns"]

PARAMETERS = GeneratorParameters(people=240 * COMMUNITY_PEOPLE, seed=5)
_KIN = ("household", "mother", "father", "spouse", "twin", "family_phone")


@lru_cache(maxsize=1)
def people_columns() -> dict[str, NDArray[Any]]:
    """Columns of 245,760 people; kin are rows of the joined table, -1 where none."""
    people, scratch = People(), people_scratch()
    columns: dict[str, list[NDArray[Any]]] = {name: [] for name in people.arrays._fields}
    communities = []
    for position in range(PARAMETERS.communities):
        community = frame_community(PARAMETERS, position)
        draw_people(PARAMETERS, facts(), community, people, scratch=scratch)
        communities.append(np.full(COMMUNITY_PEOPLE, community))
        for name, parts in columns.items():
            column = getattr(people.arrays, name).copy()
            if name in _KIN:
                column = column.astype(np.int64)
                column[column >= 0] += position * COMMUNITY_PEOPLE
            parts.append(column)
    joined = {name: np.concatenate(parts) for name, parts in columns.items()}
    return joined | {"community": np.concatenate(communities)}


def ages(birth_day: NDArray[Any]) -> NDArray[Any]:
    """Completed years at the census, to a day or two."""
    return np.floor((REFERENCE_DAY - birth_day) / 365.2425).astype(np.int64)
