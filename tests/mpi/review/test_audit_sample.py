"""The sampled audit: which links are drawn, how blindly they are put, what verdicts tell."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpi.review.agreement import Figures
from mpi.review.audit_sample import allocate, draw_audit, estimate_precision
from mpi.review.automatic_links import sample_links
from mpi.review.types import Filter, Verdict
from person.errors import ConfigError, InputError
from tests.mpi.review.asked_people import Asked, person

PEOPLE = 30


@pytest.fixture
def asked(tmp_path: Path) -> Iterator[Asked]:
    """Thirty people, every third with a second record and every sixth with a third."""
    found = Asked(tmp_path, PEOPLE)
    yield found
    found.close()


def come_again(asked: Asked, source: str, step: int) -> None:
    again = [person(n) | {"source": source} for n in range(0, PEOPLE, step)]
    receipts = asked.index.add_table(again)
    assert {"LINK"} == set(receipts["outcome"].to_pylist())


def links_by_hand(asked: Asked) -> set[tuple[int, int]]:
    """(record, record before it that it resembles most), by walking through all identities."""
    found = set()
    with asked.index.store.read() as snapshot:
        identity = snapshot.identities(np.arange(snapshot.record_count)).tolist()
        rows = snapshot.rows(np.arange(snapshot.record_count))
    for record, owner in enumerate(identity):
        before = [other for other in range(record) if identity[other] == owner]
        weights = [
            float(
                asked.index.engine.weigh(
                    rows, rows, np.array([record], np.int32), np.array([other], np.int32)
                ).weight[0]
            )
            for other in before
        ]
        if before:
            found.add((record, before[int(np.argmax(weights))]))
    return found


def drawn_pairs(asked: Asked) -> set[tuple[int, int]]:
    links = sample_links(asked.index)
    return set(zip(links.record.tolist(), links.other.tolist(), strict=True))


# ------------------------------------------------------------------------------ the population


def test_each_further_record_is_a_link(asked: Asked) -> None:
    """An identity of k records has k - 1 links, each to the record it resembles most."""
    assert set() == drawn_pairs(asked)
    come_again(asked, "insurance", 3)
    come_again(asked, "register", 6)
    links = sample_links(asked.index)
    assert links.is_complete
    assert 15 == links.population == len(links)
    assert links_by_hand(asked) == drawn_pairs(asked)


def test_links_that_stewards_made_are_not_drawn(asked: Asked) -> None:
    """Merged by a steward, or declared one person: nobody asks whether a machine was right."""
    come_again(asked, "insurance", 3)
    machine = drawn_pairs(asked)
    asked.index.merge(asked.identity(1), asked.identity(2), by="Dr Li", reason="")
    assert machine == drawn_pairs(asked)
    asked.index.merge(asked.identity(4), asked.identity(0), by="Dr Li", reason="")
    assert machine == drawn_pairs(asked)
    parted = [("insurance", person(3)["record_id"])]
    asked.index.split(asked.identity(3), parted, by="Dr Li", reason="")
    assert 9 == len(drawn_pairs(asked)) == len(machine) - 1


def test_links_of_a_record_that_joined_a_merged_identity_are_drawn(asked: Asked) -> None:
    """What a machine adds to an identity that a steward made is a machine's link."""
    asked.index.merge(asked.identity(1), asked.identity(2), by="Dr Li", reason="")
    assert set() == drawn_pairs(asked)
    asked.index.add(person(1) | {"source": "insurance"})
    ((record, other),) = drawn_pairs(asked)
    assert (PEOPLE, 1) == (record, other)


def test_a_large_index_is_looked_at_in_part(asked: Asked) -> None:
    """A random part of the links, the same for the same seed, and an estimate of their number."""
    come_again(asked, "insurance", 3)
    come_again(asked, "register", 3)
    whole = sample_links(asked.index)
    one = sample_links(asked.index, seed=1, looked_at_max=12)
    assert (
        one.record.tolist() == sample_links(asked.index, seed=1, looked_at_max=12).record.tolist()
    )
    assert (
        one.record.tolist() != sample_links(asked.index, seed=2, looked_at_max=12).record.tolist()
    )
    assert set(one.record.tolist()) < set(whole.record.tolist())
    assert (12, 20, False) == (len(one), one.population, one.is_complete)
    places = np.searchsorted(whole.record, one.record)
    assert whole.weight[places].tolist() == one.weight.tolist()


# ------------------------------------------------------------------------------ the draw


@given(st.lists(st.integers(0, 2000), max_size=8), st.integers(0, 3000))
def test_a_sample_is_divided_among_the_bands(sizes: list[int], total: int) -> None:
    """All of it is given out, no band gives more than it has, none with links is left out."""
    given_out = allocate(sizes, total)
    assert min(total, sum(sizes)) == sum(given_out)
    assert all(0 <= drawn <= size for drawn, size in zip(given_out, sizes, strict=True))
    if total >= sum(size > 0 for size in sizes):
        assert all(drawn > 0 for drawn, size in zip(given_out, sizes, strict=True) if size)


