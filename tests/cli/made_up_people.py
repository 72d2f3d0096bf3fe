"""Small made-up tables of people with known duplicates, the same on every machine."""

from __future__ import annotations

import csv
import random
from pathlib import Path
from typing import Final

__all__ = ["write_residents", "write_westerners"]

_SURNAMES: Final = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧"
_GIVEN: Final = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超霞平刚桂英华建国文辉玲飞鑫波斌宇浩凯"
_WESTERN_GIVEN: Final = (
    *("olivia", "jack", "emily", "joshua", "chloe", "thomas", "sarah", "daniel", "ruby", "liam"),
    *("mia", "noah", "grace", "ethan", "isabella", "lachlan", "georgia", "mitchell", "harley"),
)
_WESTERN_SURNAMES: Final = (
    *("smith", "jones", "williams", "brown", "wilson", "taylor", "johnson", "white", "martin"),
    *("anderson", "thompson", "nguyen", "thomas", "walker", "harris", "lee", "ryan", "robinson"),
    *("kelly", "king", "davis", "wright", "evans", "roberts", "green", "hall", "mccarthy"),
)
_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


def write_residents(folder: Path, people: int = 400, *, seed: int = 1) -> tuple[Path, Path]:
    """Write residents.csv under Chinese column names, and truth.csv; return both paths.

    Every second person has a second record, with a typing error in one of the fields.
    """
    chance = random.Random(seed)
    rows, truth = [], []
    for person in range(people):
        row = _resident(chance)
        rows.append([f"r{len(rows):05d}", *row])
        truth.append([rows[-1][0], f"p{person}"])
        if person % 2 == 0:
            rows.append([f"r{len(rows):05d}", *_with_error(row, chance)])
            truth.append([rows[-1][0], f"p{person}"])
    header = ["record_id", "姓名", "身份证号", "出生日期", "性别", "电话", "地址"]
    return (
        _write(folder / "residents.csv", header, rows),
        _write(folder / "truth.csv", ["record_id", "entity_id"], truth),
    )


def write_westerners(folder: Path, people: int = 400, *, seed: int = 2) -> tuple[Path, Path]:
    """Write people.csv with columns as in FEBRL, and truth.csv; return both paths."""
    chance = random.Random(seed)
    rows, truth = [], []
    for person in range(people):
        given, surname = chance.choice(_WESTERN_GIVEN), chance.choice(_WESTERN_SURNAMES)
        born = f"{chance.randint(1920, 2005)}{chance.randint(1, 12):02d}{chance.randint(1, 28):02d}"
        row = [given, surname, born, f"{chance.randint(800, 9999):04d}"]
        row.append(f"{chance.randint(1_000_000, 9_999_999)}")
        rows.append([f"rec-{person}-org", *row])
        truth.append([rows[-1][0], str(person)])
        if person % 2 == 0:
            copy = list(row)
            place = chance.randrange(2)
            copy[place] = copy[place][1:] if chance.random() < 0.5 else copy[place] + "e"
            rows.append([f"rec-{person}-dup-0", *copy])
            truth.append([rows[-1][0], str(person)])
    header = ["rec_id", "given_name", "surname", "date_of_birth", "postcode", "soc_sec_id"]
    return (
        _write(folder / "people.csv", header, rows),
        _write(folder / "truth.csv", ["record_id", "entity_id"], truth),
    )


def _resident(chance: random.Random) -> list[str]:
    name = chance.choice(_SURNAMES) + "".join(chance.sample(_GIVEN, chance.choice((1, 2))))
    region = chance.choice(("110101", "310104", "440305", "510107", "330106"))
    year, month, day = chance.randint(1940, 2010), chance.randint(1, 12), chance.randint(1, 28)
    sequence = chance.randint(1, 999)
    body = f"{region}{year}{month:02d}{day:02d}{sequence:03d}"
    check = "10X98765432"[sum(int(d) * w for d, w in zip(body, _WEIGHTS)) % 11]
    sex = "男" if sequence % 2 else "女"
    phone = f"13{chance.randint(0, 999_999_999):09d}"
    address = (
        f"人民路{chance.randint(1, 400)}号{chance.randint(1, 30)}单元{chance.randint(101, 2909)}室"
    )
    return [name, body + check, f"{year}-{month:02d}-{day:02d}", sex, phone, address]


def _with_error(row: list[str], chance: random.Random) -> list[str]:
    copy = list(row)
    kind = chance.randrange(4)
    if kind == 0:
        copy[1] = ""
    elif kind == 1:
        copy[0] = copy[0][0] + chance.choice(_GIVEN) + copy[0][2:]
    elif kind == 2:
        copy[4] = f"13{chance.randint(0, 999_999_999):09d}"
    else:
        copy[2] = ""
    return copy


def _write(path: Path, header: list[str], rows: list[list[str]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)
    return path
