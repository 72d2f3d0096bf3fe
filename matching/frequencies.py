"""How often each value occurs: exact u probabilities, and term-frequency adjustments.

A sample of random pairs never meets two equal id numbers among millions of records, so the
chance that two records agree exactly is counted from the value frequencies of the whole table.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from matching.kernels.counting import combine_hashes, count_runs, list_runs, split_values
from matching.kernels.weights import fill_hash_table
from matching.model import Comparison
from matching.registry import comparator
from person.clusters import ClusterMembers, drop_repeats_within_clusters
from person.hashing import hash_field_values
from person.layout import Layout
from person.records import RecordSource
from person.threads import map_slices

__all__ = [
    "ExactAgreement",
    "TermFrequencies",
    "count_exact_agreement",
    "countable_parts",
    "frequencies_from_arrow",
    "frequency_adjustments",
    "frequency_table",
]

TF_VALUES_MAX: Final = 1 << 20
"""Values kept per term-frequency table; rarer ones count as rare as the rarest kept. Where there
are more, those met once are left out first: they weigh what an absent one weighs."""

FREQUENT_VALUES: Final = 1 << 14
"""Values counted one by one, in a table that stays in the second-level cache."""

SAMPLED_RECORDS: Final = 1 << 20
"""Of a table several times as long, only as many records' rare values are counted for u."""

UNIQUE_LIKE_HOLDERS: Final = 5.0
"""A field whose values have fewer holders than this on average is as good as an identifier."""


@dataclass(frozen=True, slots=True)
class TermFrequencies:
    """Value frequencies of one field.

    Attributes
    ----------
    hashes : uint64[n_values], sorted, hashes of the values (no value itself is kept)
    counts : int64[n_values], records that hold the value, or people
    record_count : records in which the field is present, or people
    is_complete : all values are kept, not only the most frequent
    of_people : a person counts once, however many records of theirs hold the value
    """

    hashes: NDArray[np.uint64]
    counts: NDArray[np.int64]
    record_count: int
    is_complete: bool
    of_people: bool = False

    def to_arrow(self) -> pa.Table:
        meta = {
            "record_count": str(self.record_count),
            "is_complete": "1" if self.is_complete else "0",
            "of_people": "1" if self.of_people else "0",
        }
        table = pa.table({"value_hash": self.hashes, "count": self.counts})
        return table.replace_schema_metadata(meta)


@dataclass(frozen=True, slots=True)
class ExactAgreement:
    """Pairs of a table that agree exactly on a set of parts.

    `agreeing_pairs` of `present_pairs` (pairs in which neither record lacks any of the parts).
    """

    agreeing_pairs: float
    present_pairs: float


def countable_parts(comparison: Comparison) -> tuple[int, ...]:
    """The parts whose best grade means 'equal values', so that it can be counted."""
    return tuple(
        number
        for number, part in enumerate(comparison.parts)
        if len(part.fields) == 1
        and part.levels[0] == ("exact",)
        and (comparator(part.comparator).grades or ("exact",))[0] == "exact"
    )


