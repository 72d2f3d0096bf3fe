"""The people of a population beside the census, the name statistics and the registers.

Chance: people of a community are alike, so figures that follow the place (nation, migration,
surnames of a village) vary with the number of communities and not of people. `_spread` takes the
number of independent draws that a figure has.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from data_gen.findings import Finding, compare, note
from data_gen.parameters import REFERENCE_DAY
from data_gen.people import COMMUNITY_PEOPLE, Origin, Role
from data_gen.reference_facts import (
    AGE_GROUPS,
    CENSUS_POPULATION,
    COMPOUND_SURNAMES,
    CROSS_COUNTY_MIGRANTS,
    CROSS_PROVINCE_MIGRANTS,
    DOTTED_NAMES,
    HOUSEHOLD_SIZE,
    MALES_OF_AGE_0,
    MINORITIES,
    ONE_CHARACTER_NAMES,
    ONE_PERSON_HOUSEHOLDS,
    PYRAMID_FEMALE,
    PYRAMID_MALE,
    PYRAMID_SOURCE,
    SAME_NAME_BIRTH_DATE_PAIRS,
    SAME_NAME_COHORT_PAIRS,
    SURNAME_CONCENTRATION,
    SURNAME_CURVE,
    TOP_NAME_COUNT,
    TOP_NAMES,
    TWINS,
    Fact,
)

__all__ = ["PeopleFigures", "check_people"]

Rows = list[dict[str, Any]]

_HAN: Final = 1
_PYRAMID_MARGIN: Final = 0.06  # of the group's share: single years were smoothed by the source
_FAMILY: Final = 3.0  # people of a household are of one age, name and place
_SURNAME: Final = 60.0  # and people of a village of few surnames
_PAIRS_MIN: Final = 30


@dataclass(slots=True)
class PeopleFigures:
    """Findings, and the rows of the charts: pyramid, surnames, one_character, households."""

    findings: list[Finding]
    charts: dict[str, Rows]


class _Living:
    """The living of the sample as arrays of one length."""

    def __init__(self, table: pa.Table) -> None:
        self.all = table
        alive = table.filter(pc.is_null(table["death_date"]))
        self.table = alive
        self.count = alive.num_rows
        self.birth_day = _days(alive["birth_date"])
        self.age = ((REFERENCE_DAY - self.birth_day) / 365.2425).astype(np.int64)
        self.birth_year = (
            self.birth_day.astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64) + 1970
        )
        self.male = _numbers(alive["sex"]) == 1
        self.nation = _numbers(alive["nation"])
        self.mainland = _numbers(alive["origin"]) == Origin.MAINLAND
        self.name = _flat(alive["name"])
        self.surname_length = _numbers(alive["surname_length"])
        self.name_length = pc.utf8_length(self.name).to_numpy()
        self.communities = max(table.num_rows / COMMUNITY_PEOPLE, 1.0)
        self.han = self.mainland & (self.nation == _HAN) & (self.surname_length > 0)
        self.surname = _surnames(self.name, self.surname_length)


def check_people(batches: Iterable[pa.RecordBatch]) -> PeopleFigures:
    """Set the marginals of people beside published facts.

    Parameters
    ----------
    batches : PEOPLE_SCHEMA, whole communities

    Returns
    -------
    PeopleFigures
    """
    living = _Living(pa.Table.from_batches(list(batches)))
    figures = PeopleFigures([], {})
    _pyramid(living, figures)
    _households(living, figures)
    _places(living, figures)
    _surname_figures(living, figures)
    _given_names(living, figures)
    _same_names(living, figures)
    return figures


def _pyramid(living: _Living, figures: PeopleFigures) -> None:
    group = np.minimum(living.age // 5, len(AGE_GROUPS) - 1)
    for sex, known, census in (
        ("male", living.male, PYRAMID_MALE),
        ("female", ~living.male, PYRAMID_FEMALE),
    ):
        counts = np.bincount(group[known], minlength=len(AGE_GROUPS))
        for place, (age, people) in enumerate(zip(AGE_GROUPS, census, strict=True)):
            share = people / CENSUS_POPULATION
            fact = Fact(
                value=share, margin=_PYRAMID_MARGIN * share, grade="A", source=PYRAMID_SOURCE
            )
            value = counts[place] / living.count
            figures.findings.append(
                compare(
                    "age and sex", f"{sex} {age}", value, fact,
                    # how old a community is differs from place to place
                    deviation=_spread(share, living.count / 12),
                )
            )  # fmt: skip
            figures.charts.setdefault("pyramid", []).append(
                {"age": age, "sex": sex, "order": place, "share": float(value), "census": share}
            )
    infants = living.age == 0
    figures.findings.append(
        _share("age and sex", "boys at age 0", living.male[infants], MALES_OF_AGE_0, _FAMILY)
    )


def _households(living: _Living, figures: PeopleFigures) -> None:
    private = _numbers(living.table["role"]) != Role.COLLECTIVE
    household = _numbers(living.table["household_id"])[private]
    sizes = np.unique(household, return_counts=True)[1]
    counts = np.bincount(np.minimum(sizes, 8))[1:]
    figures.charts["households"] = [
        {"size": place + 1, "share": float(count / len(sizes))}
        for place, count in enumerate(counts.tolist())
    ]
    deviation = float(sizes.std() / math.sqrt(len(sizes) / 8))
    figures.findings += [
        compare(
            "households", "people in a household", float(sizes.mean()), HOUSEHOLD_SIZE,
            deviation=deviation, form="number",
        ),
        _share("households", "of one person", sizes == 1, ONE_PERSON_HOUSEHOLDS, 8.0),
    ]  # fmt: skip
    born = (living.birth_year >= 2007) & (living.birth_year <= 2014) & living.mainland
    is_twin = np.asarray(pc.is_valid(_flat(living.table["twin_id"])))
    figures.findings.append(
        _share("households", "twins among those born 2007-14", is_twin[born], TWINS, 2.0)
    )


def _places(living: _Living, figures: PeopleFigures) -> None:
    register = _regions(living.table["register_region"])
    home = _regions(living.table["live_region"])
    known = living.mainland & (register > 0) & (home > 0)
    each = COMMUNITY_PEOPLE / 4  # people of a community move alike
    figures.findings += [
        _share(
            "places", "live outside the county of the register", (register != home)[known],
            CROSS_COUNTY_MIGRANTS, each,
        ),
        _share(
            "places", "live outside its province", (register // 10_000 != home // 10_000)[known],
            CROSS_PROVINCE_MIGRANTS, each,
        ),
        _share(
            "places", "minorities", living.nation[living.mainland] != _HAN, MINORITIES,
            COMMUNITY_PEOPLE,
        ),
        note("places", "from outside the mainland", float((~living.mainland).mean())),
    ]  # fmt: skip


def _surname_figures(living: _Living, figures: PeopleFigures) -> None:
    chosen = living.surname.filter(pa.array(living.han))
    counted = pc.value_counts(chosen)
    counts = np.sort(counted.field("counts").to_numpy())[::-1]
    shares = counts / counts.sum()
    running = np.cumsum(counts) / counts.sum()
    chapter = "surnames of Han people"
    for rank, fact in SURNAME_CURVE.items():
        value = float(running[min(rank, len(running)) - 1])
        spread = _spread(min(value, 0.99), len(chosen) / _SURNAME)
        figures.findings.append(compare(chapter, _rank_name(rank), value, fact, deviation=spread))
    squares = float((shares**2).sum())
    compound = (living.surname_length == 2)[living.han]
    figures.findings += [
        compare(
            chapter, "sum of squared shares", squares, SURNAME_CONCENTRATION,
            deviation=2 * squares * math.sqrt(squares * _SURNAME / len(chosen)), form="number",
        ),
        _share(chapter, "compound surnames", compound, COMPOUND_SURNAMES, _SURNAME),
    ]  # fmt: skip
    ranks = np.unique(np.geomspace(1, len(counts), 60).astype(np.int64))
    figures.charts["surnames"] = [
        {"rank": int(rank), "share": float(running[rank - 1]), "origin": "generated"}
        for rank in ranks
    ] + [
        {"rank": rank, "share": fact.value, "origin": "reference"}
        for rank, fact in SURNAME_CURVE.items()
    ]


def _rank_name(rank: int) -> str:
    return "share of the commonest" if rank == 1 else f"share of the {rank} commonest"


def _given_names(living: _Living, figures: PeopleFigures) -> None:
    one_character = living.name_length - living.surname_length == 1
    rows: Rows = []
    for (first, last), fact in ONE_CHARACTER_NAMES.items():
        chosen = living.han & (living.birth_year >= first) & (living.birth_year <= last)
        name = str(first) if first == last else f"{first}-{last}"
        if chosen.sum() < _PAIRS_MIN:
            continue
        finding = _share(
            "given names", f"one character, born {name}", one_character[chosen], fact, _FAMILY
        )
        figures.findings.append(finding)
        rows += [
            {"cohort": name, "share": finding.value, "origin": "generated"},
            {"cohort": name, "share": fact.value, "origin": "reference"},
        ]
    figures.charts["one_character"] = rows
    dotted = pc.match_substring(living.name, "\u00b7").to_numpy(zero_copy_only=False)
    figures.findings += [
        _share(
            "given names", "names with a middle dot", dotted[living.mainland], DOTTED_NAMES, 512.0
        ),
        note("given names", "longest name", float(living.name_length.max()), form="count"),
    ]


def _same_names(living: _Living, figures: PeopleFigures) -> None:
    names = _flat(pc.dictionary_encode(living.name))
    code = names.indices.to_numpy().astype(np.int64)
    counts = np.bincount(code)
    chapter = "same names"
    words = {name: place for place, name in enumerate(names.dictionary.to_pylist())}
    top = words.get(TOP_NAMES[0])
    found = int(counts[top]) if top is not None else 0
    expected = TOP_NAME_COUNT.value * living.count
    figures.findings.append(
        compare(
            chapter, f"people called {TOP_NAMES[0]}", found / living.count, TOP_NAME_COUNT,
            deviation=math.sqrt(max(expected, 1.0)) / living.count,
        )
    )  # fmt: skip
    commonest = set(np.argsort(-counts, kind="stable")[:50].tolist())
    hits = sum(words.get(name, -1) in commonest for name in TOP_NAMES)
    figures.findings.append(
        note(chapter, "of the ten commonest names of 2019, in our first 50", hits, form="count")
    )
    _pairs(living, code, figures)


def _pairs(living: _Living, code: NDArray[np.int64], figures: PeopleFigures) -> None:
    """Pairs of one name and sex, in a cohort and on a day, scaled to the nation."""
    cohorts = [span for span in ONE_CHARACTER_NAMES if span[1] <= 2008]
    cohort = np.full(living.count, -1, np.int64)
    for place, (first, last) in enumerate(cohorts):
        cohort[(living.birth_year >= first) & (living.birth_year <= last)] = place
    chosen = living.han & (cohort >= 0)
    scale = (CENSUS_POPULATION / living.count) ** 2
    key = code[chosen] * 2 + living.male[chosen]
    for name, when, fact in (
        ("pairs of one name and sex in a cohort", cohort, SAME_NAME_COHORT_PAIRS),
        ("pairs of one name, sex and birth date", living.birth_day, SAME_NAME_BIRTH_DATE_PAIRS),
    ):
        days = when[chosen] - when[chosen].min()
        sizes = np.unique(key * 100_000 + days, return_counts=True)[1].astype(np.float64)
        pairs = float((sizes * (sizes - 1) / 2).sum())
        label = f"{name}, in the nation"
        if fact.value / scale < _PAIRS_MIN:  # too small a population to hold any
            figures.findings.append(note("same names", label, pairs * scale, form="number"))
            continue
        figures.findings.append(
            compare(
                "same names", label, pairs * scale, fact,
                deviation=scale * math.sqrt(fact.value / scale), form="number",
            )
        )  # fmt: skip


def _share(
    chapter: str, name: str, marked: NDArray[np.bool_], fact: Fact, people_alike: float
) -> Finding:
    """A share of people; `people_alike` of them are one draw of chance."""
    value = float(marked.mean()) if len(marked) else fact.value
    return compare(
        chapter,
        name,
        value,
        fact,
        deviation=_spread(fact.value, max(len(marked), 1) / people_alike),
    )


def _spread(share: float, draws: float) -> float:
    """Standard deviation of a share of so many independent draws."""
    return math.sqrt(share * (1 - share) / max(draws, 1.0))


def _surnames(name: pa.Array, length: NDArray[np.int64]) -> pa.Array:
    one = pc.utf8_slice_codeunits(name, 0, 1)
    two = pc.utf8_slice_codeunits(name, 0, 2)
    return pc.if_else(pa.array(length == 2), two, pc.if_else(pa.array(length == 1), one, name))


def _flat(column: Any) -> Any:
    if isinstance(column, pa.ChunkedArray):
        column = column.unify_dictionaries().combine_chunks()
    return column.chunk(0) if isinstance(column, pa.ChunkedArray) else column


def _numbers(column: Any) -> NDArray[np.int64]:
    """Whole numbers, -1 for null: int64[n]."""
    values = pc.fill_null(pc.cast(_flat(column), pa.int64()), -1)
    return values.to_numpy(zero_copy_only=False)


def _regions(column: Any) -> NDArray[np.int64]:
    return _numbers(column)


def _days(column: Any) -> NDArray[np.int64]:
    """Days since 1970 of dates, as dates or as text."""
    dates = _flat(column)
    if not pa.types.is_date32(dates.type):
        dates = pc.cast(pc.strptime(dates, "%Y-%m-%d", "s"), pa.date32())
    return pc.cast(dates, pa.int32()).to_numpy(zero_copy_only=False).astype(np.int64)
