"""Which value of a field survives into the golden record."""

from __future__ import annotations

import pytest

from mpi.survivorship import RULES, SourceValue, Survivorship, golden_fields
from person.errors import ConfigError

PHONES = {
    "phone": [
        SourceValue("13911112222", "clinic", "c1", 100),
        SourceValue("13911112222", "register", "r1", 200),
        SourceValue("0571-88886666-12", "hospital", "h1", 300),
    ]
}


@pytest.mark.parametrize(
    ("rule", "value", "source"),
    [
        ("most_frequent", "13911112222", "register"),
        ("most_recent", "0571-88886666-12", "hospital"),
        ("trusted_source", "13911112222", "clinic"),
        ("most_complete", "0571-88886666-12", "hospital"),
    ],
)
def test_each_rule_chooses_as_it_says(rule: str, value: str, source: str) -> None:
    """The value and the record it comes from are told."""
    survivorship = Survivorship(rules={"phone": rule}, trusted_sources=("clinic", "register"))
    golden = golden_fields(PHONES, survivorship)["phone"]
    assert (value, source, rule) == (golden.value, golden.source, golden.rule)


@pytest.mark.parametrize("rule", RULES)
def test_the_order_of_records_does_not_matter(rule: str) -> None:
    """The same records give the same view."""
    survivorship = Survivorship(default=rule, rules={})
    turned = {"phone": PHONES["phone"][::-1]}
    assert golden_fields(PHONES, survivorship) == golden_fields(turned, survivorship)


def test_agreement_is_counted() -> None:
    """How many records say so, of how many that say anything."""
    golden = golden_fields(PHONES, Survivorship(rules={}))["phone"]
    assert (2, 3) == (golden.agreeing, golden.saying)


def test_empty_values_say_nothing() -> None:
    """A blank is no value, and a field of blanks is left out."""
    assert {} == golden_fields({"name": [SourceValue("  ", "a", "1", 0)]}, Survivorship())


def test_an_unknown_rule_is_refused() -> None:
    """A slip in the settings is found before any record is looked at."""
    with pytest.raises(ConfigError, match="unknown rule"):
        Survivorship(rules={"name": "newest"})


def test_settings_survive_their_dictionary() -> None:
    """They lie in the index as JSON."""
    survivorship = Survivorship(rules={"name": "most_recent"}, trusted_sources=("a",))
    assert survivorship == Survivorship.from_dict(survivorship.to_dict())
