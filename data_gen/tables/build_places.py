"""Make places.npz: counties, their code history, migration, townships and mobile prefixes.

Run by hand from the project's root; reads ../shared/data/{admin,phone} (see data_gen/NOTICE).
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
from nations import county_nations

ROOT = Path(__file__).resolve().parents[2].parent / "shared" / "data"
OUT = Path(__file__).with_name("places.npz")
FRAME = 1_376_768
FIRST_ISSUE, LAST_ISSUE = 1984, 2020
UNITS = 305 * 248
"""Id numbers of one code, birth year and sex that may be given: see `id_kernels`."""
NATIVE_MAX = 30

AGES = ("0", "1_4", *(f"{a}_{a + 4}" for a in range(5, 85, 5)), "85p")
MARKS = re.compile(r"(特别行政区|自治区|自治州|自治县|自治旗|地区|省|市|区|县|旗|盟|州)$")


def read_counties() -> pd.DataFrame:
    """Counties of the census that have a GB/T 2260 code; zones are added to their neighbours."""
    census = pd.read_csv(ROOT / "admin/census2020_county_age_sex.csv").fillna(0)
    census["code"] = census.code.astype(int)
    history = pd.read_csv(ROOT / "admin/gbt2260_history_1981_2024.csv", dtype={"new_codes": str})
    in_force = set(
        history[(history.start_year <= 2020) & ~(history.end_year <= 2020)].code.astype(int)
    )
    rows = census[census.level == "county"].copy()
    with_counties = set(rows.code // 100)
    lone = census[(census.level == "prefecture") & ~(census.code // 100).isin(with_counties)]
    rows = pd.concat([rows, lone])
    own = rows.code.isin(in_force)
    numbers = [c for c in rows.columns if rows[c].dtype.kind in "fi" and c not in ("code",)]
    shares = [c for c in numbers if c.endswith("pct")]
    good = rows[own].sort_values("code").reset_index(drop=True)
    for column in numbers:
        good[column] = good[column].astype(float)
    for _, zone in rows[~own].iterrows():  # a zone's people bear the codes of districts near by
        near = good[good.code // 100 == zone.code // 100]
        target = (near if len(near) else good[good.code // 10000 == zone.code // 10000])["pop"]
        if not len(target):
            print("left out", zone.code, zone.county, zone["pop"])
            continue
        row = target.idxmax()
        for column in numbers:
            if column not in shares:
                good.loc[row, column] += zone[column]
    return good


def code_history(codes: np.ndarray) -> np.ndarray:
    """int32[n_counties, n_years]: the code that the place of each county had in each year."""
    history = pd.read_csv(ROOT / "admin/gbt2260_history_1981_2024.csv", dtype={"new_codes": str})
    rows = [
        (
            int(r.code),
            r.name_,
            int(r.start_year),
            int(r.end_year) if r.end_year == r.end_year else 9999,
            r.new_codes,
        )
        for r in history.rename(columns={"name": "name_"}).itertuples()
    ]
    by_code: dict[int, list] = {}
    before: dict[int, list] = {}
    for row in rows:
        by_code.setdefault(row[0], []).append(row)
        if isinstance(row[4], str):
            for new in row[4].split(";"):
                before.setdefault(int(new[:6]), []).append(row)
    prefectures = sorted(c for c in by_code if c % 100 == 0)

    def in_force(code: int, year: int) -> bool:
        return any(start <= year < end for _, _, start, end, _ in by_code.get(code, ()))

    def step(code: int, year: int, seen: set[int]) -> int:
        if in_force(code, year):
            return code
        name = MARKS.sub("", by_code[code][-1][1])
        options = [r for r in before.get(code, ()) if r[0] != code and r[0] not in seen]
        options.sort(
            key=lambda r: (MARKS.sub("", r[1]) != name, r[2] > year, abs(r[3] - year), r[0])
        )
        for option in options:
            found = step(option[0], year, seen | {code})
            if found:
                return found
        return 0

    out = np.zeros((len(codes), LAST_ISSUE - FIRST_ISSUE + 1), np.int32)
    lost = 0
    for place, code in enumerate(codes):
        for column, year in enumerate(range(FIRST_ISSUE, LAST_ISSUE + 1)):
            found = step(int(code), year, set())
            if not found:  # a place without a known forerunner: a county of the city then in force
                near = [
                    r[0]
                    for r in rows
                    if r[0] // 100 == code // 100 and r[0] % 100 and r[2] <= year < r[3]
                ] or [
                    r[0]
                    for r in rows
                    if r[0] // 10000 == code // 10000 and r[0] % 100 and r[2] <= year < r[3]
                ]
                lost += 1
                found = min(near, key=lambda c: abs(c - code)) if near else int(code)
            out[place, column] = found
    print("county-years without a forerunner", lost, "of", out.size, len(prefectures))
    return out


def allot(weights: np.ndarray, total: int) -> np.ndarray:
    """Whole numbers in proportion to `weights` that add up to `total` (largest remainders)."""
    exact = weights / weights.sum() * total
    whole = np.floor(exact).astype(np.int64)
    order = np.argsort(-(exact - whole), kind="stable")
    whole[order[: total - whole.sum()]] += 1
    return whole


def outflow(counties: pd.DataFrame) -> np.ndarray:
    """People registered in each county who live elsewhere, from the two censuses (estimate)."""
    old = pd.read_csv(ROOT / "admin/census2010_county_age_sex.csv").dropna(subset=["code"])
    old = old[old.level == "county"].copy()
    old["code"] = old.code.astype(int)
    old = old.drop_duplicates("code").set_index("code")
    hukou, people = old.hukou_pop.reindex(counties.code), old["pop"].reindex(counties.code)
    surplus = (hukou - people).clip(lower=0).fillna(0).to_numpy()
    base = hukou.fillna(counties["pop"].median()).to_numpy()
    return surplus + 0.04 * base


def unit_tables(codes, communities, native_share, prov, nat):
    """Starts of each county's shares of the numbers of a code: natives, province, nation."""
    years = codes.shape[1]
    shape = codes.shape
    native_start, prov_start, nat_start = (np.zeros(shape, np.int32) for _ in range(3))
    native_count = np.zeros(shape, np.uint8)
    tight = 0
    for year in range(years):
        order = np.argsort(codes[:, year], kind="stable")
        groups = np.split(order, np.flatnonzero(np.diff(codes[order, year])) + 1)
        for group in groups:
            tokens = int(prov[group].sum() + nat[group].sum())
            room = UNITS - tokens
            assert room > 0, (codes[group[0], year], tokens)
            wanted = communities[group] * np.ceil(native_share[group] * 11 + 12)
            factor = min(1.0, room / wanted.sum())
            each = np.minimum(np.floor(wanted * factor / communities[group]), NATIVE_MAX).astype(
                int
            )
            tight += int((each < native_share[group] * 11 + 4).sum())
            at = 0
            for county, number in zip(group, each, strict=True):
                native_start[county, year], native_count[county, year] = at, number
                at += number * communities[county]
                prov_start[county, year] = at
                at += prov[county]
                nat_start[county, year] = at
                at += nat[county]
            assert at <= UNITS
    print("tight county-years", tight, "of", codes.size, "least", native_count.min())
    return native_start, native_count, prov_start, nat_start


