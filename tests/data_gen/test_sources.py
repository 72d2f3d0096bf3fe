"""Source systems: rates as planned, habits, duplicates."""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np
import pyarrow as pa
import pytest

from data_gen.causes import CAUSE_NAMES
from data_gen.parameters import GeneratorParameters
from data_gen.source_tables import planned_rates, source_tables
from data_gen.sources import SYSTEMS, source_systems, system_of
from tests.data_gen.sample_population import PARAMETERS, joined, records_and_truth


def system(source: str) -> str:
    return source.partition("-")[0]


def test_sources_name_their_systems() -> None:
    """A source's code begins with its system's."""
    sources = pa.array(["hospital-330106-1", "health_card", "population_register"])
    assert [2, 6, 0] == system_of(sources).tolist()


def test_carelessness_keeps_the_rates() -> None:
    """Desks and records differ, their mean does not: factors have mean 1 and spread."""
    tables = source_tables(PARAMETERS, np.ones((2, 2, 6)))
    for factors in (tables.desk, tables.care):
        np.testing.assert_allclose(factors.mean(axis=1), 1.0, atol=1e-9)
        assert (factors.max(axis=1) > 1.5).all()


def test_every_rate_belongs_to_a_cause() -> None:
    """Rates of sources name causes that exist."""
    for each in source_systems():
        assert set(each.cause_rates()) <= set(CAUSE_NAMES)
        assert 0.02 <= each.again <= 0.4


# Causes that one plain draw decides, for nearly every record of a system.
PLAIN = (
    *("name:homophone", "name:other_tone", "name:fuzzy_sound", "name:other_character"),
    *("id_number:one_digit", "id_number:transposed", "birth_date:year_off"),
    *("gender:wrong", "gender:missing"),
)


@pytest.mark.parametrize("code", ["health_records", "hospital", "ncms_insurance"])
def test_causes_come_at_the_planned_rates(code: str) -> None:
    """Each plain cause is as frequent as its source says, within chance and the odd impossible."""
    records = [causes for record, _, causes in joined() if system(record["source"]) == code]
    found = Counter(cause for causes in records for cause in causes)
    planned = planned_rates(PARAMETERS)[code]
    for cause in PLAIN:
        expected = planned[cause] * len(records)
        # Carelessness puts several errors in one record, so counts spread wider than a Poisson's.
        tolerance = 6 * expected**0.5 + 0.2 * expected + 2
        assert abs(found[cause] - expected) < tolerance, (cause, found[cause], expected)


@pytest.mark.parametrize("code", ["health_records", "hospital"])
def test_missing_values_come_at_the_planned_rates(code: str) -> None:
    """Addresses and, of people with a phone, phones are missing as often as planned."""
    rows = [(person, causes) for record, person, causes in joined()
            if system(record["source"]) == code]  # fmt: skip
    planned = planned_rates(PARAMETERS)[code]
    for cause, count in (
        ("address:missing", len(rows)),
        ("phone:missing", sum(1 for person, _ in rows if person["phone"])),
    ):
        found = sum(1 for _, causes in rows if cause in causes)
        assert abs(found / count - planned[cause]) < 0.03, cause


def test_errors_are_correlated_within_a_record() -> None:
    """A record with one error more often has another: some desks are worse."""
    hospital = [causes for record, _, causes in joined() if system(record["source"]) == "hospital"]
    name = np.array([any(c.startswith("name:") and "place" not in c for c in s) for s in hospital])
    birth = np.array([any(c.startswith("birth_date:") for c in s) for s in hospital])
    together = float((name & birth).mean())
    assert together > 1.3 * float(name.mean() * birth.mean())


def test_a_source_holds_people_twice_within_the_stated_range() -> None:
    """Within one source 2 to 18 % of the records are a person's second or later one."""
    records, truth = records_and_truth()
    people: dict[str, Counter[tuple[str, int]]] = defaultdict(Counter)
    for source, person in zip(
        records.column("source").to_pylist(), truth.column("person_id").to_pylist(), strict=True
    ):
        people[system(source)][source, person] += 1
    for code in SYSTEMS:
        total = people[code].total()
        again = (total - len(people[code])) / total
        assert 0.01 < again < 0.18, (code, again)


def test_most_people_are_in_several_sources() -> None:
    """Links between sources are there to be found."""
    _, truth = records_and_truth()
    held = defaultdict(set)
    for source, person in zip(
        truth.column("source").to_pylist(), truth.column("person_id").to_pylist(), strict=True
    ):
        held[person].add(source)
    several = sum(1 for sources in held.values() if len(sources) > 1)
    assert several > 0.6 * PARAMETERS.people


def test_no_errors_at_scale_zero() -> None:
    """error_scale 0 leaves no planned error."""
    planned = planned_rates(GeneratorParameters(people=1000, error_scale=0.0))
    assert not any(rate for rates in planned.values() for rate in rates.values())
