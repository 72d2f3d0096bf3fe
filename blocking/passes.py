"""Candidate pairs rule by rule, in memory that does not grow with the records.

Where memory holds all rows, they are read once, and only keys and record numbers are partitioned
(`blocking.held_passes`). Else, for each rule: scan the records for block keys, drop keys seen
once, partition whole rows by key in as many rounds as memory asks for, then turn buckets into
pairs on worker threads. No pair set is kept: a pair that an earlier rule delivered is known by
that rule's keys on its two rows.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from blocking.context import Consumer, RuleContext
from blocking.crew import BucketCrew
from blocking.held_passes import HeldPasses, fits_memory
from blocking.key_sample import RuleSample, sample_all_rules, sample_bytes
from blocking.key_set import KeySet
from blocking.keys import ResolvedRules, resolve_rules
from blocking.memory import PassBuffers, plan_memory
from blocking.report import PassReport, Tally
from blocking.rules import BlockingRule
from blocking.scan import KEY_SHARES, KeyScan, RuleKeyFiller
from blocking.shared_count import PrefixCounts, count_all_rules
from person.errors import BlockingError, ConfigError
from person.field import OverflowTable
from person.records import RecordLayout, RecordSource

__all__ = ["LINK_MODES", "PassRunner", "run_passes", "stage"]

LINK_MODES: Final = ("dedupe", "link_and_dedupe", "link_only")
"""'link_only' pairs records of different sources; the others pair all."""

MEMORY_BYTES_MIN: Final = 1 << 16

SAMPLED_PART_LEAST: Final = 4
"""Of a larger part of the keys, records are not taken apart: they would all be copied."""

SAMPLES_SHARE: Final = 4
"""Samples of all rules are taken in one reading where they fit this part of the memory."""


def run_passes(
    source: RecordSource,
    layout: RecordLayout,
    rules: Sequence[BlockingRule],
    *,
    memory_bytes: int,
    link_mode: str,
    consumer: Consumer,
    rule_subset: Iterable[int] | None = None,
    overflow: OverflowTable | None = None,
    progress: Any = None,
    key_share: float = 1.0,
) -> list[PassReport]:
    """Deliver every candidate pair that the rules promise.

    Parameters
    ----------
    source : records; read once where they fit the memory; else, where their keys fit a quarter of
        it, once for each rule and once more for each round; else once for all rules and once for
        each round
    layout : where their fields lie
    rules : first rule wins: a pair is delivered under the first whose keys agree
    memory_bytes : what filter, keys and row pool may take together
    link_mode : 'dedupe', 'link_and_dedupe', or 'link_only' for pairs across sources only
    consumer : called on worker threads with a `CandidateChunk` that is valid until it returns
    rule_subset : indexes of the rules to run, as if the others did not exist; all if None
    overflow : text that did not fit its slot; without it, such names have only their value key
    progress : object with stage(name, total), a context manager that yields advance(count)
    key_share : share of all keys that is looked at, of every rule, for estimates and learning

    Returns
    -------
    One PassReport for each rule run, in their order

    Raises
    ------
    ConfigError : an unknown field, transform or link mode; raised before any record is read
    BlockingError : more records or words than travelling rows can number

    Notes
    -----
    Every pair that shares all keys of a rule is delivered exactly once where no block was
    larger than its rule's block_size_max, whatever the order of rows, the chunks, the memory
    and the threads. A pair of an oversized block is delivered when its refined keys agree or it
    lies within the sorted window; it may then be delivered once more by a later rule.

    One block is always held whole: where a single one is larger than the row pool (about
    memory_bytes / 64 records), the pool grows to it and the budget is exceeded.
    """
    runner = PassRunner(
        source,
        layout,
        rules,
        memory_bytes=memory_bytes,
        link_mode=link_mode,
        subset=rule_subset,
        overflow=overflow,
    )
    prefixes = None if key_share >= 1.0 else max(round(key_share * KEY_SHARES), 1)
    return [
        runner.run_rule(place, consumer, progress=progress, keep_prefixes=prefixes)
        for place in range(len(runner.numbers))
    ]


class PassRunner:
    """The rules of a run and the buffers they share; rules are run in order."""

    def __init__(
        self,
        source: RecordSource,
        layout: RecordLayout,
        rules: Sequence[BlockingRule],
        *,
        memory_bytes: int,
        link_mode: str = "dedupe",
        subset: Iterable[int] | None = None,
        overflow: OverflowTable | None = None,
    ) -> None:
        if link_mode not in LINK_MODES:
            raise ConfigError(f"link mode must be one of {', '.join(LINK_MODES)}")
        if memory_bytes < MEMORY_BYTES_MIN:
            raise ConfigError(f"blocking needs at least {MEMORY_BYTES_MIN} bytes of memory")
        if source.record_count >= 1 << 40:
            raise BlockingError("more records than a travelling row can number")
        self.source = source
        self.numbers = tuple(range(len(rules)) if subset is None else sorted(set(subset)))
        if self.numbers and not 0 <= self.numbers[0] <= self.numbers[-1] < len(rules):
            raise ConfigError("rule_subset names a rule that does not exist")
        self.resolved: ResolvedRules = resolve_rules(
            [rules[n] for n in self.numbers], layout, overflow
        )
        self.between_sources = link_mode == "link_only"
        self.oversized = [KeySet() for _ in self.numbers]
        self.crew = BucketCrew(self.resolved, source.n_words)
        self.variants = self.crew.variants
        plan = plan_memory(memory_bytes, source.record_count, source.n_words, self.variants)
        self.buffers = PassBuffers(plan, source.record_count, source.n_words, self.variants)
        self._held = HeldPasses(source, self.resolved, self.crew, memory_bytes)
        self._rows_stay = fits_memory(source, self.variants, memory_bytes)
        self._counts: tuple[PrefixCounts, ...] | None = None
        self._samples: dict[int, RuleSample] = {}
        self._sampled_prefixes = 0
        self._samples_bytes_max = memory_bytes // SAMPLES_SHARE

    def _prefix_counts(self) -> tuple[PrefixCounts, ...]:
        """Keys of all rules, counted in one reading when the first of them asks."""
        if self._counts is None:
            batch_rows = self.buffers.plan.batch_rows
            self._counts = count_all_rules(self.source, self.resolved, batch_rows)
        return self._counts

    def _sample(self, place: int, prefixes: int | None) -> RuleSample | None:
        """The records of a sample of a rule's keys; None where they are not worth taking apart.

        All rules' samples are taken in one reading when the first is asked for, and each is given
        away.
        """
        count, n_words = self.source.record_count, self.source.n_words
        if prefixes is None or prefixes > KEY_SHARES // SAMPLED_PART_LEAST:
            return None
        if sample_bytes(count, n_words, len(self.numbers), prefixes) > self._samples_bytes_max:
            return None
        if prefixes != self._sampled_prefixes:
            batch_rows = self.buffers.plan.batch_rows
            taken = sample_all_rules(self.source, self.resolved, prefixes, batch_rows)
            self._samples, self._sampled_prefixes = dict(enumerate(taken)), prefixes
        return self._samples.pop(place, None)

    def run_rule(
        self,
        place: int,
        consumer: Consumer,
        *,
        progress: Any = None,
        keep_prefixes: int | None = None,
    ) -> PassReport:
        """Run one rule; those before it must have been run, or their pairs are repeated.

        `keep_prefixes` runs it over that many of KEY_SHARES equal parts of the keys, for estimates.
        """
        began = time.perf_counter()
        rule = self.resolved.rules[place]
        context = RuleContext(
            self.numbers[place],
            self.resolved,
            tuple(zip(self.resolved.rules[:place], self.oversized[:place], strict=True)),
            rule,
            self.oversized[place],
            between_sources=self.between_sources,
            consumer=consumer,
        )
        records = self.source.record_count
        with stage(progress, f"rule {rule.rule.name}", 2 * records) as advance:
            sample = self._sample(place, keep_prefixes)
            if sample is not None and keep_prefixes is not None:
                tally, rounds, keyed = self._held.run_sample(sample, context, keep_prefixes)
                advance(2 * records)
            elif self._rows_stay:
                tally, rounds, keyed = self._held.run_rule(place, context, keep_prefixes)
                advance(2 * records)
            else:
                tally, rounds, keyed = self._partition_rows(place, context, keep_prefixes, advance)
        return PassReport(
            rule=rule.rule.name,
            rule_index=context.index,
            keyed_records=keyed,
            unkeyed_records=records - keyed,
            blocks=tally.blocks,
            pairs=tally.pairs,
            largest_runs=tally.largest_runs,
            refined_runs=tally.refined_runs,
            window_runs=tally.window_runs,
            rounds=rounds,
            seconds=time.perf_counter() - began,
        )

    def _partition_rows(
        self,
        place: int,
        context: RuleContext,
        keep_prefixes: int | None,
        advance: Callable[[int], Any],
    ) -> tuple[Tally, int, int]:
        """Run a rule whose rows travel; what was done, in how many rounds, records with a key."""
        rule = context.rule
        filler = RuleKeyFiller(self.resolved, rule)
        scan = KeyScan(self.source, self.buffers, filler, len(rule.variants), advance)
        if keep_prefixes is None and not self.buffers.plan.holds_all_keys:
            counts = self._prefix_counts()[place]
            scan.take_counts(counts.keyed_records, counts.histogram)
        else:
            scan.count(keep_prefixes)
        rounds = scan.plan_rounds()
        context.prefix_bits = scan.prefix_bits
        tally = Tally()
        for each in rounds:
            tally.add(self.crew.process(context, each, *scan.partition(each)))
            advance(self.source.record_count // len(rounds))
        return tally, len(rounds), scan.keyed_records


@contextmanager
def stage(progress: Any, name: str, total: int) -> Iterator[Callable[[int], Any]]:
    """A stage of `progress` as its advance function; nothing where there is no progress."""
    if progress is None:
        yield lambda _: None
        return
    with progress.stage(name, total) as bar:
        yield bar.advance
