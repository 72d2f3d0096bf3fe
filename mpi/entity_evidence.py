"""The weight of two clusters being one person, from all that their records say together.

A record that resembles one member in the name, a second in the birth date and a third in the
number weighs little against each of them and much against the person. For each comparison the
best of the pairs across two clusters counts, less log2 of the number of different value pairs
tried: by chance alone, the best of n tries is up to n times as likely as one. Two clusters of
one record each weigh exactly what their pair weighs.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from matching.compiled import CompiledModel, relative_chance
from mpi.entity_kernels import fold_comparison
from mpi.ingest import Ingested
from person.clusters import ClusterMembers
from person.hashing import hash_field_values
from person.threads import map_slices, slices

__all__ = ["cross_pairs", "entity_weights"]

REPRESENTATIVES_MAX: Final = 6
QUESTIONS_AT_ONCE: Final = 1 << 12


def cross_pairs(
    members: ClusterMembers, left: NDArray[np.int64], right: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """(question, left record, right record) of all pairs across each two clusters.

    Of a large cluster its first REPRESENTATIVES_MAX members speak.
    """
    left_size = np.minimum(members.size(left), REPRESENTATIVES_MAX)
    right_size = np.minimum(members.size(right), REPRESENTATIVES_MAX)
    count = left_size * right_size
    question = np.repeat(np.arange(len(left)), count)
    first = np.repeat(np.cumsum(count) - count, count)
    place = np.arange(len(question)) - first
    width = right_size[question]
    a = members.order[members.start[left[question]] + place // width]
    b = members.order[members.start[right[question]] + place % width]
    return question, a, b


def entity_weights(
    ingested: Ingested,
    compiled: CompiledModel,
    members: ClusterMembers,
    left: NDArray[np.int64],
    right: NDArray[np.int64],
    *,
    shift: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Match weight of each two clusters.

    Parameters
    ----------
    ingested : the encoded records
    compiled : trained model
    members : of the clusters
    left, right : int64[n_questions], clusters
    shift : bits added to the prior

    Returns
    -------
    float64[n_questions] match weights, float64[n_questions] chances of two relatives
    """
    weights, relatives = np.empty(len(left)), np.zeros(len(left))

    def weigh(part: slice) -> None:
        weights[part], relatives[part] = _weigh(
            ingested, compiled, members, left[part], right[part], shift
        )

    map_slices(weigh, slices(len(left), QUESTIONS_AT_ONCE))
    return weights, relatives


def _weigh(
    ingested: Ingested,
    compiled: CompiledModel,
    members: ClusterMembers,
    left: NDArray[np.int64],
    right: NDArray[np.int64],
    shift: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    question, a, b = cross_pairs(members, left, right)
    rows, one, other = ingested.store.gather_pairs(a, b)
    scores = compiled.score(rows, rows, one, other, with_frequency_weights=True)
    assert scores.frequency_weight is not None
    first = np.searchsorted(question, np.arange(len(left) + 1))
    total = np.full(len(left), compiled.prior_match_weight + shift)
    knows_relatives = compiled.prior_relative_weight is not None
    relative = np.full(len(left), compiled.prior_relative_weight or 0.0)
    for number, comparison in enumerate(compiled.comparisons):
        hashes = _comparison_hashes(compiled, number, rows)
        of_relatives = comparison.relative_weight if knows_relatives else None
        fold_comparison(
            *(first, scores.cells[number], scores.frequency_weight[number]),
            comparison.cell_weight,
            np.zeros(0) if of_relatives is None else of_relatives,
            *(hashes[one], hashes[other], total, relative),
        )
    if not knows_relatives:
        return total, np.zeros(len(left))
    return total - np.logaddexp2(0.0, relative), relative_chance(total, relative)


def _comparison_hashes(
    compiled: CompiledModel, number: int, rows: NDArray[np.uint64]
) -> NDArray[np.uint64]:
    """One hash a row of all fields that a comparison reads."""
    fields = dict.fromkeys(
        name for part in compiled.comparisons[number].parts for name in part.part.fields
    )
    combined = np.zeros(len(rows), np.uint64)
    for name in fields:
        hashes = hash_field_values(rows, compiled.layout.value_slots(name))
        combined = (combined ^ (combined >> np.uint64(31))) * np.uint64(0x9E3779B97F4A7C15) + hashes
    return combined
