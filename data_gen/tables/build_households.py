"""Make households.npz: household templates and how often each stands in each kind of county.

Run by hand from the project's root; reads ../shared/data/admin (see data_gen/NOTICE). Templates
are simulated (marriage, births, leaving home, deaths), then weighted by iterative proportional
fitting to the census: age and sex, household sizes, generations, people in dormitories, twins.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from build_places import AGES, read_counties
from scipy.cluster.vq import kmeans2
from simulate import REFERENCE_YEAR, YEARS, simulate_households

ROOT = Path(__file__).resolve().parents[2].parent / "shared" / "data"
OUT = Path(__file__).with_name("households.npz")
KINDS = 12
TEMPLATES = 120_000
KEPT = 20_000
DEAD_YEARS = 5
TWINS = 0.0188
"""Twin individuals per birth, 2007-14 (PLoS ONE 2019 e0209962)."""


def single_years() -> np.ndarray:
    """float[2, YEARS]: people of the nation by sex and year of birth (2020 - index)."""
    table = pd.read_csv(ROOT / "admin/pyramid2020_single_year_DERIVED.csv")
    ages = np.zeros((2, YEARS + 1))
    ages[0, : len(table)], ages[1, : len(table)] = table.male, table.female
    years = np.zeros((2, YEARS))
    # Age 0 on 1 November: born from November 2019 to October 2020, so ten months fall in 2020.
    years[:, 0] = ages[:, 0] * 10 / 12
    years[:, 1:] = ages[:, 1:YEARS] * 10 / 12 + ages[:, : YEARS - 1] * 2 / 12
    return years


def deaths_by_year(living: np.ndarray) -> np.ndarray:
    """float[2, YEARS]: people who died in the last years, by year of birth (Gompertz)."""
    counts = pd.read_csv(ROOT / "admin/china_births_deaths_1950_2023_wpp2024.csv").set_index("year")
    total = counts.deaths.loc[REFERENCE_YEAR - DEAD_YEARS : REFERENCE_YEAR - 1].sum()
    age = np.arange(YEARS)
    hazard = np.exp(np.log(2) / 8 * (age - 40)) * 0.002 + np.where(age < 1, 0.005, 0.0)
    hazard = np.minimum(hazard[None, :] * np.array([[1.3], [0.8]]), 0.35)
    raw = living * hazard
    raw[:, 108:] = 0
    return raw / raw.sum() * total


def county_kinds(counties: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Kind of each county (k-means over age and household structure) and each kind's totals."""
    people = counties["pop"].to_numpy(float)
    sexes = np.stack(
        [[counties[f"{s}_{a}"].to_numpy(float) for a in AGES] for s in "mf"]
    )  # [2, ages, counties]
    families = counties.households.to_numpy(float)
    collective = np.maximum(people - counties.household_pop.to_numpy(float), 0)
    features = np.column_stack(
        [
            sexes[:, :4].sum((0, 1)) / people * 4,
            sexes[:, 4:7].sum((0, 1)) / people * 3,
            sexes[:, 14:].sum((0, 1)) / people * 4,
            counties.hh_1person / families * 2,
            counties.hh_3gen / families * 3,
            collective / people * 3,
            counties.household_pop / families / 4,
        ]
    )
    _, kind = kmeans2(features, KINDS, seed=7, minit="++")
    sizes = np.bincount(kind, weights=people, minlength=KINDS)
    kind = np.argsort(np.argsort(-sizes))[kind]
    columns = ["hh_1person", "hh_1gen", "hh_2gen", "hh_3gen", "hh_4gen", "households"]
    totals = np.stack(
        [
            [counties[c].to_numpy(float)[kind == k].sum() for c in columns]
            + [counties.household_pop.to_numpy(float)[kind == k].sum(), collective[kind == k].sum()]
            for k in range(KINDS)
        ]
    )
    ages = np.stack([sexes[:, :, kind == k].sum(2) for k in range(KINDS)])
    return kind.astype(np.uint8), totals, ages


def kind_pyramids(ages: np.ndarray, nation: np.ndarray) -> np.ndarray:
    """float[KINDS, 2, YEARS]: five-year groups spread like the nation's single years."""
    edges = [0, 1, *range(5, 90, 5)]
    group = np.searchsorted(edges, np.arange(YEARS), side="right") - 1
    out = np.zeros((KINDS, 2, YEARS))
    for sex in range(2):
        per_group = np.bincount(group, weights=nation[sex])
        share = nation[sex] / np.maximum(per_group[group], 1e-9)
        out[:, sex] = ages[:, sex][:, group] * share[None, :]
    for _ in range(4):  # the sum over kinds is the nation, year by year
        out *= (nation / np.maximum(out.sum(0), 1e-9))[None]
        out *= (ages.sum((1, 2)) / out.sum((1, 2)))[:, None, None] * nation.sum() / ages.sum()
    return out


