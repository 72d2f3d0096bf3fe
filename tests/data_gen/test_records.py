"""Records: as many as asked for, the same however drawn, each true but for its causes."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from data_gen.parameters import GeneratorParameters
from data_gen.records import (
    Workspace,
    community_records,
    draw_community_records,
    record_count,
    record_tables,
)
from tests.data_gen.sample_population import (
    MISSING_WORDS,
    PARAMETERS,
    joined,
    plain_date,
    plain_name,
    plain_phone,
    plain_sex,
    records_and_truth,
)

PERMITS = ("81", "82", "83")
"""Beginnings of residence permits of people from Hong Kong, Macao and Taiwan."""


def has_cause(causes: set[str], field: str) -> bool:
    return any(cause.startswith(field + ":") for cause in causes)


@pytest.mark.parametrize("rate", [1.0, 2.5, 6.0])
def test_records_per_person_is_exact(rate: float) -> None:
    """Every community has its share of records, to the record."""
    parameters = GeneratorParameters(people=3000, seed=5, records_per_person=rate)
    tables = record_tables(parameters)
    space = Workspace(parameters.records_per_community)
    assert abs(record_count(parameters) - 3000 * rate) <= 2
    for position in range(parameters.communities):
        count = community_records(parameters, position)
        draw_community_records(tables, position, 0, count, space)
        slots = space.records["slot"][:count]
        assert 0 <= slots.min() <= slots.max() < space.people.count
        visits = set(zip(*(space.records[name][:count].tolist()
                           for name in ("slot", "system", "visit")), strict=True))  # fmt: skip
        assert count == len(visits)


def test_a_record_is_the_same_in_any_slice() -> None:
    """Drawing some records of a community gives what drawing all of them gives."""
    tables = record_tables(PARAMETERS)
    whole, part = (Workspace(PARAMETERS.records_per_community) for _ in range(2))
    draw_community_records(tables, 3, 0, 2560, whole)
    draw_community_records(tables, 3, 700, 800, part)
    names = [name for name in whole.records.dtype.names if name != "name_start"]
    for name in names:
        expected = whole.records[name][whole.turn(2560)[700:800]]
        np.testing.assert_array_equal(expected, part.records[name][part.turn(100)])


def test_neighbours_are_different_people() -> None:
    """Records stand in no order that tells who belongs together."""
    _, truth = records_and_truth()
    people = truth.column("person_id").to_numpy()
    assert (people[1:] == people[:-1]).mean() < 0.01


def test_records_are_made_in_their_persons_lifetime() -> None:
    """No record is older than its person or younger than the reference day."""
    for record, person, _ in joined()[:20_000]:
        day = record["updated_at"][:10]
        assert str(person["birth_date"]) <= day <= "2020-11-01"
        assert person["death_date"] is None or day <= str(person["death_date"])


def test_a_name_differs_exactly_where_a_cause_says_so() -> None:
    """Without a cause the name is the person's; with one it is not."""
    for record, person, causes in joined():
        is_same = plain_name(record["name"]) == plain_name(person["name"])
        assert is_same != has_cause(causes, "name"), (causes, record["record_id"])


def test_a_number_differs_exactly_where_a_cause_says_so() -> None:
    """The same for id numbers; people with other documents or none have no number here.

    Who has a residence permit may show the travel permit, which is as true.
    """
    for record, person, causes in joined():
        given = record["id_number"]
        if person["id_number"] is None:
            assert not has_cause(causes, "id_number") or "id_number:missing" in causes
            continue
        if "id_number:missing" in causes:
            assert given in MISSING_WORDS
        else:
            if person["id_number"].startswith(PERMITS) and len(given) < 15:
                continue
            is_same = given.upper() == person["id_number"]
            assert is_same != has_cause(causes, "id_number"), causes


def test_causes_of_numbers_are_what_they_say() -> None:
    """15 digits, one digit, two neighbours, the previous number: each shows."""
    seen: Counter[str] = Counter()
    for record, person, causes in joined():
        mine = {cause for cause in causes if cause.startswith("id_number:")}
        if len(mine) != 1 or person["id_number"] is None:
            continue
        (cause,) = mine
        given, true = record["id_number"], person["id_number"]
        seen[cause] += 1
        if cause == "id_number:fifteen_digits":
            assert true[:6] + true[8:17] == given
        elif cause == "id_number:one_digit":
            assert sum(a != b for a, b in zip(given.upper(), true, strict=True)) == 1
        elif cause == "id_number:transposed":
            assert sorted(given[:17]) == sorted(true[:17])
            assert sum(a != b for a, b in zip(given[:17], true[:17], strict=True)) == 2
        elif cause == "id_number:previous":
            assert person["previous_id_number"] == given.upper()
    assert {"id_number:missing", "id_number:one_digit", "id_number:transposed",
            "id_number:fifteen_digits", "id_number:family_member",
            "id_number:previous"} <= set(seen)  # fmt: skip


def test_dates_and_sexes_differ_exactly_where_a_cause_says_so() -> None:
    """Birth date and sex are the person's unless a cause is noted."""
    for record, person, causes in joined():
        if "birth_date:missing" in causes:
            assert record["birth_date"] is None
        else:
            is_same = plain_date(record["birth_date"]) == f"{person['birth_date']:%Y%m%d}"
            assert is_same != has_cause(causes, "birth_date"), causes
        if "gender:missing" in causes:
            assert record["gender"] is None
        else:
            assert (plain_sex(record["gender"]) == person["sex"]) != has_cause(causes, "gender")


def test_phones_differ_exactly_where_a_cause_says_so() -> None:
    """The phone is the person's of today unless a cause is noted."""
    for record, person, causes in joined():
        is_same = plain_phone(record["phone"]) == person["phone"]
        assert is_same != has_cause(causes, "phone"), causes


def test_addresses_agree_unless_a_cause_says_otherwise() -> None:
    """A person's records without a cause of the address give one address in full."""
    full: dict[int, str] = {}
    for record, person, causes in joined():
        if has_cause(causes, "address"):
            continue
        assert full.setdefault(person["person_id"], record["address"]) == record["address"]
    for record, person, causes in joined():
        if has_cause(causes, "address") and person["person_id"] in full:
            assert record["address"] != full[person["person_id"]], causes


def test_newborns_are_named_after_their_mothers() -> None:
    """A child without a name has its mother's, no number, and is an infant."""
    found = 0
    for record, person, causes in joined():
        if "name:newborn_placeholder" in causes:
            found += 1
            assert "之" in record["name"] or record["name"].endswith("婴儿")
            assert record["id_number"] in MISSING_WORDS
            assert int(record["updated_at"][:4]) - person["birth_date"].year <= 1
    assert found > 100


def test_every_cause_occurs() -> None:
    """100,000 records show all causes but the rarest."""
    seen = set().union(*(causes for _, _, causes in joined()))
    from data_gen.causes import CAUSE_NAMES

    assert set(CAUSE_NAMES) - seen <= {"name:rare_split", "name:unknown_person", "name:respelled"}
