"""Published facts that a generated population is held against, each with its source and grade.

Grades: A official release or peer-reviewed paper; B press or second-hand copy of an official
figure; C weak, good for a range only; D computed by us from public data; P the generator's own
plan, which says how well the drawing follows it and nothing about China.

The generator draws from finer tables (data_gen/tables); these few coarse ones are kept apart so
that a mistake in those cannot hide itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = [
    "AGE_GROUPS",
    "CENSUS_POPULATION",
    "COMPOUND_SURNAMES",
    "CROSS_COUNTY_MIGRANTS",
    "CROSS_PROVINCE_MIGRANTS",
    "DOTTED_NAMES",
    "DUPLICATES",
    "HOUSEHOLD_SIZE",
    "MALES_OF_AGE_0",
    "MINORITIES",
    "ONE_CHARACTER_NAMES",
    "ONE_PERSON_HOUSEHOLDS",
    "PYRAMID_FEMALE",
    "PYRAMID_MALE",
    "PYRAMID_SOURCE",
    "SAME_NAME_BIRTH_DATE_PAIRS",
    "SAME_NAME_COHORT_PAIRS",
    "SURNAME_CONCENTRATION",
    "SURNAME_CURVE",
    "TOP_NAMES",
    "TOP_NAME_COUNT",
    "TWINS",
    "Fact",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One published figure.

    Attributes
    ----------
    value : the figure
    margin : how far from it a right population may be, before chance: what rounding, the year of
        the figure and the width of its definition leave open
    grade : see the module
    source : where it is from
    """

    value: float
    margin: float
    grade: str
    source: str


_CENSUS: Final = "census 2020 (yearbook tables, leiii/census)"
_NAMES: Final = "ChineseNames, Han people born 1930-2008 (NCIIC)"
_MPS: Final = "Ministry of Public Security, name reports"

CENSUS_POPULATION: Final = 1_409_778_724
PYRAMID_SOURCE: Final = _CENSUS
AGE_GROUPS: Final = (*(f"{age}-{age + 4}" for age in range(0, 85, 5)), "85+")
PYRAMID_MALE: Final = (
    40_969_331, 48_017_458, 45_606_790, 39_053_343, 39_675_995, 48_162_270, 63_871_808,
    50_932_037, 47_632_694, 58_191_686, 61_105_470, 50_816_026, 36_871_125, 36_337_923,
    24_162_733, 14_752_433, 9_157_003, 6_100_269,
)  # fmt: skip
PYRAMID_FEMALE: Final = (
    36_914_557, 42_226_598, 39_649_204, 33_630_797, 35_265_680, 43_685_062, 60_273_382,
    48_080_895, 45_322_636, 56_033_201, 60_058_826, 50_584_760, 36_511_813, 37_667_637,
    25_427_303, 16_486_416, 11_225_875, 9_317_688,
)  # fmt: skip

# 6,312,409 boys and 5,675,648 girls.
MALES_OF_AGE_0: Final = Fact(value=0.5266, margin=0.012, grade="A", source=_CENSUS)
MINORITIES: Final = Fact(value=0.0889, margin=0.01, grade="A", source=_CENSUS)
# 1,292.8 M people in 494.2 M family households.
HOUSEHOLD_SIZE: Final = Fact(value=2.62, margin=0.13, grade="A", source=_CENSUS)
ONE_PERSON_HOUSEHOLDS: Final = Fact(value=0.254, margin=0.03, grade="A", source=_CENSUS)
# 179.4 M other county of the province, 124.8 M other province, of 1,409.8 M.
CROSS_COUNTY_MIGRANTS: Final = Fact(value=0.2158, margin=0.03, grade="A", source=_CENSUS)
CROSS_PROVINCE_MIGRANTS: Final = Fact(value=0.0886, margin=0.015, grade="A", source=_CENSUS)
TWINS: Final = Fact(
    value=0.0188, margin=0.003, grade="A", source="PLoS ONE 2019 e0209962, births of 2007-14"
)
DOTTED_NAMES: Final = Fact(
    value=0.007, margin=0.004, grade="B", source="'nearly 10 million people', press of 2016"
)
COMPOUND_SURNAMES: Final = Fact(value=0.0009, margin=0.0004, grade="D", source=_NAMES)
SURNAME_CONCENTRATION: Final = Fact(value=0.02679, margin=0.0025, grade="D", source=_NAMES)

SURNAME_CURVE: Final = {
    1: Fact(value=0.075, margin=0.008, grade="D", source=_NAMES),
    5: Fact(value=0.318, margin=0.02, grade="D", source=_NAMES),
    10: Fact(value=0.435, margin=0.02, grade="D", source=_NAMES),
    25: Fact(value=0.595, margin=0.02, grade="D", source=_NAMES),
    50: Fact(value=0.725, margin=0.02, grade="D", source=_NAMES),
    100: Fact(value=0.864, margin=0.02, grade="D", source=_NAMES),
    200: Fact(value=0.954, margin=0.02, grade="D", source=_NAMES),
    300: Fact(value=0.982, margin=0.012, grade="D", source=_NAMES),
}
"""Share of the so many commonest surnames."""

_COHORT: Final = "ChineseNames, characters per person (an upper bound)"
ONE_CHARACTER_NAMES: Final = {
    (1930, 1959): Fact(value=0.051, margin=0.02, grade="D", source=_COHORT),
    (1960, 1969): Fact(value=0.088, margin=0.025, grade="D", source=_COHORT),
    (1970, 1979): Fact(value=0.158, margin=0.03, grade="D", source=_COHORT),
    (1980, 1989): Fact(value=0.331, margin=0.04, grade="D", source=_COHORT),
    (1990, 1999): Fact(value=0.370, margin=0.04, grade="D", source=_COHORT),
    (2000, 2008): Fact(value=0.246, margin=0.04, grade="D", source=_COHORT),
    (2020, 2020): Fact(value=0.063, margin=0.03, grade="B", source=f"{_MPS}: newborns of 2020"),
}
"""Share of one-character given names of Han people by years of birth."""

TOP_NAMES: Final = ("张伟", "王伟", "李娜", "王芳", "李伟", "王静", "李静", "张敏", "刘伟", "张静")
"""The ten commonest full names of 2019, in order (B: Ministry of Public Security)."""

# 290,607 of 1,321 million people in 2007; independence of surname and given name expects 230,600.
TOP_NAME_COUNT: Final = Fact(
    value=290_607 / 1.321e9, margin=0.9e-4, grade="B", source=f"{_MPS}, query of 2007"
)

# Of 1.18 billion Han born 1930-2008, so pairs in the nation; the tail is extrapolated.
SAME_NAME_BIRTH_DATE_PAIRS: Final = Fact(
    value=2.5e8, margin=1.6e8, grade="D", source=f"{_NAMES}, surname and given name independent"
)
SAME_NAME_COHORT_PAIRS: Final = Fact(
    value=1.2e12, margin=6e11, grade="D", source=f"{_NAMES}, surname and given name independent"
)
"""Pairs of one full name and sex inside the six cohorts of ONE_CHARACTER_NAMES up to 2008."""

# Single sites 4.9 to 9.8 %, mean 8 to 12 %, a survey 18 %; a well-kept one 2 %.
DUPLICATES: Final = Fact(
    value=0.10, margin=0.085, grade="B", source="AHIMA, Just Associates, Black Book 2018: 2-18 %"
)
"""Share of a source's records that are a person's second or later one."""
