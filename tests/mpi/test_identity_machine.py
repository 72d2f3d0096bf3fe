"""Whatever is done to an index, in whatever order: its promises hold, its journal is true."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from mpi.identity_events import decode_event
from mpi.identity_index import IdentityIndex
from mpi.identity_state import IdentityState
from person.errors import IdentityError
from tests.mpi.identity_registry import Clock, national_id

PEOPLE: list[dict[str, Any]] = [
    {"name": "王芳", "birth_date": "1991-08-16", "gender": "女", "phone": "13671093358",
     "id_number": national_id("110105", "1991-08-16", 26), "region_code": "110105"},
    {"name": "王芳", "birth_date": "1991-08-16", "gender": "女", "phone": "13671093358"},
    {"name": "王小芳", "birth_date": "1991-08-16", "gender": "女", "phone": "13671093358"},
    {"name": "陈建国", "birth_date": "1958-04-09", "gender": "男", "phone": "13957180246",
     "id_number": national_id("330106", "1958-04-09", 37)},
    {"name": "陈建国", "birth_date": "1958-04-09", "gender": "男", "address": "杭州市文三路90号"},
    {"name": "赵丽华", "birth_date": "1971-11-23", "gender": "女",
     "id_number": national_id("330106", "1958-04-09", 37)},
    {"name": "无名氏", "gender": "男"},
]  # fmt: skip
people = st.sampled_from(PEOPLE)
records = st.tuples(st.sampled_from(["a", "b"]), st.sampled_from(["1", "2", "3"]))
Reference = tuple[str, str]


class IdentityMachine(RuleBasedStateMachine):
    """Records come, change and go; stewards decide and take back; the index is reopened."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = Path(tempfile.mkdtemp(prefix="identity-machine-"))
        self.clock = Clock()
        self.index = IdentityIndex.create(
            self.directory / "index", population=1_000_000, clock=self.clock
        )
        self.held: dict[Reference, dict[str, Any]] = {}

    def teardown(self) -> None:
        report = self.index.verify()
        self.index.close()
        shutil.rmtree(self.directory)
        assert () == report.findings

    # ------------------------------------------------------------------ what is done

    @rule(reference=records, person=people)
    def add_or_update(self, reference: Reference, person: dict[str, Any]) -> None:
        self.index.add({"source": reference[0], "record_id": reference[1], **person})
        self.held[reference] = person

    @rule(batch=st.dictionaries(records, people, min_size=1, max_size=4))
    def add_table(self, batch: dict[Reference, dict[str, Any]]) -> None:
        self.index.add_table(
            [{"source": s, "record_id": r, **person} for (s, r), person in batch.items()]
        )
        self.held |= batch

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        reference = data.draw(st.sampled_from(sorted(self.held)))
        self.index.remove(*reference)
        del self.held[reference]

    def _two(self, data: st.DataObject) -> tuple[str, str]:
        ids = []
        for _ in range(2):
            source, record_id = data.draw(st.sampled_from(sorted(self.held)))
            found = self.index.lookup(source=source, record_id=record_id)
            assert found is not None
            ids.append(found.enterprise_id)
        return ids[0], ids[1]

    @precondition(lambda self: self.held)
    @rule(data=st.data(), is_same=st.booleans())
    def decide(self, data: st.DataObject, is_same: bool) -> None:
        one, other = self._two(data)
        if one != other:
            decide = self.index.merge if is_same else self.index.declare_different
            decide(one, other, by="Li", reason="seen")

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def split(self, data: st.DataObject) -> None:
        reference = data.draw(st.sampled_from(sorted(self.held)))
        found = self.index.lookup(source=reference[0], record_id=reference[1])
        assert found is not None
        if len(found.records) > 1:
            new = self.index.split(found.enterprise_id, [reference], by="Li", reason="seen")
            assert (reference,) == new.records

    @rule(data=st.data())
    def undo(self, data: st.DataObject) -> None:
        last = int(self.index.statistics()["events"])
        if last < 2:
            return
        number = data.draw(st.integers(max(2, last - 4), last))
        try:
            self.index.undo(number, by="Li")
        except IdentityError:
            return
        rows = self.index.state_at().to_pylist()
        self.held = {(row["source"], row["record_id"]): {} for row in rows}

    @rule()
    def reopen(self) -> None:
        self.index.close()
        self.index = IdentityIndex.open(self.directory / "index", writable=True, clock=self.clock)

    # ------------------------------------------------------------------ what always holds

    @invariant()
    def each_record_belongs_to_one_live_identity(self) -> None:
        rows = self.index.state_at().to_pylist()
        references = [(row["source"], row["record_id"]) for row in rows]
        assert sorted(self.held) == sorted(references)
        for row in rows:
            found = self.index.lookup(source=row["source"], record_id=row["record_id"])
            assert found is not None
            assert (row["enterprise_id"], "live") == (found.enterprise_id, found.status)

    @invariant()
    def the_state_is_the_replay_of_the_journal(self) -> None:
        state = IdentityState()
        with self.index.store.read() as snapshot:
            for _, data in snapshot.journal():
                state.apply(decode_event(data))
        assert [] == state.problems()
        assert len(self.held) == int((state.membership >= 0).sum())
        self._decisions_hold(state)

    def _decisions_hold(self, state: IdentityState) -> None:
        """What a steward decided is true of the records, whatever machines did since."""
        for (one, other), decision in state.entries["decision"].items():
            is_together = state.identity_of(one) == state.identity_of(other)
            assert is_together == (decision["verdict"] == "SAME")

    @invariant()
    def a_retired_id_comes_back_only_by_undo(self) -> None:
        """Nor is an id ever given to somebody else."""
        with self.index.store.read() as snapshot:
            events = [decode_event(data) for _, data in snapshot.journal()]
        for event in events:
            revived = [
                c.key for c in event.changes if c.table == "retired" and c.before and not c.after
            ]
            if event.kind.value not in ("UNDO",):
                assert [] == revived


IdentityMachine.TestCase.settings = settings(max_examples=25, stateful_step_count=20)
TestIdentityMachine = IdentityMachine.TestCase
