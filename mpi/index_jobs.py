"""Jobs on an identity index that take files or go on for long: what the commands call.

Each is one step above `IdentityIndex`, which answers about people one by one or as Arrow tables.
"""

from __future__ import annotations

import json
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from mpi.identity_index import IdentityIndex
from mpi.identity_results import IdentityChange, VerifyReport
from mpi.index_lookup import lookup_table
from mpi.outputs import output_errors
from mpi.review.keeping import check_review, copy_review
from mpi.survivorship import Survivorship
from mpi.tables import InputSet, open_inputs
from person.errors import ConfigError, IndexCorruptError, IndexMissingError, InputError

__all__ = [
    "add_files",
    "describe_index",
    "export_index",
    "follow_changes",
    "identity_changes",
    "lookup_files",
    "parse_time",
    "read_person",
    "read_survivorship",
    "resolve_files",
    "restore_index",
]

POLL_SECONDS: Final = 0.2
CHANGES_AT_ONCE: Final = 1000
RESOLVE_ROWS: Final = 2048
LOOKUP_ROWS: Final = 1 << 16
_PERSON_BYTES_MAX: Final = 1 << 20


# ---------------------------------------------------------------------- people from files


def _batches(
    index: IdentityIndex, inputs: Any, rows: int, source: str | None, on_note: Callable[[str], None]
) -> Iterator[tuple[int, pa.RecordBatch]]:
    """(number of its first row, rows) of tables, slices of at most `rows` rows."""
    opened: InputSet = open_inputs(inputs)
    first = 0
    for _, _, batch in opened:
        named = batch if source is None else _with_source(index, batch, source)
        for start in range(0, named.num_rows, rows):
            part = named.slice(start, rows)
            yield first + start, part
        first += named.num_rows
    rejected = opened.rejects.to_table().num_rows
    if rejected:
        on_note(f"{rejected:,} rows could not be read and were left out")
    for note in opened.notes:
        on_note(note)


def _with_source(index: IdentityIndex, batch: pa.RecordBatch, source: str) -> pa.RecordBatch:
    schema = index.facts.schema
    if schema.find_column(schema.source, batch.schema.names) is not None:
        raise ConfigError("the table has a source column of its own; leave --source out")
    column = pa.array([source] * batch.num_rows, pa.string())
    names = [*batch.schema.names, schema.source[0]]
    return pa.RecordBatch.from_arrays([*batch.columns, column], names)


def add_files(
    index: IdentityIndex,
    inputs: Any,
    *,
    by: str = "auto",
    reason: str = "",
    source: str | None = None,
    batch_size: int = 1000,
    may_update: bool = True,
    on_note: Callable[[str], None] = lambda _: None,
) -> Iterator[dict[str, Any]]:
    """Add the records of tables; each receipt comes when its record is durable.

    Parameters
    ----------
    index : open for writing
    inputs : files, directories or patterns, as for `mpi.dedupe`
    by, reason : for the journal
    source : of all records, where the tables have no source column
    batch_size : records a transaction
    may_update : False leaves records that are there already as they are
    on_note : told what a user should know

    Returns
    -------
    iterator of receipts as `Receipt.to_dict` has them
    """
    for _, part in _batches(index, inputs, batch_size, source, on_note):
        receipts = index.add_table(
            pa.Table.from_batches([part]),
            by=by,
            reason=reason,
            batch_size=batch_size,
            may_update=may_update,
        )
        yield from receipts.to_pylist()


def resolve_files(
    index: IdentityIndex,
    inputs: Any,
    *,
    source: str | None = None,
    on_note: Callable[[str], None] = lambda _: None,
) -> Iterator[pa.Table]:
    """Resolve the people of tables, some thousands at a time; nothing is written.

    Parameters
    ----------
    index : open
    inputs, source, on_note : as for `add_files`

    Returns
    -------
    iterator of tables as `IdentityIndex.resolve_table` returns them
    """
    for _, part in _batches(index, inputs, RESOLVE_ROWS, source, on_note):
        yield index.resolve_table(pa.Table.from_batches([part]))


def lookup_files(
    index: IdentityIndex, inputs: Any, *, on_note: Callable[[str], None] = lambda _: None
) -> Iterator[pa.Table]:
    """Look up every row of tables by the columns they have, some thousands at a time.

    Parameters
    ----------
    index : open
    inputs : tables with enterprise_id, with source and record_id, or with id_number (and id_type)
    on_note : told what a user should know

    Returns
    -------
    iterator of tables as `mpi.index_lookup.lookup_table` returns them
    """
    for _, part in _batches(index, inputs, LOOKUP_ROWS, None, on_note):
        yield lookup_table(index, part)


def read_person(text: str, name: str) -> dict[str, Any]:
    """A person from JSON, so that no value stands on a command line.

    Parameters
    ----------
    text : one JSON object of column names and values
    name : where it comes from, for messages
    """
    try:
        if len(text) > _PERSON_BYTES_MAX:
            raise ValueError("too long")
        person = json.loads(text)
    except ValueError as error:
        raise InputError(f"{name}: not a person as one JSON object", path=name) from error
    if not isinstance(person, dict):
        raise InputError(f"{name}: not a person as one JSON object", path=name)
    return person


# ---------------------------------------------------------------------- what changes