def _merge_small(city_of, groups, load, room_min=1500):
    """Join a city with too few prefixes to its province's best served city."""
    while True:
        people: dict[tuple[str, str], int] = {}
        for county, city in city_of.items():
            people[city] = people.get(city, 0) + load[county]
        room = {c: len(groups[c]) * 10000 // n for c, n in people.items()}
        poorest = min(room, key=lambda c: (room[c], c))
        if room[poorest] >= room_min:
            return
        best = max((c for c in room if c[0] == poorest[0] and c != poorest), key=lambda c: room[c])
        groups[best] = np.concatenate([groups[best], groups[poorest]])
        for county, city in city_of.items():
            if city == poorest:
                city_of[county] = best


def phones(counties: pd.DataFrame, communities: np.ndarray):
    """Prefixes of each city, and each county's city; a city without any takes its province's."""
    table = pd.read_parquet(ROOT / "phone/mobile_prefix7_region.parquet")
    places = pd.read_csv(ROOT / "admin/gbt2260_current_mumuy.csv")
    names = dict(zip(places.code.astype(int), places.name, strict=True))
    short = lambda s: s[:2]  # noqa: E731
    groups = {key: g.prefix7.to_numpy(np.int64) for key, g in table.groupby(["province", "city"])}
    cities = sorted(groups)
    city_of = {}
    for county in counties.itertuples():
        province = names[county.code // 10000 * 10000]
        candidates = [c for c in cities if c[0][:2] == short(province)]
        prefecture = names.get(county.code // 100 * 100, "") or county.prefecture
        found = [c for c in candidates if county.county.startswith(c[1])] or [
            c for c in candidates if prefecture.startswith(c[1])
        ]
        city_of[county.code] = max(
            found or candidates, key=lambda c: (c in found and len(c[1]), len(groups[c]))
        )
    _merge_small(city_of, groups, dict(zip(counties.code, communities, strict=True)))
    used = sorted(set(city_of.values()))
    number = {c: i for i, c in enumerate(used)}
    county_city = np.array([number[city_of[c]] for c in counties.code], np.int16)
    start = np.cumsum([0] + [len(groups[c]) for c in used]).astype(np.int32)
    prefixes = np.concatenate([np.sort(groups[c]) for c in used]).astype(np.int32)
    load = np.bincount(county_city, weights=communities, minlength=len(used))
    room = np.diff(start) * 10000 // np.maximum(load, 1)
    print(
        "cities",
        len(used),
        "prefixes",
        len(prefixes),
        "least numbers a community",
        np.sort(room)[:8],
    )
    city_rank = np.zeros(len(counties), np.int32)
    for city in range(len(used)):
        rows = np.flatnonzero(county_city == city)
        city_rank[rows] = np.cumsum(communities[rows]) - communities[rows]
    return county_city, city_rank, start, prefixes, load.astype(np.int32)


def townships(codes: np.ndarray):
    """Names of the townships of each county: (first row of each county, offsets, text)."""
    table = pd.read_csv(ROOT / "admin/townships_2023.csv")
    by_county = {c: list(g.name) for c, g in table.groupby("county_code")}
    start, texts = [0], []
    for code in codes:
        names = [n for n in by_county.get(int(code), []) if 2 <= len(n) <= 8][:60] or ["城关镇"]
        texts += names
        start.append(len(texts))
    offsets = np.cumsum([0] + [len(t) for t in texts]).astype(np.int32)
    text = np.frombuffer("".join(texts).encode("utf-32-le"), np.uint32)
    assert text.max() < 65536
    return np.array(start, np.int32), offsets, text.astype(np.uint16)


def main() -> None:
    counties = read_counties()
    code = counties.code.to_numpy(np.int32)
    people = counties["pop"].to_numpy(float)
    communities = allot(people, FRAME)
    assert communities.min() > 0
    rates = np.stack(
        [counties[f"mig_{k}"] / people for k in ("same_county", "same_province", "other_province")],
        1,
    )
    rates = np.minimum(rates, 0.6) * np.minimum(1, 0.97 / np.minimum(rates, 0.6).sum(1))[:, None]
    history = code_history(code)
    # Slots for outsiders in a community: the densest year of birth of one sex and a margin.
    prov_slots = np.ceil(1024 * (rates[:, 1] + 0.06) * 0.0125 + 4).astype(np.int64)
    nat_slots = np.ceil(1024 * rates[:, 2] * 0.0125 + 2).astype(np.int64)
    flow = outflow(counties)
    province = code // 10000
    prov_tokens = np.zeros(len(code), np.int64)
    for number in np.unique(province):
        rows = np.flatnonzero(province == number)
        prov_tokens[rows] = allot(flow[rows], int((communities * prov_slots)[rows].sum()))
    nat_tokens = allot(flow, int((communities * nat_slots).sum()))
    print("slots", prov_slots.mean(), prov_slots.max(), nat_slots.mean(), nat_slots.max())
    print("tokens max", prov_tokens.max(), nat_tokens.max())
    native_share = 1 - rates[:, 1] - rates[:, 2]
    native = unit_tables(history, communities, native_share, prov_tokens, nat_tokens)
    county_city, city_rank, city_start, prefixes, city_load = phones(counties, communities)
    town_start, town_offsets, town_text = townships(code)
    groups, shares = county_nations(counties)
    np.savez_compressed(
        OUT,
        county_code=code,
        county_communities=communities.astype(np.int32),
        county_urban=(counties.urban / people).clip(0, 1).to_numpy(np.float32),
        county_migrants=rates.astype(np.float32),
        county_nations=groups,
        county_nation_shares=shares.astype(np.float32),
        issue_code=history,
        prov_slots=prov_slots.astype(np.uint8),
        nat_slots=nat_slots.astype(np.uint8),
        prov_tokens=prov_tokens.astype(np.int32),
        nat_tokens=nat_tokens.astype(np.int32),
        native_start=native[0],
        native_count=native[1],
        prov_start=native[2],
        nat_start=native[3],
        county_city=county_city,
        county_city_rank=city_rank,
        city_start=city_start,
        city_communities=city_load,
        prefixes=np.diff(prefixes, prepend=0).astype(np.int32),
        town_start=town_start,
        town_offsets=town_offsets,
        town_text=town_text,
    )
    print(OUT.stat().st_size, "bytes", len(code), "counties")


if __name__ == "__main__":
    main()
