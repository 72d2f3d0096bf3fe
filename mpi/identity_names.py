"""Names too long for their slot: kept beside the rows, and handed to kernels a few at a time.

An index of a hundred million records has millions of such names, and one person in twenty brings
one. Kernels search a sorted table; merging each new name into one of millions, and compiling the
model anew around it, would take longer than the search it is for. So the table of the index stays
as it was read, names met since lie in a dictionary, and a call that meets a long name at all gives
its kernels a table of just those that its rows refer to.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from blocking.keys import ResolvedRules
from matching.compiled import CompiledModel
from person.field import OVERFLOW_BIT, OverflowTable

__all__ = ["LongNames", "model_with_names", "rules_with_names"]

_RECENT_MAX: Final = 1 << 16


class LongNames:
    """The long names of an index and of those who are asked about.

    Parameters
    ----------
    table : of the index
    """

    def __init__(self, table: OverflowTable) -> None:
        self._table = table
        self._recent: dict[int, NDArray[np.uint32]] = {}

    def take(self, overflow: OverflowTable) -> None:
        """Learn names; those that are known cost nothing.

        Parameters
        ----------
        overflow : of encoded people
        """
        known = _places(self._table, overflow.hashes)
        for place in np.flatnonzero(known < 0).tolist():
            codes = overflow.codes[overflow.offsets[place] : overflow.offsets[place + 1]]
            self._recent[int(overflow.hashes[place])] = codes.copy()
        if len(self._recent) > _RECENT_MAX:
            self._table = self.table()
            self._recent = {}

    def table(self) -> OverflowTable:
        """All of them."""
        return self._table.merged_with(_from_dict(dict(self._recent)))

    def of_rows(self, *rows: NDArray[np.uint64]) -> OverflowTable | None:
        """Those that rows refer to; None for none.

        Parameters
        ----------
        rows : uint64[n, n_words] each
        """
        flagged = [each[(each & OVERFLOW_BIT) != 0] for each in rows]
        if not any(map(len, flagged)):
            return None
        words = np.unique(np.concatenate(flagged))
        place = _places(self._table, words)
        held = {
            int(self._table.hashes[p]): self._table.codes[
                self._table.offsets[p] : self._table.offsets[p + 1]
            ]
            for p in place[place >= 0].tolist()
        }
        for word in words[place < 0].tolist() if self._recent else ():
            if word in self._recent:
                held[word] = self._recent[word]
        return _from_dict(held) if held else None


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
    compiled: CompiledModel, none: OverflowTable, names: OverflowTable
) -> CompiledModel:
    """A model that was compiled with no names, for rows that refer to some.

    Parameters
    ----------
    compiled : the model
    none : the empty table it was compiled with; its arrays lie among those of the comparators
    names : to put in their place
    """
    comparisons = list(compiled.comparisons)
    for number in compiled.plan.others:
        each = comparisons[number]
        parts = [replace(p, tables=_exchanged(p.tables, none, names)) for p in each.parts]
        comparisons[number] = replace(each, parts=tuple(parts))
    program = compiled.plan.program._replace(
        overflow=_exchanged(compiled.plan.program.overflow, none, names)
    )
    plan = replace(compiled.plan, comparisons=tuple(comparisons), program=program)
    return replace(compiled, comparisons=plan.comparisons, plan=plan)


def rules_with_names(
    rules: ResolvedRules, none: OverflowTable, names: OverflowTable
) -> ResolvedRules:
    """`model_with_names` for blocking rules.

    Parameters
    ----------
    rules, none, names : see there
    """
    parts = [replace(p, tables=_exchanged(p.tables, none, names)) for p in rules.parts]
    return replace(rules, parts=tuple(parts))


def _exchanged(table: Any, none: OverflowTable, names: OverflowTable) -> Any:
    """A table, or tables in tables; what was read-only stays so, for kernels are typed by it."""
    if isinstance(table, tuple):
        return tuple(_exchanged(each, none, names) for each in table)
    for held, new in (
        (none.hashes, names.hashes),
        (none.offsets, names.offsets),
        (none.codes, names.codes),
    ):
        if table is held or (table is not None and getattr(table, "base", None) is held):
            view = new.view()
            view.flags.writeable = table.flags.writeable
            return view
    return table
