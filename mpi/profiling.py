"""How complete, valid and repetitive a table is, before anything is linked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mpi.ingest import Ingested, effective_schema, ingest
from mpi.progress import NO_PROGRESS, Progress
from mpi.scratch import scratch_directory
from mpi.source_names import source_names
from mpi.tables import open_inputs
from person.hashing import hash_field_values
from person.schema import Schema, load_schema

__all__ = ["Profile", "profile"]

TOP_VALUES: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What a table holds.

    Attributes
    ----------
    fields : source, field, records, completeness and validity (shares of the records)
    invalid : source, field, reason, records
    top_values : field, rank, share of the records that have the field; `value` only if asked for
    records : counts: records, rejected rows by reason, repeated record ids, unlinkable records
    notes : what to know about the input
    """

    fields: pa.Table
    invalid: pa.Table
    top_values: pa.Table
    records: pa.Table
    notes: tuple[str, ...]

    @property
    def tables(self) -> dict[str, pa.Table]:
        return {
            "Records": self.records,
            "Completeness and validity": self.fields,
            "Invalid values": self.invalid,
            "Most frequent values": self.top_values,
        }

    def as_dict(self) -> dict[str, Any]:
        tables = {
            name: getattr(self, name) for name in ("records", "fields", "invalid", "top_values")
        }
        return {**tables, "notes": list(self.notes)}


def profile(
    inputs: Any,
    *,
    schema: Schema | str | Path | None = None,
    show_values: bool = False,
    progress: Progress | None = None,
) -> Profile:
    """Profile a table.

    Parameters
    ----------
    inputs, schema, progress : as for `mpi.dedupe`
    show_values : name the most frequent values; without it no person's value is in the result

    Returns
    -------
    Profile
    """
    opened = open_inputs(inputs)
    effective = effective_schema(load_schema(schema), [opened])
    with scratch_directory() as scratch:
        ingested = ingest([opened], effective, scratch, progress or NO_PROGRESS)
        tops = _top_values(ingested)
        values = _values_of(inputs, ingested, tops) if show_values else {}
    return Profile(
        fields=_completeness(ingested.quality),
        invalid=_invalid(ingested.quality),
        top_values=_top_table(tops, values, show_values),
        records=_record_counts(ingested),
        notes=ingested.notes,
    )


def _completeness(quality: pa.Table) -> pa.Table:
    """Share of a source's records that have a field, and that have it valid."""
    counts: dict[tuple[str, str], dict[str, int]] = {}
    for row in quality.to_pylist():
        held = counts.setdefault((row["field"], row["source"]), {})
        held[row["status"]] = held.get(row["status"], 0) + row["records"]
    rows = []
    for (field, source), held in counts.items():
        total = sum(held.values())
        valid = held.get("valid", 0)
        rows.append(
            {
                "field": field,
                "source": source,
                "records": total,
                "completeness": 1.0 - held.get("missing", 0) / total,
                "validity": valid / total,
            }
        )
    schema = pa.schema(
        [
            ("field", pa.string()),
            ("source", pa.string()),
            ("records", pa.int64()),
            ("completeness", pa.float64()),
            ("validity", pa.float64()),
        ]
    )
    return pa.Table.from_pylist(rows, schema)


def _invalid(quality: pa.Table) -> pa.Table:
    chosen = quality.filter(pc.equal(quality.column("status"), "invalid"))
    return chosen.select(["field", "source", "reason", "records"])


def _record_counts(ingested: Ingested) -> pa.Table:
    facts: list[tuple[str, int]] = [
        ("records", ingested.record_count),
        ("sources", len(ingested.sources)),
        ("records with nothing to link them by", ingested.unlinkable_count),
    ]
    facts += [(f"rejected: {reason}", count) for reason, count in ingested.rejects.counts.items()]
    return pa.table({"what": [name for name, _ in facts], "count": [count for _, count in facts]})


@dataclass(frozen=True, slots=True)
class _Top:
    field: str
    rank: int
    share: float
    first_row: int


def _top_values(ingested: Ingested) -> list[_Top]:
    """The most frequent values of each field, by hash; values met once are not 'frequent'."""
    tops = []
    for field in ingested.layout.positions:
        slots = ingested.layout.value_slots(field)
        hashes = np.concatenate(
            [hash_field_values(chunk.rows, slots) for chunk in ingested.store.chunks()]
        )
        present = int((hashes != 0).sum())
        if not present:
            continue
        unique, first, counts = np.unique(hashes, return_index=True, return_counts=True)
        keep = (unique != 0) & (counts > 1)
        order = np.lexsort((first[keep], -counts[keep]))[:TOP_VALUES]
        for rank, place in enumerate(order.tolist(), start=1):
            share = counts[keep][place] / present
            tops.append(_Top(field, rank, float(share), int(first[keep][place])))
    return tops


def _values_of(inputs: Any, ingested: Ingested, tops: Sequence[_Top]) -> dict[int, dict[str, str]]:
    """row -> field -> the value as written, for the rows that `tops` points at."""
    wanted = np.unique(np.array([top.first_row for top in tops], np.int64))
    if not len(wanted):
        return {}
    ids = ingested.store.gather_record_ids(wanted).to_pylist()
    sources = [ingested.sources[code] for code in ingested.store.gather_sources(wanted).tolist()]
    row_of = {
        key: int(row) for key, row in zip(zip(sources, ids, strict=True), wanted, strict=True)
    }
    found: dict[int, dict[str, str]] = {}
    from mpi.explanation import rows_of

    opened = open_inputs(inputs)
    names = source_names(opened.files)
    for source, record_id, row in rows_of(opened, ingested.schema, set(ids), names):
        number = row_of.get((source, record_id))
        if number is None or number in found:
            continue
        found[number] = {}
        for field in ingested.schema.fields:
            column = ingested.schema.find_column(field.columns, row.column_names)
            value = row.column(column)[0].as_py() if column else None
            found[number][field.name] = "" if value is None else str(value)
    return found


def _top_table(
    tops: Sequence[_Top], values: dict[int, dict[str, str]], show_values: bool
) -> pa.Table:
    columns: dict[str, Any] = {
        "field": pa.array([top.field for top in tops], pa.string()),
        "rank": pa.array([top.rank for top in tops], pa.int64()),
        "share": pa.array([top.share for top in tops], pa.float64()),
    }
    if show_values:
        shown = [values.get(top.first_row, {}).get(top.field) for top in tops]
        columns["value"] = pa.array(shown, pa.string())
    return pa.table(columns)
