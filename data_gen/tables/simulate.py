"""Simulated households: who lives together, at which ages, related how (for build_households).

The shapes (who marries whom, when children come) are assumed from general knowledge of the
Chinese censuses; how often each shape and age stands in the result is fitted to the census.
A member is packed as: years before 2020 of birth (7 bits), female (1), role (4), then the places
in the household of mother, father, spouse and twin (4 each, 15 = none), then deceased (1).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

REFERENCE_YEAR = 2020
YEARS = 112
NONE = 15
HEAD, SPOUSE, CHILD, CHILD_IN_LAW, GRANDCHILD, PARENT, GRANDPARENT, SIBLING, LODGER, COLLECTIVE = (
    range(10)
)
MALE, FEMALE = 0, 1
TWIN_EVENTS = 0.04
"""Share of births that are twins in the simulation; fitted down to the real share later."""


@dataclass
class Sample:
    """Templates as flat arrays; `member_cell` = alive/dead, sex and year of birth as one number."""

    packed: np.ndarray
    start: np.ndarray
    base: np.ndarray
    generations: np.ndarray
    size: np.ndarray
    people: np.ndarray
    counts_alive: np.ndarray
    member_template: np.ndarray
    member_cell: np.ndarray
    twin_template: np.ndarray
    child_template: np.ndarray
    has_twins: np.ndarray

    def members(self, template: int) -> np.ndarray:
        return self.packed[self.start[template] : self.start[template + 1]]


class Household:
    """A household in the making."""

    def __init__(self, random: np.random.Generator) -> None:
        self.random = random
        self.rows: list[list[int]] = []

    def add(self, born, sex, role, mother=NONE, father=NONE, dead=False) -> int:
        self.rows.append([int(born), sex, role, mother, father, NONE, NONE, int(dead)])
        return len(self.rows) - 1

    def marry(self, one: int, other: int) -> None:
        self.rows[one][5], self.rows[other][5] = other, one

    def chance(self, rate: float) -> bool:
        return bool(self.random.random() < rate)

    def couple(self, husband_born: int, roles: tuple[int, int], **parents) -> tuple[int, int]:
        """Husband and wife; the wife is about two years younger."""
        gap = int(np.clip(round(self.random.normal(1.8, 2.8)), -4, 15))
        wife_born = min(max(husband_born - gap, 19), YEARS - 1)
        husband = self.add(husband_born, MALE, roles[0], **parents)
        wife = self.add(wife_born, FEMALE, roles[1])
        self.marry(husband, wife)
        return husband, wife

    def survivors(self, husband: int, wife: int) -> None:
        """One of an old couple may have died lately; one who died long ago is taken out later."""
        for place in (husband, wife):
            age = self.rows[place][0]
            rate = 0.004 * np.exp((age - 55) / 11) * (1.4 if place == husband else 0.8)
            if self.chance(min(rate, 0.5)):
                self.rows[place][7] = 1

    def children(
        self, mother: int, father: int, role: int, count: int, youngest=0, oldest=34
    ) -> int:
        """Children living at home, from the first birth on; returns how many there are."""
        parent = mother if mother != NONE else father
        born = self.rows[parent][0] - int(np.clip(round(self.random.gamma(14, 0.62) + 17), 19, 44))
        made = 0
        if role == CHILD and self.chance(0.35):  # elder ones have left: the youngest stay
            born -= int(self.random.integers(2, 9))
        for _ in range(count):
            if self.rows[parent][0] - born > 47 or born < youngest:
                break
            if born <= oldest:
                sex = MALE if self.chance(0.53) else FEMALE
                first = self.add(born, sex, role, mother, father)
                made += 1
                if self.chance(TWIN_EVENTS) and len(self.rows) < 11:
                    same = self.chance(0.70)
                    second = self.add(born, sex if same else 1 - sex, role, mother, father)
                    self.rows[first][6], self.rows[second][6] = second, first
                    made += 1
            born -= 2 + int(self.random.gamma(1.6, 1.8))
        return made


def _count(random: np.random.Generator) -> int:
    return int(random.choice([1, 2, 3, 4, 5], p=[0.52, 0.37, 0.08, 0.02, 0.01]))


def _single(h: Household) -> None:
    born, sex = int(h.random.integers(17, 103)), int(h.random.integers(0, 2))
    head = h.add(born, sex, HEAD)
    if born > 55 and h.chance(0.25):  # a widow or widower of late
        spouse = h.add(
            min(max(born + int(h.random.normal(2 if sex else -2, 3)), 45), 106),
            1 - sex,
            SPOUSE,
            dead=True,
        )
        h.marry(head, spouse)
    elif h.chance(0.10):
        h.rows[head][7] = 1
        if h.chance(0.2):
            h.rows[head][0] = int(h.random.integers(0, 103))


def _collective(h: Household) -> None:
    born = int(
        h.random.choice(
            [
                h.random.integers(0, 15),
                h.random.integers(15, 25),
                h.random.integers(18, 60),
                h.random.integers(60, 105),
            ],
            p=[0.08, 0.5, 0.32, 0.1],
        )
    )
    h.add(born, int(h.random.integers(0, 2)), COLLECTIVE)


def _couple(h: Household) -> None:
    husband, wife = h.couple(int(h.random.integers(22, 100)), (HEAD, SPOUSE))
    if h.chance(0.2):
        h.survivors(husband, wife)


def _nuclear(h: Household) -> None:
    husband, wife = h.couple(int(h.random.integers(21, 75)), (HEAD, SPOUSE))
    h.children(wife, husband, CHILD, _count(h.random), oldest=40)
    if h.rows[husband][0] > 50 and h.chance(0.15):
        h.survivors(husband, wife)


def _one_parent(h: Household) -> None:
    born = int(h.random.integers(21, 95))
    if h.chance(0.7):
        mother, father = h.add(born, FEMALE, HEAD), NONE
    else:
        mother, father = NONE, h.add(born, MALE, HEAD)
    h.children(mother, father, CHILD, _count(h.random), oldest=70)


def _stem_down(h: Household) -> None:
    """Old couple, a married son (or daughter: 1 in 8), grandchildren."""
    husband, wife = h.couple(int(h.random.integers(43, 85)), (HEAD, SPOUSE))
    gap = int(np.clip(round(h.random.gamma(14, 0.62) + 17), 19, 40))
    born = h.rows[wife][0] - gap
    if born < 20:
        return
    if h.chance(0.88):
        son, in_law = h.couple(born, (CHILD, CHILD_IN_LAW), mother=wife, father=husband)
        mother, father = in_law, son
    else:
        daughter = h.add(born, FEMALE, CHILD, wife, husband)
        in_law = h.add(max(born + round(h.random.normal(1.8, 2.5)), 21), MALE, CHILD_IN_LAW)
        h.marry(daughter, in_law)
        mother, father = daughter, in_law
    h.children(mother, father, GRANDCHILD, _count(h.random))
    if h.chance(0.3):
        h.survivors(husband, wife)
    if h.chance(0.35):  # one of the old died long ago
        _take_out(h, husband if h.chance(0.65) else wife)


def _stem_up(h: Household) -> None:
    """Couple with children and one or two parents of the husband (of the wife: 1 in 8)."""
    husband, wife = h.couple(int(h.random.integers(22, 70)), (HEAD, SPOUSE))
    h.children(wife, husband, CHILD, _count(h.random))
    whose = husband if h.chance(0.88) else wife
    gap = int(np.clip(round(h.random.gamma(14, 0.62) + 17), 19, 40))
    mother_born = h.rows[whose][0] + gap
    if mother_born > 104:
        return
    father_born = min(mother_born + int(np.clip(round(h.random.normal(1.8, 2.8)), -3, 10)), 106)
    kind = h.random.random()
    mother = h.add(mother_born, FEMALE, PARENT) if kind < 0.75 else NONE
    father = h.add(father_born, MALE, PARENT) if kind > 0.4 else NONE
    if mother != NONE and father != NONE:
        h.marry(mother, father)
        if h.chance(0.25):
            h.survivors(father, mother)
    h.rows[whose][3], h.rows[whose][4] = mother, father


def _skipped(h: Household) -> None:
    """Grandparents with grandchildren; the parents work elsewhere."""
    husband, wife = h.couple(int(h.random.integers(42, 82)), (HEAD, SPOUSE))
    born = h.rows[wife][0] - 24 - 25 + round(h.random.normal(0, 5))
    for _ in range(int(h.random.integers(1, 4))):
        if 0 <= born <= 22:
            h.add(born, int(h.chance(0.47)), GRANDCHILD)
        born -= 2 + int(h.random.gamma(1.6, 1.8))
    if h.chance(0.3):
        _take_out(h, husband if h.chance(0.65) else wife)


def _four(h: Household) -> None:
    _stem_down(h)
    wife = next(
        (i for i, r in enumerate(h.rows) if r[1] == FEMALE and r[2] in (HEAD, SPOUSE)), None
    )
    head = next((i for i, r in enumerate(h.rows) if r[1] == MALE and r[2] == HEAD), wife)
    if head is None or len(h.rows) < 4:
        return
    born = h.rows[head][0] + int(np.clip(round(h.random.gamma(14, 0.62) + 17), 19, 40))
    if born > 104:
        return
    if h.chance(0.75):
        h.rows[head][3] = h.add(born, FEMALE, PARENT)
    else:
        h.rows[head][4] = h.add(born, MALE, PARENT)


def _mates(h: Household) -> None:
    """People of one generation under one roof: brothers and sisters, or lodgers."""
    born = int(h.random.integers(17, 60))
    sex = int(h.random.integers(0, 2))
    h.add(born, sex, HEAD)
    for _ in range(int(h.random.choice([1, 2, 3], p=[0.7, 0.2, 0.1]))):
        other = min(max(born + int(h.random.normal(0, 5)), 15), 100)
        h.add(other, sex if h.chance(0.7) else 1 - sex, LODGER)


def _take_out(h: Household, place: int) -> None:
    """Remove a member; those after move up."""

    def moved(other: int) -> int:
        return NONE if other == place else other - (NONE > other > place)

    was_head = h.rows[place][2] == HEAD
    del h.rows[place]
    for row in h.rows:
        row[3:7] = [moved(other) for other in row[3:7]]
    if was_head:
        for row in h.rows:
            if row[2] == SPOUSE:
                row[2] = HEAD


_SHAPES = (
    (_collective, 0.10),
    (_single, 0.17),
    (_couple, 0.15),
    (_nuclear, 0.24),
    (_one_parent, 0.09),
    (_stem_down, 0.09),
    (_stem_up, 0.07),
    (_skipped, 0.04),
    (_four, 0.02),
    (_mates, 0.03),
)


def _generations(rows: list[list[int]]) -> int:
    """Generations of the living members; 0 for a person in a dormitory."""
    level = {
        HEAD: 0,
        SPOUSE: 0,
        SIBLING: 0,
        LODGER: 0,
        CHILD: 1,
        CHILD_IN_LAW: 1,
        GRANDCHILD: 2,
        PARENT: -1,
        GRANDPARENT: -2,
    }
    if rows[0][2] == COLLECTIVE:
        return 0
    levels = {level[r[2]] for r in rows if not r[7]}
    return max(len(levels), 1)


def _head_first(rows: list[list[int]]) -> list[list[int]]:
    """The head comes first, else the eldest living member."""
    order = sorted(range(len(rows)), key=lambda i: (rows[i][2] != HEAD, i))
    place = {old: new for new, old in enumerate(order)} | {NONE: NONE}
    out = [rows[i] for i in order]
    for row in out:
        row[3:7] = [place[other] for other in row[3:7]]
    return out


def simulate_households(count: int, seed: int) -> Sample:
    """`count` templates of all shapes; one beyond the pyramid's years is left out."""
    random = np.random.default_rng(seed)
    shapes = random.choice(len(_SHAPES), size=count, p=[share for _, share in _SHAPES])
    packed, start, generations, base = [], [0], [], []
    for shape in shapes:
        household = Household(random)
        _SHAPES[shape][0](household)
        rows = _head_first(household.rows)
        if len(rows) > 11 or any(not 0 <= r[0] < YEARS - 4 for r in rows):
            continue
        for born, sex, role, mother, father, spouse, twin, dead in rows:
            packed.append(
                born
                | sex << 7
                | role << 8
                | mother << 12
                | father << 16
                | spouse << 20
                | twin << 24
                | dead << 28
            )
        start.append(len(packed))
        generations.append(_generations(rows))
        base.append(1.0)
    flat, starts = np.array(packed, np.uint32), np.array(start)
    template = np.repeat(np.arange(len(base)), np.diff(starts))
    born, sex, dead = flat & 127, flat >> 7 & 1, flat >> 28 & 1
    twin, role = flat >> 24 & 15, flat >> 8 & 15
    size = np.bincount(template, weights=1 - dead.astype(float), minlength=len(base)).astype(int)
    young = (born < 15) & (dead == 0) & ((role == CHILD) | (role == GRANDCHILD))
    twins = template[young & (twin != NONE)]
    return Sample(
        packed=flat,
        start=starts,
        base=np.array(base),
        generations=np.array(generations),
        size=size,
        people=np.diff(starts),
        counts_alive=size > 0,
        member_template=template,
        member_cell=(dead * 2 + sex).astype(int) * YEARS + born,
        twin_template=twins,
        child_template=template[young],
        has_twins=np.unique(template[twin != NONE]),
    )
