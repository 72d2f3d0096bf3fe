"""Slow obvious twins of blocking, and small tables to run it over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import combinations
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from blocking import BlockingRule, CandidateChunk, run_passes
from blocking.keys import resolve_rules
from person.layout import Layout, layout_for
from person.phone_kernels import phone_tag
from person.records import ArrayRecordSource, origin_rows
from person.schema import Field

PairKey = tuple[int, int]


def western_layout() -> Layout:
    """Given name, surname, birth date, postcode, phone and an identifier."""
    kinds = {
        "given_name": "latin_name",
        "surname": "latin_name",
        "birth_date": "date",
        "postcode": "category",
        "phone": "phone",
        "ssn": "identifier",
    }
    return layout_for(
        Field(name=name, kind=kind, columns=(name,), role="", group="", options={}, compare="")
        for name, kind in kinds.items()
    )


def pack_text(text: str, words: int = 1) -> list[int]:
    codes = "\0abcdefghijklmnopqrstuvwxyz0123456789 -'./&#,@_+:()"
    result = []
    for word in range(words):
        value = 0
        for at in range(10):
            place = 10 * word + at
            code = codes.index(text[place]) if place < len(text) else 0
            value |= code << (54 - 6 * at)
        result.append(value)
    return result


def pack_date(year: int, month: int = 0, day: int = 0) -> int:
    return (year - 1849) << 9 | month << 5 | day


def put(rows: NDArray[np.uint64], layout: Layout, field: str, row: int, *values: int) -> None:
    """Write a field's component values into one row."""
    for (word, shift, bits), value in zip(layout.slots(field).tolist(), values, strict=False):
        assert value < 1 << bits
        rows[row, word] |= np.uint64(value << shift)


def block_keys(
    rows: NDArray[np.uint64], layout: Layout, rules: Sequence[BlockingRule]
) -> list[list[frozenset[tuple[int, ...]]]]:
    """keys[rule][row]: the set of that row's keys, each the tuple of its parts, none missing."""
    resolved = resolve_rules(rules, layout)
    parts = np.zeros((len(resolved.parts), len(rows)), np.uint64)
    resolved.fill_parts(range(len(parts)), rows, parts)
    result = []
    for rule in resolved.rules:
        per_row = []
        for row in range(len(rows)):
            keys = (tuple(int(parts[p, row]) for p in variant) for variant in rule.variants)
            per_row.append(frozenset(key for key in keys if all(key)))
        result.append(per_row)
    return result


def naive_pairs(
    rows: NDArray[np.uint64],
    sources: NDArray[np.uint16],
    layout: Layout,
    rules: Sequence[BlockingRule],
    link_mode: str = "dedupe",
) -> dict[PairKey, int]:
    """Every promised pair and the first rule that promises it."""
    keys = block_keys(rows, layout, rules)
    found = {}
    for left, right in combinations(range(len(rows)), 2):
        if link_mode == "link_only" and sources[left] == sources[right]:
            continue
        for number, per_row in enumerate(keys):
            if per_row[left] & per_row[right]:
                found[left, right] = number
                break
    return found


class PairCollector:
    """A consumer that keeps every delivery: (left row, right row) -> rules that delivered it."""

    def __init__(self) -> None:
        self.delivered: Counter[tuple[PairKey, int]] = Counter()
        self.pair_count = 0
        self._lock = Lock()

    def __call__(self, chunk: CandidateChunk) -> None:
        numbers = origin_rows(chunk.rows)
        left, right = numbers[chunk.left], numbers[chunk.right]
        low, high = np.minimum(left, right).tolist(), np.maximum(left, right).tolist()
        with self._lock:
            self.pair_count += len(low)
            self.delivered.update((pair, chunk.rule_index) for pair in zip(low, high, strict=True))

    @property
    def once(self) -> dict[PairKey, int]:
        """Pairs and their rule; fails where a pair was delivered twice."""
        assert all(count == 1 for count in self.delivered.values())
        result = dict(self.delivered.keys())
        assert len(result) == len(self.delivered)
        return result

    @property
    def pairs(self) -> set[PairKey]:
        return {pair for pair, _ in self.delivered}


def collect_pairs(
    rows: NDArray[np.uint64],
    layout: Layout,
    rules: Sequence[BlockingRule],
    *,
    sources: NDArray[np.uint16] | None = None,
    chunk_rows: int = 1 << 18,
    memory_bytes: int = 1 << 26,
    link_mode: str = "dedupe",
) -> PairCollector:
    collector = PairCollector()
    run_passes(
        ArrayRecordSource(rows, sources, chunk_rows),
        layout,
        rules,
        memory_bytes=memory_bytes,
        link_mode=link_mode,
        consumer=collector,
    )
    return collector


def random_rows(layout: Layout, count: int, values: int, seed: int) -> NDArray[np.uint64]:
    """Rows whose every field takes few values and is missing one time in eight."""
    random = np.random.default_rng(seed)
    rows = np.zeros((count, layout.n_words), np.uint64)
    for field, kind in layout.kinds.items():
        for row in range(count):
            if random.random() < 0.125:
                continue
            value = int(random.integers(1, values + 1))
            put(rows, layout, field, row, *_random_value(kind, value, random))
    return rows


def _random_value(kind: str, value: int, random: np.random.Generator) -> list[int]:
    if kind == "date":
        return [pack_date(1950 + value % 300, 1 + value % 12, 1 + value % 28)]
    if kind == "phone":
        second = int(random.integers(0, 4))
        hashed = int(phone_tag(second + 1000))
        return [value + 1000, hashed if second else 0]
    if kind == "han_name":
        return [value << 45 | 7 << 30]
    if kind in ("latin_name", "text", "identifier", "category"):
        return pack_text("abcdefghijklmnopqrstuvwxyz"[value % 26] * (1 + value % 7))
    return [value]
