"""Pairs by likeness, held against a search of every pair."""

from __future__ import annotations

import builtins
from typing import Any

import numpy as np
import pytest

from blocking import BlockingRule
from blocking.approximate import ApproximateOptions, run_approximate, signature_fields
from blocking.report import PassReport
from blocking.signatures import SIGNATURE_WORDS, signature_plan
from person.batch import encode_batch
from person.errors import BlockingError, ConfigError
from person.layout import Layout, layout_for
from person.records import ArrayRecordSource
from person.schema import Field, load_schema
from tests.blocking.naive import (
    PairCollector,
    PairKey,
    naive_pairs,
    put,
    random_rows,
    western_layout,
)

pa = pytest.importorskip("pyarrow")
MEMORY = 1 << 28
RULES = (BlockingRule("both", ("given_name", "surname")), BlockingRule("", ("ssn",)))


def _distances(rows: np.ndarray, layout: Layout) -> np.ndarray:
    codes = signature_plan(layout, signature_fields(layout)).signatures(rows)
    bits = np.unpackbits(codes.view(np.uint8), axis=1).astype(np.int64)
    return np.abs(bits[:, None, :] - bits[None, :, :]).sum(axis=2)


def _run(
    rows: np.ndarray,
    layout: Layout,
    asks: np.ndarray,
    *,
    sources: np.ndarray | None = None,
    link_mode: str = "dedupe",
    memory_bytes: int = MEMORY,
    **options: Any,
) -> tuple[dict[PairKey, int], PassReport]:
    collector = PairCollector()
    report = run_approximate(
        ArrayRecordSource(rows, sources, chunk_rows=97),
        layout,
        RULES,
        asks,
        link_mode=link_mode,
        memory_bytes=memory_bytes,
        consumer=collector,
        options=ApproximateOptions(**options),
    )
    return collector.once, report


@pytest.fixture(autouse=True)
def _needs_faiss(request: pytest.FixtureRequest) -> None:
    if "without_faiss" not in request.node.name:
        pytest.importorskip("faiss")


@pytest.mark.parametrize("link_mode", ["dedupe", "link_only"])
@pytest.mark.parametrize("distance_max", [20, 40])
def test_pairs_equal_a_search_of_every_pair(link_mode: str, distance_max: int) -> None:
    """Each near pair of a record that asks comes once, unless a rule's keys are shared."""
    layout = western_layout()
    rows = random_rows(layout, 100, values=6, seed=3)
    sources = (np.arange(100) % 2).astype(np.uint16)
    asks = np.arange(100) % 3 == 0
    distances = _distances(rows, layout)
    near = {
        (left, right)
        for left in range(100)
        for right in range(left + 1, 100)
        if (asks[left] or asks[right]) and distances[left, right] <= distance_max
    }
    known = set(naive_pairs(rows, sources, layout, RULES))
    expected = near - known
    if link_mode == "link_only":
        expected = {(left, right) for left, right in expected if sources[left] != sources[right]}
    found, report = _run(
        rows, layout, asks, sources=sources, link_mode=link_mode,
        neighbours=100, distance_max=distance_max,
    )  # fmt: skip
    assert expected == set(found)
    assert {len(RULES)} == set(found.values())
    assert len(expected) == report.pairs
    assert int(asks.sum()) == report.keyed_records


def test_batches_of_queries_do_not_change_the_pairs() -> None:
    """Little memory means many small batches, which together deliver each pair once."""
    layout = western_layout()
    rows = random_rows(layout, 2500, values=40, seed=5)
    asks = np.ones(2500, np.bool_)
    whole, _ = _run(rows, layout, asks, distance_max=50)
    cut, _ = _run(rows, layout, asks, distance_max=50, memory_bytes=1 << 20)
    assert whole == cut
    assert len(whole) > 100


