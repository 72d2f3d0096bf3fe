"""Marginals of 245,760 people beside the facts, each within a stated tolerance."""

from __future__ import annotations

import itertools
from collections import Counter

import numpy as np

from data_gen.facts import facts
from data_gen.parameters import REFERENCE_DAY
from data_gen.people import Role
from tests.data_gen.community_people import ages, people_columns

TOP_2019 = {"张伟", "王伟", "李娜", "王芳", "李伟", "王静", "李静", "张敏", "刘伟", "张静"}

CENSUS_2020 = {  # men and women by ages, millions, seventh census
    (0, 14): (134.59, 118.79),
    (15, 29): (126.89, 112.58),
    (30, 44): (162.44, 154.10),
    (45, 59): (170.07, 166.68),
    (60, 74): (97.37, 99.61),
    (75, 120): (30.01, 37.03),
}


def alive() -> np.ndarray:
    return people_columns()["death_day"] == 0


def born() -> np.ndarray:
    return 1970 + people_columns()["birth_day"] / 365.2425


def test_pyramid() -> None:
    """Six age groups by sex are the census's within 0.8 points of the population."""
    columns, living = people_columns(), alive()
    age, total = ages(columns["birth_day"]), sum(map(sum, CENSUS_2020.values()))
    for (low, high), expected in CENSUS_2020.items():
        for sex, people in enumerate(expected, 1):
            here = living & (age >= low) & (age <= high) & (columns["sex"] == sex)
            share = here.sum() / living.sum()
            assert abs(share - people / total) < 0.008, (low, sex, share, people / total)


def test_household_sizes() -> None:
    """Mean 2.62 within 0.08; one person alone in 25.4 % of family households within 2 points."""
    columns = people_columns()
    family = alive() & (columns["role"] != Role.COLLECTIVE)
    sizes = np.unique(columns["household"][family], return_counts=True)[1]
    assert abs(sizes.mean() - 2.62) < 0.08
    assert abs((sizes == 1).mean() - 0.254) < 0.02
    collective = alive() & (columns["role"] == Role.COLLECTIVE)
    assert abs(collective.sum() / alive().sum() - 0.083) < 0.015


def test_twins() -> None:
    """Of children under 15 1.88 % are twins, within 0.4 points."""
    columns = people_columns()
    role = columns["role"]
    child = (ages(columns["birth_day"]) < 15) & ((role == Role.CHILD) | (role == Role.GRANDCHILD))
    assert abs((columns["twin"][child] >= 0).mean() - 0.0188) < 0.004


