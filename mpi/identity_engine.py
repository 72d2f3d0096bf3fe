"""One path for batch and single: encode -> keys -> (postings, rows) -> compare -> weigh.

An engine is the compiled form of an index's facts. It holds no person, except the few names that
are too long for their slot.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise, product
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from blocking.kernels import combine_keys
from blocking.keys import ResolvedRule, ResolvedRules, resolve_rules
from matching.compiled import CompiledModel, compile_model
from mpi.calibration import WEIGHT_LIMIT
from mpi.identity_digest import DigestKey, Sealer
from mpi.identity_door import check_columns, plain_person
from mpi.identity_encoding import FewEncoder, text_columns
from mpi.identity_facts import IndexFacts
from mpi.identity_kernels import combine_all_keys
from mpi.identity_names import LongNames, model_with_names, rules_with_names
from mpi.identity_numbers import find_number_place
from mpi.pair_guards import PAIR_REFUSALS, PairGuards
from mpi.waterfall import level_label
from person.batch import PersonBatch, encode_batch
from person.errors import ConfigError, InputError
from person.field import OverflowTable
from person.identity import identity_keys
from person.layout import Layout, layout_for
from person.records import RecordChunk
from person.schema import BoundField, Field

__all__ = ["REFUSAL_WORDS", "Engine", "PersonColumns", "Weighed", "as_table"]

_SHAPES_KEPT: Final = 4096
_PATTERNS_KEPT: Final = 1 << 17
_LEVELS_KEPT: Final = 1 << 14
REFUSAL_WORDS: Final = (None, *PAIR_REFUSALS)
"""What the numbers of `Engine.refusal_numbers` say."""


@dataclass(frozen=True, slots=True)
class PersonColumns:
    """How one shape of input is read: its fields' columns, and those that name the record."""

    bound: tuple[BoundField, ...]
    record_id: str | None
    source: str | None
    updated_at: str | None
    id_type: str | None


@dataclass(frozen=True, slots=True)
class Weighed:
    """Pairs, weighed.

    Attributes
    ----------
    weight : float64[n_pairs], the table's own prior included
    pattern : int64[n_pairs], the cells of all comparisons
    is_silent : bool[n_pairs], the two share no field at all
    """

    weight: NDArray[np.float64]
    pattern: NDArray[np.int64]
    is_silent: NDArray[np.bool_]