def test_an_inverted_file_finds_most_of_what_a_full_search_finds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Above a size only some lists are read; nothing comes that a full search would not find."""
    layout = western_layout()
    originals = random_rows(layout, 1500, values=700, seed=7)
    copies = originals.copy()
    put(copies[:, :], layout, "given_name", 0, 0)
    for row in range(len(copies)):
        for word, shift, bits in layout.slots("given_name").tolist():
            mask = np.uint64(((1 << bits) - 1) << shift)
            copies[row, word] &= ~mask
        put(copies, layout, "given_name", row, (row * 7919 + 1) << 20, 0)
    rows = np.concatenate([originals, copies])
    asks = np.ones(len(rows), np.bool_)
    full, _ = _run(rows, layout, asks, distance_max=40)
    monkeypatch.setattr("blocking.approximate.FLAT_RECORDS_MAX", 100)
    some, _ = _run(rows, layout, asks, distance_max=40, lists_read=8)
    assert len(full) > 500
    assert len(set(some) & set(full)) > 0.8 * len(full)
    again, _ = _run(rows, layout, asks, distance_max=40, lists_read=8)
    assert some == again


def test_only_records_that_ask_are_given_partners() -> None:
    """With nobody asking, or nobody there, nothing is delivered and no index is built."""
    layout = western_layout()
    rows = random_rows(layout, 50, values=3, seed=1)
    found, report = _run(rows, layout, np.zeros(50, np.bool_))
    assert {} == found
    assert (0, 0) == (report.pairs, report.keyed_records)
    assert {} == _run(rows[:0], layout, np.zeros(0, np.bool_))[0]


def _residents(*records: dict[str, str]) -> tuple[np.ndarray, Layout]:
    schema = load_schema(None)
    names = ["name", "birth_date", "region_code"]
    bound = schema.bind(names, path="made up")
    fields = schema.with_fields({each.field.name for each in bound}).fields
    layout = layout_for(fields)
    columns = {name: [each.get(name) for each in records] for name in names}
    return encode_batch(pa.table(columns), schema, layout, bound).rows, layout


PLAIN = {"name": "张晓明", "birth_date": "1971-06-24", "region_code": "410102"}


@pytest.mark.parametrize(
    "slip",
    [
        {"name": "張曉明"},
        {"name": "章小明"},
        {"name": "张晓铭"},
        {"name": "张小名", "birth_date": "1971-06-25"},
        {"birth_date": "1971-01-24"},
        {"region_code": "410103"},
    ],
)
def test_a_record_with_a_slip_is_nearer_than_any_stranger(slip: dict[str, str]) -> None:
    """Homophones, variants, similar shapes and a wrong part of a date stay within reach."""
    strangers = (
        {"name": "李秀英", "birth_date": "1971-06-24", "region_code": "410102"},
        {"name": "王伟", "birth_date": "1983-11-02", "region_code": "410102"},
        {"name": "张红", "birth_date": "1944-02-17", "region_code": "320506"},
    )
    rows, layout = _residents(PLAIN, {**PLAIN, **slip}, *strangers)
    distances = _distances(rows, layout)
    assert distances[0, 1] < distances[0, 2:].min()
    assert distances[0, 1] <= ApproximateOptions().distance_max


def test_variant_forms_have_the_same_signature() -> None:
    """張曉明 and 张晓明 are one name: no bit differs."""
    rows, layout = _residents(PLAIN, {**PLAIN, "name": "張曉明"})
    assert 0 == _distances(rows, layout)[0, 1]


def test_an_empty_record_sets_no_bit() -> None:
    """A record of which nothing is known is near to others like it only."""
    layout = western_layout()
    plan = signature_plan(layout, signature_fields(layout))
    empty = np.zeros((3, layout.n_words), np.uint64)
    assert (plan.signatures(empty) == 0).all()
    assert (3, SIGNATURE_WORDS) == plan.signatures(empty).shape


def test_fields_kept_as_a_hash_are_left_out() -> None:
    """A hash says nothing of likeness; a table of nothing but hashes is refused."""
    card = Field(
        name="card", kind="identifier", columns=("card",), role="", group="",
        options={"hashed": 22}, compare="",
    )  # fmt: skip
    with pytest.raises(ConfigError, match="more than a hash"):
        signature_fields(layout_for([card]))


def test_an_index_larger_than_the_memory_is_refused() -> None:
    """The message says what is needed."""
    layout = western_layout()
    rows = random_rows(layout, 3000, values=40, seed=5)
    with pytest.raises(BlockingError, match="GiB for 3000 records"):
        _run(rows, layout, np.ones(3000, np.bool_), memory_bytes=1 << 16)


@pytest.mark.parametrize("bad", [{"neighbours": 0}, {"distance_max": 257}, {"lists_read": 0}])
def test_senseless_options_are_refused(bad: dict[str, int]) -> None:
    """Before anything is read."""
    with pytest.raises(ConfigError, match="approximate blocking"):
        ApproximateOptions(**bad)


def test_without_faiss_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """faiss is asked for only when the rule is run."""
    real = builtins.__import__

    def refuse(name: str, *arguments: Any, **keywords: Any) -> Any:
        if name == "faiss":
            raise ImportError(name)
        return real(name, *arguments, **keywords)

    monkeypatch.setattr(builtins, "__import__", refuse)
    layout = western_layout()
    rows = random_rows(layout, 10, values=3, seed=1)
    with pytest.raises(ConfigError, match=r"mpi-index\[approximate\]"):
        _run(rows, layout, np.ones(10, np.bool_))
