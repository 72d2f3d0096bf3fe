"""Determinism, kin, id numbers and phones of the people drawn for 240 communities."""

from __future__ import annotations

import numpy as np

from data_gen.community import frame_community
from data_gen.draw import draw_people
from data_gen.facts import FIRST_ISSUE_YEAR, facts
from data_gen.parameters import REFERENCE_DAY, GeneratorParameters
from data_gen.people import COMMUNITY_PEOPLE, Origin, People, Role
from person.national_id import encode_national_id
from person.text import Utf8Column
from tests.data_gen.community_people import PARAMETERS, people_columns

WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


def full_number(body: int) -> str:
    digits = f"{body:017d}"
    total = sum(int(digit) * weight for digit, weight in zip(digits, WEIGHTS, strict=True))
    return digits + "10X98765432"[total % 11]


def test_any_community_alone_is_the_same() -> None:
    """A community is the same bytes whatever was drawn before it into the same arrays."""
    used = People()
    for position in (0, 7, 3, 150, 3):
        community = frame_community(PARAMETERS, position)
        draw_people(PARAMETERS, facts(), community, used)
        alone = draw_people(PARAMETERS, facts(), community, People())
        for name, column in used.arrays._asdict().items():
            assert np.array_equal(getattr(alone.arrays, name), column), name


def test_size_of_the_population_changes_nobody() -> None:
    """The same community in a population of another size holds the same people."""
    larger = GeneratorParameters(people=5_000_000, seed=PARAMETERS.seed)
    one = draw_people(PARAMETERS, facts(), 12_345, People())
    other = draw_people(larger, facts(), 12_345, People())
    for name, column in one.arrays._asdict().items():
        assert np.array_equal(getattr(other.arrays, name), column), name


def test_a_cut_community_forgets_those_beyond() -> None:
    """In the last community nobody's kin or family phone lies beyond the cut."""
    people = draw_people(PARAMETERS, facts(), 99, People(), count=301)
    assert 301 == people.count
    for name in ("mother", "father", "spouse", "twin", "family_phone"):
        assert getattr(people.arrays, name)[:301].max() < 301, name


def test_ids_are_unique() -> None:
    """No two people hold the same number, unless doubles are asked for."""
    body = people_columns()["id_body"]
    body = body[body > 0]
    assert len(body) == len(np.unique(body))


def test_ids_of_neighbouring_communities_are_unique() -> None:
    """Communities that share a county and its codes share no number, phone, card, certificate."""
    people, seen = (
        People(),
        {"id_body": [], "phone": [], "health_card": [], "birth_certificate": []},
    )
    table = facts()
    county = int(np.searchsorted(table.county_code, 440306))  # Bao'an, cut from one county of 1984
    first = int(table.community_start[county])
    for community in (*range(first, first + 100), *range(first + 4372, first + 4472)):
        draw_people(PARAMETERS, table, community, people)
        for name, parts in seen.items():
            own = people.arrays.family_phone < 0 if name == "phone" else slice(None)
            parts.append(getattr(people.arrays, name)[own].copy())
    for name, parts in seen.items():
        values = np.concatenate(parts)
        values = values[values > 0]
        assert len(values) == len(np.unique(values)), name


def test_every_id_is_valid() -> None:
    """Number, check digit and date are accepted, and say the person's own birth day and sex."""
    columns = people_columns()
    rows = np.flatnonzero(columns["id_body"] > 0)
    texts = [full_number(int(body)) for body in columns["id_body"][rows]]
    encoded = encode_national_id(Utf8Column.from_strings(texts), {})
    assert np.all(encoded.components["detail"] & 1)
    dates = np.array([f"{t[6:10]}-{t[10:12]}-{t[12:14]}" for t in texts], "datetime64[D]")
    assert np.array_equal(dates.astype(np.int64), columns["birth_day"][rows])
    sequence = columns["id_body"][rows] % 1000
    assert np.array_equal(2 - sequence % 2, columns["sex"][rows])


