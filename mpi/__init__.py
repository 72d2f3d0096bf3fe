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
    from data_gen.check import PopulationCheck
    from matching.model import Model, read_model
    from mpi.analysis import Analysis, analyse
    from mpi.evaluation import Evaluation, evaluate
    from mpi.explanation import explain
    from mpi.generation import Generated, generate, population
    from mpi.identity_index import IdentityIndex
    from mpi.pipeline import dedupe, link, train
    from mpi.population_check import check_population
    from mpi.profiling import Profile, profile
    from mpi.result import Result
    from mpi.schema_draft import SchemaDraft, infer_schema
    from person.schema import Schema, load_schema

__all__ = [
    "Analysis",
    "Evaluation",
    "Generated",
    "IdentityIndex",
    "Model",
    "PopulationCheck",
    "Profile",
    "Result",
    "Schema",
    "SchemaDraft",
    "analyse",
    "check_population",
    "dedupe",
    "evaluate",
    "explain",
    "generate",
    "infer_schema",
    "link",
    "load_schema",
    "population",
    "profile",
    "read_model",
    "train",
]

_HOME = {
    "Analysis": "mpi.analysis",
    "Evaluation": "mpi.evaluation",
    "IdentityIndex": "mpi.identity_index",
    "Generated": "mpi.generation",
    "Model": "matching.model",
    "PopulationCheck": "data_gen.check",
    "Profile": "mpi.profiling",
    "Result": "mpi.result",
    "Schema": "person.schema",
    "SchemaDraft": "mpi.schema_draft",
    "analyse": "mpi.analysis",
    "check_population": "mpi.population_check",
    "dedupe": "mpi.pipeline",
    "evaluate": "mpi.evaluation",
    "explain": "mpi.explanation",
    "generate": "mpi.generation",
    "infer_schema": "mpi.schema_draft",
    "link": "mpi.pipeline",
    "load_schema": "person.schema",
    "population": "mpi.generation",
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
