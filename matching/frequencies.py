"""How often each value occurs: exact u probabilities, and term-frequency adjustments.

A sample of random pairs never meets two equal id numbers among millions of records, so the
chance that two records agree exactly is counted from the value frequencies of the whole table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from matching.kernels.weights import fill_hash_table
from matching.model import Comparison
from matching.registry import comparator
from matching.value_counts import CountedValues, FieldSet, count_values
from person.clusters import ClusterMembers
from person.layout import Layout
from person.records import RecordSource

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

SAMPLED_RECORDS: Final = 1 << 20
"""Of a table several times as long, only as many records' rare values are counted for u."""

COUNTS_TOLD_APART: Final = 1 << 20

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
    For each set some 10 ns a record, and 10 to 15 for each of the values that are rare.
    """
    wanted = [
        (comparison, numbers)
        for comparison in comparisons
        for size in range(1, len(countable_parts(comparison)) + 1)
        for numbers in combinations(countable_parts(comparison), size)
    ]
    # Only a table of term frequencies needs every value; u can do with a share of the rare.
    share = max(1, source.record_count // SAMPLED_RECORDS)
    sets = []
    for comparison, numbers in wanted:
        parts = [comparison.parts[number] for number in numbers]
        has_table = len(parts) == 1 and parts[0].term_frequency
        names = tuple(part.fields[0] for part in parts)
        sets.append(FieldSet(names, 1 if has_table else share, has_table))
    agreements: dict[str, dict[frozenset[int], ExactAgreement]] = {
        each.name: {} for each in comparisons
    }
    frequencies: dict[str, TermFrequencies] = {}
    counted = count_values(source, layout, sets, memory_bytes=memory_bytes, people=people)
    for (comparison, numbers), values in zip(wanted, counted, strict=True):
        present_pairs = values.present * (values.present - 1) / 2
        agreement = ExactAgreement(values.agreeing_pairs, present_pairs)
        agreements[comparison.name][frozenset(numbers)] = agreement
        if len(numbers) == 1 and comparison.parts[numbers[0]].term_frequency:
            table = _table(values, of_people=people is not None)
            frequencies[comparison.parts[numbers[0]].name] = table
    return agreements, frequencies


def _table(values: CountedValues, *, of_people: bool) -> TermFrequencies:
    """All values by hash, or the most frequent of them where there are too many."""
    hashes, counts = values.hashes, values.counts
    is_complete = len(hashes) <= TF_VALUES_MAX
    if not is_complete:
        kept = counts >= _least_kept(counts)
        hashes, counts = hashes[kept], counts[kept]
    return TermFrequencies(hashes, counts, values.present, is_complete, of_people)


def _least_kept(counts: NDArray[np.int64]) -> int:
    """How often a value must be met to be kept: twice, or more where those are too many.

    A value met twice is as rare as one met once, for the two records may be one person.
    """
    often = np.bincount(np.minimum(counts, COUNTS_TOLD_APART))
    at_least = np.cumsum(often[::-1])[::-1]
    fits = np.flatnonzero(at_least <= TF_VALUES_MAX)
    return max(int(fits[0]), 2) if len(fits) else len(at_least)


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
