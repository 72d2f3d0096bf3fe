"""Broad rules: those a table can afford, and every one of them a rule that can be run."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blocking import BlockingRule
from blocking.broad_rules import BROAD_TEMPLATES, broad_rules_for_roles
from blocking.keys import resolve_rules
from blocking.plan import estimate_rule_pairs, pair_budget, plan_rules
from person.layout import layout_for
from person.records import ArrayRecordSource
from person.schema import Field, read_schema
from tests.blocking.naive import block_keys, pack_date, pack_text, put, western_layout

ROOT = Path(__file__).resolve().parents[2]
SCHEMAS = sorted((ROOT / "bench" / "schemas").glob("*.toml"))
LAYOUT = western_layout()
NARROW = (BlockingRule("both names", ("given_name", "surname")),)
BROAD = (
    BlockingRule("given name", ("given_name",), (), 200),
    BlockingRule("surname start", ("surname:first:1",), (), 200),
    BlockingRule("birth date", ("birth_date",), (), 200),
    BlockingRule("birth year", ("birth_date:year",), (), 40),
    BlockingRule("number", ("ssn",), (), 200),
)


def table(count: int, seed: int) -> ArrayRecordSource:
    """Few names, more dates, numbers that are nearly all one's own; some missing."""
    random = np.random.default_rng(seed)
    rows = np.zeros((count, LAYOUT.n_words), np.uint64)
    for row in range(count):
        if random.random() < 0.9:
            put(rows, LAYOUT, "given_name", row, *pack_text("abcdefgh"[random.integers(8)]))
        put(rows, LAYOUT, "surname", row, *pack_text("uvwxyz"[random.integers(6)] + "son"))
        if random.random() < 0.9:
            date = pack_date(1950 + int(random.integers(4)), 1 + int(random.integers(12)), 3)
            put(rows, LAYOUT, "birth_date", row, date)
        put(rows, LAYOUT, "ssn", row, *pack_text(str(random.integers(10**8))))
    return ArrayRecordSource(rows, np.zeros(count, np.uint16), chunk_rows=37)


def naive_pairs_of(source: ArrayRecordSource, rule: BlockingRule) -> float:
    """Pairs in the rule's blocks; of a block too large only as many as pieces of that size hold."""
    rows = np.concatenate([chunk.rows for chunk in source.chunks()])
    (keys,) = block_keys(rows, LAYOUT, [rule])
    sizes = Counter(key for of_row in keys for key in of_row).values()
    return sum(size * (min(size, rule.block_size_max) - 1) / 2 for size in sizes)


@given(count=st.integers(1, 150), seed=st.integers(0, 50))
def test_estimates_of_small_tables_are_exact(count: int, seed: int) -> None:
    """A table no larger than the sample is counted, not estimated."""
    source = table(count, seed)
    expected = [naive_pairs_of(source, rule) for rule in BROAD]
    assert expected == pytest.approx(estimate_rule_pairs(source, LAYOUT, BROAD))


def test_estimates_from_a_sample_are_near(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fifth of the keys tells the pairs of a rule within a third where blocks are not rare."""
    source = table(1000, 2)
    monkeypatch.setattr("blocking.plan.SAMPLE_RECORDS", 200)
    rules = BROAD[:4]
    for rule, estimate in zip(rules, estimate_rule_pairs(source, LAYOUT, rules)):
        assert naive_pairs_of(source, rule) == pytest.approx(estimate, rel=0.34), rule.name


@given(
    seed=st.integers(0, 20),
    budget=st.floats(0.0, 20_000.0),
    order=st.permutations(range(len(BROAD))),
)
def test_the_budget_is_kept(seed: int, budget: float, order: list[int]) -> None:
    """Narrow rules always run, first; broad ones cheapest first while they fit together."""
    source = table(120, seed)
    broad = [BROAD[place] for place in order]
    plan = plan_rules(source, LAYOUT, NARROW, broad, budget=budget)
    assert NARROW == plan.rules[: len(NARROW)]
    chosen = plan.rules[len(NARROW) :]
    cost = dict(zip((rule.name for rule in broad), estimate_rule_pairs(source, LAYOUT, broad)))
    spent = sum(cost[rule.name] for rule in chosen)
    assert spent <= budget
    assert {rule.name for rule in broad} == {rule.name for rule in chosen} | set(plan.left_out)
    for name, price in plan.left_out.items():
        assert cost[name] == price
        assert spent + price > budget
        assert price >= max((cost[rule.name] for rule in chosen), default=0.0)


def test_a_plan_is_the_same_every_time() -> None:
    """Two plans of one table are equal."""
    one, other = (plan_rules(table(150, 1), LAYOUT, NARROW, BROAD, budget=5e3) for _ in range(2))
    assert one == other


def test_without_broad_rules_nothing_is_left_out() -> None:
    """Only the narrow rules run."""
    plan = plan_rules(table(20, 0), LAYOUT, NARROW, ())
    assert (NARROW, {}) == (plan.rules, plan.left_out)


@given(one=st.integers(0, 10**9), other=st.integers(0, 10**9))
def test_a_larger_table_has_a_larger_budget(one: int, other: int) -> None:
    """The budget never falls as records are added, and is generous for small tables only."""
    low, high = sorted([one, other])
    assert pair_budget(low) <= pair_budget(high)
    assert 4.0 * high <= pair_budget(high) <= 200.0 * high


# ----------------------------------------------------------------------------- the rules themselves


@pytest.mark.parametrize("path", SCHEMAS, ids=lambda path: path.stem)
def test_broad_rules_fit_the_schemas_they_are_for(path: Path) -> None:
    """Every broad rule of a schema's roles can be resolved to keys of its layout."""
    fields = read_schema(path).fields
    rules = broad_rules_for_roles(fields)
    assert rules
    assert len(rules) == len({rule.name for rule in rules})
    assert len(rules) == len(resolve_rules(rules, layout_for(fields)).rules)


def test_every_broad_rule_has_roles_that_a_table_can_have() -> None:
    """Templates are named once, bounded, and each is used by some western table."""
    kinds = {
        "given_name": "latin_name",
        "surname": "latin_name",
        "full_name": "latin_name",
        "birth_date": "date",
        "sex": "gender",
        "postcode": "category",
        "place": "text",
        "street": "text",
        "house_number": "category",
        "identifier": "identifier",
    }
    fields = [Field(name=n, kind=k, columns=(n,), role=n) for n, k in kinds.items()]
    rules = broad_rules_for_roles(fields)
    assert [each.name for each in BROAD_TEMPLATES] == [rule.name for rule in rules]
    assert len(rules) == len(resolve_rules(rules, layout_for(fields)).rules)
    assert all(rule.block_size_max <= 200 for rule in rules)
