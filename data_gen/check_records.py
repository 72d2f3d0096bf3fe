"""The records of a generated directory beside their truth, their people and the sources' plan."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from data_gen.causes import CAUSES, cause_names
from data_gen.findings import Finding, compare, must_be, note
from data_gen.parameters import GeneratorParameters
from data_gen.population import Population
from data_gen.read import Part
from data_gen.reference_facts import DUPLICATES, Fact
from data_gen.sources import SYSTEMS, source_systems, system_of
from data_gen.text import RECORD_SCHEMA

__all__ = ["RecordFigures", "check_records"]

Rows = list[dict[str, Any]]

_REDRAWN_ROWS: Final = 20_000
_KNOWN_ROWS: Final = 200_000
_RATE_COUNT_MIN: Final = 100
# A desk's and a record's carelessness vary (SourceSystem.spread), so rates do from file to file;
# and a chance given for records to which a slip can happen is less over all records.
_RATE_MARGIN: Final = 0.35
# Causes that can happen to nearly every record: their share of all records is the chance itself.
_PLAIN_CAUSES: Final = (
    "name:homophone",
    "name:other_tone",
    "id_number:missing",
    "id_number:one_digit",
    "birth_date:year_off",
    "birth_date:missing",
    "gender:wrong",
    "address:missing",
)
# Each source has a hand of its own: other separators, a blank in short names, 'F' for 2. That is
# no error, so it is undone before a value is held against the person's.
_FORMS: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    "birth_date": (
        (r"^(\d{4})(\d{2})(\d{2})$", r"\1-\2-\3"),
        (r"^(\d{4})\D+(\d{1,2})\D+(\d{1,2})\D*$", r"\1-\2-\3"),
        (r"-(\d)(-|$)", r"-0\1\2"),
        (r"-(\d)$", r"-0\1"),
    ),
    "gender": ((r"^(男|M|m|1).*$", "1"), (r"^(女|F|f|2).*$", "2")),
    "name": ((r"[ \x{3000}]", ""), (r"[.\x{2022}\x{30fb}\x{2027}]", "\u00b7")),
}
_WEIGHTS: Final = np.array([7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2], np.int64)
_CHECKS: Final = np.frombuffer(b"10X98765432", np.uint8)


@dataclass(slots=True)
class RecordFigures:
    """Findings, the rows of the charts (missing, causes), and the records read."""

    findings: list[Finding]
    charts: dict[str, Rows]
    records: int


@dataclass(slots=True)
class _Tally:
    """Counts of one system over the parts that were read."""

    records: int = 0
    again: int = 0
    nulls: NDArray[np.int64] = field(default_factory=lambda: np.zeros(len(RECORD_SCHEMA), np.int64))
    causes: NDArray[np.int64] = field(default_factory=lambda: np.zeros(len(CAUSES), np.int64))


@dataclass(slots=True)
class _Counts:
    """What must be none, or all."""

    records: int = 0
    people: int = 0
    misplaced: int = 0
    repeated_ids: int = 0
    redrawn: int = 0
    redrawn_otherwise: int = 0
    ids: int = 0
    ids_wrong: int = 0
    damaged_ids: int = 0
    damaged_ids_valid: int = 0
    known: int = 0
    wrong: dict[str, int] = field(default_factory=dict)
    wrong_words: int = 0


def check_records(parts: Iterable[Part], parameters: GeneratorParameters) -> RecordFigures:
    """Hold records against truth, people and plan.

    Parameters
    ----------
    parts : as `data_gen.read.read_parts` yields them
    parameters : of the population, from the manifest

    Returns
    -------
    RecordFigures
    """
    population = Population(parameters)
    tallies: dict[str, _Tally] = {}
    counts = _Counts()
    for part in parts:
        _tally_part(part, tallies, counts)
        _redraw(part, population, counts)
        _compare_with_people(part, population, counts)
    figures = RecordFigures([], {}, counts.records)
    _exact_findings(counts, figures)
    _mean_findings(counts, parameters, figures)
    _source_findings(tallies, parameters, figures)
    return figures


def _tally_part(part: Part, tallies: dict[str, _Tally], counts: _Counts) -> None:
    truth = part.truth
    source = truth["source"].combine_chunks()
    systems = system_of(source)
    causes = truth["causes"].to_numpy()
    words = cause_names(causes)
    said = pc.fill_null(truth["cause_names"], "").combine_chunks()
    counts.wrong_words += int(pc.sum(pc.not_equal(words, said)).as_py() or 0)
    counts.records += truth.num_rows
    person = truth["person_id"].to_numpy()
    counts.people += len(np.unique(person))
    source_code = pc.dictionary_encode(source).indices.to_numpy().astype(np.int64)
    counts.repeated_ids += truth.num_rows - _distinct(truth, ["source", "record_id"])
    for name, table in part.records.items():
        rows = np.flatnonzero(systems == SYSTEMS.index(name))
        tally = tallies.setdefault(name, _Tally())
        if not _aligned(truth, rows, table):
            counts.misplaced += table.num_rows
            continue
        tally.records += table.num_rows
        pairs = np.unique(np.stack([source_code[rows], person[rows]]), axis=1)
        tally.again += len(rows) - pairs.shape[1]
        tally.nulls += [table[column].null_count for column in RECORD_SCHEMA.names]
        tally.causes += [
            np.count_nonzero(causes[rows] & np.uint64(1 << cause.bit)) for cause in CAUSES
        ]
        _check_ids(table["id_number"], causes[rows], counts)
    listed = set(part.records)
    for code in np.unique(systems).tolist():
        if SYSTEMS[code] not in listed:
            counts.misplaced += int((systems == code).sum())


def _aligned(truth: pa.Table, rows: NDArray[np.int64], table: pa.Table) -> bool:
    """Whether a system's file holds the very records that truth has of it, in its order."""
    if len(rows) != table.num_rows:
        return False
    chosen = truth.select(["source", "record_id"]).take(pa.array(rows))
    return bool(chosen.equals(table.select(["source", "record_id"])))


