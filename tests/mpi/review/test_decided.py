"""Decided pairs of an index as labels: what holds now, once a question, and what it teaches."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import mpi
from mpi.review.decided import STEWARDS_OWN, advise_index, decided_pairs, judged_pairs
from mpi.review.exchange import export_decided
from mpi.review.labels import DECIDED_PAIRS, is_index, read_labels
from mpi.review.types import Verdict
from mpi.truth import read_truth
from person.errors import InputError, SchemaMismatchError
from tests.mpi.review.asked_people import Asked, person

Label = tuple[str, str, str, str]


@pytest.fixture
def asked(tmp_path: Path) -> Iterator[Asked]:
    found = Asked(tmp_path, 20)
    yield found
    found.close()


def labels(asked: Asked) -> list[Label]:
    """(record, record, verdict, kind), by record."""
    rows = decided_pairs(asked.index).to_pylist()
    found = []
    for row in rows:
        low, high = sorted((row["record_id_l"], row["record_id_r"]))
        found.append((low.lstrip("0") or "0", high.lstrip("0"), row["verdict"], row["kind"]))
    return sorted(found)


def test_decided_pairs_are_what_holds_now(asked: Asked) -> None:
    """Merged is SAME, declared is DIFFERENT, undone or left open is nothing."""
    tasks = asked.ask(*([(2 * n, 2 * n + 1, 4.0)] for n in range(5)))
    asked.queue.decide(tasks[0], Verdict.MERGE, by="Dr Li")
    asked.queue.decide(tasks[1], Verdict.DIFFERENT, by="Dr Wang")
    asked.queue.decide(tasks[2], Verdict.NO_CHANGE, by="Dr Li")
    done = asked.queue.decide(tasks[3], Verdict.MERGE, by="Dr Li")
    asked.queue.undo(done, by="Dr Li")
    assert [("0", "1", "SAME", "REVIEW"), ("2", "3", "DIFFERENT", "REVIEW")] == labels(asked)
    table = decided_pairs(asked.index)
    assert DECIDED_PAIRS == table.schema
    assert ["Dr Li", "Dr Wang"] == table["by"].to_pylist()
    assert tasks[:2] == table["task"].to_pylist()


def test_weights_are_those_of_the_present_model(asked: Asked) -> None:
    """The weight that stands beside a label is what the index would say today."""
    (task,) = asked.ask([(0, 1, 99.0)])
    asked.queue.decide(task, Verdict.DIFFERENT, by="Dr Li")
    (weight,) = decided_pairs(asked.index)["match_weight"].to_pylist()
    with asked.index.store.read() as snapshot:
        rows = snapshot.rows(np.array([0, 1]))
    zero, one = np.array([0], np.int32), np.array([1], np.int32)
    expected = float(asked.index.engine.weigh(rows, rows, zero, one).weight[0])
    assert expected == pytest.approx(weight, abs=1e-4)


def test_a_question_counts_once(asked: Asked) -> None:
    """Of several pairs between two identities the heaviest stands for them."""
    asked.index.add(person(0) | {"source": "insurance"})
    assert asked.identity(0) == asked.index.state_at().to_pylist()[-1]["enterprise_id"]
    (task,) = asked.ask([(0, 3, 5.0), (20, 3, 4.0)])
    asked.queue.decide(task, Verdict.DIFFERENT, by="Dr Li")
    assert 1 == len(labels(asked))


def test_what_stewards_found_themselves_is_told_apart(asked: Asked) -> None:
    """A merge that no task asked for is a label, but none that speaks of the lines."""
    asked.index.merge(asked.identity(4), asked.identity(5), by="Dr Li", reason="")
    (task,) = asked.ask([(0, 1, 4.0)])
    asked.queue.decide(task, Verdict.MERGE, by="Dr Li")
    assert [("0", "1", "SAME", "REVIEW"), ("4", "5", "SAME", STEWARDS_OWN)] == labels(asked)
    assert 1 == len(judged_pairs(decided_pairs(asked.index)))
    advice = advise_index(asked.index)
    assert (1, 1) == (advice.pairs, advice.same)
    assert any("without being asked" in note for note in advice.notes)


def test_a_decision_taken_back_by_another_changes_its_label(asked: Asked) -> None:
    """Merged by one steward, parted by the next: two people."""
    (task,) = asked.ask([(0, 1, 4.0)])
    asked.queue.decide(task, Verdict.MERGE, by="Dr Li")
    parted = [(person(1)["source"], person(1)["record_id"])]
    asked.index.split(asked.identity(0), parted, by="Dr Wang", reason="")
    assert ("0", "1", "DIFFERENT") in {each[:3] for each in labels(asked)}
    assert "SAME" not in {each[2] for each in labels(asked)}


# ------------------------------------------------------------------------------ as labels


@pytest.mark.parametrize("name", ["decided.csv", "decided.parquet"])
def test_decided_pairs_survive_a_file(asked: Asked, tmp_path: Path, name: str) -> None:
    """The index and the file that was exported from it are the same labels."""
    tasks = asked.ask([(0, 1, 4.0)], [(2, 3, 4.0)])
    asked.queue.decide(tasks[0], Verdict.MERGE, by="Dr Li")
    asked.queue.decide(tasks[1], Verdict.DIFFERENT, by="Dr Li")
    report = export_decided(asked.index, tmp_path / name, by="Dr Li")
    assert 2 == report.lines
    assert is_index(asked.path)
    assert not is_index(tmp_path / name)
    found = [read_labels(str(each)) for each in (tmp_path / name, asked.path)]
    columns = ["source_l", "source_r", "verdict"]
    assert found[0] is not None
    assert found[1] is not None
    assert found[0].select(columns).to_pylist() == found[1].select(columns).to_pylist()


def test_other_labels_are_left_to_others(asked: Asked) -> None:
    """Truth is not read as decisions; no decisions, or words that are none, are an error."""
    assert read_labels(pa.table({"record_id": ["1"], "entity_id": ["2"]})) is None
    pairs = pa.table({"record_id_l": ["1"], "record_id_r": ["2"], "verdict": ["maybe"]})
    with pytest.raises(SchemaMismatchError):
        read_labels(pairs)
    with pytest.raises(InputError, match="no decided pair"):
        read_labels(str(asked.path))


def test_a_model_learns_from_the_decisions_of_an_index(asked: Asked, tmp_path: Path) -> None:
    """`train` takes an index as labels, says what it learnt from and what the lines would be."""
    tasks = asked.ask(*([(2 * n, 2 * n + 1, 4.0)] for n in range(3)))
    asked.queue.decide(tasks[0], Verdict.MERGE, by="Dr Li")
    asked.queue.decide(tasks[1], Verdict.DIFFERENT, by="Dr Li")
    asked.queue.decide(tasks[2], Verdict.DIFFERENT, by="Dr Li")
    people = pa.Table.from_pylist([person(n) for n in range(5)])
    model = mpi.train(people, labels=str(asked.path))
    assert (1, 1) == (model.training["judged_same"], model.training["judged_different"])
    assert "expectation-maximisation with decided pairs" == model.training["method"]
    notes = " ".join(model.training["notes"])
    assert "1 pairs decided to be one person and 1 to be two; 1 more" in notes
    assert "link line" in notes
    other = people.set_column(
        people.column_names.index("record_id"), "record_id", pa.array(["x"] * 5)
    )
    with pytest.raises(InputError):
        mpi.train(other, labels=str(asked.path))


def test_decided_pairs_are_no_truth_of_different_people() -> None:
    """Read as truth, pairs that were decided to be two people are not joined."""
    pairs = pa.table(
        {
            "record_id_l": ["1", "3"],
            "record_id_r": ["2", "4"],
            "verdict": ["SAME", "DIFFERENT"],
        }
    )
    entities = {row["record_id"]: row["entity_id"] for row in read_truth(pairs).to_pylist()}
    assert entities["1"] == entities["2"]
    assert not {"3", "4"} & set(entities)
