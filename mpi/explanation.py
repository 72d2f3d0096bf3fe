"""Why two records were linked or not, from the files of a run."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from matching.compiled import compile_model
from matching.model import Model, read_model
from mpi.ingest import ingest
from mpi.progress import NO_PROGRESS
from mpi.report_data import WaterfallExample
from mpi.run_directory import read_frequencies, read_result_table, read_run
from mpi.scratch import scratch_directory
from mpi.source_names import source_names
from mpi.tables import InputSet, open_inputs
from mpi.waterfall import RELATIVES, waterfalls
from person.errors import ConfigError, IdentityError, InputError
from person.schema import Schema
from person.text import string_array

__all__ = ["explain", "rows_of"]


def explain(record_a: str, record_b: str, *, run: str | Path) -> WaterfallExample:
    """Take the weight of one pair of a run apart.

    The two records are read again from the inputs that the run names and scored by the run's
    own model and term frequencies.

    Parameters
    ----------
    record_a, record_b : record ids, or 'source/record id' where an id stands in several sources
    run : output directory of `mpi dedupe` or `mpi link`

    Returns
    -------
    WaterfallExample: prior and steps add up to the match weight; the steps carry both records'
    values, which are people's data

    Raises
    ------
    IdentityError : no record, or more than one, has such an id
    ConfigError : both are the same record
    InputError : the run's inputs are gone or have changed
    """
    directory = Path(run)
    facts = read_run(directory)
    model = read_model(directory / "model.json")
    clusters = read_result_table(directory / "clusters.parquet", ("source", "record_id"))
    keys = [_find(clusters, text) for text in (record_a, record_b)]
    if keys[0] == keys[1]:
        raise ConfigError("both ids name the same record; give two records to compare")
    table = _records(facts, model, keys)
    with scratch_directory() as scratch:
        columns = _compared_columns(model, table)
        inputs = open_inputs(table.select(columns))
        ingested = ingest([inputs], model.schema, scratch, NO_PROGRESS)
        compiled = compile_model(
            model, ingested.layout, ingested.overflow, read_frequencies(directory)
        )
        rows = ingested.store.gather_rows(np.array([0, 1]))
    shift = float(facts.get("prior_shift", 0.0))
    names = [(f"{keys[0][0]}/{keys[0][1]}", f"{keys[1][0]}/{keys[1][1]}")]
    example = waterfalls(compiled, rows[:1], rows[1:2], names, [""], prior_shift=shift)[0]
    decision, note = _decision(directory, model, clusters, keys, example.match_weight)
    example = dataclasses.replace(example, decision=decision, note=note)
    return _with_values(example, model, table)


def _find(clusters: pa.Table, text: str) -> tuple[str, str]:
    """(source, record id) of what a user typed."""
    found = clusters.filter(pc.equal(clusters.column("record_id"), text))
    if found.num_rows == 0 and "/" in text:
        for cut in (place for place, letter in enumerate(text) if letter == "/"):
            source, record_id = text[:cut], text[cut + 1 :]
            found = clusters.filter(
                pc.and_(
                    pc.equal(clusters.column("source"), source),
                    pc.equal(clusters.column("record_id"), record_id),
                )
            )
            if found.num_rows:
                break
    if found.num_rows == 0:
        raise IdentityError(
            "the run has no record with that id; write it as RECORD_ID or SOURCE/RECORD_ID"
        )
    if found.num_rows > 1:
        sources = ", ".join(sorted(set(found.column("source").to_pylist()))[:5])
        raise IdentityError(
            f"that record id stands in several sources ({sources}); write SOURCE/RECORD_ID"
        )
    return found.column("source")[0].as_py(), found.column("record_id")[0].as_py()


def _records(facts: dict[str, Any], model: Model, keys: list[tuple[str, str]]) -> pa.Table:
    """The two records as the inputs have them, in the order asked for."""
    paths = [each["path"] for each in facts.get("inputs", ())]
    if any(path.startswith("<") for path in paths):
        raise InputError("the run's input was a table in memory; its records cannot be read again")
    found: dict[tuple[str, str], pa.Table] = {}
    opened = [open_inputs(path) for path in paths]
    names = source_names([file for each in opened for file in each.files])
    wanted = {record_id for _, record_id in keys}
    for inputs, name in zip(opened, names, strict=True):
        for source, record_id, row in rows_of(inputs, model.schema, wanted, [name]):
            found.setdefault((source, record_id), row)
    missing = [key for key in keys if key not in found]
    if missing:
        raise InputError("the run's input files no longer hold that record; were they changed?")
    return pa.concat_tables([found[key] for key in keys], promote_options="permissive")


def rows_of(
    inputs: InputSet, schema: Schema, wanted: set[str], names: Sequence[str]
) -> Iterator[tuple[str, str, pa.Table]]:
    """(source, record id, the row as a table) of every row with one of the wanted ids.

    `names` are those of the files as sources, see `mpi.source_names`.
    """
    for index, first_row, batch in inputs:
        file = inputs.files[index]
        id_column = schema.find_column(schema.record_id, file.columns)
        if id_column is None:
            numbers = file.row_number(np.arange(first_row, first_row + batch.num_rows))
            ids = pc.cast(pa.array(numbers), pa.string())
        else:
            ids = pc.utf8_trim_whitespace(string_array(batch.column(id_column)))
        places = pc.indices_nonzero(pc.is_in(ids, pa.array(sorted(wanted)))).to_pylist()
        source_column = schema.find_column(schema.source, file.columns)
        for place in places:
            row = pa.Table.from_batches([batch.slice(place, 1)])
            source = string_array(row.column(source_column))[0].as_py() if source_column else None
            yield (source or "").strip() or names[index], ids[place].as_py(), row


def _compared_columns(model: Model, table: pa.Table) -> list[str]:
    """All columns but the record id, which may be the same for both records."""
    id_column = model.schema.find_column(model.schema.record_id, table.column_names)
    return [name for name in table.column_names if name != id_column]


def _decision(
    directory: Path,
    model: Model,
    clusters: pa.Table,
    keys: list[tuple[str, str]],
    weight: float,
) -> tuple[str, str | None]:
    """What the run decided on the pair, and why it refused it if it did."""
    keeps_links = (directory / "links.parquet").exists()  # a streamed run keeps only doubts
    name = "links.parquet" if keeps_links else "review.parquet"
    links = read_result_table(directory / name)
    for one, other in (keys, keys[::-1]):
        mask = pc.and_(
            pc.and_(
                pc.equal(links.column("source_l"), one[0]),
                pc.equal(links.column("record_id_l"), one[1]),
            ),
            pc.and_(
                pc.equal(links.column("source_r"), other[0]),
                pc.equal(links.column("record_id_r"), other[1]),
            ),
        )
        found = links.filter(mask)
        if found.num_rows:
            return found.column("decision")[0].as_py(), found.column("refused")[0].as_py()
    if not keeps_links and len({_person(clusters, key) for key in keys}) == 1:
        return "MATCH", None
    assert model.thresholds is not None
    if weight >= model.thresholds.match_weight_review_min:
        return "NO_MATCH", "no blocking rule brought this pair together"
    return "NO_MATCH", None


def _person(clusters: pa.Table, key: tuple[str, str]) -> str:
    """Enterprise id of a record."""
    source, record_id = (
        pc.equal(clusters.column(name), text)
        for name, text in zip(("source", "record_id"), key, strict=True)
    )
    return str(clusters.filter(pc.and_(source, record_id)).column("enterprise_id")[0].as_py())


def _with_values(example: WaterfallExample, model: Model, table: pa.Table) -> WaterfallExample:
    steps = []
    for step in example.steps:
        if step.comparison == RELATIVES:
            steps.append(step)
            continue
        comparison = model.comparison(step.comparison)
        fields = dict.fromkeys(name for part in comparison.parts for name in part.fields)
        values = []
        for row in range(2):
            shown = []
            for name in fields:
                column = model.schema.find_column(
                    model.schema.field(name).columns, table.column_names
                )
                value = table.column(column)[row].as_py() if column else None
                shown.append("" if value is None else str(value))
            values.append(" | ".join(shown))
        steps.append(dataclasses.replace(step, value_left=values[0], value_right=values[1]))
    return dataclasses.replace(example, steps=tuple(steps))
