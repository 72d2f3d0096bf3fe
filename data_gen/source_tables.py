"""The source systems as arrays for kernels, scaled to a population's parameters."""

from __future__ import annotations

import datetime
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from data_gen.causes import CAUSE_NAMES, CAUSES
from data_gen.parameters import REFERENCE_DAY, GeneratorParameters
from data_gen.sources import AGE_BANDS, SYSTEMS, SourceSystem, source_systems

__all__ = [
    "FACTOR_COUNT",
    "SourceTables",
    "expected_records",
    "planned_rates",
    "source_tables",
]

FACTOR_COUNT: Final = 256
"""Steps of the tables of carelessness and of the age of records."""

_ONE: Final = 2.0**32
_EPOCH: Final = datetime.date(1970, 1, 1)
_DAYS_A_YEAR: Final = 365.25


class SourceTables(NamedTuple):
    """Constant arrays, the first axis the system.

    Attributes
    ----------
    coverage : uint64[s, 2, 2, bands] limits of 32-bit draws by (rural, sex - 1, age band)
    again : uint64[s] limit for one more record
    first_day : int64[s]; age_days : int64[s, FACTOR_COUNT] quantiles of a record's age
    is_registered : bool[s]
    rate : float64[s, causes]; name_sum, id_sum, birth_sum : float64[s], sums over the causes that
        one draw decides between
    desk, care : float64[s, FACTOR_COUNT] factors of a desk and of a record, mean 1
    kept, card, former, mother, certificate, region : uint64[s] limits
    """

    coverage: NDArray[np.uint64]
    again: NDArray[np.uint64]
    first_day: NDArray[np.int64]
    age_days: NDArray[np.int64]
    is_registered: NDArray[np.bool_]
    rate: NDArray[np.float64]
    name_sum: NDArray[np.float64]
    id_sum: NDArray[np.float64]
    birth_sum: NDArray[np.float64]
    desk: NDArray[np.float64]
    care: NDArray[np.float64]
    kept: NDArray[np.uint64]
    card: NDArray[np.uint64]
    former: NDArray[np.uint64]
    mother: NDArray[np.uint64]
    certificate: NDArray[np.uint64]
    region: NDArray[np.uint64]


_NAME_CAUSES: Final = (
    *("homophone", "other_tone", "fuzzy_sound", "similar_shape", "other_character"),
    *("missing_character", "extra_character", "swapped", "traditional", "pinyin", "respelled"),
)
_ID_CAUSES: Final = ("one_digit", "transposed", "family_member")
_BIRTH_CAUSES: Final = ("day_month_swapped", "lunar", "year_off", "first_of_january", "missing")


def _limits(chances: NDArray[np.float64]) -> NDArray[np.uint64]:
    return np.clip(np.round(chances * _ONE), 0, _ONE).astype(np.uint64)


def _coverage() -> NDArray[np.float64]:
    """Share of people held, float64[s, 2, 2, bands]."""
    systems = source_systems()
    table = np.array(
        [[system.coverage_men, system.coverage_women] for system in systems], np.float64
    )
    place = np.array([[system.urban, system.rural] for system in systems], np.float64)
    return np.minimum(table[:, None, :, :] * place[:, :, None, None], 0.995)


def _at_scale(chance: NDArray[np.float64], scale: float) -> NDArray[np.float64]:
    """A chance had `scale` times over: 0 stays 0, and none passes 1."""
    return np.asarray(1.0 - (1.0 - chance) ** scale, np.float64)


def _again(scale: float) -> NDArray[np.float64]:
    """Chance of one more record; fewer records mean fewer people held, not fewer duplicates."""
    again = np.array([system.again for system in source_systems()], np.float64)
    return _at_scale(again, max(scale, 1.0))


def expected_records(groups: NDArray[np.float64], scale: float) -> float:
    """Records to be expected of people, before a community is brought to its exact number.

    Parameters
    ----------
    groups : float64[2, 2, bands] people by (rural, sex - 1, age band)
    scale : exponent on the chance of not being held

    Returns
    -------
    float
    """
    repeats = 1.0 / (1.0 - _again(scale))
    per_person = _at_scale(_coverage(), scale) * repeats[:, None, None, None]
    return float((per_person * groups[None]).sum())


def _scale_for(records: float, groups: NDArray[np.float64]) -> float:
    """The scale at which `groups` have `records` records."""
    low, high = 0.01, 40.0
    for _ in range(60):
        middle = (low * high) ** 0.5
        if expected_records(groups, middle) < records:
            low = middle
        else:
            high = middle
    return low


