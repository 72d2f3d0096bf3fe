"""What run.json says of a run, beside its inputs and how long it took."""

from __future__ import annotations

import dataclasses
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matching.model import Model
from mpi.decide import Decided, expected_facts
from mpi.prepare import JobOptions, Prepared
from mpi.score_run import Scored

__all__ = ["parameter_facts", "run_facts", "version_facts"]


def run_facts(
    prepared: Prepared,
    model: Model,
    scored: Scored,
    decided: Decided,
    sizes: NDArray[np.int32],
    options: JobOptions,
    mode: str,
) -> dict[str, Any]:
    """Gather counts, parameters, lines and warnings.

    Parameters
    ----------
    prepared : the input and what applies to it
    model : as fitted in the end
    scored : what blocking found
    decided : what became of it
    sizes : int32[n_records], records of each cluster at its smallest record, else 0
    options, mode : what was asked for
    """
    ingested = prepared.ingested
    warnings = [*ingested.notes, *prepared.notes, *model.training.get("notes", ())]
    warnings += decided.notes
    return {
        "command": mode,
        "parameters": parameter_facts(options, ingested.schema.name, mode),
        "versions": version_facts(),
        "counts": {
            "records": ingested.record_count,
            "sources": len(ingested.sources),
            "unlinkable_records": ingested.unlinkable_count,
            "candidate_pairs": scored.pair_count,
            "people": int(np.count_nonzero(sizes)),
            "clusters": int(np.count_nonzero(sizes > 1)),
            "largest_cluster": int(sizes.max()),
        },
        "blocking": {
            "rules": [each.to_dict() for each in scored.passes],
            "rules_left_out": dict(prepared.rules_left_out),
        },
        "prior_shift": decided.prior_shift,
        "expected": expected_facts(decided.thresholds),
        "thresholds": decided.thresholds.as_dict(),
        "warnings": warnings,
    }


def parameter_facts(options: JobOptions, schema: str, mode: str) -> dict[str, Any]:
    """What was asked for.

    Parameters
    ----------
    options : of the job
    schema : its name
    mode : 'dedupe', 'link_only' or 'link_and_dedupe'
    """
    parameters = dataclasses.asdict(dataclasses.replace(options, schema=None, model=None))
    parameters["schema"] = schema
    parameters["model"] = str(options.model) if isinstance(options.model, (str, Path)) else None
    del parameters["resume"]
    for key in ("index", "digest_key"):
        parameters[key] = None if parameters[key] is None else str(parameters[key])
    return parameters | {"mode": mode}


def version_facts() -> dict[str, str]:
    """Versions of what a result depends on."""
    names = ("mpi-index", "numpy", "numba", "pyarrow")
    return {"python": platform.python_version()} | {name: version(name) for name in names}
