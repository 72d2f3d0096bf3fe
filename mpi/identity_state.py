"""The state of an identity index as a pure function of its journal. No files, no clock.

`IdentityState` starts empty and takes events in order; what an event says was there before must
be there, so a journal with a hole or a change nobody wrote down is found at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mpi.identity_events import Change, Event
from person.errors import IdentityError

__all__ = ["ABSENT", "BulkChanges", "IdentityState", "replay"]

ABSENT: Final = -1
"""Identity number of a record that is not in the index (any more)."""


@dataclass(frozen=True, slots=True)
class BulkChanges:
    """What a bulk load changed, packed.

    Attributes
    ----------
    first : number of its first new record
    identities : int64[n_new], identity of each new record; ABSENT for reserved numbers
    moved : int64[m], records of earlier loads that changed their identity, rising
    moved_before, moved_after : int64[m]
    """

    first: int
    identities: NDArray[np.int64]
    moved: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    moved_before: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    moved_after: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))


class IdentityState:
    """Which record belongs to which identity, and what was decided; grown event by event."""

    def __init__(self) -> None:
        self._membership = np.full(16, ABSENT, np.int64)
        self._bulk_ranges: list[tuple[int, int]] = []
        self.record_count = 0
        self.event_count = 0
        self.entries: dict[str, dict[Any, Any]] = {
            name: {} for name in ("reference", "row", "redirect", "retired", "decision", "task")
        }

    @property
    def membership(self) -> NDArray[np.int64]:
        """int64[record_count], identity of each record, ABSENT for those removed."""
        return self._membership[: self.record_count]

    def identity_of(self, record: int) -> int | None:
        """Identity of a record, None where it is not in the index."""
        if not 0 <= record < self.record_count or self._membership[record] == ABSENT:
            return None
        return int(self._membership[record])

    def members(self, identity: int) -> list[int]:
        """Records of an identity, rising."""
        return [int(record) for record in np.flatnonzero(self.membership == identity)]

    def redirect(self, identity: int) -> int | None:
        return self.entries["redirect"].get(identity)

    def redirects_to(self, identity: int) -> list[int]:
        return sorted(k for k, value in self.entries["redirect"].items() if value == identity)

    def is_retired(self, identity: int) -> bool:
        return identity in self.entries["retired"]

    def decisions_of(self, record: int) -> dict[int, dict[str, Any]]:
        """What stewards decided on a record: other record -> decision."""
        return {
            (high if low == record else low): value
            for (low, high), value in self.entries["decision"].items()
            if record in (low, high)
        }

    def get(self, table: str, key: Any) -> Any:
        """Entry of any table, None where there is none."""
        return self.identity_of(key) if table == "member" else self.entries[table].get(key)

    def apply(self, event: Event, bulk: BulkChanges | None = None) -> None:
        """Take one event.

        Parameters
        ----------
        event : the next of the journal
        bulk : its packed changes, where it is a bulk load

        Raises
        ------
        IdentityError : the event says that something was there before which is not
        """
        number = self.event_count + 1
        if bulk is not None:
            self._apply_bulk(bulk, number)
        for change in event.changes:
            held = self.get(change.table, change.key)
            if held != change.before and not (held is None and self._came_in_bulk(change)):
                raise IdentityError(
                    f"event {number} of the journal does not follow from those before it "
                    f"({change.table} {change.key})"
                )
            self._set(change)
        self.event_count = number

    def _came_in_bulk(self, change: Change) -> bool:
        """Whether the entry is of a record that a bulk load brought: no event tells its row."""
        return change.table in ("reference", "row") and any(
            first <= change.key < stop  # type: ignore[operator]
            for first, stop in self._bulk_ranges
        )

    def _set(self, change: Change) -> None:
        if change.table == "member":
            assert isinstance(change.key, int)
            self._grow(change.key + 1)
            self._membership[change.key] = ABSENT if change.after is None else change.after
        elif change.after is None:
            self.entries[change.table].pop(change.key, None)
        else:
            self.entries[change.table][change.key] = change.after

    def _apply_bulk(self, bulk: BulkChanges, number: int) -> None:
        stop = bulk.first + len(bulk.identities)
        if len(bulk.identities):
            if bulk.first < self.record_count:
                raise IdentityError(f"event {number} of the journal numbers records anew")
            self._grow(stop)
            self._membership[bulk.first : stop] = bulk.identities
            self._bulk_ranges.append((bulk.first, stop))
        if len(bulk.moved):
            if not np.array_equal(self._membership[bulk.moved], bulk.moved_before):
                raise IdentityError(
                    f"event {number} of the journal moves records from where they are not"
                )
            self._membership[bulk.moved] = bulk.moved_after

    def _grow(self, count: int) -> None:
        if count > len(self._membership):
            grown = np.full(max(count, 2 * len(self._membership)), ABSENT, np.int64)
            grown[: self.record_count] = self.membership
            self._membership = grown
        self.record_count = max(self.record_count, count)

    def live_identities(self) -> NDArray[np.int64]:
        """Numbers of the identities that have records, rising."""
        held = self.membership[self.membership != ABSENT]
        is_live = np.zeros(int(held.max(initial=-1)) + 1, np.bool_)
        is_live[held] = True
        return np.flatnonzero(is_live)

    def problems(self) -> list[str]:
        """Broken invariants, as sentences; none in a sound index."""
        live = set(self.live_identities().tolist())
        found = []
        for identity, target in self.entries["redirect"].items():
            if identity in live:
                found.append(f"identity {identity} has records and is redirected")
            if target not in live:
                found.append(f"the redirect of identity {identity} ends at none that is alive")
        for identity in self.entries["retired"]:
            if identity in live:
                found.append(f"identity {identity} is retired and has records")
            if identity in self.entries["redirect"]:
                found.append(f"identity {identity} is retired and redirected")
        return found

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, IdentityState):
            return NotImplemented
        is_same_membership = np.array_equal(_trimmed(self), _trimmed(other))
        return is_same_membership and self.entries == other.entries

    __hash__ = None  # type: ignore[assignment]


def _trimmed(state: IdentityState) -> NDArray[np.int64]:
    """Membership without the absent records at its end."""
    present = np.flatnonzero(state.membership != ABSENT)
    return state.membership[: present[-1] + 1 if len(present) else 0]


def replay(
    events: Iterable[Event],
    bulk_changes: Mapping[int, BulkChanges] | None = None,
    *,
    until_ms: int | None = None,
) -> IdentityState:
    """The state that a journal makes.

    Parameters
    ----------
    events : from the first on
    bulk_changes : event number -> packed changes of that bulk load
    until_ms : leave out what happened after this time

    Returns
    -------
    IdentityState
    """
    state = IdentityState()
    for number, event in enumerate(events, 1):
        if until_ms is not None and event.at_ms > until_ms:
            break
        state.apply(event, (bulk_changes or {}).get(number))
    return state