def count_exact_agreement(
    source: RecordSource,
    layout: Layout,
    comparisons: Sequence[Comparison],
    *,
    memory_bytes: int = 1 << 30,
    people: ClusterMembers | None = None,
) -> tuple[dict[str, dict[frozenset[int], ExactAgreement]], dict[str, TermFrequencies]]:
    """Count, over the whole table, the pairs that agree exactly on every set of parts.

    Parameters
    ----------
    source, layout : the encoded records
    comparisons : each one's countable parts are counted alone and in every combination
    memory_bytes : for the hashes held at once; more records mean more rounds over the source
    people : clusters found so far; a value then counts once for each person that has it, so that
        a person with many records does not make their own name look common

    Returns
    -------
    (comparison name -> set of part numbers -> ExactAgreement, part name -> TermFrequencies)

    Notes
    -----
    For each set some 10 ns a record, and a sort (40 to 80 M/s) of the values that are rare.
    """
    wanted = [
        (comparison, frozenset(numbers))
        for comparison in comparisons
        for size in range(1, len(countable_parts(comparison)) + 1)
        for numbers in combinations(countable_parts(comparison), size)
    ]
    rounds = max(1, -(-source.record_count * 8 * 3 // max(memory_bytes, 1)))
    share = max(1, source.record_count // SAMPLED_RECORDS)

    def count(
        item: tuple[Comparison, frozenset[int]],
    ) -> tuple[ExactAgreement, TermFrequencies | None]:
        comparison, numbers = item
        parts = [comparison.parts[number] for number in sorted(numbers)]
        slots = [layout.value_slots(part.fields[0]) for part in parts]
        # Only a table of term frequencies needs every value; u can do with a share of the rare.
        has_table = len(parts) == 1 and parts[0].term_frequency
        counter = _ValueCounter(1 if has_table else share, has_table)
        if people is not None:
            hashes = np.empty(source.record_count, np.uint64)
            for chunk in source.chunks():
                place = slice(chunk.first_row, chunk.first_row + len(chunk))
                hashes[place] = _combined_hashes(chunk.rows, slots)
            drop_repeats_within_clusters(people, hashes)
            return counter.count([[hashes]], of_people=True)
        return counter.count(
            (_combined_hashes(chunk.rows, slots) for chunk in source.chunks())
            for _ in range(rounds)
        )

    agreements: dict[str, dict[frozenset[int], ExactAgreement]] = {
        each.name: {} for each in comparisons
    }
    frequencies: dict[str, TermFrequencies] = {}
    for (comparison, numbers), (agreement, values) in zip(
        wanted, map_slices(count, wanted), strict=True
    ):
        agreements[comparison.name][numbers] = agreement
        if values is not None:
            frequencies[comparison.parts[next(iter(numbers))].name] = values
    return agreements, frequencies


class _ValueCounter:
    """Counts values given as hashes: frequent ones one by one, rare ones by a sort.

    Of the rare ones a share may do: those in one part of the range of hashes, chosen as if at
    random. What is frequent is met early and counted wholly, so the share tells little less.
    """

    def __init__(self, share: int, has_table: bool) -> None:
        assert share == 1 or not has_table, "a table is of all values"
        self._share, self._has_table = share, has_table
        self._keys = np.zeros(2 * FREQUENT_VALUES, np.uint64)
        self._counts = np.zeros(2 * FREQUENT_VALUES, np.int64)
        self._used = np.zeros(1, np.int64)

    def count(
        self, rounds: Iterable[Iterable[NDArray[np.uint64]]], *, of_people: bool = False
    ) -> tuple[ExactAgreement, TermFrequencies | None]:
        """Count; each round gives the same hashes again, and takes its part of their range."""
        rounds = list(rounds)
        width = (1 << 64) // (self._share * len(rounds))
        present, pairs = 0, 0.0
        listed: list[tuple[NDArray[np.uint64], NDArray[np.int64], bool]] = []
        for number, each in enumerate(rounds):
            is_last = self._share == 1 and number == len(rounds) - 1
            high = (1 << 64) - 1 if is_last else (number + 1) * width - 1
            rare, met = self._rare(each, number == 0, number * width, high)
            present += met
            rare.sort()
            runs, repeated, agreeing = count_runs(rare)
            pairs += agreeing
            if self._has_table:
                listed.append(_listed(rare, runs, repeated))
        agreeing = self._share * pairs + _pairs(self._counts)
        agreement = ExactAgreement(agreeing, present * (present - 1) / 2)
        if not self._has_table:
            return agreement, None
        return agreement, replace(self._table(listed, present), of_people=of_people)

    def _table(
        self, listed: Sequence[tuple[NDArray[np.uint64], NDArray[np.int64], bool]], present: int
    ) -> TermFrequencies:
        """All values by hash, or the most frequent of them where there are too many."""
        rare = np.concatenate([hashes for hashes, _, _ in listed])
        rare_counts = np.concatenate([counts for _, counts, _ in listed])
        held = np.flatnonzero(self._keys)
        held = held[np.argsort(self._keys[held])]
        keys, key_counts = self._keys[held], self._counts[held]
        is_complete = all(is_whole for _, _, is_whole in listed)
        is_complete &= len(rare) + len(keys) <= TF_VALUES_MAX
        if not is_complete:
            least = _least_kept(np.concatenate([rare_counts, key_counts]))
            rare, rare_counts = rare[rare_counts >= least], rare_counts[rare_counts >= least]
            keys, key_counts = keys[key_counts >= least], key_counts[key_counts >= least]
        place = np.searchsorted(rare, keys)
        return TermFrequencies(
            np.insert(rare, place, keys),
            np.insert(rare_counts, place, key_counts),
            present,
            is_complete,
        )

    def _rare(
        self, parts: Iterable[NDArray[np.uint64]], is_first: bool, low: int, high: int
    ) -> tuple[NDArray[np.uint64], int]:
        """The values of a range of hashes that are not in the table, and how many there were of
        any kind, counted in the first round."""
        room = FREQUENT_VALUES if is_first else 0
        rare: list[NDArray[np.uint64]] = []
        present = 0
        for part in parts:
            out = np.empty(len(part), np.uint64)
            table = (self._keys, self._counts, self._used, room, is_first)
            given = split_values(part, *table, np.uint64(low), np.uint64(high), out)
            # What fills most of its array may keep it: of many values a copy costs more.
            rare.append(out[:given] if 2 * given > len(out) else out[:given].copy())
            present += int(np.count_nonzero(part)) if is_first else 0
        if len(rare) == 1:
            return rare[0], present
        return np.concatenate([np.zeros(0, np.uint64), *rare]), present


def _listed(
    values: NDArray[np.uint64], runs: int, repeated: int
) -> tuple[NDArray[np.uint64], NDArray[np.int64], bool]:
    """(different values, their counts, whether all are there); not those met once where there are
    too many."""
    is_whole = runs <= TF_VALUES_MAX
    room = runs if is_whole else repeated
    hashes, counts = np.empty(room, np.uint64), np.empty(room, np.int64)
    list_runs(values, 1 if is_whole else 2, hashes, counts)
    return hashes, counts, is_whole


def _least_kept(counts: NDArray[np.int64]) -> int:
    """How often a value must be met to be kept: twice, or more where those are too many.

    A value met twice is as rare as one met once, for the two records may be one person.
    """
    repeated = counts[counts >= 2]
    if len(repeated) <= TF_VALUES_MAX:
        return 2
    least = int(np.partition(repeated, -TF_VALUES_MAX)[-TF_VALUES_MAX])
    return least + int(np.count_nonzero(repeated >= least) > TF_VALUES_MAX)


def _pairs(counts: NDArray[np.int64]) -> float:
    return float((counts * (counts - 1.0)).sum()) / 2


def _combined_hashes(
    rows: NDArray[np.uint64], slots: Sequence[NDArray[np.int64]]
) -> NDArray[np.uint64]:
    """One hash a row of the values of some fields, given by their slots; 0 where one lacks."""
    combined: NDArray[np.uint64] = hash_field_values(rows, slots[0])
    for each in slots[1:]:
        combine_hashes(combined, hash_field_values(rows, each))
    return combined


def _stranger_chance(
    frequencies: TermFrequencies, counts: NDArray[np.int64], u_exact: float
) -> NDArray[np.float64]:
    """Chance that a stranger holds the very value on which two records agree: float64[n].

    The two themselves are left out of the count, for they may be one person; what is left cannot
    be less than one in the table, nor, for values as good as unique, than the field's own u.
    Counts of records also hold further records of the same person, so for a field as good as
    unique they say nothing until people are counted.
    """
    total = max(frequencies.record_count, 1)
    least = min(u_exact, 1.0 / total)
    chance: NDArray[np.float64] = np.maximum(counts - 2, 0) / total + least
    is_unique_like = u_exact * total < UNIQUE_LIKE_HOLDERS
    if is_unique_like and not frequencies.of_people:
        return np.full(len(counts), u_exact)
    return chance


def frequency_adjustments(
    frequencies: TermFrequencies, u_exact: float, tf_minimum_u: float = 0.0
) -> tuple[NDArray[np.float64], float]:
    """What agreeing on each value adds to a weight.

    Returns
    -------
    (float64[n_values] bits, in the order of the values; bits of a value that is not among them)
    """
    chance = _stranger_chance(frequencies, frequencies.counts, u_exact)
    weights: NDArray[np.float64] = np.log2(u_exact) - np.log2(np.maximum(chance, tf_minimum_u))
    is_cut = len(frequencies.counts) > 0 and not frequencies.is_complete
    rarest = int(frequencies.counts.min()) if is_cut else 0
    rare = _stranger_chance(frequencies, np.array([rarest]), u_exact)
    return weights, float(np.log2(u_exact) - np.log2(max(float(rare[0]), tf_minimum_u)))


def frequency_table(
    hashes: NDArray[np.uint64], adjustments: NDArray[np.float64], absent: float
) -> tuple[NDArray[np.uint64], NDArray[np.float64], float]:
    """Compile adjustments for `add_frequency_weights`.

    Values that weigh what an absent one weighs are left out: of id numbers nearly all, so that
    the table stays in the cache.

    Returns
    -------
    (uint64[2^k] open-addressed hashes, float64[2^k] adjustments in bits, `absent`)
    """
    differs = adjustments != absent
    hashes, adjustments = hashes[differs], adjustments[differs]
    size = 2
    while size < 2 * len(hashes) + 2:
        size *= 2
    table_hash = np.zeros(size, np.uint64)
    table_weight = np.zeros(size, np.float64)
    fill_hash_table(hashes, adjustments, table_hash, table_weight)
    return table_hash, table_weight, absent


def frequencies_from_arrow(tables: Mapping[str, pa.Table]) -> dict[str, TermFrequencies]:
    """Read back what `TermFrequencies.to_arrow` wrote, part name -> frequencies."""
    result = {}
    for name, table in tables.items():
        meta = table.schema.metadata or {}
        counts = table.column("count").to_numpy()
        result[name] = TermFrequencies(
            table.column("value_hash").to_numpy().astype(np.uint64),
            counts.astype(np.int64),
            int(meta.get(b"record_count", counts.sum())),
            meta.get(b"is_complete", b"1") == b"1",
            meta.get(b"of_people", b"0") == b"1",
        )
    return result
