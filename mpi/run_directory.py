"""Reading back what a run wrote."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from matching.frequencies import TermFrequencies, frequencies_from_arrow
from person.errors import InputError

__all__ = ["read_frequencies", "read_result_table", "read_run"]


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


def read_result_table(path: str | Path, needed: Sequence[str] = ()) -> pa.Table:
    """A Parquet table that a run wrote, whole.

    Parameters
    ----------
    path : of the file
    needed : columns that it must have

    Raises
    ------
    InputError : it is not there, is damaged or no such table
    """
    try:
        table = pq.read_table(path)
    except FileNotFoundError as error:
        raise InputError(
            f"{path}: not there; run again, its directory is not whole", path=str(path)
        ) from error
    except (pa.ArrowException, OSError) as error:
        raise InputError(
            f"{path}: damaged, or not a Parquet table that a run wrote", path=str(path)
        ) from error
    lacking = [name for name in needed if name not in table.column_names]
    if lacking:
        raise InputError(
            f"{path}: has no column {lacking[0]}; a table of clusters has {', '.join(needed)}",
            path=str(path),
        )
    return table


def read_frequencies(directory: str | Path) -> dict[str, TermFrequencies]:
    """The term frequencies that a run wrote beside its model."""
    tables: dict[str, pa.Table] = {
        path.stem.removeprefix("tf_"): read_result_table(path)
        for path in sorted(Path(directory).glob("tf_*.parquet"))
    }
    return frequencies_from_arrow(tables)
