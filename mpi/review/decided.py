"""The pairs of records that stewards decided on, out of the tasks and decisions of an index."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from index_store import Snapshot
from mpi.identity_index import IdentityIndex
from mpi.identity_plan import SAME
from mpi.identity_reading import Reader
from mpi.identity_results import time_text
from mpi.identity_tasks import pair_states
from mpi.identity_view import StoreState, read_sources
from mpi.review.audit_sample import audit_verdict
from mpi.review.labels import DECIDED_PAIRS
from mpi.review.learning import MISTAKES_MAX, Advice, JudgedPairs, advise
from mpi.review.tallies import judgements_of

__all__ = ["STEWARDS_OWN", "advise_index", "decided_pairs", "judged_pairs"]

STEWARDS_OWN: Final = "OWN"
"""Kind of pairs that a steward decided on without being asked."""

_WEIGH_PAIRS: Final = 1 << 16
_TOLD: Final = {"same": "SAME", "different": "DIFFERENT"}


@dataclass(frozen=True, slots=True)
class _Found:
    """One decided pair of records."""

    left: int
    right: int
    is_same: bool
    kind: str
    task: int | None
    by: str
    at_ms: int
    reason: str


def decided_pairs(index: IdentityIndex) -> pa.Table:
    """Every pair of records that stewards decided on and that holds now, each question once.

    Parameters
    ----------
    index : open

    Returns
    -------
    Arrow table of DECIDED_PAIRS, by task. Of several pairs between two identities the heaviest
    stands for them. `kind` is OWN where no task asked.

    Notes
    -----
    Weights are those of the index's present model on the records as they are now.
    """
    with index.store.read() as snapshot:
        state = StoreState(snapshot)
        tasks = [
            (int.from_bytes(key, "big"), json.loads(value))
            for key, value in snapshot.range("task")
            if b'"judgements"' in bytes(value)
        ]
        found = [each for number, task in tasks for each in _of_task(state, number, task)]
        answered = {each["event"] for _, task in tasks for each in task.get("judgements", ())}
        found += _of_decisions(snapshot, answered)
        weight, refused = _weigh(snapshot, index, found)
        kept = _one_a_question(snapshot, found, weight)
        return _table(snapshot, index, [found[at] for at in kept], weight[kept], refused[kept])


def _of_task(state: StoreState, number: int, task: Mapping[str, Any]) -> Iterator[_Found]:
    """The decided pairs of one task, as things are now."""
    judged = judgements_of(task)
    if task["status"] != "closed" or not judged:
        return
    last = judged[-1]
    if task["kind"] == "AUDIT":
        verdict = audit_verdict(task)
        states = [] if verdict is None else ["same" if verdict else "different"]
    else:
        states = pair_states(state, dict(task))
    for pair, told in zip(task["pairs"], states, strict=False):
        if told in _TOLD:
            yield _Found(
                int(pair[0]),
                int(pair[1]),
                told == "same",
                task["kind"],
                number,
                last["by"],
                int(last["at_ms"]),
                last.get("reason") or "",
            )


def _of_decisions(snapshot: Snapshot, answered: set[int]) -> Iterator[_Found]:
    """Pairs that stewards decided on by themselves: merges, splits and declarations."""
    for key, value in snapshot.range("decision"):
        decision = json.loads(value)
        if decision["event"] in answered:
            continue
        left, right = int.from_bytes(key[:4], "big"), int.from_bytes(key[4:], "big")
        is_same = decision["verdict"] == SAME
        # The moment is the event's; reading each event for it would cost more than it tells.
        yield _Found(left, right, is_same, STEWARDS_OWN, None, decision["by"], 0, "")


def _weigh(
    snapshot: Snapshot, index: IdentityIndex, found: Sequence[_Found]
) -> tuple[NDArray[np.float64], NDArray[np.object_]]:
    """Weight of each pair, and why a guard refuses it."""
    weight = np.zeros(len(found))
    refused = np.full(len(found), None, object)
    for start in range(0, len(found), _WEIGH_PAIRS):
        part = found[start : start + _WEIGH_PAIRS]
        pairs = np.array([(each.left, each.right) for each in part], np.int64)
        numbers, place = np.unique(pairs, return_inverse=True)
        rows = snapshot.rows(numbers)
        left, right = place.reshape(-1, 2).astype(np.int32).T
        weighed = index.engine.weigh(
            rows, rows, np.ascontiguousarray(left), np.ascontiguousarray(right)
        )
        weight[start : start + len(part)] = weighed.weight
        refused[start : start + len(part)] = index.engine.refusals(weighed.pattern)
    return weight, refused


def _one_a_question(
    snapshot: Snapshot, found: Sequence[_Found], weight: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Places of the heaviest pair of each two identities in a task: int64[n], rising.

    Identities that have become one are told apart by where their records were first.
    """
    if not found:
        return np.zeros(0, np.int64)
    pairs = np.array([(each.left, each.right) for each in found], np.int64)
    first = snapshot.first_identities(pairs.ravel()).reshape(-1, 2)
    best: dict[tuple[Any, ...], int] = {}
    for at in np.argsort(-weight, kind="stable").tolist():
        each = found[at]
        low, high = sorted(first[at].tolist())
        if low == high:  # one identity from the first: an audited link, or one that was split
            low, high = sorted(pairs[at].tolist()) if each.is_same or each.task else (low, high)
        best.setdefault((each.task, each.is_same, low, high), at)
    return np.array(sorted(best.values()), np.int64)


