"""Make names.npz: surnames, given names by cohort and sex, names of the peoples with a style of
their own, foreign names, parts of addresses.

Run by hand from the project's root; reads ../shared/data/names (see data_gen/NOTICE).
"""

from __future__ import annotations

import unicodedata
from pathlib import Path

import name_facts as facts
import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parents[2].parent / "shared" / "data"
OUT = Path(__file__).with_name("names.npz")
SURNAME_CURVE = (
    (1, 0.0750),
    (2, 0.1490),
    (3, 0.2178),
    (4, 0.2690),
    (5, 0.3180),
    (10, 0.4350),
    (25, 0.5950),
    (50, 0.7250),
    (100, 0.8640),
    (200, 0.9540),
    (300, 0.9820),
    (500, 0.9975),
)
"""Share of the commonest surnames; china-facts, D; two to four from the order of 2018."""
COMPOUND_SHARE = 0.0009
CHARACTERS = 2048


def surname_list() -> tuple[list[str], np.ndarray]:
    """Surnames, commonest first, and their shares; compound ones last."""
    table = pd.read_csv(ROOT / "names/surnames_wainshine_1k.csv")
    orcid = pd.read_csv(ROOT / "names/sinonym_familyname_orcid.csv")
    rank = dict(zip(orcid.surname, orcid.ppm, strict=True))
    singles = list(facts.SURNAMES_100)
    assert len(set(singles)) == 100, len(set(singles))
    rest = [s for s in table.sort_values("TF", ascending=False, kind="stable").NameB if len(s) == 1]
    rest += [s for s in orcid.surname if len(s) == 1]
    order = {s: i for i, s in reversed(list(enumerate(rest)))}
    more = sorted(
        set(rest) - set(singles), key=lambda s: (order[s] - 40 * np.log1p(rank.get(s, 0)), s)
    )
    singles += [s for s in more if len(unicodedata.normalize("NFC", s)) == 1 and ord(s) < 65536][
        :900
    ]
    ranks = np.array([0, *(r for r, _ in SURNAME_CURVE), len(singles)])
    shares = np.array([0, *(c for _, c in SURNAME_CURVE), 1.0])
    places = np.arange(len(singles) + 1)
    # Within a piece of the curve shares fall like a geometric series, not in steps.
    total = np.exp(np.interp(np.log(places[1:]), np.log(ranks[1:]), np.log(shares[1:])))
    share = np.diff(np.concatenate([[0], total]))
    share = -np.sort(-share)
    compound = np.array(list(facts.COMPOUND.values()), float)
    names = singles + list(facts.COMPOUND)
    weights = np.concatenate(
        [share / share.sum() * (1 - COMPOUND_SHARE), compound / compound.sum() * COMPOUND_SHARE]
    )
    print(
        "surnames",
        len(names),
        "sum p^2",
        (weights**2).sum(),
        "top 100",
        weights[:100].sum(),
        "top 5",
        weights[:5].sum(),
    )
    return names, weights


def base_weights() -> tuple[list[str], np.ndarray]:
    """Characters of given names and float[2, n]: how often men and women bear each."""
    table = pd.read_csv(ROOT / "names/givenname_charfreq_ngender_mit.csv")
    table = table[
        [isinstance(c, str) and len(c) == 1 and "\u4e00" <= c <= "\u9fa5" for c in table.char]
    ]
    listed = set(
        "".join("".join(p) for group in (facts.SINGLES, facts.FIRSTS, facts.SECONDS) for p in group)
    )
    table["score"] = table.male + table.female + 1e7 * table.char.isin(listed)
    table = table.sort_values("score", ascending=False, kind="stable").head(CHARACTERS)
    chars = list(table.char)
    for missing in sorted(listed - set(chars)):
        chars[chars.index(next(c for c in reversed(chars) if c not in listed))] = missing
    lookup = table.set_index("char")
    male = lookup.male.reindex(chars).fillna(5).to_numpy(float) + 5
    female = lookup.female.reindex(chars).fillna(5).to_numpy(float) + 5
    return chars, np.stack([male / male.sum(), female / female.sum()])


def position_weights(chars, base, listed: str, share: float) -> np.ndarray:
    """Mix of the period's own characters, falling with their place, and the general table."""
    place = {c: i for i, c in enumerate(chars)}
    own = np.zeros(len(chars))
    for rank, character in enumerate(listed):
        own[place[character]] += 1 / (rank + 5)
    return share * own / own.sum() + (1 - share) * base


def sharpen(parts: list[np.ndarray], aim: float, total) -> list[np.ndarray]:
    """Raise shares to a common power so that the sum of squares of whole names is the aim."""
    low, high = 0.3, 3.0
    for _ in range(50):
        power = (low + high) / 2
        powered = [p**power / (p**power).sum() for p in parts]
        low, high = (power, high) if total(powered) < aim else (low, power)
    print(f"  power {power:.3f}", end="")
    return powered