def _quantiles() -> NDArray[np.float64]:
    return (np.arange(FACTOR_COUNT) + 0.5) / FACTOR_COUNT


def _factors(spread: float, share: float) -> NDArray[np.float64]:
    """Quantiles of a log-normal of mean 1 with `share` of the variance of the logarithm."""
    points = _quantiles()
    normal = np.sqrt(2.0) * _inverse_error(2.0 * points - 1.0)
    factors = np.exp(spread * np.sqrt(share) * normal)
    return np.asarray(factors / factors.mean(), np.float64)


def _inverse_error(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Inverse of the error function (Giles 2010, single precision), enough for a table."""
    w = -np.log((1.0 - values) * (1.0 + values))
    near = (2.81022636e-08, 3.43273939e-07, -3.5233877e-06, -4.39150654e-06, 0.00021858087,
            -0.00125372503, -0.00417768164, 0.246640727, 1.50140941)  # fmt: skip
    far = (-0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773,
           -0.0076224613, 0.00943887047, 1.00167406, 2.83297682)  # fmt: skip
    small = np.polyval(near, w - 2.5)
    large = np.polyval(far, np.sqrt(w) - 3.0)
    return np.asarray(np.where(w < 5.0, small, large) * values, np.float64)


def _rates(system: SourceSystem, error_scale: float) -> NDArray[np.float64]:
    rates = np.zeros(len(CAUSES))
    for name, rate in system.cause_rates().items():
        rates[CAUSE_NAMES[name]] = min(rate * error_scale, 1.0)
    return rates


def planned_rates(parameters: GeneratorParameters) -> dict[str, dict[str, float]]:
    """What each source's error rates are meant to be.

    Parameters
    ----------
    parameters : error_scale counts

    Returns
    -------
    system -> cause name -> chance, for records to which it can happen (see `data_gen.sources`);
    causes that come from the age of a record only (name:former, id_number:previous, phone:old,
    address:previous) have their chance beyond that, the system's `kept`
    """
    found = {}
    for system in source_systems():
        rates = _rates(system, parameters.error_scale)
        for name in ("name:former", "id_number:previous", "phone:old", "address:previous"):
            rates[CAUSE_NAMES[name]] = min(system.kept * parameters.error_scale, 1.0)
        found[system.code] = {cause.name: float(rates[cause.bit]) for cause in CAUSES}
    return found


def source_tables(parameters: GeneratorParameters, groups: NDArray[np.float64]) -> SourceTables:
    """Compile the source systems.

    Parameters
    ----------
    parameters : records_per_person and error_scale count
    groups : float64[2, 2, bands], people of a sample of communities by (rural, sex - 1, age band);
        decides how much coverage gives the number of records asked for

    Returns
    -------
    SourceTables
    """
    systems = source_systems()
    scale = _scale_for(parameters.records_per_person * groups.sum(), groups)
    rate = np.array([_rates(system, parameters.error_scale) for system in systems])
    ages = -np.log(1.0 - _quantiles()) * _DAYS_A_YEAR
    first = [(datetime.date(system.first_year, 1, 1) - _EPOCH).days for system in systems]

    def sums(field: str, causes: tuple[str, ...]) -> NDArray[np.float64]:
        return rate[:, [CAUSE_NAMES[f"{field}:{cause}"] for cause in causes]].sum(axis=1)

    def chances(name: str, factor: float = 1.0) -> NDArray[np.uint64]:
        values = np.array([getattr(system, name) for system in systems], np.float64)
        return _limits(np.minimum(values * factor, 1.0))

    assert groups.shape == (2, 2, len(AGE_BANDS))
    assert len(systems) == len(SYSTEMS)
    assert max(first) < REFERENCE_DAY
    return SourceTables(
        coverage=_limits(_at_scale(_coverage(), scale)),
        again=_limits(_again(scale)),
        first_day=np.array(first, np.int64),
        age_days=np.array([ages * system.age_years for system in systems]).astype(np.int64),
        is_registered=np.array([system.is_registered for system in systems]),
        rate=rate,
        name_sum=sums("name", _NAME_CAUSES),
        id_sum=sums("id_number", _ID_CAUSES),
        birth_sum=sums("birth_date", _BIRTH_CAUSES),
        desk=np.array([_factors(system.spread, 0.35) for system in systems]),
        care=np.array([_factors(system.spread, 0.65) for system in systems]),
        kept=chances("kept", parameters.error_scale),
        card=chances("card"),
        former=chances("former"),
        mother=chances("mother"),
        certificate=chances("certificate"),
        region=chances("region"),
    )
