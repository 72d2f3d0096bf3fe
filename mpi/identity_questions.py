"""From the pairs that a batch run left in doubt to questions, one an identity question.

Pairs between the same identities are one question, and so are the pairs of a few identities that
hang together: whoever answers sees all of them side by side.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from index_store import WriteBatch
from mpi.decide import REFUSAL_TEXTS, Decided
from mpi.identity_events import EventKind
from mpi.identity_session import TASKS_PER_EVENT, Session
from mpi.identity_tasks import (
    PAIRS_MAX,
    Question,
    are_declared_different,
    open_questions_between,
)
from mpi.identity_texts import text_changes
from mpi.identity_view import StoreState

if TYPE_CHECKING:
    from mpi.identity_index import IdentityIndex

__all__ = [
    "IDENTITIES_MAX",
    "DoubtfulPairs",
    "TextsReader",
    "doubtful_pairs",
    "questions_of",
    "raise_questions",
    "unanswered",
]

TextsReader = Callable[[Collection[int]], dict[int, dict[str, str]]]
"""Record numbers -> the texts of those that can be read: record -> field -> text."""

TASKS_MAX: Final = 100_000
"""Questions that one run raises at most."""

IDENTITIES_MAX: Final = 6
"""Identities that one question asks about at most; what hangs together beyond it is parted."""

BETWEEN_LINES: Final = "the weight lies between the review and the link line"


@dataclass(frozen=True, slots=True)
class DoubtfulPairs:
    """Pairs of records of different identities that a steward has to look at, heaviest first.

    Attributes
    ----------
    left, right : int64[n], records
    left_identity, right_identity : int64[n]
    weight : float64[n]
    refusal : uint8[n], a place in REFUSAL_TEXTS
    """

    left: NDArray[np.int64]
    right: NDArray[np.int64]
    left_identity: NDArray[np.int64]
    right_identity: NDArray[np.int64]
    weight: NDArray[np.float64]
    refusal: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.left)


def doubtful_pairs(
    decided: Decided, records: NDArray[np.int64], identity: NDArray[np.int64]
) -> DoubtfulPairs:
    """What a run left in doubt.

    Parameters
    ----------
    decided : the outcome of the run
    records, identity : int64[n_records of the run], numbers in the index
    """
    edges = decided.edges
    doubt = np.flatnonzero(identity[edges.left] != identity[edges.right])
    doubt = doubt[np.argsort(-edges.weight[doubt], kind="stable")]
    left, right = edges.left[doubt], edges.right[doubt]
    return DoubtfulPairs(
        records[right],
        records[left],
        identity[right],
        identity[left],
        np.asarray(edges.weight[doubt], np.float64),
        decided.refusal[doubt],
    )


class _Groups:
    """Identities that hang together, never more than IDENTITIES_MAX."""

    def __init__(self) -> None:
        self._parent: dict[int, int] = {}
        self._size: dict[int, int] = {}

    def find(self, identity: int) -> int:
        parent = self._parent.setdefault(identity, identity)
        while parent != (above := self._parent[parent]):
            self._parent[identity] = parent = above
        return parent

    def join(self, one: int, other: int) -> None:
        one, other = self.find(one), self.find(other)
        total = self._size.get(one, 1) + self._size.get(other, 1)
        if one != other and total <= IDENTITIES_MAX:
            self._parent[other] = one
            self._size[one] = total


def questions_of(doubt: DoubtfulPairs) -> Iterator[Question]:
    """Questions, the one with the heaviest pair first.

    Parameters
    ----------
    doubt : heaviest first

    Yields
    ------
    Question; a pair between two groups that are full is a question of its own
    """
    groups = _Groups()
    one, other = doubt.left_identity.tolist(), doubt.right_identity.tolist()
    for left, right in zip(one, other, strict=True):
        groups.join(left, right)
    places: dict[tuple[int, int], list[int]] = {}
    for place, (left, right) in enumerate(zip(one, other, strict=True)):
        first, second = groups.find(left), groups.find(right)
        name = (first, second) if first == second else (min(left, right), max(left, right))
        places.setdefault(name, []).append(place)
    for of_question in places.values():
        yield _question(doubt, of_question[:PAIRS_MAX])


def _question(doubt: DoubtfulPairs, places: list[int]) -> Question:
    pairs = [
        (
            int(doubt.left[place]),
            int(doubt.right[place]),
            float(doubt.weight[place]),
            REFUSAL_TEXTS[int(doubt.refusal[place])],
        )
        for place in places
    ]
    return Question(kind="REVIEW", pairs=pairs, reasons=_reasons(pairs))


def _reasons(pairs: Sequence[tuple[int, int, float | None, str | None]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(why or BETWEEN_LINES for *_, why in pairs))


def unanswered(state: StoreState, question: Question) -> Question | None:
    """What of a question nobody has answered or been asked yet; None where nothing is left.

    Parameters
    ----------
    state : the present
    question : that a run would raise
    """
    answered: dict[tuple[int, int], bool] = {}
    kept = []
    for pair in question.pairs:
        one, other = state.identity_of(pair[0]), state.identity_of(pair[1])
        if one is None or other is None or one == other:
            continue
        key = (min(one, other), max(one, other))
        if key not in answered:
            is_asked = bool(open_questions_between(state, *key))
            answered[key] = is_asked or are_declared_different(state, *key)
        if not answered[key]:
            kept.append(pair)
    return replace(question, pairs=kept, reasons=_reasons(kept)) if kept else None


def raise_questions(
    index: IdentityIndex,
    new_session: Callable[[WriteBatch], Session],
    doubt: DoubtfulPairs,
    read_texts: TextsReader,
) -> tuple[int, int]:
    """Write the questions of a run as tasks, the heaviest first; what was asked or decided is not.

    Parameters
    ----------
    index : open for writing
    new_session : makes the session of a transaction
    doubt : what the run left in doubt
    read_texts : texts of records, which are kept from now on

    Returns
    -------
    (tasks raised, questions past the limit)
    """
    asked = list(questions_of(doubt))
    raised = 0
    texts = read_texts({r for each in asked[:TASKS_MAX] for r in _records(each)}) if asked else {}
    for start in range(0, min(len(asked), TASKS_MAX), TASKS_PER_EVENT):
        questions = asked[start : start + TASKS_PER_EVENT]
        with index.store.write() as batch:
            session = new_session(batch)
            left = (unanswered(session.state, each) for each in questions)
            wanted = [each for each in left if each is not None]
            if wanted:
                changes = session.ask(wanted)
                about = [record for each in wanted for record in _records(each)]
                changes += text_changes(session.state, about, texts)
                session.write(EventKind.TASK, changes, is_automatic=True)
                raised += len(wanted)
    return raised, max(len(asked) - TASKS_MAX, 0)


def _records(question: Question) -> list[int]:
    return [record for pair in question.pairs for record in pair[:2]]