def _distinct(table: pa.Table, columns: list[str]) -> int:
    return int(table.select(columns).group_by(columns).aggregate([]).num_rows)


def _check_ids(column: pa.ChunkedArray, causes: NDArray[np.uint64], counts: _Counts) -> None:
    """Check digits: right where nothing was done to the number, wrong where a digit was."""
    numbers = pc.utf8_upper(column.combine_chunks())
    is_full = pc.fill_null(pc.equal(pc.binary_length(numbers), 18), False)
    full = is_full.to_numpy(zero_copy_only=False)
    if not full.any():
        return
    kept = numbers.filter(is_full)
    characters = np.frombuffer(pc.binary_join(_one_list(kept), "").as_py().encode(), np.uint8)
    valid = _check_digit_holds(characters.reshape(-1, 18))
    damage = _mask("id_number:one_digit") | _mask("id_number:transposed")
    is_damaged = (causes[full] & damage) != 0
    counts.ids += int((~is_damaged).sum())
    counts.ids_wrong += int((~valid & ~is_damaged).sum())
    counts.damaged_ids += int(is_damaged.sum())
    counts.damaged_ids_valid += int((valid & is_damaged).sum())


def _one_list(values: pa.Array) -> pa.Scalar:
    return pa.ListArray.from_arrays([0, len(values)], values)[0]


def _check_digit_holds(characters: NDArray[np.uint8]) -> NDArray[np.bool_]:
    digits = characters[:, :17].astype(np.int64) - ord("0")
    remainder = (digits * _WEIGHTS).sum(axis=1) % 11
    proper = ((digits >= 0) & (digits <= 9)).all(axis=1)
    holds: NDArray[np.bool_] = proper & (_CHECKS[remainder] == characters[:, 17])
    return holds


def _mask(*names: str) -> np.uint64:
    bits = {cause.name: cause.bit for cause in CAUSES}
    return np.uint64(sum(1 << bits[name] for name in names))


def _field_mask(name: str) -> np.uint64:
    return np.uint64(sum(1 << cause.bit for cause in CAUSES if cause.field == name))


def _redraw(part: Part, population: Population, counts: _Counts) -> None:
    """Draw the first rows of the part again: they must be those of the file."""
    first = part.first_record
    last = min(first + _REDRAWN_ROWS, first + part.truth.num_rows)
    pairs = list(population.batches_with_truth(first, last))
    records = pa.Table.from_batches([pair[0] for pair in pairs])
    truth = pa.Table.from_batches([pair[1] for pair in pairs])
    counts.redrawn += records.num_rows
    if not truth.equals(part.truth.slice(0, truth.num_rows)):
        counts.redrawn_otherwise += truth.num_rows
        return
    systems = system_of(records["source"].combine_chunks())
    for code in np.unique(systems).tolist():
        rows = np.flatnonzero(systems == code)
        drawn = records.take(pa.array(rows))
        found = part.records.get(SYSTEMS[code])
        if found is None or not found.slice(0, len(rows)).equals(drawn):
            counts.redrawn_otherwise += len(rows)


def _compare_with_people(part: Part, population: Population, counts: _Counts) -> None:
    """Where truth says that nothing was done to a field, it must be the person's."""
    truth = part.truth.slice(0, _KNOWN_ROWS)
    per_community = population.parameters.records_per_community
    first = part.first_record // per_community
    last = (part.first_record + truth.num_rows - 1) // per_community + 1
    people = pa.Table.from_batches(
        list(population.people(first * 1024, min(last * 1024, population.people_count)))
    )
    ids = people["person_id"].to_numpy()
    order = np.argsort(ids)
    place = np.minimum(np.searchsorted(ids[order], truth["person_id"].to_numpy()), len(ids) - 1)
    rows_of_people = order[place]
    counts.known += truth.num_rows
    if (ids[rows_of_people] != truth["person_id"].to_numpy()).any():
        counts.wrong["person_id"] = counts.wrong.get("person_id", 0) + truth.num_rows
        return
    systems = system_of(truth["source"].combine_chunks())
    causes = truth["causes"].to_numpy()
    births = _birth_dates(people)
    names = np.asarray(pc.replace_substring(people["name"], " ", "").to_pylist(), object)
    males = people["sex"].to_numpy() == 1
    for name, table in part.records.items():
        rows = np.flatnonzero(systems == SYSTEMS.index(name))
        held = table.slice(0, len(rows))
        who = rows_of_people[rows]
        for column, right in (
            ("birth_date", births[who]),
            ("gender", np.where(males[who], "1", "2")),
            ("name", names[who]),
        ):
            untouched = (causes[rows] & _field_mask(column)) == 0
            wrong = _differs(column, held[column], right) & untouched
            counts.wrong[column] = counts.wrong.get(column, 0) + int(wrong.sum())