class Engine:
    """Encodes, keys and weighs by the facts of one index.

    Attributes
    ----------
    facts : what it was compiled from
    layout : of the rows in the index
    names : long names among the index's records and the present queries
    digest : of the model, for events
    sealer : turns identifiers into keyed digests; None where they stay as they are
    """

    def __init__(
        self,
        facts: IndexFacts,
        overflow: OverflowTable | None = None,
        key: DigestKey | None = None,
    ) -> None:
        self.facts = facts
        self.schema = facts.schema
        self.layout: Layout = layout_for(facts.schema.fields)
        self.digest = facts.model_digest
        self.sealer = None if key is None else Sealer(key, self.layout)
        self._columns: dict[tuple[str, ...], PersonColumns] = {}
        self._few = FewEncoder(facts.schema, self.layout)
        self._refusals: dict[int, int] = {}
        self._levels: dict[int, dict[str, str]] = {}
        self.names = LongNames(OverflowTable() if overflow is None else overflow)
        self._compile()

    def _compile(self) -> None:
        facts = self.facts
        frequencies = facts.frequencies
        if self.sealer is not None:  # those of identifiers count values that no row holds
            frequencies = self.sealer.usable_frequencies(facts.model, frequencies)
        self.compiled = compile_model(facts.model, self.layout, self.names.settled, frequencies)
        self._guards = PairGuards(self.compiled)
        self._resolved = resolve_rules(facts.rules, self.layout, self.names.settled)
        self._key_parts = sorted({p for rule in self._resolved.rules for p in rule.key_parts})
        counts = [len(rule.variants) for rule in self._resolved.rules]
        self._first_table: list[int] = np.cumsum([0, *counts]).tolist()
        lines = [
            (table, key)
            for first, count in zip(self._first_table, counts, strict=False)
            for key, table in product(range(first, first + count), repeat=2)
        ]
        self._line_tables, self._line_keys = np.array(lines, np.int64).T.copy()
        self._part_of_key, self._first_of_rule = _key_places(self._resolved.rules)
        self.number_place = find_number_place(
            self.schema, self.layout, self._resolved.rules, self._first_table
        )
        nulls = [[each.null_cell_count - 1] for each in self.compiled.comparisons]
        self._silent_pattern = int(self.compiled.patterns(np.array(nulls, np.int32))[0])

    @property
    def overflow(self) -> OverflowTable:
        """All long names that are known, in one table; made anew at each call."""
        return self.names.table()

    def take_overflow(self, overflow: OverflowTable) -> None:
        """Learn long names; comparing them needs their text."""
        if len(overflow):
            self.names.take(overflow)

    def take_name(self, hashed: int, codes: NDArray[np.uint32]) -> None:
        """Learn one long name of the index."""
        self.names.take_one(hashed, codes)

    def _resolved_for(self, rows: NDArray[np.uint64]) -> ResolvedRules:
        """The rules, with the long names that rows refer to."""
        names = self.names.beyond(rows)
        if names is None:
            return self._resolved
        return rules_with_names(self._resolved, self.names.settled, names)

    # ------------------------------------------------------------------ encode

    def columns(self, names: Sequence[str]) -> PersonColumns:
        """Which column is which; worked out once for each shape of input.

        Raises
        ------
        SchemaMismatchError : no column belongs to the schema, or one is misspelt
        """
        shape = tuple(names)
        found = self._columns.get(shape)
        if found is None:
            schema = self.schema
            bound = schema.bind(shape)
            check_columns(schema, shape, (each.field.name for each in bound))
            found = PersonColumns(
                bound,
                schema.find_column(schema.record_id, shape),
                schema.find_column(schema.source, shape),
                schema.find_column(schema.updated_at, shape) if schema.updated_at else None,
                schema.find_column(schema.id_type, shape) if schema.id_type else None,
            )
            if len(self._columns) >= _SHAPES_KEPT:
                self._columns.clear()
            self._columns[shape] = found
        return found

    def encode(self, table: pa.Table | pa.RecordBatch) -> PersonBatch:
        """Encode records, sealed where the index is; long names among them are learnt."""
        batch = encode_batch(
            table, self.schema, self.layout, self.columns(table.schema.names).bound
        )
        self.take_overflow(batch.overflow)
        return self._sealed(batch)

    def _sealed(self, batch: PersonBatch) -> PersonBatch:
        if self.sealer is None:
            return batch
        return replace(batch, rows=self.sealer.seal(batch.rows))

    def encode_people(self, people: Sequence[Mapping[str, str | None]]) -> NDArray[np.uint64]:
        """Encode a few records whose values are texts, uint64[k, n_words]: the same encoders.

        Parameters
        ----------
        people : each with columns of its own; a column that one lacks is missing there
        """
        count = len(people)
        texts: dict[str, tuple[Field, list[str | None]]] = {}
        id_types: list[str | None] | None = None
        for place, person in enumerate(people):
            columns = self.columns(tuple(person))
            for each in columns.bound:
                name = each.field.name
                if name not in texts:
                    texts[name] = each.field, [None] * count
                text = person[each.columns[0]]
                if len(each.columns) > 1:
                    text = ";".join(person[column] or "" for column in each.columns).strip(";")
                texts[name][1][place] = text
            if columns.id_type is not None:
                if id_types is None:
                    id_types = [None] * count
                id_types[place] = person[columns.id_type]
        rows, overflow = self._few.encode(texts, id_types, count)
        self.take_overflow(overflow)
        return rows if self.sealer is None else self.sealer.seal(rows)

    def encode_number(self, number: str, id_type: str | None) -> NDArray[np.uint64]:
        """Encode a person of whom nothing but an id number is known: uint64[1, n_words].

        Raises
        ------
        ConfigError : the schema has no national id, or the index keeps no postings for it
        """
        place = self.number_place
        if place is None:
            raise ConfigError("this index keeps no postings of id numbers; search by other fields")
        has_type = id_type is not None and bool(self.schema.id_type)
        if not place.parts:
            person = {place.field.columns[0]: number}
            if id_type is not None and has_type:
                person[self.schema.id_type[0]] = id_type
            return self.encode_people([person])
        column, types = text_columns([[number], [id_type]])
        rows = place.encode(column, types if has_type else None, self.layout.n_words)
        return rows if self.sealer is None else self.sealer.seal(rows)

    # ------------------------------------------------------------------ keys

    @property
    def rules(self) -> tuple[ResolvedRule, ...]:
        return self._resolved.rules

    def keys(self, rows: NDArray[np.uint64]) -> list[NDArray[np.uint64]]:
        """Posting keys of rows.

        Parameters
        ----------
        rows : uint64[k, n_words]

        Returns
        -------
        list of uint64[variants, k], one for each rule; 0 = no key, and no key twice for a row
        """
        table = self.key_table(rows)
        return [table[first:stop] for first, stop in pairwise(self._first_table)]

    def key_table(self, rows: NDArray[np.uint64]) -> NDArray[np.uint64]:
        """`keys` of all rules in one table, uint64[posting tables, k].

        Parameters
        ----------
        rows : uint64[k, n_words]
        """
        count = len(rows)
        parts = np.empty((len(self._resolved.parts), count), np.uint64)
        self._resolved_for(rows).fill_parts(self._key_parts, rows, parts)
        keys = np.empty((len(self._part_of_key), count), np.uint64)
        combine_all_keys(parts, self._part_of_key, self._first_of_rule, count, keys)
        return keys

    def first_keys(self, rule: int, rows: NDArray[np.uint64]) -> NDArray[np.uint64]:
        """Keys of one rule's first variant, uint64[k]."""
        resolved = self._resolved.rules[rule]
        parts = np.empty((len(self._resolved.parts), len(rows)), np.uint64)
        self._resolved_for(rows).fill_parts(resolved.variants[0].tolist(), rows, parts)
        keys = np.empty(len(rows), np.uint64)
        combine_keys(parts, resolved.variants[0], len(rows), keys)
        return keys

    def posting_tables(self, rule: int) -> range:
        """Numbers of the store's posting tables that hold a rule's keys, one a variant."""
        return range(self._first_table[rule], self._first_table[rule + 1])

    def posting_lines(
        self, keys: NDArray[np.uint64]
    ) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
        """What to look up for the keys of rows, as `key_table` gives them.

        Returns
        -------
        int64[m] posting tables and uint64[m, k] keys to look up in each: where a rule gives a
        row several keys, each is looked up among all of others' keys by that rule
        """
        return self._line_tables, keys[self._line_keys]

    def rule_of_table(self, table: int) -> int:
        """The rule whose keys a posting table of the store holds."""
        return bisect_right(self._first_table, table) - 1

    @property
    def posting_names(self) -> list[str]:
        """Names of all posting tables, in order."""
        return [
            rule.rule.name if not variant else f"{rule.rule.name} #{variant + 1}"
            for rule in self._resolved.rules
            for variant in range(len(rule.variants))
        ]

    @property
    def storage_slots(self) -> NDArray[np.int64]:
        """Where values lie in a row, int64[n, 3], so that rows pack well; a name by character."""
        slots: list[list[int]] = []
        for name in self.layout.positions:
            places = self.layout.slots(name).tolist()
            if self.layout.kind(name) == "han_name" and places[0][2] == 64:
                word = places[0][0]
                places = [[word, shift, 15] for shift in (0, 15, 30, 45)] + [[word, 60, 4]]
            slots += places
        return np.array(slots, np.int64)

    def refining_parts(self, rule: int, rows: NDArray[np.uint64]) -> NDArray[np.uint64]:
        """Refining keys of a rule, uint64[refining keys, k]; 0 = missing."""
        wanted = self._resolved.rules[rule].refine
        parts = np.empty((len(self._resolved.parts), len(rows)), np.uint64)
        self._resolved_for(rows).fill_parts(wanted, rows, parts)
        return parts[list(wanted)]

    # ------------------------------------------------------------------ weigh

    def compiled_for(self, *rows: NDArray[np.uint64]) -> CompiledModel:
        """The compiled model, with the long names that rows refer to."""
        names = self.names.beyond(*rows)
        if names is None:
            return self.compiled
        return model_with_names(self.compiled, self.names.settled, names)

    def weigh(
        self,
        a: NDArray[np.uint64],
        b: NDArray[np.uint64],
        left: NDArray[np.int32],
        right: NDArray[np.int32],
    ) -> Weighed:
        """Weigh pairs (a[left], b[right]) exactly as a batch run does."""
        scores = self.compiled_for(a, b).score(a, b, left, right)
        return Weighed(
            scores.weight + self.facts.prior_shift,
            scores.pattern,
            scores.pattern == self._silent_pattern,
        )

    def refusals(self, pattern: NDArray[np.int64]) -> NDArray[np.object_]:
        """Why pairs may not be linked by weight alone; see `mpi.pair_guards`."""
        words = np.array(REFUSAL_WORDS, object)
        refusals: NDArray[np.object_] = words[self.refusal_numbers(pattern)]
        return refusals

    def refusal_numbers(self, pattern: NDArray[np.int64]) -> NDArray[np.uint8]:
        """The same as places in REFUSAL_WORDS, uint8[n_pairs]; 0 = may be linked."""
        wanted = pattern.tolist()
        known = self._refusals
        try:
            return np.array([known[each] for each in wanted], np.uint8)
        except KeyError:
            held = {each: known[each] for each in set(wanted) if each in known}
        plain_of = {
            each: self._guards.plain_pattern(each) for each in set(wanted) if each not in held
        }
        answers = {each: known[each] for each in set(plain_of.values()) if each in known}
        if unknown := list(set(plain_of.values()) - answers.keys()):
            numbers = self._guards.refusals(np.array(unknown, np.int64))
            answers.update(zip(unknown, numbers.tolist(), strict=True))
        held.update({each: answers[alike] for each, alike in plain_of.items()})
        if len(known) > _PATTERNS_KEPT:
            known.clear()
        known.update(answers | held)
        return np.array([held[each] for each in wanted], np.uint8)

    def levels(self, pattern: int) -> dict[str, str]:
        """What one pair's agreement pattern means to people."""
        found = self._levels.get(pattern)
        if found is None:
            cells = self.compiled.unpack_patterns(np.array([pattern], np.int64))[:, 0]
            comparisons = self.compiled.comparisons
            found = {
                each.comparison.name: level_label(each, cell)
                for each, cell in zip(comparisons, cells.tolist(), strict=True)
            }
            if len(self._levels) > _LEVELS_KEPT:
                self._levels.clear()
            self._levels[pattern] = found
        return dict(found)

    def probability(self, weight: float) -> float:
        """`match_probability` of one weight."""
        held = min(max(weight, -WEIGHT_LIMIT), WEIGHT_LIMIT)
        return float(1.0 / (1.0 + np.exp2(-held)))

    def identity_keys(self, rows: NDArray[np.uint64]) -> NDArray[np.uint64]:
        """Valid national ids, uint64[k], 0 = none; two different ones are two people."""
        if self.sealer is not None:
            return self.sealer.identity_keys(rows, self.schema)
        chunk = RecordChunk(0, rows, np.zeros(len(rows), np.uint16))
        keys = identity_keys([chunk], self.schema, self.layout, len(rows))
        return np.zeros(len(rows), np.uint64) if keys is None else keys


