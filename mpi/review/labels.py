"""Decided pairs as labels: out of an index, or out of a file that `mpi review export` wrote.

A decided pair is what holds now: a pair that was declared one person and is parted again is
different, and one whose decision was undone is no label at all.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from matching.compiled import CompiledModel
from mpi.ingest import Ingested
from mpi.pair_guards import pair_refusals
from mpi.review.learning import JudgedPairs, advise
from mpi.tables import open_inputs
from person.errors import InputError, SchemaMismatchError

__all__ = [
    "DECIDED_PAIRS",
    "PairLabels",
    "is_index",
    "label_notes",
    "label_rows",
    "read_labels",
    "rows_of_references",
]

DECIDED_PAIRS: Final = pa.schema(
    [
        ("source_l", pa.string()),
        ("record_id_l", pa.string()),
        ("source_r", pa.string()),
        ("record_id_r", pa.string()),
        ("verdict", pa.string()),
        ("match_weight", pa.float64()),
        ("refused", pa.string()),
        ("kind", pa.string()),
        ("task", pa.int64()),
        ("by", pa.string()),
        ("at", pa.string()),
        ("reason", pa.string()),
    ]
)
"""Decided pairs: SAME or DIFFERENT, the weight by the index's present model, why a guard refuses
the pair (null where none does), and the task with its last steward."""

_NEEDED: Final = ("record_id_l", "record_id_r", "verdict")
_SAME: Final = frozenset({"SAME", "MERGE"})
_DIFFERENT: Final = frozenset({"DIFFERENT", "SPLIT"})
_SEPARATOR: Final = "\x1f"


@dataclass(frozen=True, slots=True)
class PairLabels:
    """Decided pairs as rows of a run.

    Attributes
    ----------
    left, right : int64[n], row numbers
    is_same : bool[n]
    unknown : decided pairs of which the run does not hold both records
    """

    left: NDArray[np.int64]
    right: NDArray[np.int64]
    is_same: NDArray[np.bool_]
    unknown: int = 0

    def of(self, *, same: bool) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The pairs of one verdict: int64[n] each."""
        kept = self.is_same == same
        return self.left[kept], self.right[kept]


def is_index(labels: Any) -> bool:
    """Whether labels are an identity index and not a table.

    Parameters
    ----------
    labels : path or table
    """
    return isinstance(labels, str | os.PathLike) and (Path(labels) / "data.mdb").is_file()


def read_labels(labels: Any, *, digest_key: str | Path | None = None) -> pa.Table | None:
    """Decided pairs of an index or a file, None where the labels are something else.

    Parameters
    ----------
    labels : directory of an index; path or Arrow table with the columns of DECIDED_PAIRS, of
        which record ids and verdict are needed
    digest_key : key file of an index that has one

    Returns
    -------
    Arrow table with at least source_l, record_id_l, source_r, record_id_r, verdict; the verdict is
    SAME or DIFFERENT

    Raises
    ------
    InputError : no pair has been decided, or a verdict is not known
    """
    if is_index(labels):
        from mpi.identity_index import IdentityIndex
        from mpi.review.decided import decided_pairs

        with IdentityIndex.open(labels, digest_key=digest_key) as index:
            table = decided_pairs(index)
    elif isinstance(labels, str | os.PathLike) and Path(labels).is_dir():
        return None  # the truth beside a made-up population
    else:
        inputs = open_inputs(labels)
        if not set(_NEEDED) <= set(inputs.columns):
            return None
        parts = [pa.Table.from_batches([batch]) for _, _, batch in inputs]
        table = _with_verdicts(pa.concat_tables(parts, promote_options="permissive"))
    if not table.num_rows:
        raise InputError(f"{_name(labels)}: no decided pair to learn from")
    return table


def _name(labels: Any) -> str:
    return str(labels) if isinstance(labels, str | os.PathLike) else "labels"


def _with_verdicts(table: pa.Table) -> pa.Table:
    """The rows with a verdict, in two words."""
    for name in ("source_l", "source_r"):
        if name not in table.column_names:
            table = table.append_column(name, pa.nulls(table.num_rows, pa.string()))
    verdict = pc.utf8_upper(pc.utf8_trim_whitespace(pc.cast(table["verdict"], pa.string())))
    table = table.set_column(table.column_names.index("verdict"), "verdict", verdict)
    table = table.filter(pc.and_(pc.is_valid(verdict), pc.not_equal(verdict, "")))
    words = pc.unique(table["verdict"]).to_pylist()
    unknown = set(words) - _SAME - _DIFFERENT
    if unknown:
        raise SchemaMismatchError(
            "labels: a verdict is SAME or DIFFERENT (MERGE and SPLIT are taken for these); "
            f"{len(unknown)} other words stand in that column",
            columns=("verdict",),
        )
    is_same = pc.is_in(table["verdict"], value_set=pa.array(sorted(_SAME)))
    place = table.column_names.index("verdict")
    return table.set_column(place, "verdict", pc.if_else(is_same, "SAME", "DIFFERENT"))


