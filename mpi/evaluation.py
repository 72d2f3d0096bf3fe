"""Hold a run against known truth."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from mpi.calibration import Thresholds, precision_recall_curve, reliability_table
from mpi.evaluation_details import (
    CONFUSIONS,
    RECALL_BY_CAUSE,
    confusions,
    marks_of,
    recall_by_cause,
)
from mpi.metrics import (
    b_cubed_scores,
    codes_of,
    false_merges,
    missed_pairs_by_size,
    pairwise_scores,
)
from mpi.report_data import (
    EVALUATION_CURVE,
    RELIABILITY,
    Evaluated,
    ReportData,
    cluster_size_table,
)
from mpi.result import Result
from mpi.run_directory import read_result_table, read_run
from mpi.truth_rows import TruthIndex
from person.errors import InputError

__all__ = ["Evaluation", "evaluate", "write_evaluation"]

CLUSTER_COLUMNS: Final = ("source", "record_id", "enterprise_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """A run held against truth.

    Attributes
    ----------
    measures : precision, recall and F1 over pairs of records put together, the same by B-cubed,
        false merges; and beside them what the run itself expected
    missed : pairs missed by the size of the entity
    curve : precision and recall of the scored pairs at every threshold
    reliability : expected and actual matches by bands of match weight
    causes : recall by what was done to the records, where the truth says it (RECALL_BY_CAUSE)
    confusions : people that share a cluster, by relation, where the truth says it (CONFUSIONS)
    notes : what to know when reading the numbers
    """

    measures: dict[str, float]
    missed: pa.Table
    curve: pa.Table = field(repr=False)
    reliability: pa.Table = field(repr=False)
    causes: pa.Table = field(default_factory=RECALL_BY_CAUSE.empty_table, repr=False)
    confusions: pa.Table = field(default_factory=CONFUSIONS.empty_table, repr=False)
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        return {
            "measures": self.measures,
            "missed": self.missed,
            "causes": self.causes,
            "confusions": self.confusions,
            "calibration": self.reliability,
            "notes": list(self.notes),
        }

    @property
    def tables(self) -> dict[str, pa.Table]:
        return {
            "Recall by cause of error": self.causes,
            "Different people put together": self.confusions,
            "Missed pairs by size of the person": self.missed,
            "Calibration": self.reliability,
        }

    def for_report(self) -> Evaluated:
        return Evaluated(
            measures=self.measures,
            curve=self.curve,
            reliability=self.reliability,
            causes=self.causes,
            confusions=self.confusions,
        )


def evaluate(run: Result | pa.Table | str | Path, truth: Any) -> Evaluation:
    """Compare clusters with known truth; records that truth does not know are left out.

    Parameters
    ----------
    run : a Result, the output directory of a run, a clusters.parquet, or a clusters table
    truth : path or table of (record_id, entity_id) or of pairs, see `mpi.truth.read_truth`; of a
        directory written by `mpi generate` also what was done to each record and who is related

    Returns
    -------
    Evaluation; in a link_only run only pairs of the two tables count

    Raises
    ------
    InputError : the run's tables cannot be read, or truth knows none of the records
    """
    clusters, links, facts = _parts(run)
    index = TruthIndex(truth)
    entity = index.entities(clusters.column("source"), clusters.column("record_id"))
    if (entity < 0).all():
        raise InputError("the truth knows none of these records; do the record ids agree?")
    cluster = codes_of(clusters.column("enterprise_id").to_numpy(zero_copy_only=False))
    sides = None
    if facts.get("command") == "link_only":
        sides = codes_of(clusters.column("source").to_numpy(zero_copy_only=False))
    pairs = pairwise_scores(cluster, entity, sides)
    b_cubed = b_cubed_scores(cluster, entity)
    merges = false_merges(cluster, entity)
    measures = {
        "precision": pairs.precision,
        "recall": pairs.recall,
        "f1": pairs.f1,
        "b_cubed_precision": b_cubed.precision,
        "b_cubed_recall": b_cubed.recall,
        "b_cubed_f1": b_cubed.f1,
        "false_merges_per_10_000_people": merges.per_10_000_entities,
    }
    expected = facts.get("expected", {})
    for name in ("precision", "recall"):
        if name in expected:
            measures[f"expected_{name}"] = float(expected[name])
    missed = missed_pairs_by_size(cluster, entity, sides)
    causes, confused = _detail_tables(clusters, index, cluster, entity, sides)
    curve, reliability = _pair_tables(links, index, pairs.true_pairs)
    unknown = int((entity < 0).sum())
    notes = (f"{unknown} records are not in the truth and were left out",) if unknown else ()
    return Evaluation(
        measures=measures,
        missed=pa.table(
            {
                "records_of_the_person": missed.entity_size,
                "people": missed.entities,
                "true_pairs": missed.true_pairs,
                "missed_pairs": missed.missed_pairs,
            }
        ),
        curve=curve,
        reliability=reliability,
        causes=causes,
        confusions=confused,
        notes=notes,
    )


def write_evaluation(evaluation: Evaluation, run: str | Path, path: str | Path) -> None:
    """Write an HTML report of a run held against truth: curve, threshold choice, calibration.

    Parameters
    ----------
    evaluation : of that run
    run : its output directory; its counts, parameters and lines stand beside the evaluation
    path : file to write

    Raises
    ------
    OutputError : the file cannot be written
    """
    from mpi.report import write_report

    facts = read_run(run)
    sizes = read_result_table(Path(run) / "clusters.parquet", CLUSTER_COLUMNS)
    per_person = pc.value_counts(sizes.column("enterprise_id")).field("counts").to_numpy()
    data = ReportData(
        run=facts,
        thresholds=Thresholds(**facts["thresholds"]),
        cluster_sizes=cluster_size_table(per_person),
        evaluation=evaluation.for_report(),
        warnings=evaluation.notes,
        title="Record linkage report: against truth",
    )
    write_report(data, path)


def _parts(run: Result | pa.Table | str | Path) -> tuple[pa.Table, pa.Table | None, dict[str, Any]]:
    if isinstance(run, Result):
        return run.clusters, run.links if "links" in run.tables else None, run.run
    if isinstance(run, pa.Table):
        return run, None, {}
    path = Path(run)
    if path.is_file():
        return read_result_table(path, CLUSTER_COLUMNS), None, {}
    facts = read_run(path)
    links = None if "streamed" in facts else read_result_table(path / "links.parquet")
    return read_result_table(path / "clusters.parquet", CLUSTER_COLUMNS), links, facts


def _detail_tables(
    clusters: pa.Table,
    index: TruthIndex,
    cluster: NDArray[np.int64],
    entity: NDArray[np.int64],
    sides: NDArray[np.int64] | None,
) -> tuple[pa.Table, pa.Table]:
    """Recall by cause and who was confused with whom, as far as the truth can say it."""
    known = np.flatnonzero(entity >= 0)
    details = index.details(
        *(clusters.column(name).take(pa.array(known)) for name in ("source", "record_id"))
    )
    causes, confused = RECALL_BY_CAUSE.empty_table(), CONFUSIONS.empty_table()
    if details.cause_names is not None:
        marks = marks_of(details.cause_names)
        causes = recall_by_cause(
            cluster[known], entity[known], marks, None if sides is None else sides[known]
        )
    relations = {"household": details.household, "mother": details.mother, "twin": details.twin}
    if any(each is not None for each in relations.values()):
        confused = confusions(cluster[known], entity[known], **relations)
    return causes, confused


def _pair_tables(
    links: pa.Table | None, index: TruthIndex, true_pairs: int
) -> tuple[pa.Table, pa.Table]:
    if links is None or links.num_rows == 0:
        return EVALUATION_CURVE.empty_table(), RELIABILITY.empty_table()
    left = index.entities(links.column("source_l"), links.column("record_id_l"))
    right = index.entities(links.column("source_r"), links.column("record_id_r"))
    known = (left >= 0) & (right >= 0)
    weight = pc.cast(links.column("match_weight"), pa.float64()).to_numpy()[known]
    is_match = (left == right)[known]
    curve = precision_recall_curve(weight, is_match, matches_total=true_pairs)
    reliability = reliability_table(weight, is_match)
    return curve.to_table().cast(EVALUATION_CURVE), reliability.cast(RELIABILITY)
