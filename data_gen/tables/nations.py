"""Ethnic groups by county: census shares, spread by what is known of each province.

The weights below say which groups a province's minorities mainly belong to (general knowledge of
the 2010 census, rounded). They are only a start: the table is raked to the minority population
of each county (2020) and to the size of each group (2010, grown alike).
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parents[2].parent / "shared" / "data"
KEPT = 5

_PROVINCES = {
    11: "满40 回31 蒙10 朝5 土家3",
    12: "回53 满25 蒙6 朝5",
    13: "满71 回19 蒙6",
    14: "回65 满15 蒙10",
    15: "蒙83 满9 回4 达斡尔2 鄂温克1",
    21: "满80 蒙10 回4 朝4 锡伯2",
    22: "朝48 满40 蒙7 回5",
    23: "满54 朝24 蒙9 回7 达斡尔3",
    31: "回28 土家12 苗11 满9 蒙5",
    32: "回34 苗13 土家10 蒙4",
    33: "畲14 苗25 土家17 布依12 侗10",
    34: "回83 满3 苗3",
    35: "畲46 土家14 回15 苗11",
    36: "畲58 苗10 回6 土家5",
    37: "回74 满6 朝8",
    41: "回85 蒙7 满5",
    42: "土家85 苗7 回3 侗2",
    43: "土家40 苗31 侗13 瑶11 白2 回1",
    44: "壮43 瑶10 土家13 苗14 侗6",
    45: "壮84 瑶9 苗3 侗2 仫佬1",
    46: "黎78 苗5 壮5 回1",
    50: "土家72 苗25 回1",
    51: "彝54 藏30 羌6 苗3 回2 土家1",
    52: "苗32 布依20 侗11 土家11 彝7 仡佬4 水3 回1 白1",
    53: "彝33 哈尼11 白10 傣8 壮8 苗8 回5 傈僳4 拉祜3 佤3",
    54: "藏97 门巴0.4 珞巴0.2",
    61: "回73 满8 蒙4 藏3",
    62: "回52 藏20 东乡22 土1.3 裕固1 保安1 撒拉0.5",
    63: "藏52 回32 土8 撒拉4 蒙4",
    64: "回97 满1.1",
    65: "维吾尔77 哈萨克11 回7.5 柯尔克孜1.4 蒙1.4 锡伯0.3 塔吉克0.4",
}


def county_nations(counties: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """uint8[n, KEPT] group codes with the Han first, float[n, KEPT] shares that add up to 1."""
    table = pd.read_csv(ROOT / "admin/ethnic_groups_gb3304_pop2010.csv")
    table["short"] = table.name.str.replace("族", "")
    table.loc[table.name == "蒙古族", "short"] = "蒙"
    table.loc[table.name == "朝鲜族", "short"] = "朝"
    minorities = table[table.gb3304_code.between(2, 56)].reset_index(drop=True)
    column = {short: i for i, short in enumerate(minorities.short)}
    size = minorities.pop_2010.to_numpy(float)
    province = counties.code.to_numpy() // 10000
    people = (counties["pop"] * counties.minority_pct / 100).to_numpy(float) + 1.0
    seed = np.zeros((len(counties), len(column)))
    for number, text in _PROVINCES.items():
        weights = np.zeros(len(column))
        for word in text.split():
            name, share = re.fullmatch(r"(\D+)([\d.]+)", word).groups()  # type: ignore[union-attr]
            weights[column[name]] = float(share)
        seed[province == number] = weights + 0.02 * size / size.sum() * weights.sum()
    for row, county in enumerate(counties.itertuples()):
        for place in column.values():
            long = minorities.name[place]
            if long in county.county:
                seed[row, place] = seed[row].sum() * 20 + seed[row, place] * 40
            elif long in county.prefecture:
                seed[row, place] = seed[row].sum() * 2 + seed[row, place] * 12
    target = size / size.sum() * people.sum()
    for _ in range(60):
        seed *= (target / seed.sum(0))[None, :]
        seed *= (people / seed.sum(1))[:, None]
    groups = np.zeros((len(counties), KEPT), np.uint8)
    shares = np.zeros((len(counties), KEPT))
    codes = minorities.gb3304_code.to_numpy()
    minority = counties.minority_pct.to_numpy(float) / 100
    groups[:, 0], shares[:, 0] = 1, 1 - minority
    top = np.argsort(-seed, axis=1)[:, : KEPT - 1]
    kept = np.take_along_axis(seed, top, 1)
    groups[:, 1:], shares[:, 1:] = codes[top], kept / kept.sum(1)[:, None] * minority[:, None]
    return groups, shares
