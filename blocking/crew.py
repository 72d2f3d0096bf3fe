"""Worker threads over the buckets of partitioned rows, and the buffers they keep."""

from __future__ import annotations

from collections.abc import Iterator
from queue import SimpleQueue
from typing import Final

import numpy as np
from numpy.typing import NDArray

from blocking.buckets import BucketWorker
from blocking.context import PIECE_ROWS, RuleContext, Scratch
from blocking.keys import ResolvedRules
from blocking.report import Tally
from blocking.scan import Round
from person.threads import map_slices, thread_count

__all__ = ["BucketCrew"]

TASK_ROWS: Final = 1 << 17
TASKS_OF_THREAD: Final = 8


class BucketCrew:
    """One set of buffers a thread, for all rules of a run.

    Parameters
    ----------
    resolved : the rules
    n_words : 64-bit words in a record's row
    """

    def __init__(self, resolved: ResolvedRules, n_words: int) -> None:
        rules = resolved.rules
        self.variants = max((len(rule.variants) for rule in rules), default=1)
        largest_block = max((rule.rule.block_size_max for rule in rules), default=0)
        columns = sum(len(rule.variants) for rule in rules) + self.variants + 1
        self._scratch: SimpleQueue[Scratch] = SimpleQueue()
        for _ in range(thread_count()):
            self._scratch.put(
                Scratch(
                    n_words,
                    len(resolved.parts),
                    columns,
                    self.variants,
                    max(PIECE_ROWS, 2 * largest_block),
                )
            )

    def take_scratch(self) -> Scratch:
        """A worker's buffers; give them back with `return_scratch`."""
        return self._scratch.get()

    def return_scratch(self, scratch: Scratch) -> None:
        self._scratch.put(scratch)

    def process(
        self,
        context: RuleContext,
        part: Round,
        pool: NDArray[np.uint64],
        pool_keys: NDArray[np.uint64],
    ) -> Tally:
        """Deliver the pairs of all buckets of a round to the context's consumer.

        Parameters
        ----------
        context : the rule and those before it
        part : where each bucket stands in the pool
        pool : uint64[>= rows, n_words + 1]
        pool_keys : uint64[>= rows], the key that brought each row
        """

        def work(task: range) -> Tally:
            scratch = self.take_scratch()
            try:
                worker = BucketWorker(context, scratch)
                for bucket in task:
                    place = slice(part.starts[bucket], part.ends[bucket])
                    if place.stop - place.start > 1:
                        worker.process(pool[place], pool_keys[place], part.first + bucket)
                return worker.tally
            finally:
                self.return_scratch(scratch)

        tally = Tally()
        for each in map_slices(work, _tasks(part)):
            tally.add(each)
        return tally


def _tasks(part: Round) -> Iterator[range]:
    """Neighbouring buckets in tasks of a hundred thousand rows, or less, so that all threads end
    about together."""
    wanted = min(TASK_ROWS, int(part.starts[-1]) // (TASKS_OF_THREAD * thread_count()))
    first = 0
    buckets = len(part.starts) - 1
    for bucket in range(buckets):
        if part.starts[bucket + 1] - part.starts[first] >= wanted:
            yield range(first, bucket + 1)
            first = bucket + 1
    if first < buckets:
        yield range(first, buckets)
