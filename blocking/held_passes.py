"""The rules of a run over rows that are held in memory.

Rows are copied once, for all rules; what travels in a pass are keys and record numbers. Beside the
rows, the memory given holds the keys of some rules, entries of one, and groups.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from blocking.context import RuleContext
from blocking.crew import BucketCrew
from blocking.entry_pass import (
    ALONE,
    BUCKET_ENTRIES,
    BUCKETS_IN_ROUND,
    ENTRIES_IN_ROUND,
    ENTRY_BYTES,
    NO_GROUPS,
    EntryPass,
    EntryRule,
)
from blocking.held_rows import HeldRows
from blocking.key_sample import RuleSample
from blocking.key_table import RuleKeys, make_keys
from blocking.keys import ResolvedRule, ResolvedRules
from blocking.report import Tally
from blocking.scan import KEY_SHARES
from person.records import RecordSource

__all__ = ["HeldPasses", "fits_memory"]

KEYS_TOGETHER: Final = 4
"""Keys a record that are made together, of rules that share their parts, where there is room.
With all of them making keys costs a third less, and touching memory for the first time as much
more."""

ENTRIES_LEAST: Final = BUCKETS_IN_ROUND * BUCKET_ENTRIES
"""Room for fewer would cost too many rounds."""

GROUPED_RULES: Final = 3
"""Rules whose blocks later rules need not look at again: the first with one key a record."""

GROUP_BYTES: Final = 4 * GROUPED_RULES

_Done = tuple[Tally, int, int]
"""What was done, in how many rounds, and the records with a key."""


def fits_memory(source: RecordSource, variants: int, memory_bytes: int) -> bool:
    """Whether all rows of a source may be held, and what a pass over them needs.

    Parameters
    ----------
    source : records
    variants : most keys that a rule gives a record
    memory_bytes : what rows, keys, groups and entries may take together
    """
    count = source.record_count
    entry_bytes = ENTRY_BYTES * min(variants * count, ENTRIES_LEAST)
    return count < 1 << 31 and entry_bytes <= _room(source, variants, memory_bytes)


def _room(source: RecordSource, variants: int, memory_bytes: int) -> int:
    """Bytes left beside rows, groups and the keys of one rule."""
    record_bytes = 8 * (source.n_words + 1) + 8 * variants + GROUP_BYTES
    return memory_bytes - source.record_count * record_bytes


class HeldPasses:
    """Runs rules one after another.

    Parameters
    ----------
    source : records; `fits_memory` of them is true where whole rules are run
    resolved : the rules
    crew : workers' buffers
    memory_bytes : keys of several rules take a part of it
    """

    def __init__(
        self, source: RecordSource, resolved: ResolvedRules, crew: BucketCrew, memory_bytes: int
    ) -> None:
        self._source = source
        self._resolved = resolved
        count, variants = source.record_count, crew.variants
        room = _room(source, variants, memory_bytes)
        entries = min(max(room // ENTRY_BYTES, ENTRIES_LEAST), ENTRIES_IN_ROUND)
        self._pass = EntryPass(crew, entries)
        more = (room - ENTRY_BYTES * min(entries, variants * count)) // (8 * max(count, 1))
        self._keys_together = max(variants, min(KEYS_TOGETHER, variants + more))
        self._key_table = np.empty((0, 0), np.uint64)
        self._rows: HeldRows | None = None
        self._keys: dict[int, RuleKeys] = {}
        self._groups = NO_GROUPS
        self._grouped = 0

    def run_rule(self, place: int, context: RuleContext, prefixes: int | None) -> _Done:
        """Run one rule over all records, or over the first `prefixes` of KEY_SHARES of its keys."""
        if self._rows is None:
            self._rows = HeldRows.read(self._source)
        keys = self._keys_of(place, self._rows)
        if prefixes is not None:
            rule = _shared_rule(keys, prefixes)
        else:
            rule = EntryRule(
                keys=keys.keys,
                entries=keys.entries,
                groups=self._groups[: self._grouped],
                out_groups=self._new_groups(place, keys),
            )
        tally, rounds = self._pass.run(context, self._rows, rule)
        self._grouped += bool(len(rule.out_groups))  # all of its pairs are delivered now
        return tally, rounds, keys.keyed_records

    def _new_groups(self, place: int, keys: RuleKeys) -> NDArray[np.uint32]:
        """Room for the groups of a rule; empty where no later rule would ask."""
        is_last = place + 1 == len(self._resolved.rules)
        if is_last or self._grouped == GROUPED_RULES or len(keys.keys) > 1:
            return ALONE
        count = keys.keys.shape[1]
        if not len(self._groups):
            self._groups = np.empty((GROUPED_RULES, count), np.uint32)
            self._groups[:] = np.arange(count, dtype=np.uint32)
        return self._groups[self._grouped]

    def run_sample(self, sample: RuleSample, context: RuleContext, prefixes: int) -> _Done:
        """Run one rule over the records of a sample of its keys."""
        rule = _shared_rule(sample.keys, prefixes)
        tally, rounds = self._pass.run(context, sample.held, rule)
        return tally, rounds, sample.keys.keyed_records

    def _keys_of(self, place: int, rows: HeldRows) -> RuleKeys:
        """Keys of a rule, made together with those of rules after it and then given away."""
        if place not in self._keys:
            self._keys = {}
            rules: list[ResolvedRule] = []
            used = 0
            for rule in self._resolved.rules[place:]:
                used += len(rule.variants)
                if used > self._keys_together:
                    break
                rules.append(rule)
            if not len(self._key_table):
                self._key_table = np.empty((self._keys_together, len(rows)), np.uint64)
            made = make_keys(rows, self._resolved, rules, self._key_table)
            self._keys = dict(enumerate(made, place))
        return self._keys.pop(place)


def _shared_rule(keys: RuleKeys, prefixes: int) -> EntryRule:
    """Only the first of KEY_SHARES equal parts of the keys."""
    below = (prefixes << 48) % (1 << 64)
    share = min(prefixes / KEY_SHARES, 1.0) if keys.is_sample else 1.0
    return EntryRule(keys=keys.keys, entries=keys.entries, below=below, share=share)
