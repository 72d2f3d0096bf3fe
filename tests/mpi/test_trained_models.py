"""Models on their own: trained on one table, kept as a file, used on another."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest

import mpi
from matching.model import Model
from mpi.result import Result
from person.errors import ConfigError, InputError, TrainingError

from .made_people import FEBRL_SCHEMA, made_people, partition

People = tuple[pa.Table, pa.Table]


@pytest.fixture(scope="module")
def people() -> People:
    return made_people(240)


@pytest.fixture(scope="module")
def others() -> People:
    """People of another place under the same column names."""
    return made_people(150, seed=7, prefix="o")


@pytest.fixture(scope="module")
def model(people: People) -> Model:
    return mpi.train(people[0], schema=FEBRL_SCHEMA)


@pytest.fixture(scope="module")
def labelled(people: People) -> Model:
    return mpi.train(people[0], schema=FEBRL_SCHEMA, labels=people[1])


def write(model: Model, folder: Path) -> Path:
    path = folder / "model.json"
    path.write_text(json.dumps(model.to_dict()))
    return path


def test_training_is_deterministic(people: People, model: Model) -> None:
    """The same table and seed give the same model to the last bit."""
    assert model.to_dict() == mpi.train(people[0], schema=FEBRL_SCHEMA).to_dict()


def test_a_trained_model_is_whole(model: Model) -> None:
    """Every comparison has m and u, the prior is a probability, and it says how it was made."""
    assert model.is_trained
    assert "expectation-maximisation" == model.training["method"]
    assert 0 == model.training["seed"]
    for each in model.comparisons:
        assert each.m_probability is not None
        assert each.u_probability is not None
        assert 1.0 == pytest.approx(each.m_probability.sum())
        assert 1.0 == pytest.approx(each.u_probability.sum())
    prior = model.probability_two_random_records_match
    assert prior is not None
    true_prior = 160 / (400 * 399 / 2)
    assert prior == pytest.approx(true_prior, rel=0.25)


def test_a_model_file_serves_another_table(model: Model, others: People, tmp_path: Path) -> None:
    """dedupe with a model.json links people of a table it was not trained on."""
    result = mpi.dedupe(others[0], model=write(model, tmp_path))
    measures = mpi.evaluate(result, others[1]).measures
    assert measures["precision"] >= 0.98
    assert measures["recall"] >= 0.9
    used = result.model.to_dict()["comparisons"]
    assert model.to_dict()["comparisons"] == used  # a given model is used as it is


def test_model_and_its_file_are_the_same(model: Model, others: People, tmp_path: Path) -> None:
    """A Model, and its JSON file, give the same weights to the last bit."""
    by_file = mpi.dedupe(others[0], model=write(model, tmp_path))
    by_value = mpi.dedupe(others[0], model=model)
    assert by_file.links.equals(by_value.links)


def test_the_model_of_a_run_repeats_its_decisions(people: People, tmp_path: Path) -> None:
    """model.json of a finished run brings its thresholds along: the same table, the same people."""
    first = mpi.dedupe(people[0], schema=FEBRL_SCHEMA, out=tmp_path / "run")
    again = mpi.dedupe(people[0], model=tmp_path / "run" / "model.json")
    assert first.model.thresholds is not None
    assert first.model.thresholds == again.model.thresholds
    assert partition(first.clusters) == partition(again.clusters)


def test_a_model_does_without_a_column(model: Model, others: People) -> None:
    """A table that lacks a compared column is linked by the rest, and the run says so."""
    result = mpi.dedupe(others[0].drop_columns(["soc_sec_id"]), model=model)
    assert any("soc_sec_id has no column here" in note for note in result.run["warnings"])
    assert mpi.evaluate(result, others[1]).measures["precision"] >= 0.9


def test_a_model_of_other_fields_is_refused(model: Model) -> None:
    """A table with none of the model's fields cannot be linked by it."""
    with pytest.raises((ConfigError, InputError), match=r"no column belongs|none of the fields"):
        mpi.dedupe(pa.table({"rec_id": ["1"], "colour": ["red"]}), model=model)


def test_labels_teach_what_matches_look_like(labelled: Model, people: People) -> None:
    """From labels, m is the share of true pairs at each level, drawn only a little to the start."""
    assert "labels" == labelled.training["method"]
    rows = {row["rec_id"]: row for row in people[0].to_pylist()}
    pairs: dict[str, list[str]] = {}
    for row in people[1].to_pylist():
        pairs.setdefault(row["entity_id"], []).append(row["record_id"])
    known = [tuple(rows[each] for each in ids) for ids in pairs.values() if len(ids) == 2]
    filled = [pair for pair in known if all(row["soc_sec_id"] for row in pair)]
    share = sum(one["soc_sec_id"] == other["soc_sec_id"] for one, other in filled) / len(filled)
    m = labelled.comparison("soc_sec_id").m_probability
    assert m is not None
    assert m[0] == pytest.approx(share, abs=0.05)


def test_a_model_from_labels_links_as_well(labelled: Model, others: People) -> None:
    """What labels of one table taught holds on another."""
    measures = mpi.evaluate(mpi.dedupe(others[0], model=labelled), others[1]).measures
    assert measures["precision"] >= 0.98
    assert measures["recall"] >= 0.9


def test_labels_without_a_pair_are_refused(people: People) -> None:
    """Labels must name at least two records of one person among the records."""
    alone = pa.table({"record_id": ["00000", "00001"], "entity_id": ["a", "b"]})
    with pytest.raises(InputError, match="no two records of one person"):
        mpi.train(people[0], schema=FEBRL_SCHEMA, labels=alone)


def test_a_table_to_learn_nothing_from_is_refused(people: People) -> None:
    """A model cannot be trained where no two records share a blocking key."""
    with pytest.raises(TrainingError, match="nothing to learn from"):
        mpi.train(people[0].slice(0, 1), schema=FEBRL_SCHEMA)


def test_little_memory_changes_nothing(people: People) -> None:
    """The memory budget costs time, never results."""
    usual = mpi.dedupe(people[0], schema=FEBRL_SCHEMA)
    frugal: Result = mpi.dedupe(people[0], schema=FEBRL_SCHEMA, memory="64MiB")
    assert usual.links.equals(frugal.links)
    assert usual.clusters.equals(frugal.clusters)
