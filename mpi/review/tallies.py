"""Counts of what is asked and decided, kept while the journal grows.

Each task adds to some counters; when it changes, what it added before is taken out and what it
adds now put in. So after one walk through the tasks a look at the figures costs only what happened
since, whatever the number of tasks. Audit tasks are few and are kept whole.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import combinations
from math import floor
from typing import Any, Final

from index_store import Snapshot
from mpi.identity_events import decode_event
from mpi.review.types import Verdict

__all__ = [
    "BAND_BITS",
    "OUTCOMES",
    "Tallies",
    "band_of",
    "day_of",
    "judgements_of",
    "outcome_of",
    "said_of",
]

OUTCOMES: Final = ("same", "different", "other")
"""What a verdict says of a question: one person, two, or neither of these alone."""

BAND_BITS: Final = 4
BANDS: Final = (-4, 12)
"""Bands of weight are 4 bits wide, from below -16 to above 48 bits."""

EVENTS_MAX: Final = 20_000
EVENT_BYTES_MAX: Final = 8 << 20
"""After more events, or larger ones, a walk through the tasks is cheaper than through these."""

_OUTCOME: Final = {
    Verdict.MERGE.value: "same",
    Verdict.DIFFERENT.value: "different",
    Verdict.SPLIT.value: "different",
}
_TAKEN_BACK: Final = "undone"
_REJECTED: Final = "rejected"
_DAY_MS: Final = 86_400_000
_JUDGED: Final = (b'"judgements":', b'"audit":')
_WAITING: Final = re.compile(
    rb'\{"kind": ?"([^"\\]*)", ?"status": ?"([^"\\]*)".*?"created_ms": ?(\d+)', re.DOTALL
)
"""How a task begins. A quotation mark inside a text has a backslash before it, so that what stands
in the texts matches no name of an entry."""

Key = tuple[Any, ...]
Task = Mapping[str, Any]


def outcome_of(verdict: str | None) -> str:
    """A verdict as one of OUTCOMES.

    Parameters
    ----------
    verdict : of a task or a judgement
    """
    return _OUTCOME.get(verdict or "", "other")


def band_of(weight: float) -> int:
    """Band of a match weight; band b begins at b * BAND_BITS bits.

    Parameters
    ----------
    weight : bits
    """
    return min(max(floor(weight / BAND_BITS), BANDS[0]), BANDS[1])


def said_of(judgement: Task) -> str:
    """What somebody said, as one of OUTCOMES; who rejects a proposal says neither.

    Parameters
    ----------
    judgement : of a task
    """
    if judgement.get("role") == _REJECTED:
        return "other"
    return outcome_of(judgement["verdict"])


def day_of(at_ms: int) -> str:
    """The day, UTC, of a time of the journal.

    Parameters
    ----------
    at_ms : milliseconds since 1970
    """
    return datetime.fromtimestamp(at_ms / 1000, UTC).date().isoformat()


def judgements_of(task: Task) -> list[Task]:
    """What stewards said on a task and nobody took back, oldest first.

    Parameters
    ----------
    task : of the task table
    """
    return [each for each in task.get("judgements", ()) if each.get("role") != _TAKEN_BACK]


class Tallies:
    """Counters over all tasks of an index.

    Attributes
    ----------
    counts : ('status', status), ('open', kind, day number raised), ('day', day, by, outcome),
        ('pair', one, other, outcome of one, outcome of other), ('overruled', by),
        ('band', band, outcome) -> number of tasks or judgements
    audits : task number -> audit task
    events_seen : number of the last event that is counted
    """

    def __init__(self) -> None:
        self.counts: Counter[Key] = Counter()
        self.audits: dict[int, Task] = {}
        self.events_seen = 0

    def catch_up(self, snapshot: Snapshot) -> None:
        """Count what happened since the last time.

        Parameters
        ----------
        snapshot : of the index
        """
        now = snapshot.event_count
        events = self._new_events(snapshot, now) if self.events_seen else None
        if events is None:
            self._count_all(snapshot)
        else:
            for number, before, after in _changes(events):
                self._move(number, before, after)
        self.events_seen = now

    def _new_events(self, snapshot: Snapshot, now: int) -> list[bytes] | None:
        """Events since the last time; None where a walk through the tasks is cheaper."""
        if not 0 <= now - self.events_seen <= EVENTS_MAX:
            return None
        events, size = [], 0
        for _, data in snapshot.journal(self.events_seen + 1):
            events.append(data)
            size += len(data)
            if size > EVENT_BYTES_MAX:
                return None
        return events

    def _count_all(self, snapshot: Snapshot) -> None:
        """Count every task; of those that nobody judged yet only three entries are read."""
        self.counts.clear()
        self.audits.clear()
        waiting: Counter[tuple[bytes, bytes, int]] = Counter()
        for key, value in snapshot.range("task"):
            found = None if any(each in value for each in _JUDGED) else _WAITING.match(value)
            if found is None:
                self._move(int.from_bytes(key, "big"), None, json.loads(value))
            else:
                waiting[found[1], found[2], int(found[3]) // _DAY_MS] += 1
        for (kind, status, day), count in waiting.items():
            for counter in _waiting_keys(status.decode(), kind.decode(), day):
                self.counts[counter] += count

    def _move(self, number: int, before: Task | None, after: Task | None) -> None:
        for task, step in ((before, -1), (after, 1)):
            if task is not None:
                for key in _keys(task):
                    self.counts[key] += step
                    if not self.counts[key]:
                        del self.counts[key]
        if after is not None and "audit" in after:
            self.audits[number] = after
        else:
            self.audits.pop(number, None)

    def of(self, name: str) -> Iterator[tuple[Key, int]]:
        """The counters of one name, without it.

        Parameters
        ----------
        name : first part of the key
        """
        for key, count in self.counts.items():
            if key[0] == name:
                yield key[1:], count


def _changes(events: Sequence[bytes]) -> Iterator[tuple[int, Task | None, Task | None]]:
    """(task, before, after) of what events changed."""
    for data in events:
        for change in decode_event(data).changes:
            if change.table == "task":
                assert isinstance(change.key, int)
                yield change.key, change.before, change.after


def _waiting_keys(status: str, kind: str, day: int) -> Iterator[Key]:
    """What a task adds one to whatever was said on it."""
    yield "status", status
    if status != "closed":
        yield "open", kind, day


def _keys(task: Task) -> Iterator[Key]:
    """What one task adds one to."""
    yield from _waiting_keys(task["status"], task["kind"], task["created_ms"] // _DAY_MS)
    judged = judgements_of(task)
    for each in judged:
        yield "day", day_of(each["at_ms"]), each["by"], said_of(each)
    for one, other, first, second in _judged_twice(judged):
        yield "pair", one, other, first, second
    last = judged[-1] if judged else None
    for each in judged[:-1]:
        assert last is not None
        if each["by"] != last["by"] and said_of(each) != said_of(last):
            yield "overruled", each["by"]
    is_decided = task["status"] == "closed" and last is not None
    if is_decided and "audit" not in task and task["pairs"] and task["pairs"][0][2] is not None:
        yield "band", band_of(task["pairs"][0][2]), outcome_of(task["verdict"])


def _judged_twice(judged: Sequence[Task]) -> Iterator[tuple[str, str, str, str]]:
    """(one, other, what they said) for each two people who judged a task, by name."""
    first: dict[str, str] = {}
    for each in judged:
        first.setdefault(each["by"], said_of(each))
    for one, other in combinations(sorted(first), 2):
        yield one, other, first[one], first[other]
