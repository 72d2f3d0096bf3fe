"""A share of the keys: whole blocks of records, found in one reading for all rules."""

from __future__ import annotations

import numpy as np
import pytest

from blocking import passes
from blocking.key_sample import sample_all_rules
from blocking.keys import resolve_rules
from blocking.rules import BlockingRule
from blocking.scan import KEY_SHARES, RuleKeyFiller
from person.records import ArrayRecordSource, RecordChunk, origin_rows, origin_sources
from tests.blocking.naive import PairCollector, random_rows, western_layout

LAYOUT = western_layout()
RULES = (
    BlockingRule("id", ("ssn",)),
    BlockingRule("any phone", ("phone",)),
    BlockingRule("sounds", ("given_name:soundex", "birth_date:year")),
)
PREFIXES = KEY_SHARES // 5


def test_a_sample_holds_every_record_of_its_keys() -> None:
    """Rows, sources and numbers of the records with a key under the bound, in their order."""
    rows = random_rows(LAYOUT, 700, 40, seed=1)
    sources = (np.arange(len(rows)) % 3).astype(np.uint16)
    resolved = resolve_rules(RULES, LAYOUT)
    samples = sample_all_rules(ArrayRecordSource(rows, sources, 100), resolved, PREFIXES, 250)
    for rule, sample in zip(resolved.rules, samples, strict=True):
        keys = np.zeros((len(rule.variants), len(rows)), np.uint64)
        RuleKeyFiller(resolved, rule)(RecordChunk(0, rows, sources), keys)
        is_wanted = ((keys != 0) & (keys >> np.uint64(48) < PREFIXES)).any(axis=0)
        held = sample.held.rows
        assert np.flatnonzero(is_wanted).tolist() == origin_rows(held).tolist()
        assert rows[is_wanted].tolist() == held[:, :-1].tolist()
        assert sources[is_wanted].tolist() == origin_sources(held).tolist()
        assert keys[:, is_wanted].tolist() == sample.keys.keys.tolist()
        assert int((keys != 0).any(axis=0).sum()) == sample.keys.keyed_records


@pytest.mark.parametrize("link_mode", ["dedupe", "link_only"])
def test_a_share_gives_the_same_pairs_with_and_without_samples(
    monkeypatch: pytest.MonkeyPatch, link_mode: str
) -> None:
    """Reading the sampled records only, or all of them and dropping most, is the same run."""
    rows = random_rows(LAYOUT, 2000, 400, seed=2)
    sources = (np.arange(len(rows)) % 3).astype(np.uint16)
    found = []
    for share in (4, 1 << 40):  # the second leaves no memory to samples
        monkeypatch.setattr(passes, "SAMPLES_SHARE", share)
        collector = PairCollector()
        reports = passes.run_passes(
            ArrayRecordSource(rows, sources, 300),
            LAYOUT,
            RULES,
            memory_bytes=1 << 26,
            link_mode=link_mode,
            consumer=collector,
            key_share=PREFIXES / KEY_SHARES,
        )
        counts = [(each.pairs, each.blocks, each.keyed_records) for each in reports]
        found.append((collector.once, counts))
    assert found[0] == found[1]
    assert 0 < len(found[0][0])
