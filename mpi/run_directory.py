"""Reading back what a run wrote."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from matching.frequencies import TermFrequencies, frequencies_from_arrow
from person.errors import InputError

__all__ = ["read_frequencies", "read_run"]


def read_run(directory: str | Path) -> dict[str, Any]:
    """Contents of run.json; InputError where the directory is no result of a run."""
    path = Path(directory) / "run.json"
    try:
        facts = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise InputError(
            f"{directory}: not the output of a run (no readable run.json)", path=str(directory)
        ) from error
    except ValueError as error:
        raise InputError(f"{path}: damaged, it is not JSON", path=str(path)) from error
    assert isinstance(facts, dict)
    return facts


def read_frequencies(directory: str | Path) -> dict[str, TermFrequencies]:
    """The term frequencies that a run wrote beside its model."""
    tables: dict[str, pa.Table] = {
        path.stem.removeprefix("tf_"): pq.read_table(path)
        for path in sorted(Path(directory).glob("tf_*.parquet"))
    }
    return frequencies_from_arrow(tables)