def rows_of_references(
    ingested: Ingested, sources: Sequence[str | None], record_ids: Sequence[str]
) -> NDArray[np.int64]:
    """Rows of a run by what their sources call them.

    Parameters
    ----------
    ingested : the encoded records
    sources, record_ids : one each; where no source is named at all, ids count alone

    Returns
    -------
    int64[n], -1 for records that the run does not hold
    """
    with_source = all(each is not None for each in sources)
    wanted = [_key(s if with_source else None, r) for s, r in zip(sources, record_ids, strict=True)]
    known = list(dict.fromkeys(wanted))
    values = pa.array(known, pa.string())
    found = np.full(len(known), -1, np.int64)
    names = pa.array(ingested.sources, pa.string())
    for first, source, record_id in ingested.store.record_ids():
        keys = record_id.cast(pa.string())
        if with_source:
            of = names.take(pa.array(source))
            keys = pc.binary_join_element_wise(of, keys, _SEPARATOR)
        place = pc.fill_null(pc.index_in(keys, value_set=values), -1).to_numpy(zero_copy_only=False)
        rows = np.flatnonzero(place >= 0)
        found[place[rows]] = first + rows
    at = {key: place for place, key in enumerate(known)}
    return found[np.array([at[key] for key in wanted], np.int64)]


def _key(source: str | None, record_id: str) -> str:
    return record_id if source is None else f"{source}{_SEPARATOR}{record_id}"


def label_rows(ingested: Ingested, decided: pa.Table) -> PairLabels:
    """Decided pairs as rows of a run; those with a record that it does not hold are counted.

    Parameters
    ----------
    ingested : the encoded records
    decided : as `read_labels` returns it

    Raises
    ------
    InputError : the run holds none of the pairs
    """
    left, right = (
        rows_of_references(ingested, _texts(decided, f"source_{side}"), _texts(decided, name))
        for side, name in (("l", "record_id_l"), ("r", "record_id_r"))
    )
    is_same = np.array([word == "SAME" for word in decided["verdict"].to_pylist()], np.bool_)
    kept = (left >= 0) & (right >= 0) & (left != right)
    if not kept.any():
        raise InputError(
            "the table holds none of the decided pairs; do the record ids and sources agree?"
        )
    low, high = np.minimum(left, right)[kept], np.maximum(left, right)[kept]
    # A pair that stands in the labels twice counts once, as the last line says.
    pairs = low << 32 | high
    _, last = np.unique(pairs[::-1], return_index=True)
    chosen = np.sort(len(pairs) - 1 - last)
    return PairLabels(low[chosen], high[chosen], is_same[kept][chosen], int((~kept).sum()))


def _texts(table: pa.Table, name: str) -> list[Any]:
    found: list[Any] = pc.cast(table[name], pa.string()).to_pylist()
    return found


def label_notes(ingested: Ingested, compiled: CompiledModel, labels: PairLabels) -> list[str]:
    """What a user should know of a model that learnt from decided pairs, its lines included.

    Parameters
    ----------
    ingested : the records
    compiled : the model that was fitted
    labels : the decided pairs
    """
    rows, left, right = ingested.store.gather_pairs(labels.left, labels.right)
    scores = compiled.score(rows, rows, left, right)
    refused = pair_refusals(compiled, scores.pattern)
    judged = JudgedPairs(
        weight=scores.weight,
        is_same=labels.is_same,
        is_refused=np.array([each is not None for each in refused.tolist()], np.bool_),
    )
    advice = advise(judged, link_weight=None, review_weight=None)
    counted = f"{advice.same:,} pairs decided to be one person and {advice.different:,} to be two"
    unknown = f"; {labels.unknown:,} more hold records that are not in this table"
    return [
        f"learnt beside {counted}{unknown if labels.unknown else ''}",
        f"with this model {advice.link.sentence}",
        f"with this model {advice.review.sentence}",
    ]