def test_codes_were_in_force_at_issue() -> None:
    """The code of a number is one of those its year of issue knew (1986 for the old)."""
    columns, table = people_columns(), facts()
    rows = np.flatnonzero((columns["id_body"] > 0) & (columns["origin"] == 0))
    year = columns["id_body"][rows] // 10**7 % 10**4
    code = columns["id_body"][rows] // 10**11
    assert np.array_equal(code, columns["id_region"][rows])
    for column in range(2, table.issue_code.shape[1]):
        issued = year == FIRST_ISSUE_YEAR + column if column > 2 else year <= 1986
        assert np.isin(code[issued], table.issue_code[:, column]).all()


def test_fifteen_digits_end_in_1999() -> None:
    """Numbers of 15 digits are those issued before 1 October 1999."""
    columns = people_columns()
    has = columns["id_body"] > 0
    assert np.array_equal(columns["had_15_digits"][has], columns["id_day"][has] < 10_865)


def test_newborns_wait_for_their_number() -> None:
    """Who has no number was born in the last months, comes from abroad, or is one in 10,000."""
    columns = people_columns()
    without = (columns["id_body"] == 0) & (columns["origin"] == 0)
    young = columns["birth_day"] > REFERENCE_DAY - 110
    died_young = (columns["death_day"] > 0) & (columns["death_day"] < columns["birth_day"] + 110)
    assert (without & ~young & ~died_young).mean() < 1e-4
    assert 0.1 < without[young & (columns["origin"] == 0)].mean() < 0.95


def test_doubles_are_planned() -> None:
    """Doubles asked for share a number, if unresolved; else they gave it up for another."""
    held = GeneratorParameters(people=10, duplicate_id_rate=0.02, duplicate_id_unresolved=1.0)
    body = draw_people(held, facts(), 777, People()).arrays.id_body
    body = body[body > 0]
    assert 3 < len(body) - len(np.unique(body)) < 60
    past = GeneratorParameters(people=10, duplicate_id_rate=0.02)
    arrays = draw_people(past, facts(), 777, People()).arrays
    now = arrays.id_body[arrays.id_body > 0]
    assert len(now) == len(np.unique(now))
    assert 3 < np.isin(arrays.previous_id_body, now).sum() < 60


def test_mothers_are_older_than_their_children() -> None:
    """A mother was 15 to 50 at each birth, fathers 14 to 65, and their sexes are right."""
    columns = people_columns()
    for name, sex, oldest in (("mother", 2, 50), ("father", 1, 65)):
        rows = np.flatnonzero(columns[name] >= 0)
        parent = columns[name][rows]
        years = (columns["birth_day"][rows] - columns["birth_day"][parent]) / 365.2425
        assert np.all(columns["sex"][parent] == sex)
        assert np.all((years > (15 if sex == 2 else 14)) & (years < oldest)), (
            years.min(),
            years.max(),
        )


def test_kin_live_in_one_household() -> None:
    """Mother, father, spouse and twin are of the same household; spouses of the other sex."""
    columns = people_columns()
    for name in ("mother", "father", "spouse", "twin", "family_phone"):
        rows = np.flatnonzero(columns[name] >= 0)
        assert np.array_equal(
            columns["household"][rows], columns["household"][columns[name][rows]]
        ), name
    rows = np.flatnonzero(columns["spouse"] >= 0)
    assert np.array_equal(rows, columns["spouse"][columns["spouse"][rows]])
    assert np.all(columns["sex"][rows] + columns["sex"][columns["spouse"][rows]] == 3)
    heads = np.flatnonzero(columns["role"] == Role.HEAD)
    assert np.array_equal(columns["household"][heads], heads)


