"""The tables of facts that people are drawn from, as arrays that kernels take; read once.

data_gen/NOTICE tells where each comes from, `tables/build_*.py` how it was made.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from data_gen.address_names import address_names
from data_gen.counter import alias_table

__all__ = [
    "FIRST_ISSUE_YEAR",
    "NATION_STYLES",
    "Facts",
    "facts",
]

_TABLES: Final = Path(__file__).with_name("tables")

FIRST_ISSUE_YEAR: Final = 1984
"""Numbers were first given out in 1984; `issue_code` has a column a year from then to 2020."""

HAN_STYLE, HUI_STYLE, KOREAN_STYLE, ZHUANG_STYLE = range(4)
_SHARED_SHARE: Final = (0.01, 0.04, 0.06, 0.08, 0.10, 0.125, 0.11)
"""People of each cohort who share a first character with brothers and sisters and so have two;
measured on 400 communities. The others have one character a little oftener."""

_NO_PHONES: Final = (*range(140, 150), 154, 160, 161, 163, 164, 168, 169, 174, 179, 194)
"""Beginnings of numbers for data cards, things and satellites, or never given to the public."""

UYGHUR_STYLE, KAZAKH_STYLE, TIBETAN_STYLE, MONGOL_STYLE = range(4, 8)

NATION_STYLES: Final = {
    3: HUI_STYLE, 26: HUI_STYLE, 30: HAN_STYLE, 10: KOREAN_STYLE, 8: ZHUANG_STYLE,
    9: ZHUANG_STYLE, 5: UYGHUR_STYLE, 43: UYGHUR_STYLE, 50: UYGHUR_STYLE, 17: KAZAKH_STYLE,
    29: KAZAKH_STYLE, 41: KAZAKH_STYLE, 4: TIBETAN_STYLE, 45: TIBETAN_STYLE, 2: MONGOL_STYLE,
}  # fmt: skip
"""Naming style by GB/T 3304 code; Han style where a people is not listed."""


class Facts(NamedTuple):
    """Arrays by county (n = 2,846), city, household kind, cohort and so on.

    Attributes
    ----------
    county_code : int32[n], 2020; community_start : int32[n + 1], first frame community of each
    county_kind : uint8[n]; county_urban : float32[n]; migrant_limits : uint64[n, 3], cumulated
        rates of living in another township, county, province than that of the register
    nation_limits : uint64[n, 5], cumulated; nation_codes : uint8[n, 5]
    nation_style : uint8[57]
    issue_code : int32[n, 37], code in force in 1984..2020
    prov_slots, nat_slots : int64[n], outsiders' slots of a community, of a year and sex
    prov_slot_start, nat_slot_start : int64[n + 1]; prov_token_start, nat_token_start : int64[n + 1]
    province_first, province_end : int64[n], counties of the same province
    native_start, prov_start, nat_start : int32[n, 37], first unit of each share of a code's numbers
    native_count : uint8[n, 37], units of a community
    county_city : int16[n]; county_city_rank : int32[n]; city_start : int32[m + 1] into
        prefixes : int32[k]; city_communities : int32[m]
    town_start : int32[n + 1]; town_offsets : int32[t + 1]; town_text : uint16[]
    picks : uint32[kinds, p], templates; template_start : int32[q + 1]; members : uint32[], packed
    surnames : uint16[s, 2]; surname_alias : uint64[4, s]
    characters : uint16[c]; given_alias : uint64[7, 2, 3, c]; whole_names : uint16[w, 2];
        whole_alias : uint64[w]; whole_start : int32[15]
    given_limits : uint64[7, 4], one-character names (surname not, or among the first five),
        whole names of men, of women
    rare, beyond : uint32[]; parts : uint16[r, 3, width]; part_start : int32[11]
    roads, villages, estates, dormitories : uint16[., 8]
    """

    county_code: NDArray[np.int32]
    community_start: NDArray[np.int32]
    county_kind: NDArray[np.uint8]
    county_urban: NDArray[np.float32]
    migrant_limits: NDArray[np.uint64]
    nation_limits: NDArray[np.uint64]
    nation_codes: NDArray[np.uint8]
    nation_style: NDArray[np.uint8]
    issue_code: NDArray[np.int32]
    prov_slots: NDArray[np.int64]
    nat_slots: NDArray[np.int64]
    prov_slot_start: NDArray[np.int64]
    nat_slot_start: NDArray[np.int64]
    prov_token_start: NDArray[np.int64]
    nat_token_start: NDArray[np.int64]
    province_first: NDArray[np.int64]
    province_end: NDArray[np.int64]
    native_start: NDArray[np.int32]
    prov_start: NDArray[np.int32]
    nat_start: NDArray[np.int32]
    native_count: NDArray[np.uint8]
    county_city: NDArray[np.int16]
    county_city_rank: NDArray[np.int32]
    city_start: NDArray[np.int32]
    prefixes: NDArray[np.int32]
    city_communities: NDArray[np.int32]
    town_start: NDArray[np.int32]
    town_offsets: NDArray[np.int32]
    town_text: NDArray[np.uint16]
    picks: NDArray[np.uint32]
    template_start: NDArray[np.int32]
    members: NDArray[np.uint32]
    surnames: NDArray[np.uint16]
    surname_alias: NDArray[np.uint64]
    characters: NDArray[np.uint16]
    given_alias: NDArray[np.uint64]
    whole_names: NDArray[np.uint16]
    whole_alias: NDArray[np.uint64]
    whole_start: NDArray[np.int32]
    given_limits: NDArray[np.uint64]
    rare: NDArray[np.uint32]
    beyond: NDArray[np.uint32]
    parts: NDArray[np.uint16]
    part_start: NDArray[np.int32]
    roads: NDArray[np.uint16]
    villages: NDArray[np.uint16]
    estates: NDArray[np.uint16]
    dormitories: NDArray[np.uint16]


@lru_cache(maxsize=1)
def facts() -> Facts:
    """Load the committed tables (about 50 ms, once a process); every array is read-only."""
    columns = _places() | _households() | _names()
    columns |= dict(
        zip(("roads", "villages", "estates", "dormitories"), address_names(), strict=True)
    )
    for array in columns.values():
        array.setflags(write=False)
    return Facts(**columns)


def _load(name: str) -> dict[str, NDArray[Any]]:
    with np.load(_TABLES / f"{name}.npz") as stored:
        return {key: stored[key] for key in stored.files}


def _limits(rates: NDArray[Any]) -> NDArray[np.uint64]:
    """Rates of 0 to 1 as limits for `is_below`."""
    return np.round(np.clip(rates.astype(np.float64), 0, 1) * 2.0**32).astype(np.uint64)


def _starts(counts: NDArray[Any], dtype: Any) -> NDArray[Any]:
    return np.concatenate([[0], np.cumsum(counts.astype(np.int64))]).astype(dtype)


def _places() -> dict[str, NDArray[Any]]:
    raw = _load("places")
    code, communities = raw["county_code"], raw["county_communities"].astype(np.int64)
    province = code // 10_000
    styles = np.zeros(57, np.uint8)
    for nation, style in NATION_STYLES.items():
        styles[nation] = style
    prov_slots, nat_slots = raw["prov_slots"].astype(np.int64), raw["nat_slots"].astype(np.int64)
    kept = (
        "issue_code native_start native_count prov_start nat_start county_city county_city_rank "
        "city_communities town_start town_offsets town_text county_urban"
    )
    return {name: raw[name] for name in kept.split()} | {
        "county_code": code,
        "community_start": _starts(communities, np.int32),
        "migrant_limits": _limits(np.cumsum(raw["county_migrants"][:, ::-1].astype(float), axis=1)),
        "nation_codes": raw["county_nations"],
        "nation_limits": _limits(np.cumsum(raw["county_nation_shares"].astype(float), axis=1)),
        "nation_style": styles,
        "prov_slots": prov_slots,
        "nat_slots": nat_slots,
        "prov_slot_start": _starts(prov_slots * communities, np.int64),
        "nat_slot_start": _starts(nat_slots * communities, np.int64),
        "prov_token_start": _starts(raw["prov_tokens"], np.int64),
        "nat_token_start": _starts(raw["nat_tokens"], np.int64),
        "province_first": np.searchsorted(province, province, side="left").astype(np.int64),
        "province_end": np.searchsorted(province, province, side="right").astype(np.int64),
        **_mobile_prefixes(raw),
    }


def _mobile_prefixes(raw: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Seven-digit prefixes of people's phones by city."""
    prefixes = np.cumsum(raw["prefixes"], dtype=np.int64).astype(np.int32)
    kept = ~np.isin(prefixes // 10_000, _NO_PHONES)
    before = np.concatenate([[0], np.cumsum(kept)])
    return {"prefixes": prefixes[kept], "city_start": before[raw["city_start"]].astype(np.int32)}


def _households() -> dict[str, NDArray[Any]]:
    raw = _load("households")
    return {
        "county_kind": raw["county_kind"],
        "picks": raw["picks"].astype(np.uint32),
        "template_start": _starts(raw["counts"], np.int32),
        "members": raw["members"],
    }


def _names() -> dict[str, NDArray[Any]]:
    raw = _load("names")
    shares = 2.0 ** (raw["given_cost"].astype(np.float64) / -16)
    given = np.empty(shares.shape, np.uint64)
    for place in np.ndindex(shares.shape[:3]):
        given[place] = alias_table(shares[place])
    whole_alias = np.empty(len(raw["whole_weights"]), np.uint64)
    starts = raw["whole_start"]
    for first, end in pairwise(starts):
        whole_alias[first:end] = alias_table(raw["whole_weights"][first:end].astype(np.float64))
    surname_share = raw["surname_share"].astype(np.float64)
    top = surname_share[0, :5].sum()
    one = raw["one_character"].astype(np.float64) / (1 - np.array(_SHARED_SHARE))
    # Full names of two characters go more with the five commonest surnames than chance would
    # have it: 1.26 times for the commonest name, 1.15 for the second (china-facts, 2007).
    many, few = one * 1.2, one * (1 - 1.2 * top) / (1 - top)
    kept = "surnames characters whole_names whole_start rare beyond parts part_start"
    return {name: raw[name] for name in kept.split()} | {
        "surname_alias": np.stack([alias_table(row) for row in surname_share]),
        "given_alias": given,
        "whole_alias": whole_alias,
        "given_limits": _limits(np.column_stack([few, many, raw["whole_share"]])),
    }
