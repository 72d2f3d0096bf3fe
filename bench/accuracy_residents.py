"""Generated Chinese residents as a labelled set of the accuracy bench.

The records are those that `mpi generate --people N` writes; the engines get them in random order,
under new record ids and without the column `source`, so that nothing but the people's own values
is left. Causes of error and relations of people stay with the judge.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa

from bench.accuracy_sets import SEED, LabelledSet
from mpi.evaluation_details import confusions, marks_of, recall_by_cause
from mpi.truth_rows import TruthIndex

__all__ = ["RESIDENT_EXTRA", "RESIDENT_SIZES", "ResidentJudge", "ResidentSet", "load_residents"]

RESIDENT_SIZES: Final = {"residents_100k": 100_000, "residents_1m": 1_000_000}
RESIDENT_EXTRA: Final = ("residents_1m",)
"""Sets that take long: only when they are asked for."""

_SOURCE: Final = "residents"
_DETAILS: Final = ("household_id", "mother_id", "twin_id", "cause_names")


@dataclass(frozen=True, slots=True, kw_only=True)
class ResidentSet(LabelledSet):
    """A labelled set with the truth's details, in the order of the table.

    Attributes
    ----------
    details : source, record_id, person_id, household_id, mother_id, twin_id, cause_names
    """

    details: pa.Table


def load_residents(name: str, people: int | None = None) -> ResidentSet:
    """Draw one set.

    Parameters
    ----------
    name : one of RESIDENT_SIZES
    people : another number of people, for tests
    """
    import mpi

    drawn = mpi.population(people or RESIDENT_SIZES[name], seed=SEED)
    pairs = list(drawn.batches_with_truth())
    records = pa.Table.from_batches([pair[0] for pair in pairs])
    truth = pa.Table.from_batches([pair[1] for pair in pairs])
    order = pa.array(np.random.default_rng(SEED).permutation(records.num_rows))
    ids = pa.array(np.arange(records.num_rows)).cast(pa.string())
    columns = [column for column in records.column_names if column not in ("record_id", "source")]
    table = records.select(columns).take(order).combine_chunks().add_column(0, "record_id", ids)
    shuffled = truth.select(["person_id", *_DETAILS]).take(order).combine_chunks()
    entities = shuffled["person_id"].to_numpy()
    sources = pa.array([_SOURCE] * table.num_rows, pa.string())
    return ResidentSet(
        name=name,
        mode="dedupe",
        tables={_SOURCE: table},
        entities={_SOURCE: np.unique(entities, return_inverse=True)[1].astype(np.int64)},
        schema=Path("resident"),  # the built-in schema's name
        details=shuffled.add_column(0, "record_id", ids).add_column(0, "source", sources),
    )


class ResidentJudge:
    """Figures that the truth's details allow: recall by cause, people confused by relation."""

    def __init__(self, labelled: ResidentSet) -> None:
        self._marks = marks_of(labelled.details["cause_names"])
        index = TruthIndex(labelled.details)
        keys = (labelled.details["source"], labelled.details["record_id"])
        self._entity, found = index.entities(*keys), index.details(*keys)
        self._relations = {
            "household": found.household,
            "mother": found.mother,
            "twin": found.twin,
        }
        self._people = len(np.unique(self._entity))

    def score(self, clusters: np.ndarray) -> dict[str, Any]:
        """Judge one engine.

        Parameters
        ----------
        clusters : int64[n_records], in the order of the set's table

        Returns
        -------
        people, causes (cause -> recall, and true pairs) and confusions (relation -> pairs of
        people, and how many share a cluster)
        """
        causes = recall_by_cause(clusters, self._entity, self._marks).to_pylist()
        related = confusions(clusters, self._entity, **self._relations).to_pylist()
        return {
            "people": self._people,
            "causes": {row["cause"]: [row["true_pairs"], row["found_pairs"]] for row in causes},
            "confusions": {
                row["relation"]: [row["pairs_of_people"], row["merged"]] for row in related
            },
        }