def test_bands_are_drawn_by_the_square_root_of_their_size() -> None:
    """A band of ten thousand gives ten times what one of a hundred gives."""
    assert [10, 100] == allocate([100, 10_000], 110)
    assert [1, 1, 48] == allocate([1, 1, 10_000], 50)


def test_a_sample_is_put_blind(asked: Asked) -> None:
    """A steward sees two records: no weight, no identity, no reason, no look-alikes."""
    come_again(asked, "insurance", 3)
    sample = draw_audit(asked.index, size=6, by="Dr Li", seed=4, repeats=0.0)
    assert (6, 0, 10) == (sample.tasks, sample.repeats, sample.links)
    rows = asked.queue.tasks(Filter(kind="AUDIT")).rows
    assert 6 == len(rows)
    for row in rows:
        assert (None, None, "", ()) == (
            row.match_weight,
            row.match_probability,
            row.reason,
            row.enterprise_ids,
        )
    case = asked.queue.case(rows[0].number)
    assert 2 == len(case.records)
    assert () == case.look_alikes == case.golden_now
    text = json.dumps(case.to_dict(), ensure_ascii=False)
    assert asked.identity(int(case.records[0].record_id)) not in text


def test_the_same_seed_draws_the_same_links(asked: Asked, tmp_path: Path) -> None:
    """Two indexes of the same records give the same sample, in the same order."""
    other = Asked(tmp_path / "other", PEOPLE)
    try:
        drawn = []
        for each in (asked, other):
            come_again(each, "insurance", 3)
            draw_audit(each.index, size=5, by="Dr Li", seed=9)
            drawn.append([task["pairs"] for task in audits(each).values()])
        assert drawn[0] == drawn[1]
    finally:
        other.close()


def audits(asked: Asked) -> dict[int, dict[str, Any]]:
    with asked.index.store.read() as snapshot:
        tasks = {
            int.from_bytes(key, "big"): json.loads(value) for key, value in snapshot.range("task")
        }
    return {number: task for number, task in tasks.items() if task["kind"] == "AUDIT"}


def test_repeats_come_after_all_and_go_to_somebody_else(asked: Asked) -> None:
    """A link is put twice; who judged it first is not offered it again."""
    come_again(asked, "insurance", 3)
    sample = draw_audit(asked.index, size=4, by="Dr Li", repeats=0.5)
    assert (6, 2) == (sample.tasks, sample.repeats)
    tasks = audits(asked)
    twins = {n: t["audit"]["repeat_of"] for n, t in tasks.items() if t["audit"]["repeat_of"]}
    assert 2 == len(twins)
    assert min(twins) > max(set(tasks) - set(twins))
    for repeat, first in twins.items():
        assert tasks[first]["pairs"] == tasks[repeat]["pairs"]
    for number in set(tasks) - set(twins):
        asked.queue.decide(number, Verdict.MERGE, by="Dr Li")
    assert asked.queue.next_task(by="Dr Li") is None
    assert asked.queue.next_task(by="Dr Wang") in twins


def test_nothing_to_draw_and_bad_plans_are_refused(asked: Asked) -> None:
    """An index without automatic links, or a plan that makes no sense, says so."""
    with pytest.raises(InputError, match="no automatic link"):
        draw_audit(asked.index, size=5, by="Dr Li")
    for plan in ({"size": 0}, {"size": 5, "repeats": 1.5}, {"size": 5, "band_bits": (5.0, 0.0)}):
        with pytest.raises(ConfigError):
            draw_audit(asked.index, by="Dr Li", **plan)  # type: ignore[arg-type]


# ------------------------------------------------------------------------------ what verdicts tell


def test_verdicts_become_precision(asked: Asked) -> None:
    """Judged links tell the share that is right; nothing is moved unless a steward says SPLIT."""
    come_again(asked, "insurance", 3)
    figures = Figures(asked.index)
    sample = draw_audit(asked.index, size=10, by="Dr Li", repeats=0.0)
    found = figures.dashboard().precision
    assert found is not None
    assert (10, 10, 0) == (found.links, found.sampled, found.judged)
    assert (None, 0.0, 1.0) == (found.estimate, found.low, found.high)
    tasks = sorted(audits(asked))
    before = asked.index.state_at().to_pylist()
    for number in tasks[:7]:
        asked.queue.decide(number, Verdict.MERGE, by="Dr Li")
    asked.queue.decide(tasks[7], Verdict.NO_CHANGE, by="Dr Li")
    asked.queue.decide(tasks[8], Verdict.DIFFERENT, by="Dr Li")
    assert before == asked.index.state_at().to_pylist()
    case = asked.queue.case(tasks[9])
    leaving = case.records[0]
    asked.queue.decide(
        tasks[9], Verdict.SPLIT, by="Dr Li", leave=[(leaving.source, leaving.record_id)]
    )
    assert before != asked.index.state_at().to_pylist()
    found = figures.dashboard().precision
    assert found is not None
    assert (sample.sample, 9, 7, 1) == (found.sample, found.judged, found.same, found.untold)
    bands = [each for each in found.bands if each.links]
    expected = sum(e.links * e.same / e.judged for e in bands if e.judged)
    expected /= sum(each.links for each in bands if each.judged)
    assert expected == pytest.approx(found.estimate)
    assert found.low < expected <= found.high
    assert asked.index.verify().is_sound


