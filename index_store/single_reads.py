"""Reads of one key: what `Snapshot` answers for many, without the arrays that many need."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from index_store.base import Base, People
from index_store.delta import Delta
from index_store.format import State
from index_store.touched import (
    TOUCH_IDENTITY,
    TOUCH_MEMBERSHIP,
    TOUCH_POSTING,
    TOUCH_RECORD,
    TOUCH_REFERENCE,
    TouchFilter,
)

__all__ = ["SingleReads"]

_FEW: Final = 64


class SingleReads(ABC):
    """The part of a `Snapshot` that lookups of one go through: base, filter and delta as there."""

    state: State
    _base: Base | None
    _filter: TouchFilter
    _delta: Delta

    @abstractmethod
    def find_references(
        self, source_numbers: ArrayLike, record_ids: Sequence[bytes]
    ) -> NDArray[np.int64]:
        """See `Snapshot`."""

    @abstractmethod
    def postings(
        self, rule: int, keys: NDArray[np.uint64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """See `Snapshot`."""

    @abstractmethod
    def rows(self, records: NDArray[np.int64]) -> NDArray[np.uint64]:
        """See `Snapshot`."""

    @abstractmethod
    def references(self, records: NDArray[np.int64]) -> tuple[NDArray[np.uint16], list[bytes]]:
        """See `Snapshot`."""

    def find_reference(self, source: int, record_id: bytes) -> int:
        """One record by source and id; -1 where there is none or it was removed."""
        if self._base is None:
            return int(self.find_references([source], [record_id])[0])
        hashed, record = self._base.find_record(source, record_id)
        if not self._filter.holds(TOUCH_REFERENCE, hashed):
            return record
        return int(self.find_references([source], [record_id])[0])

    def identity(self, record: int) -> int:
        """The identity one record belongs to; -1 for a removed or unknown record."""
        if not 0 <= record < self.state.record_count:
            return -1
        is_late = record >= self.state.base_record_count
        if is_late or self._filter.holds(TOUCH_MEMBERSHIP, record):
            identity = self._delta.identity(record)
            if identity is not None or is_late or self._base is None:
                return -1 if identity is None else identity
        assert self._base is not None, "records below base_record_count are in the base"
        return self._base.identity(record)

    def names(self, records: Sequence[int]) -> tuple[list[int], list[bytes]]:
        """Sources and record ids of a few records that exist; `references` of many."""
        numbers = np.array(records, np.int64)
        base, late = self._base, self.state.base_record_count
        if base is not None and 0 < len(records) <= _FEW and max(records) < late:
            found = base.names(numbers)
            touched = any(self._filter.holds(TOUCH_RECORD, each) for each in records)
            if found is not None and not touched:
                return found
        sources, record_ids = self.references(numbers)
        return sources.tolist(), record_ids

    def postings_of(self, rule: int, key: int) -> NDArray[np.int64]:
        """`postings` of one key, int64[m]."""
        if self._base is None or self._filter.holds(TOUCH_POSTING + rule, key) or not key:
            return self.postings(rule, np.array([key], np.uint64))[1]
        return self._base.match(self._base.posting(rule), key, is_posting=True)

    def postings_with(self, rule: int, key: int, place: NDArray[np.int64], value: int) -> list[int]:
        """Records of one key whose row holds a value at (word, shift, bits), int64[3].

        The value must be part of the key: a row that changes it has left the key's postings.
        """
        if self._base is not None and not self._filter.holds(TOUCH_POSTING + rule, key):
            held = self._base.match_value(rule, key, self.state.n_words, place, value)
            if held is not None:
                return held.tolist()
        records = self.postings_of(rule, key)
        word, shift, bits = place.tolist()
        words = self.rows(records)[:, word] >> np.uint64(shift)
        return records[words & np.uint64((1 << bits) - 1) == np.uint64(value)].tolist()

    def owners_with(self, rule: int, key: int, place: NDArray[np.int64], value: int) -> list[int]:
        """Identity of each record that `postings_with` finds, -1 for a removed one."""
        base = self._base
        if base is not None and not self._filter.holds(TOUCH_POSTING + rule, key):
            found = base.owners(rule, key, self.state.n_words, place, value)
            if found is not None:
                records, owners = found
                if not self._filter.holds_any(TOUCH_MEMBERSHIP, records):
                    return owners
                return [self.identity(record) for record in records]
        return [self.identity(each) for each in self.postings_with(rule, key, place, value)]

    def members_of(self, identity: int) -> list[int]:
        """`members` of one identity."""
        if not 0 <= identity < self.state.record_count:
            return []
        found = set()
        if self._base is not None:
            found.update(self._base.match(self._base.members, identity, is_posting=False).tolist())
        if self._filter.holds(TOUCH_IDENTITY, identity):
            added, removed = self._delta.members(identity)
            found = (found - set(removed)) | set(added)
        if self.identity(identity) == identity:
            found.add(identity)
        return sorted(found)

    def described(self, identity: int) -> tuple[list[int], list[int], list[bytes]]:
        """`members_of` one identity, and `names` of those: records, sources, record ids."""
        base, is_changed = self._base, self._filter.holds
        if (
            base is not None
            and 0 <= identity < self.state.base_record_count
            and not is_changed(TOUCH_IDENTITY, identity)
            and not is_changed(TOUCH_MEMBERSHIP, identity)
        ):
            found = base.described(identity)
            if found is not None and not self._filter.holds_any(TOUCH_RECORD, found[0]):
                return found
        records = self.members_of(identity)
        if not records:
            return [], [], []
        return records, *self.names(records)

    def person(self, identity: int) -> People | None:
        """One identity with its records, in one compiled call.

        Returns
        -------
        people; None where the delta may know of a change, or there are no or too many records:
        the other reads tell then
        """
        if self._base is None or not 0 <= identity < self.state.base_record_count:
            return None
        return self._base.person(self._filter.block, identity)

    def person_at(self, source: int, record_id: bytes) -> People | None:
        """Whose record a source's is, in one compiled call.

        Returns
        -------
        people, none or one; None as of `person`
        """
        if self._base is None:
            return None
        return self._base.person_at(self._filter.block, source, record_id)

    def people_with(
        self, rule: int, key: int, place: NDArray[np.int64], value: int
    ) -> People | None:
        """Who has a record that `postings_with` finds, in one compiled call.

        Returns
        -------
        people, in order of their identities; None as of `person`
        """
        if self._base is None:
            return None
        return self._base.people_with(self._filter.block, (rule, key, value), place)
