"""Names too long for their slot: kept beside the rows, and handed to kernels a few at a time.

An index of a hundred million records has millions of such names, and one person in twenty brings
one. Kernels search a sorted table; merging each new name into one of millions, and compiling the
model anew around it, would take longer than the search it is for. So the model is compiled with
the table of the index as it was read, names met since lie in a dictionary, and a call that meets
one of those gives its kernels a table of just the names that its rows refer to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from blocking.keys import ResolvedRules
from matching.compiled import CompiledModel
from mpi.identity_kernels import list_flagged_words
from person.field import OVERFLOW_BIT, OverflowTable

__all__ = ["LongNames", "model_with_names", "rules_with_names"]

_RECENT_MAX: Final = 1 << 16
_FEW_ROWS: Final = 256


class LongNames:
    """The long names of an index and of those who are asked about.

    Parameters
    ----------
    table : of the index

    Attributes
    ----------
    settled : that table, never changed: models may be compiled with it
    """

    def __init__(self, table: OverflowTable) -> None:
        self.settled = table
        self._grown = OverflowTable()
        self._recent: dict[int, NDArray[np.uint32]] = {}

    def take(self, overflow: OverflowTable) -> None:
        """Learn names; those that are known cost nothing.

        Parameters
        ----------
        overflow : of encoded people
        """
        is_new = _places(self.settled, overflow.hashes) < 0
        is_new &= _places(self._grown, overflow.hashes) < 0
        for place in np.flatnonzero(is_new).tolist():
            codes = overflow.codes[overflow.offsets[place] : overflow.offsets[place + 1]]
            self._recent[int(overflow.hashes[place])] = codes.copy()
        self._settle()

    def take_one(self, hashed: int, codes: NDArray[np.uint32]) -> None:
        """Learn one name.

        Parameters
        ----------
        hashed, codes : an entry of an `OverflowTable`
        """
        if hashed in self._recent:
            return
        word = np.array([hashed], np.uint64)
        if _places(self.settled, word)[0] < 0 and _places(self._grown, word)[0] < 0:
            self._recent[hashed] = codes
            self._settle()

    def _settle(self) -> None:
        if len(self._recent) > _RECENT_MAX:
            self._grown = self._grown.merged_with(_from_dict(dict(self._recent)))
            self._recent = {}

    def table(self) -> OverflowTable:
        """All of them."""
        known = self.settled.merged_with(self._grown)
        return known.merged_with(_from_dict(dict(self._recent)))

    def of_rows(self, *rows: NDArray[np.uint64]) -> OverflowTable | None:
        """Those that rows refer to; None for none.

        Parameters
        ----------
        rows : uint64[n, n_words] each
        """
        words = _flagged(rows)
        held = {}
        for table in (self.settled, self._grown) if len(words) else ():
            for place in _places(table, words).tolist():
                if place >= 0:
                    codes = table.codes[table.offsets[place] : table.offsets[place + 1]]
                    held[int(table.hashes[place])] = codes
        held |= {word: self._recent[word] for word in words.tolist() if word in self._recent}
        return _from_dict(held) if held else None

    def beyond(self, *rows: NDArray[np.uint64]) -> OverflowTable | None:
        """Those that rows refer to; None where the settled ones are all that is needed.

        Parameters
        ----------
        rows : uint64[n, n_words] each
        """
        if not self._recent and not len(self._grown):
            return None
        words = _flagged(rows)
        is_met = not self._recent.keys().isdisjoint(words.tolist())
        if not is_met and not np.count_nonzero(_places(self._grown, words) >= 0):
            return None
        return self.of_rows(*rows)


def _flagged(rows: Sequence[NDArray[np.uint64]]) -> NDArray[np.uint64]:
    """Words that may be hashes of long names."""
    if sum(len(each) for each in rows) > _FEW_ROWS:
        return np.concatenate([each[each >= OVERFLOW_BIT] for each in rows])
    found, count = np.empty(_FEW_ROWS * rows[0].shape[1], np.uint64), 0
    for each in rows:
        count += list_flagged_words(each, found[count:])
    return found[:count]


def _places(table: OverflowTable, hashes: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Where a table has hashes, int64[n]; -1 where it does not."""
    if not len(table):
        return np.full(len(hashes), -1, np.int64)
    place = np.minimum(np.searchsorted(table.hashes, hashes), len(table) - 1)
    return np.where(table.hashes[place] == hashes, place, -1)


def _from_dict(held: dict[int, NDArray[np.uint32]]) -> OverflowTable:
    if not held:
        return OverflowTable()
    offsets = np.zeros(len(held) + 1, np.int64)
    np.cumsum([len(codes) for codes in held.values()], out=offsets[1:])
    codes = np.concatenate(list(held.values()))
    return OverflowTable.from_entries(np.array(list(held), np.uint64), offsets, codes)


def model_with_names(
    compiled: CompiledModel, settled: OverflowTable, names: OverflowTable
) -> CompiledModel:
    """A model that was compiled with some names, for rows that refer to others.

    Parameters
    ----------
    compiled : the model
    settled : the table it was compiled with; its arrays lie among those of the comparators
    names : to put in their place
    """
    comparisons = list(compiled.comparisons)
    for number in compiled.plan.others:
        each = comparisons[number]
        parts = [replace(p, tables=_exchanged(p.tables, settled, names)) for p in each.parts]
        comparisons[number] = replace(each, parts=tuple(parts))
    program = compiled.plan.program._replace(
        overflow=_exchanged(compiled.plan.program.overflow, settled, names)
    )
    plan = replace(compiled.plan, comparisons=tuple(comparisons), program=program)
    return replace(compiled, comparisons=plan.comparisons, plan=plan)


def rules_with_names(
    rules: ResolvedRules, settled: OverflowTable, names: OverflowTable
) -> ResolvedRules:
    """`model_with_names` for blocking rules.

    Parameters
    ----------
    rules, settled, names : see there
    """
    parts = [replace(p, tables=_exchanged(p.tables, settled, names)) for p in rules.parts]
    return replace(rules, parts=tuple(parts))


def _exchanged(table: Any, settled: OverflowTable, names: OverflowTable) -> Any:
    """A table, or tables in tables; what was read-only stays so, for kernels are typed by it."""
    if isinstance(table, tuple):
        return tuple(_exchanged(each, settled, names) for each in table)
    for held, new in (
        (settled.hashes, names.hashes),
        (settled.offsets, names.offsets),
        (settled.codes, names.codes),
    ):
        if table is held or (table is not None and getattr(table, "base", None) is held):
            view = new.view()
            view.flags.writeable = table.flags.writeable
            return view
    return table
