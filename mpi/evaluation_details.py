"""What a rich truth tells beside precision and recall: errors overcome, people confused.

A truth with the column `cause_names` ('name:homophone|id:missing', as `mpi generate` writes it)
says what was done to each record; with `household_id`, `mother_id` and `twin_id` it says how two
people that were taken for one are related.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from mpi.metrics import codes_of

__all__ = [
    "ANY_CAUSE",
    "CONFUSIONS",
    "NO_CAUSE",
    "RECALL_BY_CAUSE",
    "Marks",
    "confusions",
    "marks_of",
    "recall_by_cause",
]

Labels = npt.NDArray[np.int64]

NO_CAUSE: Final = "(none)"
ANY_CAUSE: Final = "(any)"
_SEPARATOR: Final = "|"

RECALL_BY_CAUSE: Final = pa.schema(
    [
        ("cause", pa.string()),
        ("records", pa.int64()),
        ("true_pairs", pa.int64()),
        ("found_pairs", pa.int64()),
        ("recall", pa.float64()),
    ]
)
CONFUSIONS: Final = pa.schema(
    [("relation", pa.string()), ("pairs_of_people", pa.int64()), ("merged", pa.int64())]
)


class Marks:
    """Causes of each record: `combination[i]` names a row of `present`.

    Attributes
    ----------
    names : of the causes, sorted
    combination : int64[n_records]
    present : bool[n_combinations, n_causes]
    """

    def __init__(self, texts: pa.Array | pa.ChunkedArray) -> None:
        encoded = pc.dictionary_encode(pc.fill_null(pc.cast(texts, pa.string()), ""))
        if isinstance(encoded, pa.ChunkedArray):
            encoded = encoded.unify_dictionaries().combine_chunks()
        combinations = [
            [name for name in text.split(_SEPARATOR) if name]
            for text in encoded.dictionary.to_pylist()
        ]
        self.names = sorted({name for names in combinations for name in names})
        place = {name: number for number, name in enumerate(self.names)}
        self.present = np.zeros((max(len(combinations), 1), len(self.names)), np.bool_)
        for row, names in enumerate(combinations):
            self.present[row, [place[name] for name in names]] = True
        self.combination: Labels = encoded.indices.to_numpy().astype(np.int64)

    def having(self, cause: int) -> npt.NDArray[np.bool_]:
        """Whether each record has the cause of that number: bool[n_records]."""
        marked: npt.NDArray[np.bool_] = self.present[:, cause][self.combination]
        return marked

    def having_any(self) -> npt.NDArray[np.bool_]:
        """Whether each record has any cause: bool[n_records]."""
        combinations: npt.NDArray[np.bool_] = np.asarray(self.present.any(axis=1))
        return combinations[self.combination]


def marks_of(texts: pa.Array | pa.ChunkedArray) -> Marks:
    """Read the causes of records.

    Parameters
    ----------
    texts : strings, causes separated by '|'; null or empty = none
    """
    return Marks(texts)


def recall_by_cause(
    cluster: Labels, entity: Labels, marks: Marks, sources: Labels | None = None
) -> pa.Table:
    """Recall over the true pairs of which at least one record has a cause, for each cause.

    Parameters
    ----------
    cluster : int64[n_records]
    entity : int64[n_records], true person, all known
    marks : causes of the same records
    sources : int64[n_records]; when given, only pairs of different sources count

    Returns
    -------
    table RECALL_BY_CAUSE: first the pairs without any cause, then those with any, then each
    cause by its name. A pair with several causes counts under each.

    Notes
    -----
    Pairs with a cause are all pairs less those among the records that lack it, so a cause costs
    two counts over the records and no pair is listed.
    """
    counter = _PairCounter(cluster, entity, sources)
    everything = np.ones(len(entity), np.bool_)
    all_pairs = counter.pairs(everything)
    any_cause = marks.having_any()
    clean = counter.pairs(~any_cause)
    rows = [
        _row(NO_CAUSE, int((~any_cause).sum()), clean),
        _row(ANY_CAUSE, int(any_cause.sum()), _less(all_pairs, clean)),
    ]
    for number, name in enumerate(marks.names):
        marked = marks.having(number)
        rows.append(_row(name, int(marked.sum()), _less(all_pairs, counter.pairs(~marked))))
    return pa.Table.from_pylist(rows, RECALL_BY_CAUSE)


def confusions(
    cluster: Labels,
    entity: Labels,
    *,
    household: Labels | None = None,
    mother: Labels | None = None,
    twin: Labels | None = None,
) -> pa.Table:
    """Count pairs of people that share a cluster, by how they are related.

    Parameters
    ----------
    cluster : int64[n_records]
    entity : int64[n_records], true person
    household : int64[n_records]; negative = unknown
    mother, twin : int64[n_records], person number in the terms of `entity`; negative = none

    Returns
    -------
    table CONFUSIONS; `pairs_of_people` are the pairs of that relation of whom both have records
    (null for strangers), `merged` those that share a cluster. Twins, other siblings, mother and
    child and other members of a household exclude each other in this order.
    """
    cells = np.unique(np.stack([cluster, entity], axis=1), axis=0)
    merged, people = cells[:, 0], cells[:, 1]
    persons, first = np.unique(entity, return_index=True)
    everyone = np.zeros(len(persons), np.int64)
    total = _pairs(merged)
    rows, related = [], 0
    facts = {"household": household, "mother": mother, "twin": twin}
    known = {name: values[first] for name, values in facts.items() if values is not None}
    of_cell = np.searchsorted(persons, people)
    inside = _related_pairs(merged, people, {name: each[of_cell] for name, each in known.items()})
    present = _related_pairs(everyone, persons, known)
    for name, count in inside.items():
        rows.append({"relation": name, "pairs_of_people": present[name], "merged": count})
        related += count
    rows.append({"relation": "strangers", "pairs_of_people": None, "merged": total - related})
    return pa.Table.from_pylist(rows, CONFUSIONS)


def _related_pairs(group: Labels, people: Labels, known: dict[str, Labels]) -> dict[str, int]:
    """Pairs of people in one group by relation; each (group, person) stands once."""
    found: dict[str, int] = {}
    household, mother, twin = (known.get(name) for name in ("household", "mother", "twin"))
    if twin is not None:
        found["twins"] = len(_partners(group, people, twin)) // 2
    if mother is not None:
        found["siblings"] = _siblings(group, people, mother, twin)
        found["mother and child"] = len(_partners(group, people, mother))
    if household is not None:
        inside = _pairs(group, household)
        if twin is not None:
            inside -= len(_partners(group, people, twin, household)) // 2
        if mother is not None:
            inside -= _siblings(group, people, _both(mother, household), twin)
            inside -= len(_partners(group, people, mother, household))
        found["others of a household"] = inside
    return found


def _siblings(group: Labels, people: Labels, mother: Labels, twin: Labels | None) -> int:
    """Pairs of one mother that are not twins; `mother` may be any code of hers."""
    twins = 0 if twin is None else len(_partners(group, people, twin, mother)) // 2
    return _pairs(group, mother) - twins


def _both(one: Labels, other: Labels) -> Labels:
    """A code for agreeing on both facts, negative where either is unknown."""
    return np.where((one >= 0) & (other >= 0), codes_of(one, other), -1)


def _pairs(group: Labels, *facts: Labels) -> int:
    """Pairs in one group that agree on every fact; negative facts agree with nothing."""
    known = np.ones(len(group), np.bool_)
    for fact in facts:
        known &= fact >= 0
    if not known.any():
        return 0
    sizes = np.bincount(codes_of(group[known], *(fact[known] for fact in facts)))
    return int((sizes * (sizes - 1) // 2).sum())


def _partners(group: Labels, people: Labels, partner: Labels, same: Labels | None = None) -> Labels:
    """Places whose partner is in the same group (and agrees on `same`)."""
    asked = np.flatnonzero(partner >= 0)
    if not len(asked):
        return asked
    order = np.lexsort((people, group))
    width = int(max(people.max(), partner.max())) + 1
    key = group[order] * width + people[order]
    wanted = group[asked] * width + partner[asked]
    place = np.minimum(np.searchsorted(key, wanted), len(key) - 1)
    hit = key[place] == wanted
    if same is not None:
        hit &= (same[asked] == same[order[place]]) & (same[asked] >= 0)
    found: Labels = asked[hit]
    return found


class _PairCounter:
    """Counts true and found pairs among chosen records."""

    def __init__(self, cluster: Labels, entity: Labels, sources: Labels | None) -> None:
        both = codes_of(cluster, entity)
        self._added = (codes_of(entity), both)
        self._taken = (
            None if sources is None else (codes_of(entity, sources), codes_of(both, sources))
        )

    def pairs(self, chosen: npt.NDArray[np.bool_]) -> tuple[int, int]:
        """Return (true pairs, found pairs) among the chosen records."""
        counts = [_within(codes[chosen]) for codes in self._added]
        if self._taken is not None:
            counts = [
                count - _within(codes[chosen])
                for count, codes in zip(counts, self._taken, strict=True)
            ]
        return counts[0], counts[1]


def _within(codes: Labels) -> int:
    sizes = np.bincount(codes)
    return int((sizes * (sizes - 1) // 2).sum())


def _less(pairs: Sequence[int], others: Sequence[int]) -> tuple[int, int]:
    return pairs[0] - others[0], pairs[1] - others[1]


def _row(cause: str, records: int, pairs: tuple[int, int]) -> dict[str, object]:
    true_pairs, found = pairs
    return {
        "cause": cause,
        "records": records,
        "true_pairs": true_pairs,
        "found_pairs": found,
        "recall": found / true_pairs if true_pairs else None,
    }
