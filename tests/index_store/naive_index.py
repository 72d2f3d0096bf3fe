"""The index as plain dictionaries, and made-up records to put into both."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

N_WORDS = 3
RULES = ("first", "second")


@dataclass
class NaiveIndex:
    """What the store must hold; every answer is computed the slow and obvious way."""

    rows: list[tuple[int, ...]] = field(default_factory=list)
    references: list[tuple[int, bytes]] = field(default_factory=list)
    times: list[int] = field(default_factory=list)
    identities: list[int] = field(default_factory=list)
    first_identities: list[int] = field(default_factory=list)
    postings: list[set[tuple[int, int]]] = field(default_factory=lambda: [set() for _ in RULES])
    plain: dict[tuple[str, bytes], bytes] = field(default_factory=dict)
    events: list[bytes] = field(default_factory=list)

    def append(self, made: dict[str, Any]) -> None:
        first = len(self.rows)
        for place, row in enumerate(made["rows"].tolist()):
            identity = int(made["identities"][place])
            self.rows.append(tuple(row))
            self.references.append((int(made["source"][place]), made["record_ids"][place]))
            self.times.append(int(made["updated_at"][place]))
            self.identities.append(identity if identity >= 0 else first + place)
            self.first_identities.append(self.identities[-1])
            for rule, keys in enumerate(made["keys"]):
                if keys[place]:
                    self.postings[rule].add((int(keys[place]), first + place))

    def assert_equals(self, snapshot: Any) -> None:
        """Compare everything that a snapshot can be asked."""
        count = len(self.rows)
        assert count == snapshot.record_count
        everyone = np.arange(count, dtype=np.int64)
        assert self.rows == [tuple(row) for row in snapshot.rows(everyone).tolist()]
        source, record_ids = snapshot.references(everyone)
        assert self.references == list(zip(source.tolist(), record_ids))
        assert self.times == snapshot.updated_at(everyone).tolist()
        assert self.identities == snapshot.identities(everyone).tolist()
        assert self.first_identities == snapshot.first_identities(everyone).tolist()
        self._assert_relations(snapshot, everyone)
        assert self.events == [event for _, event in snapshot.journal()]
        tables = {table for table, _ in self.plain}
        found = {(table, key): value for table in tables for key, value in snapshot.range(table)}
        assert self.plain == found

    def _assert_relations(self, snapshot: Any, everyone: NDArray[np.int64]) -> None:
        sources = np.array([source for source, _ in self.references], np.uint16)
        found = snapshot.find_references(sources, [text for _, text in self.references])
        live = [record if self.identities[record] >= 0 else -1 for record in everyone.tolist()]
        assert live == found.tolist()
        offsets, members = snapshot.members(everyone)
        wanted: list[list[int]] = [[] for _ in live]
        for record, identity in enumerate(self.identities):
            if identity >= 0:
                wanted[identity].append(record)
        assert wanted == [members[a:b].tolist() for a, b in itertools.pairwise(offsets)]
        for rule, pairs in enumerate(self.postings):
            keys = [*sorted({key for key, _ in pairs}), 0, 12345678901]
            offsets, records = snapshot.postings(rule, np.array(keys, np.uint64))
            for place, key in enumerate(keys):
                answer = records[offsets[place] : offsets[place + 1]].tolist()
                true = sorted(record for its_key, record in pairs if its_key == key)
                assert answer == sorted(set(answer))
                assert set(true) <= set(answer)
                assert len(answer) <= len(true) + 2, "false hits are rare"


def made_records(seed: int, first: int, count: int) -> dict[str, Any]:
    """`count` records to follow `first` others; some join earlier identities."""
    random = np.random.default_rng([seed, first, count])
    numbers = np.arange(first, first + count)
    rows = random.integers(0, 1 << 63, (count, N_WORDS), dtype=np.uint64)
    rows[random.random(count) < 0.7, 1] = 0
    rows[:, 2] &= np.uint64(0xFF00FF)
    person = random.integers(0, first + count, count)
    joins = (random.random(count) < 0.4) & (person < numbers)
    keys = [random.integers(0, 2 * (first + count), count).astype(np.uint64) for _ in RULES]
    return {
        "rows": rows,
        "source": random.integers(0, 3, count).astype(np.uint16),
        "record_ids": [b"%x-%d" % (seed, number) for number in numbers.tolist()],
        "updated_at": random.integers(0, 1 << 32, count).astype(np.uint32),
        "identities": np.where(joins, person, -1),
        "keys": keys,
    }


def append(batch: Any, made: dict[str, Any]) -> NDArray[np.int64]:
    """Append made-up records and their postings in a write batch."""
    records = {name: value for name, value in made.items() if name != "keys"}
    numbers: NDArray[np.int64] = batch.append_records(**records)
    for rule, keys in enumerate(made["keys"]):
        batch.add_postings(rule, keys, numbers)
    return numbers