def test_undone_verdicts_are_none(asked: Asked) -> None:
    """A verdict that was taken back is not counted."""
    come_again(asked, "insurance", 3)
    draw_audit(asked.index, size=2, by="Dr Li", repeats=0.0)
    number = min(audits(asked))
    figures = Figures(asked.index)
    done = asked.queue.decide(number, Verdict.MERGE, by="Dr Li")
    first = figures.dashboard().precision
    asked.queue.undo(done, by="Dr Li")
    second = figures.dashboard().precision
    assert first is not None
    assert second is not None
    assert (1, 0) == (first.judged, second.judged)


def test_repeats_tell_agreement_and_count_once(asked: Asked) -> None:
    """Two stewards on one link: agreement, and one link judged."""
    come_again(asked, "insurance", 3)
    draw_audit(asked.index, size=3, by="Dr Li", repeats=1.0)
    tasks = audits(asked)
    for number, task in sorted(tasks.items()):
        is_repeat = task["audit"]["repeat_of"] is not None
        asked.queue.decide(number, Verdict.MERGE, by="Dr Wang" if is_repeat else "Dr Li")
    found = Figures(asked.index).dashboard()
    assert found.precision is not None
    assert 3 == found.precision.judged
    assert (3, 3) == (found.agreement.tasks, found.agreement.agreed)


def simulated_tasks(
    plan: dict[str, Any], rates: list[float], chance: random.Random
) -> list[dict[str, Any]]:
    """Verdicts on a drawn sample of bands whose true rates are known."""
    return [
        {
            "status": "closed",
            "verdict": "MERGE" if chance.random() < rates[band] else "DIFFERENT",
            "audit": {"sample": 1, "band": band, "repeat_of": None},
        }
        for band, (_, _, _, drawn) in enumerate(plan["bands"])
        for _ in range(drawn)
    ]


def test_the_estimate_holds_the_truth(asked: Asked) -> None:
    """Over many audits of known bands, nineteen of twenty intervals hold the true precision."""
    links, rates = [400, 3000, 60_000], [0.8, 0.97, 0.9995]
    drawn = allocate(links, 300)
    bands = [[None, None, n, d] for n, d in zip(links, drawn, strict=True)]
    plan = {"links": sum(links), "is_complete": True, "bands": bands}
    truth = sum(n * r for n, r in zip(links, rates, strict=True)) / sum(links)
    chance, held, estimates = random.Random(3), 0, []
    for seed in range(80):
        found = estimate_precision(1, plan, simulated_tasks(plan, rates, chance), seed=seed)
        assert found.estimate is not None
        held += found.low <= truth <= found.high
        estimates.append(found.estimate)
    assert held >= 72
    assert math.isclose(truth, sum(estimates) / len(estimates), abs_tol=0.002)


def test_bands_that_nobody_judged_are_not_passed_over() -> None:
    """Two links of the smaller bands judged: no estimate, and bounds that leave the rest open."""
    plan = {
        "links": 2982,
        "is_complete": True,
        "bands": [[None, 0.0, 38, 2], [0.0, 5.0, 700, 4], [5.0, None, 2244, 6]],
    }
    tasks = [
        {
            "status": "closed",
            "verdict": "MERGE",
            "audit": {"sample": 1, "band": band, "repeat_of": None},
        }
        for band in (0, 1)
    ]
    found = estimate_precision(1, plan, tasks)
    assert found.estimate is None
    assert (2, 3) == (found.bands_judged, found.bands_held)
    assert 738 / 2982 == pytest.approx(found.covered)
    assert found.low < 738 / 2982
    assert found.high >= 2980 / 2982
    found = estimate_precision(
        1, plan, [*tasks, tasks[0] | {"audit": tasks[0]["audit"] | {"band": 2}}]
    )
    assert (1.0, 1.0) == (found.estimate, found.covered)
    assert found.to_dict()["covered"] == 1.0


def test_a_blind_line_tells_nothing_of_the_identity(asked: Asked) -> None:
    """Two records, their sources, one priority for all: large identities look like small ones."""
    come_again(asked, "insurance", 3)
    come_again(asked, "register", 6)
    draw_audit(asked.index, size=15, by="Dr Li", seed=4, repeats=0.0)
    rows = asked.queue.tasks(Filter(kind="AUDIT")).rows
    assert {2} == {row.records for row in rows}
    assert 1 == len({row.priority for row in rows})
    for row in rows:
        records = asked.queue.case(row.number).records
        assert {each.source for each in records} == set(row.sources)
