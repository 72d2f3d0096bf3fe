"""The source systems: whom they hold, how often, how old their entries are, how they err.

Grades of the figures, as in the project's notes: A official or peer reviewed, B press copy of an
official figure, C weak, K general knowledge; 'assumed' where no fact was found. A rate is a share
of the records to which the slip can happen: 'id_number:fifteen_digits' of those made before 2013
of people whose number once had 15 digits, 'name:traditional' of names with such a character.

Anchors: 11.01 M of 1.4 billion register entries were found wrong and corrected, 2014-17 (A/B);
about 12 % of a county hospital's records err in name, age or sex (C); 86 % of disease cards were
accurate (A, paper era), and numbers on them are not complete in any year (A); 9 % of a cohort's
members could not be linked to insurance by their number (A); duplicate rates of master patient
indexes are 5 to 18 % (A/B). Character slips by kind: SIGHAN 2013-15 (D).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

__all__ = [
    "AGE_BANDS",
    "HOSPITAL_BASE",
    "SYSTEMS",
    "SourceSystem",
    "source_systems",
    "system_of",
]

AGE_BANDS: Final = (0, 1, 7, 18, 45, 65)
"""First year of age of each band of `SourceSystem.coverage`."""

HOSPITAL_BASE: Final = 16
"""Source number of the first hospital; below it a source's number is that of its system."""

_TYPO_SHARES: Final = {
    "name:homophone": 0.536,
    "name:other_tone": 0.224,
    "name:fuzzy_sound": 0.081,
    "name:similar_shape": 0.032,
    "name:other_character": 0.127,
}
"""Single-character slips by kind, typed text (SIGHAN 2013-15, D)."""

