"""A rule yields the same pairs in our keys and in the peers' columns."""

from __future__ import annotations

from collections import defaultdict
from itertools import combinations
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from bench.data import dataset
from bench.peers_data import LOOSE, PeerRule, prepare_peers, schema_with_rules
from bench.workload import encode_file
from blocking.rules import rules_from_dicts
from person.schema import load_schema
from tests.blocking.naive import PairCollector, run_passes


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("peers")
    prepare_peers(dataset(1500, folder=home), home / "prepared.parquet")
    return home


@pytest.mark.parametrize("rule", LOOSE, ids=lambda rule: rule.name)
def test_keys_and_columns_give_the_same_pairs(rule: PeerRule, folder: Path) -> None:
    """Ours over encoded slots; theirs over equal text, nulls equal to nothing."""
    prepared = pq.read_table(folder / "prepared.parquet").to_pylist()
    blocks = defaultdict(list)
    for row in prepared:
        key = tuple(row[column] for column in rule.columns)
        if None not in key:
            blocks[key].append(row["row"])
    expected = {pair for rows in blocks.values() for pair in combinations(rows, 2)}
    schema_with_rules((rule,), folder / "schema.toml")
    blocking = rules_from_dicts(load_schema(folder / "schema.toml").blocking_rules)
    ingested = encode_file(dataset(1500, folder=folder).records, folder)
    collector = PairCollector()
    run_passes(
        ingested.store,
        ingested.layout,
        blocking,
        memory_bytes=1 << 26,
        link_mode="dedupe",
        consumer=collector,
        overflow=ingested.overflow,
    )
    ingested.store.close()
    assert expected == collector.pairs
    assert expected
