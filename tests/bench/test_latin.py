"""Made-up people in FEBRL's columns."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from bench.latin import LATIN_SCHEMA, latin_dataset, latin_people
from person.schema import load_schema


def test_the_same_seed_gives_the_same_people(tmp_path: Path) -> None:
    """As many records as asked for, every column of the schema, and the file holds the same."""
    people, person = latin_people(500, 7)
    again, person_again = latin_people(500, 7)
    assert people.equals(again)
    assert (person == person_again).all()
    assert 500 == people.num_rows
    wanted = {column for each in load_schema(LATIN_SCHEMA).fields for column in each.columns}
    assert wanted <= set(people.column_names)
    made = latin_dataset(500, seed=7, folder=tmp_path)
    assert people.equals(pq.read_table(made.records))


def test_two_in_five_records_are_someone_elses_again() -> None:
    """And differ from each other in a few columns at most."""
    people, person = latin_people(1000, 1)
    assert 600 == len(np.unique(person))
    rows = people.drop_columns(["record_id"]).to_pylist()
    order = np.argsort(person, kind="stable")
    differing = [
        sum(rows[one][name] != rows[other][name] for name in rows[0])
        for one, other in pairwise(order)
        if person[one] == person[other]
    ]
    assert 0 < max(differing) <= 4
