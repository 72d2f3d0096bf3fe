"""The state of an identity index as a function of its journal: replay, undo, plans."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpi.identity_events import (
    Addition,
    Change,
    Event,
    EventKind,
    addition_start,
    as_json,
    decode_event,
    encode_addition,
    encode_event,
    inverse_changes,
)
from mpi.identity_plan import (
    DIFFERENT,
    SAME,
    decision_changes,
    membership_changes,
    merge_survivor,
    split_decisions,
    undo_moves,
)
from mpi.identity_state import BulkChanges, IdentityState, replay
from person.errors import IdentityError

Move = dict[int, int | None]

texts = st.text(max_size=20)
keys = st.integers(0, 2**32 - 2)
values = st.one_of(st.none(), keys)
changes = st.one_of(
    st.builds(Change, st.sampled_from(["member", "redirect"]), keys, values, values),
    st.builds(
        Change,
        st.just("decision"),
        st.tuples(keys, keys),
        st.none(),
        st.dictionaries(texts, texts, max_size=3),
    ),
    st.builds(Change, st.just("reference"), keys, st.none(), st.lists(texts, max_size=2)),
)
events = st.builds(
    Event,
    kind=st.sampled_from(EventKind),
    at_ms=st.integers(0, 2**43),
    by=st.text(min_size=1, max_size=20),
    reason=texts,
    model=texts,
    evidence=st.dictionaries(texts, st.lists(st.floats(allow_nan=False), max_size=2), max_size=2),
    changes=st.lists(changes, max_size=30).map(tuple),
    undoes=st.lists(st.integers(1, 99), max_size=2).map(tuple),
    batch=st.one_of(st.none(), st.integers(1, 99)),
)


@given(events)
def test_an_event_survives_its_bytes(event: Event) -> None:
    """What is read from the journal is what was written to it."""
    assert event == decode_event(encode_event(event))


@given(
    st.tuples(keys, keys, st.integers(0, 2**32 - 1)),
    st.tuples(st.sampled_from(["auto", "Li", "李'\""]), texts, texts),
    st.one_of(st.none(), st.dictionaries(texts, st.text(max_size=400), max_size=4)),
    st.one_of(st.none(), st.integers(1, 99)),
)
def test_an_added_record_has_the_bytes_of_its_event(
    numbers: tuple[int, int, int],
    voice: tuple[str, str, str],
    said: dict[str, str] | None,
    batch: int | None,
) -> None:
    """An event put together from parts that are JSON already is that of `encode_event`."""
    (record, identity, at), (by, reason, model) = numbers, voice
    evidence = {"outcome": "LINK", "candidates": [[1, 2, 3.5, 4, None]], "reasons": [reason]}
    reference, row = [reason, model], ["AAAA", at, said]
    event = Event(
        kind=EventKind.ADD,
        at_ms=at,
        by=by,
        reason=reason,
        model=model,
        evidence=evidence,
        changes=(
            Change("member", record, None, identity),
            Change("reference", record, None, reference),
            Change("row", record, None, row),
        ),
        batch=batch,
    )
    parts = as_json(evidence), as_json(reference), as_json(row)
    start = addition_start(at, by, reason, model)
    assert encode_event(event) == encode_addition(start, Addition(record, identity, *parts), batch)


@pytest.mark.parametrize("data", [b"", b"\x09{}", b"\x01{", b"\x02\x00\x00\x00\x00zz", b"\x01{}"])
def test_a_damaged_event_is_refused(data: bytes) -> None:
    """Bytes of another version, or broken ones, are an error of ours, not of a library."""
    with pytest.raises(IdentityError):
        decode_event(data)


def event_of(*changes: Change) -> Event:
    return Event(kind=EventKind.UPDATE, at_ms=0, changes=changes)


def grown(steps: list[Move]) -> tuple[IdentityState, list[Event]]:
    """The state after moving records about, and the journal that says so."""
    state, journal = IdentityState(), []
    for moves in steps:
        event = event_of(*membership_changes(state, moves))
        state.apply(event)
        journal.append(event)
    return state, journal


steps_of_moves = st.lists(
    st.dictionaries(st.integers(0, 7), st.one_of(st.none(), st.integers(0, 7)), max_size=4),
    max_size=12,
)


@given(steps_of_moves)
def test_whatever_is_moved_redirects_end_at_live_identities(steps: list[Move]) -> None:
    """No redirect to nobody, no loop, nobody both retired and alive."""
    state, _ = grown(steps)
    assert [] == state.problems()


@given(steps_of_moves)
def test_an_identity_that_had_records_is_alive_redirected_or_retired(steps: list[Move]) -> None:
    """Whoever holds an enterprise id can always be told what became of it."""
    state, journal = grown(steps)
    known = {c.after for e in journal for c in e.changes if c.table == "member"} - {None}
    for identity in known:
        fates = [
            bool(state.members(identity)),
            state.redirect(identity) is not None,
            state.is_retired(identity),
        ]
        assert 1 == sum(fates)


@given(steps_of_moves)
def test_replay_makes_the_state(steps: list[Move]) -> None:
    """The state is a function of the journal."""
    state, journal = grown(steps)
    assert state == replay(journal)


@given(steps_of_moves)
def test_taking_every_change_back_leaves_nothing(steps: list[Move]) -> None:
    """An event holds all that is needed to take it back."""
    state, journal = grown(steps)
    for event in reversed(journal):
        state.apply(event_of(*inverse_changes(event.changes)))
    assert IdentityState() == state


@given(steps_of_moves, st.data())
def test_undoing_the_last_event_restores_its_members(
    steps: list[Move], data: st.DataObject
) -> None:
    """Records go back to where the event found them."""
    state, journal = grown(steps)
    if not journal:
        return
    before = replay(journal[:-1])
    moves, added, conflicts = undo_moves(state, journal[-1])
    assert [] == conflicts
    removed = {c.key: c.before for c in journal[-1].changes if c.table == "member"}
    moves |= {record: removed[record] for record in added}
    state.apply(event_of(*membership_changes(state, moves)))
    assert before.membership.tolist() == state.membership.tolist()[: before.record_count]
    assert [] == state.problems()


def test_a_journal_with_a_hole_is_found() -> None:
    """An event that does not follow from those before it is refused."""
    _, journal = grown([{0: 0}, {1: 0}, {0: 1, 1: 1}])
    with pytest.raises(IdentityError, match="event 2"):
        replay([journal[0], journal[2]])


def test_a_merged_identity_redirects_and_so_do_its_own_redirects() -> None:
    """A -> B -> C is written as A -> C, B -> C: one step to a live identity."""
    state, _ = grown([{0: 0}, {1: 1}, {2: 2}, {0: 1}, {0: 2, 1: 2}])
    assert {0: 2, 1: 2} == state.entries["redirect"]


def test_removing_the_last_record_retires_the_id_and_what_redirects_to_it() -> None:
    """Nobody is sent on to an identity that is no more."""
    state, _ = grown([{0: 0}, {1: 1}, {0: 1}, {0: None, 1: None}])
    assert {} == state.entries["redirect"]
    assert {0: True, 1: True} == state.entries["retired"]


def test_replay_stops_at_a_date() -> None:
    """The state as of a moment is the replay up to it."""
    early = Event(kind=EventKind.ADD, at_ms=10, changes=(Change("member", 0, None, 0),))
    late = Event(kind=EventKind.ADD, at_ms=20, changes=(Change("member", 1, None, 0),))
    assert [0] == replay([early, late], until_ms=15).members(0)


def test_a_bulk_load_is_replayed_from_its_packed_changes() -> None:
    """New records of a load and records that it moved."""
    bulk = BulkChanges(2, np.array([2, 2, 0]), np.array([1]), np.array([1]), np.array([0]))
    first = event_of(Change("member", 0, None, 0), Change("member", 1, None, 1))
    state = replay([first, Event(kind=EventKind.BULK, at_ms=0)], {2: bulk})
    assert [0, 0, 2, 2, 0] == state.membership.tolist()
    assert 5 == state.record_count


def test_a_bulk_load_that_moves_what_is_elsewhere_is_refused() -> None:
    """Packed changes are held to what was there before, as others are."""
    bulk = BulkChanges(1, np.array([1]), np.array([0]), np.array([7]), np.array([0]))
    with pytest.raises(IdentityError, match="moves records"):
        replay([event_of(Change("member", 0, None, 0)), event_of()], {2: bulk})


@pytest.mark.parametrize(
    ("identities", "survivor"),
    [
        ([(5, 9, 5), (3, 1, 3)], 3),  # the older one, however small
        ([(0, 2, 7), (0, 4, 9)], 9),  # of one load the larger one
        ([(0, 2, 9), (0, 2, 7)], 7),
    ],
)
def test_the_oldest_then_the_largest_identity_survives(
    identities: list[tuple[int, int, int]], survivor: int
) -> None:
    """Which id lives on does not depend on the order of asking."""
    assert survivor == merge_survivor(identities) == merge_survivor(identities[::-1])


def test_a_split_declares_records_the_same_and_different() -> None:
    """Those taken out belong together and to none of those that stay."""
    same, different = split_decisions([4, 5], [1, 2])
    assert [(4, 5)] == same
    assert [(4, 1), (4, 2), (5, 1), (5, 2)] == different


def test_a_split_of_large_identities_writes_few_decisions() -> None:
    """What grows is bounded; every record taken out is held apart from some that stay."""
    _, different = split_decisions(list(range(40)), list(range(100, 200)))
    assert 40 == len(different)
    assert set(range(40)) == {one for one, _ in different}


@pytest.mark.parametrize("verdict", [SAME, DIFFERENT])
def test_decisions_are_written_once_a_pair(verdict: str) -> None:
    """Whichever way round a pair is named, it is one decision."""
    state = IdentityState()
    stated: dict[str, object] = {"by": "Li", "reason": "seen", "event": 3}
    apply: Callable[..., list[Change]] = decision_changes
    made = apply(state, [(2, 1), (1, 2)], verdict, **stated)
    assert [(1, 2)] == [change.key for change in made]
    state.apply(event_of(*made))
    assert verdict == state.decisions_of(2)[1]["verdict"]
    state.apply(event_of(*apply(state, [(1, 2)], None, **stated)))
    assert {} == state.decisions_of(1)
