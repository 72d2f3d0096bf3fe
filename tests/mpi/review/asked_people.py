"""An index of made-up people and questions about any two of them, of any weight."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mpi.identity_events import EventKind
from mpi.identity_index import IdentityIndex
from mpi.identity_tasks import Question
from mpi.review.queue import ReviewQueue
from tests.mpi.identity_registry import Clock

__all__ = ["STEWARDS", "Asked"]

STEWARDS = ("Dr Li", "Dr Wang", "Dr Zhao")
_SURNAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗"
_GIVEN = ("伟", "芳", "娜", "秀英", "敏", "静", "丽", "强", "磊", "军", "洋", "勇", "艳", "杰")


def person(number: int) -> dict[str, str]:
    """A person like no other: name, birth date and phone follow from the number."""
    name = _SURNAMES[number % len(_SURNAMES)] + _GIVEN[number * 5 % len(_GIVEN)]
    return {
        "source": ("clinic", "hospital")[number % 2],
        "record_id": f"{number:05d}",
        "name": name,
        "birth_date": f"{1930 + number * 7 % 80}-{number % 12 + 1:02d}-{number * 11 % 28 + 1:02d}",
        "phone": f"13{number % 7 + 3}{number * 7919 % 10**8:08d}",
    }


class Asked:
    """Records 0, 1, 2 ... are a person each; `ask` raises questions about them.

    Attributes
    ----------
    index, queue, clock : open for writing
    """

    def __init__(self, path: Path, people: int) -> None:
        self.clock = Clock()
        self.index = IdentityIndex.create(path / "index", population=10_000, clock=self.clock)
        self.queue = ReviewQueue(self.index, clock=self.clock)
        self.path = path / "index"
        receipts = self.index.add_table([person(number) for number in range(people)])
        assert {"NEW"} == set(receipts["outcome"].to_pylist())
        self.ids = receipts["enterprise_id"].to_pylist()

    def close(self) -> None:
        self.index.close()

    def ask(self, *questions: Sequence[tuple[int, int, float]], kind: str = "REVIEW") -> list[int]:
        """Raise questions, each of (record, record, weight) pairs: the tasks' numbers."""
        asked = [
            Question(
                kind=kind,
                pairs=[(one, other, weight, None) for one, other, weight in pairs],
                reasons=("for a test",),
            )
            for pairs in questions
        ]
        with self.index.writing(by="a batch run", reason="") as session:
            changes = session.ask(asked)
            session.write(EventKind.TASK, changes)
        return [int(change.key) for change in changes]  # type: ignore[arg-type]

    def version(self, number: int) -> int:
        return self.queue.row(number).version

    def identity(self, record: int) -> str:
        """The enterprise id of a record now."""
        given = person(record)
        found = self.index.lookup(source=given["source"], record_id=given["record_id"])
        assert found is not None
        return found.enterprise_id