def _birth_dates(people: pa.Table) -> NDArray[np.str_]:
    dates = people["birth_date"].combine_chunks()
    return np.asarray(pc.cast(dates, pa.string()).to_pylist(), np.str_)


def _differs(column: str, held: pa.ChunkedArray, right: NDArray[Any]) -> NDArray[np.bool_]:
    values = held.combine_chunks()
    for pattern, form in _FORMS[column]:
        values = pc.replace_substring_regex(values, pattern, form)
    texts = np.asarray(values.to_pylist(), object)
    differs: NDArray[np.bool_] = (texts != right.astype(object)) & np.asarray(pc.is_valid(values))
    return differs


def _exact_findings(counts: _Counts, figures: RecordFigures) -> None:
    chapter = "records and truth"
    figures.findings += [
        must_be(chapter, "records that truth does not have, or in another order",
                counts.misplaced, 0, why="one row of truth a record"),
        must_be(chapter, "record ids given twice in a source", counts.repeated_ids, 0,
                why="a source numbers its records"),
        must_be(chapter, "causes whose bits and names differ", counts.wrong_words, 0,
                why="both are of one mask"),
        must_be(chapter, f"of {counts.redrawn:,} records drawn again, different",
                counts.redrawn_otherwise, 0, why="a record follows from seed and number"),
        *(
            must_be(chapter, f"untouched {column} that is not the person's", count, 0,
                    why="what truth says is untouched is")
            for column, count in counts.wrong.items()
        ),
        must_be(chapter, f"of {counts.ids:,} untouched 18-digit numbers, wrong check digit",
                counts.ids_wrong, 0, why="GB 11643-1999"),
        must_be(chapter, f"of {counts.damaged_ids:,} numbers with a slip, check digit right",
                counts.damaged_ids_valid, 0, why="MOD 11-2 finds one digit or a swap"),
    ]  # fmt: skip


def _mean_findings(
    counts: _Counts, parameters: GeneratorParameters, figures: RecordFigures
) -> None:
    figures.findings.append(
        note("records and truth", "people with a record, of those in the parts read",
             min(counts.people * parameters.records_per_person / max(counts.records, 1), 1.0))
    )  # fmt: skip


def _source_findings(
    tallies: dict[str, _Tally], parameters: GeneratorParameters, figures: RecordFigures
) -> None:
    usual = 2.0 <= parameters.records_per_person <= 3.0
    missing: Rows = []
    causes: Rows = []
    for system in source_systems():
        tally = tallies.get(system.code)
        if tally is None or not tally.records:
            continue
        share = tally.again / tally.records
        label = f"{system.code}: further records of a person in one source"
        figures.findings.append(
            compare("sources", label, share, DUPLICATES, deviation=0.3 / math.sqrt(tally.records))
            if usual
            else note("sources", label, share)
        )
        for place, column in enumerate(RECORD_SCHEMA.names):
            missing.append(
                {
                    "system": system.code,
                    "column": column,
                    "share": float(tally.nulls[place] / tally.records),
                }
            )
        planned = system.cause_rates()
        for place, cause in enumerate(CAUSES):
            rate = float(tally.causes[place] / tally.records)
            causes.append({"system": system.code, "cause": cause.name, "share": rate})
            expected = planned.get(cause.name, 0.0) * parameters.error_scale
            if _is_plain(system.code, cause.name) and expected * tally.records >= _RATE_COUNT_MIN:
                figures.findings.append(
                    _rate_finding(system.code, cause.name, rate, expected, tally)
                )
    figures.charts["missing"] = missing
    figures.charts["causes"] = causes


def _is_plain(system: str, cause: str) -> bool:
    """Whether a cause can happen to nearly every record of a system; newborns have no number."""
    # Both enter births before a number is issued, which is no slip of theirs.
    enters_births = system in ("maternal_child", "population_register")
    return cause in _PLAIN_CAUSES and not (enters_births and cause == "id_number:missing")


def _rate_finding(system: str, cause: str, rate: float, expected: float, tally: _Tally) -> Finding:
    fact = Fact(
        value=expected, margin=_RATE_MARGIN * expected, grade="P", source="data_gen/sources.py"
    )
    spread = 2 * math.sqrt(expected / tally.records)  # careless desks err in runs
    return compare("error rates", f"{system}: {cause}", rate, fact, deviation=spread)
