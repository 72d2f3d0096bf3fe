"""Two hundred made-up residents by hand-made rules: each slip is one scenario, counted apart."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Final

import pyarrow as pa
from pypinyin import lazy_pinyin

__all__ = ["SLIPS", "Resident", "made_residents"]

_SURNAMES: Final = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧"
_GIVEN: Final = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超霞平刚桂英华建国文辉玲飞鑫波斌宇浩凯志海玉兰雪"
_SOUNDS_LIKE: Final = {
    **dict(
        zip("伟芳敏静丽强军洋杰娟涛明霞刚英华建国文辉", "玮方闽婧莉锵君阳洁涓滔铭侠钢瑛骅健帼雯晖")
    ),
    **dict(zip("玲飞波宇浩志海玉雪", "铃菲博雨昊智嗨钰血")),
}
_TRADITIONAL: Final = dict(
    zip(
        "张刘陈杨赵黄吴孙马罗郑谢韩冯于萧伟丽强军艳涛杰华国辉飞兰",
        "張劉陳楊趙黃吳孫馬羅鄭謝韓馮于蕭偉麗強軍艷濤傑華國輝飛蘭",
    )
)
_REGIONS: Final = (
    ("110101", "北京市东城区"),
    ("310104", "上海市徐汇区"),
    ("440305", "深圳市南山区"),
    ("510107", "成都市武侯区"),
    ("330106", "杭州市西湖区"),
)
_ROADS: Final = ("人民路", "建设街", "解放路", "中山北路", "文化西路", "胜利街", "长江路", "和平里")
_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)

COLUMNS: Final = ("姓名", "身份证号", "出生日期", "性别", "电话", "行政区划代码", "地址")


@dataclass(frozen=True, slots=True)
class Resident:
    """One record; `body` are the first 17 digits of the id number."""

    name: str
    body: str
    birth: str
    phone: str
    region: str
    address: str
    id_form: str = "18"

    @property
    def id_number(self) -> str:
        if self.id_form == "15":
            return self.body[:6] + self.body[8:]
        check = "10X98765432"[sum(int(d) * w for d, w in zip(self.body, _WEIGHTS)) % 11]
        return {"18": self.body + check, "none": ""}[self.id_form]

    def row(self) -> list[str]:
        sex = "男" if int(self.body[16]) % 2 else "女"
        return [
            *(self.name, self.id_number, self.birth, sex),
            *(self.phone, self.region, self.address),
        ]


def _homophone(resident: Resident, chance: random.Random) -> Resident:
    name = resident.name[0] + "".join(_SOUNDS_LIKE.get(c, c) for c in resident.name[1:])
    return replace(resident, name=name)


def _homophone_without_id(resident: Resident, chance: random.Random) -> Resident:
    return replace(_homophone(resident, chance), id_form="none")


def _old_id(resident: Resident, chance: random.Random) -> Resident:
    return replace(resident, id_form="15", phone="")


def _traditional(resident: Resident, chance: random.Random) -> Resident:
    name = "".join(_TRADITIONAL.get(c, c) for c in resident.name)
    return replace(resident, name=name, id_form="none")


def _pinyin(resident: Resident, chance: random.Random) -> Resident:
    syllables = lazy_pinyin(resident.name)
    name = f"{syllables[0]} {''.join(syllables[1:])}"
    return replace(resident, name=name.upper(), address="")


def _day_and_month_swapped(resident: Resident, chance: random.Random) -> Resident:
    year, month, day = resident.birth.split("-")
    return replace(resident, birth=f"{year}-{day}-{month}", id_form="none")


def _wrong_digit_in_id(resident: Resident, chance: random.Random) -> Resident:
    place = chance.randrange(14, 16)
    digit = str((int(resident.body[place]) + 3) % 10)
    wrong = resident.body[:place] + digit + resident.body[place + 1 :]
    return replace(resident, body=wrong)


def _moved(resident: Resident, chance: random.Random) -> Resident:
    region, place = chance.choice(_REGIONS)
    return replace(resident, phone=_phone(chance), region=region, address=_address(place, chance))


SLIPS: Final = {
    "homophone": _homophone,
    "homophone without id": _homophone_without_id,
    "15 digits": _old_id,
    "traditional": _traditional,
    "pinyin only": _pinyin,
    "day and month swapped": _day_and_month_swapped,
    "moved": _moved,
}


def made_residents(people: int = 200, *, seed: int = 3) -> tuple[pa.Table, pa.Table]:
    """A table of residents, and (record_id, entity_id, scenario) of every record.

    Every person but some has a second record with one slip. Every tenth person has a twin, every
    other tenth a sibling or a spouse, in the same household: people who must stay apart.
    """
    chance = random.Random(seed)
    rows: list[list[str]] = []
    truth: list[tuple[str, str, str]] = []

    def add(resident: Resident, entity: str, scenario: str) -> None:
        record_id = f"r{len(rows):04d}"
        rows.append([record_id, *resident.row()])
        truth.append((record_id, entity, scenario))

    slips = list(SLIPS)
    for number in range(people):
        resident = _resident(chance)
        add(resident, f"p{number}", "first")
        slip = slips[number % len(slips)]
        if number % 9:
            add(SLIPS[slip](resident, chance), f"p{number}", slip)
        kin = {0: _twin, 3: _sibling, 6: _spouse}.get(number % 10)
        if kin is not None:
            add(kin(resident, chance), f"p{number} {kin.__name__}", kin.__name__.strip("_"))
    table = pa.table({name: [row[n] for row in rows] for n, name in enumerate(("编号", *COLUMNS))})
    table = table.rename_columns(["record_id", *COLUMNS])
    names = ("record_id", "entity_id", "scenario")
    return table, pa.table({name: [each[n] for each in truth] for n, name in enumerate(names)})


def _resident(chance: random.Random) -> Resident:
    region, place = chance.choice(_REGIONS)
    born = date(1945, 1, 1) + timedelta(days=chance.randrange(60 * 365))
    while born.day > 12 or born.day == born.month:  # so that day and month can be swapped
        born += timedelta(days=1)
    name = chance.choice(_SURNAMES) + "".join(chance.sample(_GIVEN, chance.choice((1, 2, 2))))
    return Resident(
        name=name,
        body=f"{region}{born:%Y%m%d}{chance.randrange(1, 900):03d}",
        birth=born.isoformat(),
        phone=_phone(chance),
        region=region,
        address=_address(place, chance),
    )


def _phone(chance: random.Random) -> str:
    return f"13{chance.randrange(3, 9)}{chance.randrange(10**8):08d}"


def _address(place: str, chance: random.Random) -> str:
    road = chance.choice(_ROADS)
    house, floor = chance.randrange(1, 300), chance.randrange(1, 20)
    return f"{place}{road}{house}号{chance.randrange(1, 6)}单元{floor}0{chance.randrange(1, 5)}室"


def _other_given(resident: Resident, chance: random.Random) -> str:
    return "".join(chance.sample([c for c in _GIVEN if c not in resident.name], 1))


def _twin(resident: Resident, chance: random.Random) -> Resident:
    """The same surname, birth date, home and phone, the next number but one or the next."""
    sequence = int(resident.body[14:]) + chance.choice((1, 2))
    name = resident.name[:-1] + _other_given(resident, chance)
    return replace(resident, name=name, body=f"{resident.body[:14]}{sequence:03d}")


def _sibling(resident: Resident, chance: random.Random) -> Resident:
    """The same surname, home and phone, a generation character, born some years later."""
    born = date.fromisoformat(resident.birth) + timedelta(days=chance.randrange(500, 2000))
    name = resident.name[:-1] + _other_given(resident, chance)
    body = f"{resident.body[:6]}{born:%Y%m%d}{chance.randrange(1, 900):03d}"
    return replace(resident, name=name, body=body, birth=born.isoformat())


def _spouse(resident: Resident, chance: random.Random) -> Resident:
    """The same home and phone, another surname, about the same age."""
    other = _resident(chance)
    return replace(other, phone=resident.phone, region=resident.region, address=resident.address)
