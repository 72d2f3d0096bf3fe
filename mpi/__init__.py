"""Find which records are the same person.

    import mpi
    result = mpi.dedupe("people.csv", out="result")
    result.clusters          # Arrow table: source, record_id, enterprise_id, ...

Everything here is loaded when first used, so importing one part never loads the whole engine.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matching.model import Model, read_model
    from mpi.analysis import Analysis, analyse
    from mpi.evaluation import Evaluation, evaluate
    from mpi.explanation import explain
    from mpi.pipeline import dedupe, link, train
    from mpi.profiling import Profile, profile
    from mpi.result import Result
    from mpi.schema_draft import SchemaDraft, infer_schema
    from person.schema import Schema, load_schema

__all__ = [
    "Analysis",
    "Evaluation",
    "Model",
    "Profile",
    "Result",
    "Schema",
    "SchemaDraft",
    "analyse",
    "dedupe",
    "evaluate",
    "explain",
    "infer_schema",
    "link",
    "load_schema",
    "profile",
    "read_model",
    "train",
]

_HOME = {
    "Analysis": "mpi.analysis",
    "Evaluation": "mpi.evaluation",
    "Model": "matching.model",
    "Profile": "mpi.profiling",
    "Result": "mpi.result",
    "Schema": "person.schema",
    "SchemaDraft": "mpi.schema_draft",
    "analyse": "mpi.analysis",
    "dedupe": "mpi.pipeline",
    "evaluate": "mpi.evaluation",
    "explain": "mpi.explanation",
    "infer_schema": "mpi.schema_draft",
    "link": "mpi.pipeline",
    "load_schema": "person.schema",
    "profile": "mpi.profiling",
    "read_model": "matching.model",
    "train": "mpi.pipeline",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'mpi' has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value  # `mpi.analysis` is the function, also once its module is loaded
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