def given_names(chars, base):
    """float32[cohort, sex, 3, n] shares (single, first, second) and the whole names' weights."""
    tables = np.zeros((7, 2, 3, len(chars)), np.float32)
    wholes, whole_weights, whole_start = [], [], [0]
    place = {c: i for i, c in enumerate(chars)}
    for cohort in range(7):
        for sex in range(2):
            names = facts.WHOLES[cohort][sex].split()
            weight = 1 / (np.arange(len(names)) + 4.0)
            weight /= weight.sum()
            one, whole = facts.ONE_CHARACTER[cohort], facts.WHOLE_SHARE[cohort][sex]
            parts = [
                position_weights(chars, base[sex], facts.SINGLES[cohort][sex], 0.6),
                position_weights(chars, base[sex], facts.FIRSTS[cohort][sex], 0.5),
                position_weights(chars, base[sex], facts.SECONDS[cohort][sex], 0.5),
            ]

            def total(p, one=one, whole=whole, weight=weight, names=names):
                free = (1 - one) * (1 - whole)
                listed = (1 - one) * whole * weight
                cross = [
                    p[1][place[a]] * p[2][place[b]] if a in place and b in place else 0
                    for a, b in names
                ]
                return (
                    one**2 * (p[0] ** 2).sum()
                    + free**2 * (p[1] ** 2).sum() * (p[2] ** 2).sum()
                    + (listed**2).sum()
                    + 2 * free * (listed * cross).sum()
                )

            parts = sharpen(parts, facts.SAME_NAME[cohort][sex], total)
            print(
                f" cohort {facts.COHORTS[cohort]} sex {sex} sum p^2 {total(parts):.2e}"
                f" single {parts[0].max():.3f} first {parts[1].max():.3f}"
            )
            tables[cohort, sex] = parts
            wholes += names
            whole_weights += list(weight)
            whole_start.append(len(wholes))
    return tables, wholes, np.array(whole_weights, np.float32), np.array(whole_start, np.int32)


def components():
    """Names built of listed parts: text, and for each style and sex where its parts stand.

    A part has up to three spellings: the official one first (for Tibetan: by region)."""
    lists = [
        facts.UYGHUR_MALE,
        facts.UYGHUR_FEMALE,
        facts.KAZAKH_MALE,
        facts.KAZAKH_FEMALE,
        facts.TIBETAN,
        facts.TIBETAN_FEMALE,
        facts.MONGOL_MALE,
        facts.MONGOL_FEMALE,
        facts.FOREIGN_GIVEN,
        facts.FOREIGN_SURNAME,
    ]
    texts, start = [], [0]
    for group in lists:
        for entry in group.split():
            spellings = entry.split("|")
            texts.append((spellings * 3)[:3] if len(spellings) < 3 else spellings[:3])
        start.append(len(texts))
    width = max(len(t) for row in texts for t in row)
    out = np.zeros((len(texts), 3, width), np.uint16)
    for row, spellings in enumerate(texts):
        for column, text in enumerate(spellings):
            out[row, column, : len(text)] = [ord(c) for c in text]
    return out, np.array(start, np.int32)


def main() -> None:
    surnames, surname_share = surname_list()
    chars, base = base_weights()
    tables, wholes, whole_weights, whole_start = given_names(chars, base)
    parts, part_start = components()
    place = {s: i for i, s in enumerate(surnames)}
    styles = np.stack([surname_share] * 4)
    for row, (table, mass) in enumerate(
        ((facts.HUI, 0.33), (facts.KOREAN, 0.97), (facts.ZHUANG, 0.66)), 1
    ):
        own = np.zeros(len(surnames))
        for name, weight in table.items():
            if name in place:
                own[place[name]] = weight
        styles[row] = mass * own / own.sum() + (1 - mass) * surname_share
    np.savez_compressed(
        OUT,
        surnames=np.array([[ord(c) for c in s.ljust(2, "\0")] for s in surnames], np.uint16),
        surname_share=styles.astype(np.float32),
        characters=np.array([ord(c) for c in chars], np.uint16),
        # Logarithms in 1/16 bits: one byte a share, within 2 %.
        given_cost=np.clip(np.round(-16 * np.log2(np.maximum(tables, 1e-9))), 0, 65535).astype(
            np.uint16
        ),
        whole_names=np.array([[ord(c) for c in w] for w in wholes], np.uint16),
        whole_weights=whole_weights,
        whole_start=whole_start,
        one_character=np.array(facts.ONE_CHARACTER, np.float32),
        whole_share=np.array(facts.WHOLE_SHARE, np.float32),
        rare=np.array([ord(c) for c in facts.RARE], np.uint32),
        beyond=np.array([ord(c) for c in facts.BEYOND], np.uint32),
        parts=parts,
        part_start=part_start,
    )
    print(OUT.stat().st_size, "bytes")
    # The commonest full names at the size of the nation, with one-character names drawn 1.2 times
    # as often for the five commonest surnames.
    people = np.array([270, 245, 225, 215, 190, 165, 178]) * 1e6 / 2
    top: dict[str, float] = {}
    for s in range(30):
        for cohort in range(7):
            for sex in range(2):
                one = facts.ONE_CHARACTER[cohort] * (1.2 if s < 5 else 0.91)
                for c in np.argsort(-tables[cohort, sex, 0])[:25]:
                    name = surnames[s] + chars[c]
                    top[name] = (
                        top.get(name, 0)
                        + people[cohort] * surname_share[s] * one * tables[cohort, sex, 0, c]
                    )
    print([(n, round(v)) for n, v in sorted(top.items(), key=lambda i: -i[1])[:24]])


if __name__ == "__main__":
    main()
