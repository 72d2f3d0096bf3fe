"""A registry in a test: records arrive, stewards decide, and the index is drawn as text.

E1  clinic/7 hospital/3        an identity and its records; E1, E2 ... in order of appearance
E2 -> E1                       a redirect
E3 retired
? clinic/8 in E4: E1           an open task: is the record of E4 perhaps of E1?
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mpi.identity_index import IdentityIndex
from mpi.identity_results import Identity, Receipt, Resolution

__all__ = ["Clock", "Registry", "national_id"]

_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


def national_id(region: str, birth: str, sequence: int) -> str:
    """A valid number of 18 digits: county, YYYY-MM-DD, sequence (odd for men)."""
    body = f"{region}{birth.replace('-', '')}{sequence:03d}"
    return body + "10X98765432"[sum(int(d) * w for d, w in zip(body, _WEIGHTS)) % 11]


class Clock:
    """A clock that moves a minute at every look."""

    def __init__(self) -> None:
        self.now_ms = 1_700_000_000_000

    def __call__(self) -> int:
        self.now_ms += 60_000
        return self.now_ms


class Registry:
    """An index of a million people and the names we call its identities by."""

    def __init__(self, path: Path, **options: Any) -> None:
        self.clock = Clock()
        self.index = IdentityIndex.create(
            path / "index", population=1_000_000, clock=self.clock, **options
        )
        self._path = path / "index"
        self._names: dict[str, str] = {}

    def reopen(self) -> None:
        """Close the index and open it again."""
        self.index.close()
        self.index = IdentityIndex.open(self._path, writable=True, clock=self.clock)

    def close(self) -> None:
        self.index.close()

    # ------------------------------------------------------------------ what happens

    def arrives(self, record: str, **person: Any) -> Receipt:
        """A record, 'source/id', comes in or comes again with other content."""
        source, record_id = record.split("/")
        receipt = self.index.add({"source": source, "record_id": record_id, **person})
        self._name(receipt.enterprise_id)
        return receipt

    def asks(self, **person: Any) -> Resolution:
        """Somebody at a desk asks who this is."""
        return self.index.resolve(person)

    def leaves(self, record: str) -> Receipt:
        return self.index.remove(*record.split("/"))

    def merge(self, one: str, other: str) -> str:
        merged = self.index.merge(
            self.id_of(one), self.id_of(other), by="Dr Li", reason="same person"
        )
        return self._name(merged.enterprise_id)

    def split(self, name: str, records: Iterable[str]) -> str:
        parted = [tuple(record.split("/")) for record in records]
        new = self.index.split(
            self.id_of(name),
            parted,
            by="Dr Li",
            reason="another person",  # type: ignore[arg-type]
        )
        return self._name(new.enterprise_id)

    def last_event(self) -> int:
        return int(self.index.statistics()["events"])

    # ------------------------------------------------------------------ what is seen

    def _name(self, enterprise_id: str | None) -> str:
        if enterprise_id is None:
            return "nobody"
        return self._names.setdefault(enterprise_id, f"E{len(self._names) + 1}")

    def id_of(self, name: str) -> str:
        return next(key for key, value in self._names.items() if value == name)

    def who(self, record: str) -> str:
        """The name of the identity that a record belongs to."""
        source, record_id = record.split("/")
        found = self.index.lookup(source=source, record_id=record_id)
        return "nobody" if found is None else self._name(found.enterprise_id)

    def named(self, identities: Iterable[Identity]) -> list[str]:
        return [self._name(each.enterprise_id) for each in identities]

    def picture(self) -> str:
        """Identities and open tasks, a line each."""
        for row in self.index.state_at().to_pylist():
            self._name(row["enterprise_id"])
        lines = []
        for enterprise_id, name in self._names.items():
            found = self.index.lookup(enterprise_id=enterprise_id)
            if found is None:
                continue
            if found.asked_for is not None:
                lines.append(f"{name} -> {self._name(found.enterprise_id)}")
            elif found.status == "retired":
                lines.append(f"{name} retired")
            else:
                lines.append(f"{name}  " + " ".join("/".join(each) for each in found.records))
        for task in self.index.tasks():
            others = " ".join(self._name(each[0]) for each in task.candidates)
            own = self._name(task.enterprise_id)
            lines.append(f"? {task.source}/{task.record_id} in {own}: {others}")
        return "\n".join(lines)