def identity_changes(
    index: IdentityIndex, *, since: int = 0, limit: int | None = None
) -> Iterator[IdentityChange]:
    """Every event after one already known, oldest first, read in pieces.

    Parameters
    ----------
    index : open
    since : number of the last event known
    limit : most events to return, None for all there are now
    """
    while limit is None or limit > 0:
        wanted = CHANGES_AT_ONCE if limit is None else min(limit, CHANGES_AT_ONCE)
        found = index.changes(since=since, limit=wanted)
        yield from found
        if len(found) < wanted:
            return
        since = found[-1].event
        limit = None if limit is None else limit - len(found)


def follow_changes(
    index: IdentityIndex,
    *,
    since: int = 0,
    limit: int | None = None,
    wait: Callable[[float], None] = time.sleep,
) -> Iterator[IdentityChange]:
    """The same, and then every event as soon as it is written, without end.

    Parameters
    ----------
    index : open for reading; another process writes
    since : number of the last event known
    limit : stop after so many events
    wait : called with the seconds between two looks
    """
    left = limit
    while left is None or left > 0:
        for change in identity_changes(index, since=since, limit=left):
            yield change
            since = change.event
            left = None if left is None else left - 1
        if left is None or left > 0:
            wait(POLL_SECONDS)


def parse_time(text: str) -> datetime:
    """A time as ISO 8601; without a zone it is local time.

    Parameters
    ----------
    text : such as 2026-03-01 or 2026-03-01T09:30:00+08:00
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigError(f"{text!r} is no time; give it as 2026-03-01T09:30:00+08:00") from error
    return found if found.tzinfo is not None else found.astimezone()


# ---------------------------------------------------------------------- the index as a whole


def describe_index(index: IdentityIndex) -> dict[str, Any]:
    """Counts, lines, rules, settings, and entries and bytes of every table.

    Parameters
    ----------
    index : open
    """
    facts = index.facts
    tables = index.store.stats()
    records = index.statistics()["records"]
    size = sum(each.size_bytes for each in tables.values())
    digest: Mapping[str, str] | None = getattr(facts, "digest", None)
    return {
        **index.statistics(),
        "schema": facts.schema.name,
        "survivorship": facts.survivorship.to_dict(),
        "keeps_values": facts.keeps_values,
        "digest": None if digest is None else digest["algorithm"],
        "size_bytes": size,
        "bytes_a_record": round(size / records, 1) if records else None,
        "tables": {
            name: {"entries": each.entries, "size_bytes": each.size_bytes}
            for name, each in tables.items()
        },
    }


def restore_index(
    backup: str | Path, destination: str | Path, *, digest_key: str | Path | None = None
) -> VerifyReport:
    """Make an index of a backup, once the backup has proved sound.

    Parameters
    ----------
    backup : directory that `IdentityIndex.backup` wrote
    destination : a directory that does not exist yet
    digest_key : key file, where identifiers are keyed digests

    Raises
    ------
    IndexCorruptError : the backup is not sound; nothing was written
    """
    if Path(destination).exists():
        raise IndexMissingError(
            f"{destination}: already there; a backup is restored into a new directory: move what "
            "is there away first",
            path=str(destination),
        )
    options: dict[str, Any] = {} if digest_key is None else {"digest_key": digest_key}
    check_review(backup)
    with IdentityIndex.open(backup, **options) as index:
        report = index.verify()
        if not report.is_sound:
            raise IndexCorruptError(
                f"{backup}: the backup is not sound, {len(report.findings)} findings; see them "
                f"with `mpi index verify`, and restore an earlier one",
                path=str(backup),
            )
        index.backup(destination)
    copy_review(backup, destination)
    return report


def export_index(
    index: IdentityIndex, out: str | Path, *, at: datetime | None = None, overwrite: bool = False
) -> int:
    """Write every record and its enterprise id as Parquet: the cross-reference table.

    Parameters
    ----------
    index : open
    out : file to write
    at : as things stood at that time, None for now
    overwrite : replace a file that is there

    Returns
    -------
    int, records written
    """
    import pyarrow.parquet as pq

    from mpi.outputs import check_output_file

    check_output_file(out, overwrite=overwrite)
    table = index.state_at(at)
    final = Path(out)
    partial = final.with_name(f".{final.name}.partial")
    try:
        with output_errors(final):
            pq.write_table(table, partial, compression="zstd")
            partial.replace(final)
    finally:
        partial.unlink(missing_ok=True)
    count: int = table.num_rows
    return count


def read_survivorship(path: str | Path) -> Survivorship:
    """How golden records are made, from a TOML file.

    Parameters
    ----------
    path : of a file with `default`, `trusted_sources` and a table `[rules]` of field = rule

    Raises
    ------
    ConfigError : not TOML, an unknown key or rule
    InputError : the file cannot be read
    """
    try:
        raw = tomllib.loads(Path(path).read_text("utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})", path=str(path)) from error
    except ValueError as error:
        raise ConfigError(f"{path}: not a TOML file") from error
    unknown = sorted(set(raw) - {"default", "rules", "trusted_sources"})
    if unknown:
        raise ConfigError(f"{path}: unknown key {unknown[0]!r}")
    if not isinstance(raw.get("rules", {}), dict):
        raise ConfigError(f"{path}: rules is a table of field = rule")
    return Survivorship.from_dict(raw)