_HANDWRITTEN_SHAPE: Final = 0.35
"""Share of similar shapes where forms were read from handwriting (assumed; china-facts: 'far
larger')."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSystem:
    """One kind of source.

    Attributes
    ----------
    code : value of the column `source`, or what it begins with
    coverage_men, coverage_women : share held, by age in the bands of `AGE_BANDS`
    rural, urban : factors on coverage by place of registration
    again : share of a source's records that are a person's second or later one
    first_year : the first year of its records; age_years : mean age of a record (exponential)
    is_registered : keeps the place of household registration, not where people live
    typo : chance of a wrong character in the name; handwritten : share typed from handwriting
    spread : standard deviation of the logarithm of a desk's and of a record's carelessness
    rates : cause -> chance for records to which it can happen
    kept : chance that what was replaced before the record was made is copied all the same: name,
        number, phone, address of an older card
    card, former, mother, certificate, region : chance that these columns are filled, where the
        person has such a thing
    """

    code: str
    coverage_men: tuple[float, ...]
    coverage_women: tuple[float, ...]
    rural: float = 1.0
    urban: float = 1.0
    again: float
    first_year: int
    age_years: float
    is_registered: bool = False
    typo: float
    handwritten: float
    spread: float
    rates: Mapping[str, float] = field(default_factory=dict)
    kept: float
    card: float = 0.0
    former: float = 0.0
    mother: float = 0.0
    certificate: float = 0.0
    region: float = 1.0

    def cause_rates(self) -> dict[str, float]:
        """Chance of every cause that a draw decides, the slips of single characters shared out.

        Returns
        -------
        dict, cause name -> chance
        """
        shape = _TYPO_SHARES["name:similar_shape"] * (1.0 - self.handwritten)
        shape += _HANDWRITTEN_SHAPE * self.handwritten
        rest = (1.0 - shape) / (1.0 - _TYPO_SHARES["name:similar_shape"])
        shares = {name: share * rest for name, share in _TYPO_SHARES.items()}
        shares["name:similar_shape"] = shape
        return {name: self.typo * share for name, share in shares.items()} | dict(self.rates)


# Coverage is K unless marked: nearly all people are registered (1.09 M of 1.38 billion were found
# without, B); 1.2 billion held an electronic health record in 2020; the new cooperative scheme
# held 98 % of farmers; some 19 hospital admissions per 100 people a year.
_SYSTEMS: Final = (
    SourceSystem(
        code="population_register",
        coverage_men=(0.90, 0.98, 0.99, 0.99, 0.99, 0.99),
        coverage_women=(0.90, 0.98, 0.99, 0.99, 0.99, 0.99),
        again=0.025,  # 3.067 M duplicate registrations cancelled 2014-17 are 0.2 % (A); before that
        # more, and an index holds the entries of both places after a move (assumed)
        first_year=1998,
        age_years=5.0,
        is_registered=True,
        typo=0.002,  # 11.01 M of 1.4 billion items wrong = 0.8 % over all columns (A/B)
        handwritten=0.5,  # keyed from the paper registers of 1986-2000 (K)
        spread=0.5,
        rates={
            "name:missing_character": 0.0001,
            "name:extra_character": 0.0001,
            "name:traditional": 0.0005,
            "name:rare_masked": 0.10,
            "name:rare_split": 0.05,
            "name:respelled": 0.05,
            "name:truncated": 0.02,
            "id_number:missing": 0.001,
            "id_number:one_digit": 0.0005,
            "id_number:transposed": 0.0003,
            "id_number:fifteen_digits": 0.02,
            "birth_date:day_month_swapped": 0.0003,
            "birth_date:lunar": 0.004,
            "birth_date:year_off": 0.002,
            "birth_date:first_of_january": 0.001,
            "gender:wrong": 0.0005,
            "phone:missing": 0.45,
            "phone:family_member": 0.05,
            "address:abbreviated": 0.05,
        },
        kept=0.01,
        former=0.9,
    ),
    SourceSystem(
        code="health_records",
        coverage_men=(0.85, 0.85, 0.75, 0.72, 0.82, 0.92),
        coverage_women=(0.85, 0.85, 0.75, 0.80, 0.85, 0.93),
        rural=1.0,
        urban=0.88,
        again=0.06,  # files opened twice after a move or by two clinics (assumed)
        first_year=2009,
        age_years=5.0,
        typo=0.025,
        handwritten=0.4,
        spread=0.8,
        rates={
            "name:missing_character": 0.002,
            "name:extra_character": 0.001,
            "name:swapped": 0.0004,
            "name:traditional": 0.003,
            "name:pinyin": 0.0003,
            "name:rare_masked": 0.25,
            "name:rare_split": 0.10,
            "name:respelled": 0.15,
            "name:truncated": 0.08,
            "name:newborn_placeholder": 0.35,
            "id_number:missing": 0.06,
            "id_number:one_digit": 0.006,
            "id_number:transposed": 0.003,
            "id_number:fifteen_digits": 0.06,
            "id_number:family_member": 0.006,
            "birth_date:day_month_swapped": 0.003,
            "birth_date:lunar": 0.02,
            "birth_date:year_off": 0.006,
            "birth_date:first_of_january": 0.004,
            "birth_date:missing": 0.004,
            "gender:wrong": 0.006,
            "gender:missing": 0.002,
            "phone:missing": 0.12,
            "phone:family_member": 0.12,
            "address:abbreviated": 0.40,
            "address:missing": 0.08,
        },
        kept=0.06,
        card=0.15,
        former=0.05,
        mother=0.35,
        certificate=0.3,
        region=0.97,
    ),
    SourceSystem(
        code="hospital",
        coverage_men=(0.75, 0.55, 0.35, 0.45, 0.60, 0.75),
        coverage_women=(0.75, 0.52, 0.35, 0.62, 0.65, 0.74),
        urban=1.1,
        again=0.31,  # of a person's visits; within one hospital about 14 %, see `record_kernels`
        first_year=2006,
        age_years=3.0,
        typo=0.04,  # with sex and birth date about 12 % of records wrong (C)
        handwritten=0.3,
        spread=0.9,
        rates={
            "name:missing_character": 0.003,
            "name:extra_character": 0.0015,
            "name:swapped": 0.001,
            "name:traditional": 0.005,
            "name:pinyin": 0.0015,
            "name:rare_masked": 0.30,
            "name:rare_split": 0.08,
            "name:respelled": 0.20,
            "name:truncated": 0.10,
            "name:newborn_placeholder": 0.60,
            "name:unknown_person": 0.0004,
            "id_number:missing": 0.22,
            "id_number:one_digit": 0.009,
            "id_number:transposed": 0.004,
            "id_number:fifteen_digits": 0.05,
            "id_number:family_member": 0.012,
            "birth_date:day_month_swapped": 0.006,
            "birth_date:lunar": 0.02,
            "birth_date:year_off": 0.02,
            "birth_date:first_of_january": 0.015,
            "birth_date:missing": 0.02,
            "gender:wrong": 0.012,
            "gender:missing": 0.004,
            "phone:missing": 0.15,
            "phone:family_member": 0.14,
            "address:abbreviated": 0.55,
            "address:missing": 0.20,
        },
        kept=0.08,
        card=0.45,
        former=0.01,
        mother=0.25,
        certificate=0.1,
        region=0.75,
    ),
    SourceSystem(
        code="ncms_insurance",
        coverage_men=(0.60, 0.93, 0.95, 0.88, 0.96, 0.97),
        coverage_women=(0.60, 0.93, 0.95, 0.88, 0.96, 0.97),
        rural=1.0,
        urban=0.03,
        again=0.03,  # enrolled twice, in two villages or by two members of a family (assumed)
        first_year=2004,
        age_years=6.0,
        is_registered=True,
        typo=0.03,
        handwritten=0.7,  # lists written by village accountants (K)
        spread=0.7,
        rates={
            "name:missing_character": 0.002,
            "name:extra_character": 0.0008,
            "name:swapped": 0.0001,
            "name:traditional": 0.002,
            "name:rare_masked": 0.25,
            "name:rare_split": 0.06,
            "name:respelled": 0.20,
            "name:truncated": 0.15,
            "id_number:missing": 0.05,  # 91 % could be linked by their number (A, CKB)
            "id_number:one_digit": 0.008,
            "id_number:transposed": 0.004,
            "id_number:fifteen_digits": 0.10,
            "id_number:family_member": 0.01,
            "birth_date:day_month_swapped": 0.002,
            "birth_date:lunar": 0.04,
            "birth_date:year_off": 0.01,
            "birth_date:first_of_january": 0.01,
            "birth_date:missing": 0.01,
            "gender:wrong": 0.01,
            "gender:missing": 0.003,
            "phone:missing": 0.35,
            "phone:family_member": 0.30,
            "address:abbreviated": 0.60,
            "address:missing": 0.06,
        },
        kept=0.10,
        card=0.3,
        region=0.98,
    ),
    SourceSystem(
        code="disease_reports",
        coverage_men=(0.05, 0.16, 0.05, 0.035, 0.04, 0.05),
        coverage_women=(0.05, 0.14, 0.04, 0.03, 0.03, 0.04),
        again=0.05,
        first_year=2004,
        age_years=5.0,
        typo=0.03,  # 86 % of cards accurate on paper, 99.5 % where electronic (A)
        handwritten=0.6,
        spread=0.9,
        rates={
            "name:missing_character": 0.002,
            "name:extra_character": 0.001,
            "name:swapped": 0.0003,
            "name:traditional": 0.003,
            "name:pinyin": 0.001,
            "name:rare_masked": 0.30,
            "name:rare_split": 0.05,
            "name:respelled": 0.20,
            "name:truncated": 0.05,
            "name:newborn_placeholder": 0.20,
            "id_number:missing": 0.15,
            "id_number:one_digit": 0.008,
            "id_number:transposed": 0.004,
            "id_number:fifteen_digits": 0.05,
            "id_number:family_member": 0.02,
            "birth_date:day_month_swapped": 0.004,
            "birth_date:lunar": 0.015,
            "birth_date:year_off": 0.015,
            "birth_date:first_of_january": 0.02,
            "birth_date:missing": 0.005,
            "gender:wrong": 0.01,
            "gender:missing": 0.002,
            "phone:missing": 0.10,
            "phone:family_member": 0.18,
            "address:abbreviated": 0.15,  # addresses are coded to the township
            "address:missing": 0.01,
        },
        kept=0.06,
    ),
    SourceSystem(
        code="maternal_child",
        coverage_men=(0.93, 0.88, 0.30, 0.0, 0.0, 0.0),
        coverage_women=(0.93, 0.88, 0.30, 0.40, 0.06, 0.0),
        again=0.08,
        first_year=2008,
        age_years=4.0,
        typo=0.02,
        handwritten=0.4,
        spread=0.7,
        rates={
            "name:missing_character": 0.0015,
            "name:extra_character": 0.001,
            "name:swapped": 0.0003,
            "name:traditional": 0.003,
            "name:rare_masked": 0.30,
            "name:rare_split": 0.08,
            "name:respelled": 0.15,
            "name:truncated": 0.05,
            "name:newborn_placeholder": 0.85,
            "id_number:missing": 0.05,
            "id_number:one_digit": 0.005,
            "id_number:transposed": 0.003,
            "id_number:fifteen_digits": 0.02,
            "id_number:family_member": 0.02,
            "birth_date:day_month_swapped": 0.002,
            "birth_date:lunar": 0.004,
            "birth_date:year_off": 0.004,
            "birth_date:first_of_january": 0.001,
            "birth_date:missing": 0.002,
            "gender:wrong": 0.004,
            "gender:missing": 0.001,
            "phone:missing": 0.04,
            "phone:family_member": 0.20,
            "address:abbreviated": 0.30,
            "address:missing": 0.03,
        },
        kept=0.05,
        card=0.1,
        mother=0.75,
        certificate=0.85,
        region=0.97,
    ),
    SourceSystem(
        code="health_card",
        coverage_men=(0.15, 0.25, 0.22, 0.32, 0.36, 0.38),
        coverage_women=(0.15, 0.25, 0.22, 0.38, 0.40, 0.38),
        urban=1.15,
        again=0.04,
        first_year=2013,
        age_years=2.5,
        typo=0.004,  # read from the card's chip, else keyed (assumed)
        handwritten=0.0,
        spread=0.6,
        rates={
            "name:missing_character": 0.0003,
            "name:extra_character": 0.0003,
            "name:traditional": 0.001,
            "name:rare_masked": 0.12,
            "name:rare_split": 0.01,
            "name:respelled": 0.05,
            "name:truncated": 0.04,
            "id_number:missing": 0.004,
            "id_number:one_digit": 0.001,
            "id_number:transposed": 0.0005,
            "id_number:family_member": 0.003,
            "birth_date:day_month_swapped": 0.0003,
            "birth_date:lunar": 0.001,
            "birth_date:year_off": 0.001,
            "birth_date:missing": 0.001,
            "gender:wrong": 0.001,
            "phone:missing": 0.01,
            "phone:family_member": 0.10,
            "address:abbreviated": 0.30,
            "address:missing": 0.15,
        },
        kept=0.02,
        card=0.98,
        region=0.9,
    ),
)

SYSTEMS: Final[tuple[str, ...]] = tuple(system.code for system in _SYSTEMS)


def source_systems() -> tuple[SourceSystem, ...]:
    """The source systems; a system's number is its place."""
    return _SYSTEMS


def system_of(source: pa.Array) -> NDArray[np.uint8]:
    """Number of the system of each record.

    Parameters
    ----------
    source : string[n_records], the column `source` of records

    Returns
    -------
    uint8[n_records], places in `SYSTEMS`
    """
    coded = source.dictionary_encode()
    numbers = [SYSTEMS.index(text.partition("-")[0]) for text in coded.dictionary.to_pylist()]
    numbers_of = np.array(numbers, np.uint8)
    return numbers_of[coded.indices.to_numpy(zero_copy_only=False)]
