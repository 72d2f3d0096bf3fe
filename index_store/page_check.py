"""Whether every page that an LMDB file leads to is there and is the page it should be.

LMDB maps its file and trusts it: a page that was cut off or overwritten ends the process that
reads it. So pages are looked at first, with plain reads: is each page inside the file, does it
bear its own number and a kind of page, do its entries lie inside it, in order of their keys. What
values hold is not looked at; checksums of our own tell that.

    page    number u64 | pad u16 | flags u16 | lower u16, upper u16 (or count of pages u32) | ...
    entry   u16 place each; there low u16 | high u16 | flags u16 | key length u16 | key | value
    meta    magic, version u32 | address, size u64 | trees free, main | last page, number u64
    tree    pad u32 | flags u16 | depth u16 | 3 counts u64 | entries u64 | root u64
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Final

__all__ = ["damaged_page"]

PAGE_BYTES: Final = 4096
_HEADER: Final = struct.Struct("<QHHHH")
_ENTRY: Final = struct.Struct("<HHHH")
_META: Final = struct.Struct("<II")
_TREE: Final = struct.Struct("<IHHQQQQQ")
_META_AT: Final = 16
_TREES_AT: Final = _META_AT + 24
_LAST_AT: Final = _TREES_AT + 2 * _TREE.size
_MAGIC: Final = 0xBEEFC0DE
_BRANCH, _LEAF, _OVERFLOW, _META_FLAG = 1, 2, 4, 8
_LARGE, _SUBTREE = 1, 2
_NUMBER_KEYS: Final = 8
_NOWHERE: Final = 0xFFFFFFFFFFFFFFFF
_ATTEMPTS: Final = 5


class _DamagedPageError(Exception):
    """A page that is not what it should be."""


def damaged_page(path: Path, *, is_whole: bool, transaction: int | None = None) -> str | None:
    """What is wrong with the pages of an LMDB file, in words; None where nothing is.

    Parameters
    ----------
    path : the file
    is_whole : look at every page that is in use, else at those that opening it reads
    transaction : number of an open read transaction whose state to look at, so that a writer
        beside it takes none of its pages; None for the newest state
    """
    with path.open("rb") as file:
        pages = _Pages(file.fileno())
        for _ in range(_ATTEMPTS):
            number, trees, last = pages.newest(transaction)
            if not trees:
                return "neither of its first two pages says where the others are"
            if _TREE.unpack(trees[0])[0] != PAGE_BYTES:
                return None  # made on a machine of other pages
            # Pages at the end may never have been written, where nothing leads to them.
            is_cut = path.stat().st_size < (last + 1) * PAGE_BYTES
            fault = pages.fault(trees, is_whole=is_whole or is_cut)
            if fault is None or transaction is not None or pages.newest(None)[0] == number:
                return fault
    return None  # somebody writes faster than we read, and that needs sound pages


class _Pages:
    """Pages of an open file, read one at a time."""

    def __init__(self, handle: int) -> None:
        self._handle = handle
        self._size = os.fstat(handle).st_size

    def newest(self, transaction: int | None) -> tuple[int, list[bytes], int]:
        """Number, trees (free pages, names) and last page of the newest state, or the one asked
        for."""
        found: list[tuple[int, list[bytes], int]] = []
        for page in range(2):
            data = os.pread(self._handle, PAGE_BYTES, page * PAGE_BYTES)
            if len(data) < PAGE_BYTES or _META.unpack_from(data, _META_AT)[0] != _MAGIC:
                continue
            last, number = struct.unpack_from("<QQ", data, _LAST_AT)
            places = (_TREES_AT, _TREES_AT + _TREE.size)
            found.append((number, [data[at : at + _TREE.size] for at in places], last))
        if transaction is not None:
            found = [each for each in found if each[0] <= transaction] or found
        return max(found, default=(0, [], 0), key=lambda each: each[0])

    def fault(self, trees: list[bytes], *, is_whole: bool) -> str | None:
        """The first page that is not what it should be, in words."""
        try:
            names = list(self._subtrees(trees[1]))
            if is_whole:
                self._walk(trees[0])
                for tree in names:
                    self._walk(tree)
            else:
                for tree in (trees[0], *names):
                    self._root(tree)
        except _DamagedPageError as error:
            return str(error)
        return None

    def _root(self, tree: bytes) -> None:
        _, kind, *_, root = _TREE.unpack(tree)
        if root != _NOWHERE:
            self._entries(root, has_numbers=bool(kind & _NUMBER_KEYS))

    def _subtrees(self, tree: bytes) -> Iterator[bytes]:
        """The trees that a tree of names names."""
        for _, flags, value in self._leaves(tree):
            if flags & _SUBTREE and len(value) == _TREE.size:
                yield value

    def _walk(self, tree: bytes) -> None:
        entries = _TREE.unpack(tree)[-2]
        counted = sum(1 for _ in self._leaves(tree))
        if counted != entries:
            raise _DamagedPageError(f"a table of {entries} entries holds {counted}")

    def _leaves(self, tree: bytes) -> Iterator[tuple[bytes, int, bytes]]:
        """(key, flags, value) of all entries of a tree; large values are looked at, not read."""
        _, kind, depth, _, _, _, _, root = _TREE.unpack(tree)
        if root == _NOWHERE:
            return
        waiting = [(root, 1)]
        while waiting:
            number, level = waiting.pop()
            is_leaf, entries = self._entries(number, has_numbers=bool(kind & _NUMBER_KEYS))
            if is_leaf != (level == depth):
                raise _DamagedPageError(f"page {number} is of another kind than its place")
            if is_leaf:
                yield from entries
            else:
                children = [int.from_bytes(child, "little") for _, _, child in entries]
                waiting += [(child, level + 1) for child in reversed(children)]

    def _entries(
        self, number: int, *, has_numbers: bool
    ) -> tuple[bool, list[tuple[bytes, int, bytes]]]:
        """Whether a page is a leaf, and its (key, flags, value); of a branch, the page below."""
        data = self._page(number)
        found, _, flags, lower, upper = _HEADER.unpack_from(data)
        kind = flags & (_BRANCH | _LEAF | _OVERFLOW | _META_FLAG)
        is_sane = found == number and kind in (_BRANCH, _LEAF)
        if not is_sane or not _HEADER.size <= lower <= upper <= PAGE_BYTES:
            raise _DamagedPageError(f"page {number} is damaged")
        places = struct.unpack_from(f"<{(lower - _HEADER.size) // 2}H", data, _HEADER.size)
        result = [self._entry(data, number, place, kind == _LEAF) for place in places]
        keys = [key for key, _, _ in result][0 if kind == _LEAF else 1 :]
        if has_numbers:  # little-endian ones, unlike ours
            keys = [key[::-1] for key in keys]
        if any(low >= high for low, high in pairwise(keys)):
            raise _DamagedPageError(f"page {number} is damaged")
        return kind == _LEAF, result

    def _entry(
        self, data: bytes, number: int, place: int, is_leaf: bool
    ) -> tuple[bytes, int, bytes]:
        if not _HEADER.size <= place <= PAGE_BYTES - _ENTRY.size:
            raise _DamagedPageError(f"page {number} is damaged")
        low, high, flags, key_length = _ENTRY.unpack_from(data, place)
        start = place + _ENTRY.size + key_length
        size = low | high << 16
        if not is_leaf:
            child = size | flags << 32
            return data[place + _ENTRY.size : start], 0, child.to_bytes(8, "little")
        stored = 8 if flags & _LARGE else size
        if start + stored > PAGE_BYTES:
            raise _DamagedPageError(f"page {number} is damaged")
        value = data[start : start + stored]
        if flags & _LARGE:
            self._large(int.from_bytes(value, "little"), size)
        return data[place + _ENTRY.size : start], flags, value

    def _large(self, number: int, size: int) -> None:
        """Look at the pages of a large value."""
        head = self._page(number)
        found, _, flags = _HEADER.unpack_from(head)[:3]
        count = int.from_bytes(head[12:16], "little")
        is_sane = found == number and flags & _OVERFLOW
        if not is_sane or count < -(-(size + _HEADER.size) // PAGE_BYTES):
            raise _DamagedPageError(f"page {number} is damaged")
        if (number + count) * PAGE_BYTES > self._size:
            raise _DamagedPageError("the file is cut short")

    def _page(self, number: int) -> bytes:
        if (number + 1) * PAGE_BYTES > self._size:
            self._size = os.fstat(self._handle).st_size  # it may have grown
            if (number + 1) * PAGE_BYTES > self._size:
                raise _DamagedPageError("the file is cut short")
        return os.pread(self._handle, PAGE_BYTES, number * PAGE_BYTES)