def test_migration() -> None:
    """Register in another county: 21.6 % within 3 points; in another province: 8.9 % within 2."""
    columns = people_columns()
    inland = columns["origin"] == 0
    register, live = columns["register_region"][inland], columns["live_region"][inland]
    assert abs((register != live).mean() - 0.216) < 0.03
    assert abs((register // 10_000 != live // 10_000).mean() - 0.089) < 0.02
    address = columns["address"][inland] != columns["register_address"][inland]
    assert abs(address.any(axis=1).mean() - 0.35) < 0.03


def test_surname_curve() -> None:
    """Sum of squares 0.0265 within 0.002, the hundred commonest 86 % within 1.5 points."""
    columns = people_columns()
    single = columns["surname_length"] == 1
    counts = np.sort(np.unique(columns["name"][single, 0], return_counts=True)[1])[::-1]
    share = counts / counts.sum()
    assert abs((share**2).sum() - 0.0265) < 0.002
    assert abs(share[:100].sum() - 0.86) < 0.015
    compound = (columns["surname_length"] == 2).sum() / (columns["surname_length"] > 0).sum()
    assert 0.0003 < compound < 0.0018


def test_one_character_names_by_cohort() -> None:
    """Shares of one-character given names by cohort, within 2.5 points."""
    columns, year = people_columns(), born()
    han = (columns["surname_length"] == 1) & (columns["origin"] == 0)
    cohorts = zip(
        (1930, 1960, 1970, 1980, 1990, 2000, 2010),
        (1960, 1970, 1980, 1990, 2000, 2010, 2021),
        (0.051, 0.088, 0.158, 0.331, 0.370, 0.246, 0.100),
        strict=True,
    )
    for low, high, expected in cohorts:
        here = han & (year >= low) & (year < high)
        assert abs((columns["name_length"][here] == 2).mean() - expected) < 0.025, low


def test_commonest_names() -> None:
    """Zhang Wei and Wang Wei are as many as in 2007 (290,607; 281,568) within a half."""
    columns = people_columns()
    two = columns["name_length"] == 2
    names = Counter("".join(map(chr, row)) for row in columns["name"][two, :2].tolist())
    nation = 1_409_778_724 / len(two)
    assert abs(names["张伟"] * nation / 290_607 - 1) < 0.5
    assert abs(names["王伟"] * nation / 281_568 - 1) < 0.5
    common = {name for name, _ in names.most_common(40)}
    assert len(common & TOP_2019) >= 7


def test_same_name_and_birth_date() -> None:
    """Others with one's name, sex and birth date in the nation: 0.4 a person, within a factor 2.

    From pairs of one name, sex and cohort in the sample, births being even over a cohort's days.
    """
    columns, year = people_columns(), born()
    han = (columns["surname_length"] > 0) & alive()
    nation, pairs = 1_409_778_724 / alive().sum(), 0.0
    years = (1930, 1960, 1970, 1980, 1990, 2000, 2021)
    for low, high in itertools.pairwise(years):
        here = np.flatnonzero(han & (year >= low) & (year < high))
        keys = [(*columns["name"][row, :4].tolist(), columns["sex"][row]) for row in here.tolist()]
        # Villagers share surnames: pairs inside one community are no measure of the nation.
        equal = sum(n * (n - 1) for n in Counter(keys).values())
        near = Counter(
            (key, columns["community"][row]) for key, row in zip(keys, here, strict=True)
        )
        equal -= sum(n * (n - 1) for n in near.values())
        pairs += equal * nation / ((high - low) * 365.25) / len(columns["sex"])
    assert 0.2 < pairs < 0.8, pairs


def test_peoples_of_their_regions() -> None:
    """Minorities are 8.9 % by the table, within 0.3 points; Uyghur names have a dot, no surname."""
    table, columns = facts(), people_columns()
    han = table.nation_limits[:, 0] / 2**32
    weight = np.diff(table.community_start)
    assert abs(1 - np.average(han, weights=weight) - 0.0889) < 0.003
    rows = np.flatnonzero((columns["nation"] == 5) & (columns["origin"] == 0))
    assert len(rows) > 100
    assert np.all((columns["name"][rows] == 0xB7).sum(axis=1) == 1)
    assert np.all(columns["surname_length"][rows] == 0)
    assert (columns["former_name_length"][rows] > 0).mean() > 0.2


def test_children_bear_the_fathers_surname() -> None:
    """Of children born since 2000 with a father at home one in 13 bears the mother's surname."""
    columns = people_columns()
    rows = np.flatnonzero((born() >= 2000) & (columns["father"] >= 0) & (columns["mother"] >= 0))
    rows = rows[(columns["surname_length"][rows] > 0)]
    rows = rows[columns["surname_length"][columns["father"][rows]] > 0]
    own = columns["name"][rows, 0]
    father = columns["name"][columns["father"][rows], 0]
    mother = columns["name"][columns["mother"][rows], 0]
    rows_differ = father != mother
    assert abs((own == father)[rows_differ].mean() - 12 / 13) < 0.025


def test_the_dead() -> None:
    """3.4 % of the people died in the five years before the census, mostly old."""
    columns = people_columns()
    dead = columns["death_day"] > 0
    assert abs(dead.mean() - 0.034) < 0.006
    assert columns["death_day"][dead].min() >= REFERENCE_DAY - 5 * 365 - 1
    assert np.median(ages(columns["birth_day"])[dead]) > 65