def test_twins_share_birth_and_mother() -> None:
    """Twins have one birth day and one mother, and numbers of one block."""
    columns = people_columns()
    rows = np.flatnonzero(columns["twin"] >= 0)
    twin = columns["twin"][rows]
    assert np.array_equal(rows, columns["twin"][twin])
    for name in ("birth_day", "mother", "father", "id_region"):
        assert np.array_equal(columns[name][rows], columns[name][twin]), name
    both = (columns["id_body"][rows] > 0) & (columns["id_body"][twin] > 0)
    apart = np.abs(columns["id_body"][rows] - columns["id_body"][twin])[both]
    assert np.isin(apart, (1, 2)).all()
    assert 0.6 < (columns["sex"][rows] == columns["sex"][twin]).mean() < 0.8


def test_phones_are_unique_or_shared_in_the_family() -> None:
    """Own numbers are unique; a shared one is that of the member named; old ones are reissued."""
    columns = people_columns()
    own = (columns["phone"] > 0) & (columns["family_phone"] < 0)
    assert own.sum() == len(np.unique(columns["phone"][own]))
    assert np.all(columns["phone"][own] // 10**10 == 1)
    shared = np.flatnonzero(columns["family_phone"] >= 0)
    assert np.array_equal(
        columns["phone"][shared], columns["phone"][columns["family_phone"][shared]]
    )
    assert 0.9 < (columns["phone"] > 0).mean() < 0.98


def test_days_keep_their_order() -> None:
    """Nobody dies, moves or is renamed before birth, or after the census."""
    columns = people_columns()
    birth = columns["birth_day"]
    assert birth.max() < REFERENCE_DAY
    for name in ("death_day", "rename_day", "moved_day", "phone_change_day"):
        day, has = columns[name], columns[name] != 0
        assert np.all(day[has] >= birth[has]), name
        assert np.all(day[has] <= REFERENCE_DAY + 1), name


def test_people_from_abroad_have_documents() -> None:
    """Foreigners, residents of Hong Kong, Macao and Taiwan have a document, no mainland number."""
    columns = people_columns()
    abroad = columns["origin"] > 0
    assert 0.0002 < abroad.mean() < 0.003
    assert np.array_equal(abroad, columns["document_type"] > 0)
    assert np.all(columns["id_body"][columns["origin"] == Origin.FOREIGN] == 0)
    assert np.all(columns["document"][abroad, :8] > 0)


def test_some_from_hong_kong_macao_and_taiwan_have_a_residence_permit() -> None:
    """Its number names the region, birth date and sex; it was issued from 1 September 2018 on."""
    columns = people_columns()
    rows = np.flatnonzero((columns["origin"] > 0) & (columns["id_body"] > 0))
    assert len(rows) > 5
    body = columns["id_body"][rows]
    assert np.array_equal(body // 10**11, 800_000 + 10_000 * columns["origin"][rows].astype(int))
    dates = columns["birth_day"][rows].astype("datetime64[D]").astype(str)
    expected = [int(date.replace("-", "")) for date in dates]
    assert expected == (body // 1000 % 10**8).tolist()
    assert np.array_equal(body % 2, columns["sex"][rows] % 2)
    issued = columns["id_day"][rows]
    assert 17_775 <= issued.min() <= issued.max() <= REFERENCE_DAY


def test_a_former_name_is_another_one() -> None:
    """Nobody's former name is the present one, and the dead changed nothing after they died."""
    columns = people_columns()
    former = columns["former_name_length"] > 0
    assert former.mean() > 0.005
    assert np.all((columns["name"] != columns["former_name"])[former].any(axis=1))
    died = columns["death_day"] > 0
    for name, day in (
        ("previous_phone", "phone_change_day"),
        ("previous_id_body", "id_change_day"),
    ):
        changed = died & (columns[name] != 0)
        assert np.all(columns[day][changed] < columns["death_day"][changed]), name


def test_household_positions_are_local() -> None:
    """Slots fit the community: no household crosses its end."""
    household = people_columns()["household"]
    rows = np.arange(len(household))
    assert np.array_equal(household // COMMUNITY_PEOPLE, rows // COMMUNITY_PEOPLE)