def rake(sample, pyramid, deaths, totals, rounds=150):
    """float[n]: template weights that meet all margins as nearly as they can."""
    weight = sample.base.copy()
    households = sample.generations  # 0 collective, 1..4; one person alone counts apart
    family_kind = np.where(
        households == 0, 0, np.where(sample.size == 1, 5, np.minimum(households, 4))
    )
    one, one_generation, two, three, four, families, family_people, collective = totals
    scale = pyramid.sum() / (family_people + collective)
    wanted = np.zeros(6)
    wanted[0], wanted[5] = collective * scale, one * scale
    rest = np.array([max(one_generation - one, 1), two, three, max(four, 1)])
    wanted[1:5] = rest / rest.sum() * (families - one) * scale
    mean_size = family_people / families
    for _ in range(rounds):
        cells = np.bincount(family_kind, weights=weight * sample.counts_alive, minlength=6)
        weight *= np.where(cells > 0, wanted / np.maximum(cells, 1e-9), 1)[family_kind] ** 0.9
        # mean household size: tilt larger families until it fits
        family = sample.counts_alive & (households > 0)
        mean = np.average(sample.size[family], weights=weight[family])
        weight[family] *= (mean_size / mean) ** (0.5 * (sample.size[family] - mean))
        current = np.bincount(
            sample.member_cell, weights=weight[sample.member_template], minlength=4 * YEARS
        )
        target = np.concatenate([pyramid.ravel(), deaths.ravel()])
        ratio = np.where(current > 0, target / np.maximum(current, 1e-9), 1.0)
        # a household moves by the geometric mean of its members' ratios
        logs = np.bincount(
            sample.member_template,
            weights=np.log(np.maximum(ratio, 1e-6))[sample.member_cell],
            minlength=len(weight),
        )
        weight *= np.exp(logs / np.maximum(sample.people, 1))
        twins = np.bincount(
            sample.twin_template, weights=weight[sample.twin_template], minlength=2
        ).sum()
        children = np.bincount(
            sample.child_template, weights=weight[sample.child_template], minlength=2
        ).sum()
        factor = TWINS * (children - twins) / (1 - TWINS) / twins
        weight[sample.has_twins] *= factor
    return weight


def report(sample, weight, pyramid, totals):
    current = np.bincount(
        sample.member_cell, weights=weight[sample.member_template], minlength=4 * YEARS
    )
    alive = current[: 2 * YEARS].reshape(2, YEARS)
    family = sample.counts_alive & (sample.generations > 0)
    mean = np.average(sample.size[family], weights=weight[family])
    one = weight[family & (sample.size == 1)].sum() / weight[family].sum()
    off = np.abs(alive - pyramid).sum() / pyramid.sum()
    print(
        f"pyramid off {off:.4f} mean size {mean:.3f} of {totals[6] / totals[5]:.3f} "
        f"one person {one:.3f} of {totals[0] / totals[5]:.3f}"
        f" dead {current[2 * YEARS :].sum() / alive.sum():.4f}"
    )


def main() -> None:
    counties = read_counties()
    nation = single_years()
    kind, totals, ages = county_kinds(counties)
    pyramids = kind_pyramids(ages, nation)
    dead = deaths_by_year(nation)
    sample = simulate_households(TEMPLATES, seed=20201101)
    generator = np.random.default_rng(1)
    members, starts, rows = [], [], []
    weights = np.zeros((KINDS, len(sample.base)))
    for k in range(KINDS):
        fit = rake(sample, pyramids[k], dead * pyramids[k] / np.maximum(nation, 1e-9), totals[k])
        report(sample, fit, pyramids[k], totals[k])
        weights[k] = fit
    # Keep the templates with a chance by weight (systematic), with the weight left even: the
    # fitted list has far more rows than a table needs.
    chosen, chosen_kind = [], []
    for k in range(KINDS):
        steps = np.cumsum(weights[k]) / weights[k].sum() * KEPT
        picks = np.searchsorted(steps, np.arange(KEPT) + generator.random())
        chosen.append(picks)
        chosen_kind.append(len(picks))
    used, place = np.unique(np.concatenate(chosen), return_inverse=True)
    for template in used:
        starts.append(sum(map(len, members[-1:])) + (starts[-1] if starts else 0))
        members.append(sample.members(template))
    flat = np.concatenate(members)
    counts = np.array([len(m) for m in members], np.uint8)
    rows = place.reshape(KINDS, KEPT).astype(np.uint16 if len(used) < 65536 else np.uint32)
    np.savez_compressed(
        OUT, county_kind=kind, members=flat, counts=counts, picks=np.sort(rows, axis=1)
    )
    print(OUT.stat().st_size, "bytes", len(used), "templates", len(flat), "members")


if __name__ == "__main__":
    main()