def _table(
    snapshot: Snapshot,
    index: IdentityIndex,
    found: Sequence[_Found],
    weight: NDArray[np.float64],
    refused: NDArray[np.object_],
) -> pa.Table:
    names = {number: name for name, number in read_sources(snapshot).items()}
    reader = Reader(snapshot, index.engine, names)
    left = reader.references([each.left for each in found]) if found else ()
    right = reader.references([each.right for each in found]) if found else ()
    columns: dict[str, Any] = defaultdict(list)
    columns["source_l"], columns["record_id_l"] = _columns(left)
    columns["source_r"], columns["record_id_r"] = _columns(right)
    columns["verdict"] = ["SAME" if each.is_same else "DIFFERENT" for each in found]
    columns["match_weight"] = np.round(weight, 4).tolist()
    columns["refused"] = refused.tolist()
    columns["kind"] = [each.kind for each in found]
    columns["task"] = [each.task for each in found]
    columns["by"] = [each.by for each in found]
    columns["at"] = [time_text(each.at_ms) if each.at_ms else None for each in found]
    columns["reason"] = [each.reason for each in found]
    return pa.table({name: columns[name] for name in DECIDED_PAIRS.names}, schema=DECIDED_PAIRS)


def _columns(references: Sequence[tuple[str, str]]) -> tuple[list[str], list[str]]:
    return [each[0] for each in references], [each[1] for each in references]


def judged_pairs(decided: pa.Table) -> JudgedPairs:
    """Pairs that stewards were asked about because of doubt: what advice on lines rests on.

    Parameters
    ----------
    decided : as `decided_pairs` returns it; audited links and stewards' own findings are left out,
        for they are drawn from other pairs

    Returns
    -------
    JudgedPairs
    """
    kinds = np.array(decided["kind"].to_pylist(), object)
    kept = ~np.isin(kinds.astype(str), ["AUDIT", STEWARDS_OWN])
    verdict = np.array(decided["verdict"].to_pylist(), object)[kept]
    refused = np.array(decided["refused"].to_pylist(), object)[kept]
    return JudgedPairs(
        weight=decided["match_weight"].to_numpy().astype(np.float64)[kept],
        is_same=np.asarray(verdict == "SAME", np.bool_),
        is_refused=np.array([each is not None for each in refused], np.bool_),
    )


def advise_index(
    index: IdentityIndex, *, mistakes_max: float = MISTAKES_MAX, confidence: float = 0.95
) -> Advice:
    """What the decisions of an index say about its lines.

    Parameters
    ----------
    index : open
    mistakes_max, confidence : see `advise`
    """
    decided = decided_pairs(index)
    kinds = decided["kind"].to_pylist()
    notes = []
    if own := kinds.count(STEWARDS_OWN):
        notes.append(
            f"{own:,} pairs that stewards decided without being asked are left out: nobody looked "
            f"for such pairs evenly"
        )
    if audited := kinds.count("AUDIT"):
        notes.append(
            f"{audited:,} audited links are left out; their precision stands in the dashboard"
        )
    return advise(
        judged_pairs(decided),
        link_weight=index.facts.link_weight,
        review_weight=index.facts.review_weight,
        mistakes_max=mistakes_max,
        confidence=confidence,
        notes=notes,
    )