def _key_places(
    rules: Sequence[ResolvedRule],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Parts of every key, -1 behind the last, and the first key of the rule it belongs to."""
    variants = [each for rule in rules for each in rule.variants]
    places = np.full((len(variants), max(map(len, variants), default=0)), -1, np.int64)
    for line, each in zip(places, variants, strict=True):
        line[: len(each)] = each
    counts = [len(rule.variants) for rule in rules]
    return places, np.repeat(np.cumsum([0, *counts[:-1]]), counts).astype(np.int64)


def as_table(
    people: Mapping[str, Any] | Iterable[Mapping[str, Any]] | pa.Table | pa.RecordBatch,
) -> pa.Table | pa.RecordBatch:
    """People as Arrow columns: a mapping, several, or a table as it is.

    Raises
    ------
    InputError : neither of these
    """
    if isinstance(people, (pa.Table, pa.RecordBatch)):
        return people
    rows = [people] if isinstance(people, Mapping) else list(people)
    if not rows or not all(isinstance(row, Mapping) for row in rows):
        raise InputError("give a person as a mapping of column names to values, or an Arrow table")
    rows = [plain_person(row) for row in rows]
    names = list(dict.fromkeys(name for row in rows for name in row))
    try:
        arrays = [pa.array([row.get(name) for row in rows]) for name in names]
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise InputError("the values of a column are of types that do not go together") from error
    if len(set(names)) != len(names) or not all(isinstance(name, str) for name in names):
        raise ConfigError("columns are named by texts")
    return pa.RecordBatch.from_arrays(arrays, names)
