"""One bucket of a pass: rows that share the top bits of their block keys, to candidate pairs.

A bucket is grouped by sorting 8-byte entries; the rows of its runs are gathered piece by piece
into a buffer that stays in the second-level cache, and their pairs handed to the consumer.
Everything a worker needs is allocated once and used for every bucket of every rule.

First rule wins. Each gathered row carries one column for each earlier rule's key: a pair equal
in one of them was delivered by that rule. Where that rule's block was too large, the column
holds what the pair was really compared under: the key of the refined sub-block, or 0 where
there is none, so a pair that the earlier rule promised but never delivered is delivered here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from blocking import run_kernels
from blocking.context import PAIRS_IN_CHUNK, CandidateChunk, RuleContext, Scratch, Stage
from blocking.kernels import combine_keys, fill_sort_key
from blocking.key_set import KeySet
from blocking.keys import ResolvedRule, read_only
from blocking.report import Tally

__all__ = ["BucketWorker", "CandidateChunk"]

THIN_ROWS_MIN: Final = 128
THIN_RUN_MAX: Final = 48
NO_INDEX: Final = np.zeros(0, np.int32)


class BucketWorker:
    """Turns buckets of one rule into candidate pairs, on one thread."""

    def __init__(self, context: RuleContext, scratch: Scratch) -> None:
        self.context = context
        self.scratch = scratch
        self.tally = Tally()
        self.index_bits = 0

    # ------------------------------------------------------------------------ whole buckets

    def process(self, rows: NDArray[np.uint64], keys: NDArray[np.uint64], prefix: int) -> None:
        """Deliver the pairs of one bucket.

        Parameters
        ----------
        rows : uint64[n, n_words + 1], all rows of the pass with a key that starts with `prefix`
        keys : uint64[n], the key that brought each of them here, of several the first
        prefix : top bits of their keys
        """
        count = self._group(rows, keys, prefix)
        order = self.scratch.order(count)
        self._deliver_runs(rows, order, count, self.index_bits, NO_INDEX, None)

    def _group(self, rows: NDArray[np.uint64], keys: NDArray[np.uint64], prefix: int) -> int:
        """Sort the entries of a bucket into `scratch.order`; returns their number."""
        context, scratch = self.context, self.scratch
        assert len(rows) < 1 << 31
        self.index_bits = max(len(rows) - 1, 1).bit_length()
        order = scratch.order(len(rows) * context.variants)
        place = (np.uint64(prefix), context.prefix_bits, self.index_bits, order)
        used = 0
        if context.variants == 1:
            used = run_kernels.append_entries(keys, len(rows), 0, *place, used)
        else:  # a row may stand here for several of its keys, and came once
            for start in range(0, len(rows), scratch.piece_rows):
                piece = rows[start : start + scratch.piece_rows]
                self._fill_keys(piece)
                for own in scratch.keys[: context.variants]:
                    used = run_kernels.append_entries(own, len(piece), start, *place, used)
        order[:used].sort()
        return int(used)

    def _fill_keys(self, rows: NDArray[np.uint64]) -> None:
        """Block keys of a piece, uint64[variants, rows], into `scratch.keys`."""
        rule, scratch = self.context.rule, self.scratch
        self.context.resolved.fill_parts(rule.key_parts, rows, scratch.parts)
        for variant, part_index in enumerate(rule.variants):
            combine_keys(scratch.parts, part_index, len(rows), scratch.keys[variant])

    def _deliver_runs(
        self,
        rows: NDArray[np.uint64],
        order: NDArray[np.uint64],
        count: int,
        index_bits: int,
        index: NDArray[np.int32],
        base_bits: np.uint64 | None,
    ) -> list[NDArray[np.int32]]:
        """Deliver the pairs of the runs in `order`; returns the rows of each oversized run.

        `base_bits` are the key bits of the block these entries are a refinement of; at the top
        level None, and oversized runs are refined at once instead of being returned.
        """
        scratch, rule = self.scratch, self.context.rule.rule
        state = scratch.cut_state
        oversized: list[NDArray[np.int32]] = []
        position = 0
        while position < count:
            runs = run_kernels.cut_runs(
                order,
                count,
                index_bits,
                position,
                rule.block_size_max,
                index,
                scratch.index,
                scratch.bits,
                scratch.starts,
                state,
            )
            position, oversized_end, largest, used = (int(value) for value in state)
            if runs:
                if base_bits is None:
                    self.tally.blocks += runs
                    self.tally.note_run(largest, "compared in full")
                else:
                    scratch.bits[:used] = base_bits
                self._deliver_piece(rows, runs, used, is_refined=base_bits is not None)
            if oversized_end:
                low = np.uint64((1 << index_bits) - 1)
                members = np.empty(oversized_end - position, np.int32)
                run_kernels.copy_members(order, position, oversized_end, index_bits, index, members)
                if base_bits is None:
                    self.refine(rows, members, order[position] & ~low)
                else:
                    oversized.append(members)
                position = oversized_end
        return oversized

    # ----------------------------------------------------------------------- pieces and pairs

    def _deliver_piece(
        self, rows: NDArray[np.uint64], runs: int, used: int, *, is_refined: bool
    ) -> None:
        scratch, context = self.scratch, self.context
        values, rule_starts = context.plain_values()
        if len(rule_starts) > 1:
            runs = run_kernels.drop_known_runs(
                rows, values, rule_starts, scratch.index, scratch.bits, scratch.starts, runs
            )
            used = int(scratch.starts[runs])
            if not runs:
                return
        run_kernels.gather_rows(rows, scratch.index, 0, used, scratch.rows)
        self.deliver_gathered(runs, used, is_refined=is_refined)

    def deliver_gathered(self, runs: int, used: int, *, is_refined: bool) -> None:
        """Deliver the pairs of the runs whose rows, starts and key bits are in `scratch`.

        Parameters
        ----------
        runs : runs, none larger than the rule's block_size_max
        used : rows in them
        is_refined : they are sub-blocks of a block too large
        """
        scratch, context = self.scratch, self.context
        runs = self._thin_out(runs, used)
        if not runs:
            return
        piece = scratch.rows[: scratch.starts[runs]]
        if context.variants > 1 and not is_refined:
            self._fill_own_columns(piece, is_window=False)
        tests = context.refined_tests if is_refined else context.tests
        state = np.zeros(3, np.int64)
        state[2] = 1
        pairs = PAIRS_IN_CHUNK
        while pairs == PAIRS_IN_CHUNK:
            pairs = run_kernels.list_pairs(
                piece,
                scratch.starts,
                runs,
                scratch.columns,
                tests,
                context.between_sources,
                state,
                scratch.left,
                scratch.right,
            )
            self._hand_over(piece, pairs)

    def _thin_out(self, runs: int, used: int) -> int:
        """Fill the columns of earlier rules, a few rules at a time, for rows still wanted.

        Returns the runs left, compacted in `scratch`.
        """
        scratch, stages = self.scratch, self.context.stages
        for number, each in enumerate(stages):
            self._fill_columns(scratch.rows[:used], each)
            if number + 1 == len(stages) or used < THIN_ROWS_MIN:
                continue
            runs = run_kernels.thin_runs(
                scratch.rows,
                scratch.starts,
                runs,
                scratch.columns,
                each.column_stop,
                each.tests,
                self.context.between_sources,
                THIN_RUN_MAX,
                scratch.bits,
                scratch.is_alive,
            )
            used = int(scratch.starts[runs])
            if not runs:
                break
        return runs

    def _hand_over(self, piece: NDArray[np.uint64], pairs: int) -> None:
        if pairs:
            self.tally.pairs += pairs
            left, right = self.scratch.left[:pairs], self.scratch.right[:pairs]
            self.context.consumer(CandidateChunk(self.context.index, piece, left, right))

    def _fill_columns(self, piece: NDArray[np.uint64], stage: Stage) -> None:
        """What the rows of a piece were compared under by the earlier rules of a stage."""
        context, scratch = self.context, self.scratch
        wanted = frozenset[int]().union(*(rule.key_parts for rule, _ in stage.rules))
        context.resolved.fill_parts(sorted(wanted), piece, scratch.parts)
        count = len(piece)
        column = stage.first_column
        keys = scratch.effective[0]
        for rule, oversized in stage.rules:
            for part_index in rule.variants:
                combine_keys(scratch.parts, part_index, count, keys)
                if len(oversized):
                    self._descend(piece, rule, oversized, keys)
                scratch.columns[:count, column] = keys[:count]
                column += 1

    def _fill_own_columns(self, piece: NDArray[np.uint64], *, is_window: bool) -> None:
        """This rule's smaller keys; in a window also what its rows were compared under."""
        context, scratch = self.context, self.scratch
        count = len(piece)
        self._fill_keys(piece)
        effective = scratch.keys
        if is_window:
            effective = scratch.effective
            for variant in range(context.variants):
                effective[variant, :count] = scratch.keys[variant, :count]
                self._descend(piece, context.rule, context.oversized, effective[variant])
        run_kernels.mask_own_keys(
            scratch.keys[: context.variants],
            effective[: context.variants],
            count,
            scratch.bits,
            context.prefix_bits,
            self.index_bits,
            scratch.columns,
            context.own_column,
        )

    def _descend(
        self,
        piece: NDArray[np.uint64],
        rule: ResolvedRule,
        oversized: KeySet,
        keys: NDArray[np.uint64],
    ) -> None:
        """Lead keys of oversized blocks on to what their rows were compared under."""
        table, count = oversized.table, len(piece)
        for part in rule.refine:
            # Most pieces hold no row of such a block; the refining key is computed for others.
            if not run_kernels.holds_any(table, keys, count):
                return
            run_kernels.descend_oversized(keys, count, table, self._fill_part(part, piece), True)
        run_kernels.descend_oversized(keys, count, table, keys, False)

    # ------------------------------------------------------------------------ oversized blocks

    def refine(self, rows: NDArray[np.uint64], members: NDArray[np.int32], bits: np.uint64) -> None:
        """Split a block that is too large by each refining key in turn, then by a sorted window.

        Sub-blocks within the limit are compared in full. Then every member meets its neighbours
        in a sorted order, whichever sub-block they are in: that finds the pairs that differ in a
        refining key, and what can be found in sub-blocks that stay too large.

        A rule that gives records several keys leaves a pair to the smallest key it shares. Where
        that is the key of this block, pairs that share another one are compared here.
        """
        context = self.context
        rule = context.rule.rule
        key = self._block_key(rows[members[0]], bits)
        context.oversized.add(key)
        frontier = [(members, key)]
        for part in context.rule.refine:
            children = []
            fills = [partial(self._fill_part, part)]
            for group, parent in frontier:
                for child in self._split(rows, group, parent, fills, bits):
                    child_key = self._child_key(rows[child[0]], parent, part)
                    context.oversized.add(child_key)
                    children.append((child, child_key))
            frontier = children
            if not frontier:
                break
        if context.variants > 1:
            others = [partial(self._fill_other_key, n, key) for n in range(context.variants)]
            self._split(rows, members, key, others, bits)
        self._deliver_window(rows, members, bits)
        self.tally.blocks += 1
        self.tally.refined_runs += bool(rule.refine)
        self.tally.window_runs += 1
        action = f"refined by {', '.join(rule.refine)}; " if rule.refine else ""
        self.tally.note_run(len(members), f"{action}sorted window of {rule.window}")

    def _fill_part(self, part: int, piece: NDArray[np.uint64]) -> NDArray[np.uint64]:
        self.context.resolved.fill_parts((part,), piece, self.scratch.parts)
        return self.scratch.parts[part]

    def _fill_other_key(
        self, variant: int, own: int, piece: NDArray[np.uint64]
    ) -> NDArray[np.uint64]:
        self._fill_keys(piece)
        keys = self.scratch.keys[variant]
        keys[: len(piece)][keys[: len(piece)] == np.uint64(own)] = 0
        return keys

    def _block_key(self, row: NDArray[np.uint64], bits: np.uint64) -> int:
        """Whole key of a block from one of its rows and the key's top bits."""
        self._fill_keys(row[None, :])
        low = (1 << self.index_bits) - 1
        for keys in self.scratch.keys[: self.context.variants]:
            key = int(keys[0])
            if (key << self.context.prefix_bits) & (2**64 - 1) & ~low == int(bits):
                return key
        raise AssertionError("a row lacks the key of its block")

    def _child_key(self, row: NDArray[np.uint64], parent: int, part: int) -> int:
        key = np.empty(1, np.uint64)
        values = self._fill_part(part, row[None, :])
        run_kernels.fill_child_entries(values, 1, np.uint64(parent), 0, 0, key, 0)
        return int(key[0])

    def _split(
        self,
        rows: NDArray[np.uint64],
        members: NDArray[np.int32],
        parent: int,
        fills: Sequence[Callable[[NDArray[np.uint64]], NDArray[np.uint64]]],
        bits: np.uint64,
    ) -> list[NDArray[np.int32]]:
        """Deliver the sub-blocks of one refining key; returns members of those too large.

        Each of `fills` computes a part for a piece; a member is in one sub-block for each.
        """
        scratch = self.scratch
        index_bits = max(len(members) - 1, 1).bit_length()
        order = np.empty(len(members) * len(fills), np.uint64)
        used = 0
        for start in range(0, len(members), scratch.piece_rows):
            count = min(scratch.piece_rows, len(members) - start)
            run_kernels.gather_rows(rows, members, start, count, scratch.rows)
            for fill in fills:
                values = fill(scratch.rows[:count])
                used = run_kernels.fill_child_entries(
                    values, count, np.uint64(parent), start, index_bits, order, used
                )
        order[:used].sort()
        return self._deliver_runs(rows, order, used, index_bits, members, bits)

    def _deliver_window(
        self, rows: NDArray[np.uint64], members: NDArray[np.int32], bits: np.uint64
    ) -> None:
        context = self.context
        members = members[np.argsort(self._sort_keys(rows, members))]
        if not context.between_sources:
            # Of rows that are identical word for word one stands for all; each meets the next.
            distinct = np.empty(len(members), np.int32)
            distinct = distinct[: run_kernels.split_identical(rows, members, distinct)]
            if len(distinct) < len(members):
                self._slide(rows, members, bits, 1, only_identical=True)
                members = distinct
        self._slide(rows, members, bits, context.rule.rule.window, only_identical=False)

    def _sort_keys(
        self, rows: NDArray[np.uint64], members: NDArray[np.int32]
    ) -> NDArray[np.uint64]:
        scratch, resolved = self.scratch, self.context.resolved
        # Between two sources, identical rows must not stand one source after the other.
        hashed_words = rows.shape[1] - (0 if self.context.between_sources else 1)
        result = np.empty(len(members), np.uint64)
        for start in range(0, len(members), scratch.piece_rows):
            count = min(scratch.piece_rows, len(members) - start)
            run_kernels.gather_rows(rows, members, start, count, scratch.rows)
            fill_sort_key(
                read_only(scratch.rows[:count]),
                hashed_words,
                resolved.sort_slots,
                resolved.sort_bits,
                result[start : start + count],
            )
        return result

    def _slide(
        self,
        rows: NDArray[np.uint64],
        members: NDArray[np.int32],
        bits: np.uint64,
        window: int,
        *,
        only_identical: bool,
    ) -> None:
        """Deliver pairs of neighbours, a piece at a time; pieces overlap by the window."""
        scratch, context = self.scratch, self.context
        step = scratch.piece_rows - window
        for start in range(0, len(members), step):
            count = min(scratch.piece_rows, len(members) - start)
            run_kernels.gather_rows(rows, members, start, count, scratch.rows)
            scratch.bits[:count] = bits
            piece = scratch.rows[:count]
            for stage in context.stages:
                self._fill_columns(piece, stage)
            self._fill_own_columns(piece, is_window=True)
            state = np.array([0, 1], np.int64)
            pairs = PAIRS_IN_CHUNK
            while pairs == PAIRS_IN_CHUNK:
                pairs = run_kernels.list_window_pairs(
                    piece,
                    count,
                    min(step, count),
                    window,
                    scratch.columns,
                    context.window_tests,
                    context.between_sources,
                    only_identical,
                    state,
                    scratch.left,
                    scratch.right,
                )
                self._hand_over(piece, pairs)
