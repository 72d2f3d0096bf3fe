"""Records of made-up Chinese residents in several systems, with errors by cause and the truth.

Each system has a coverage and error rates of its own, after published figures: one record in
eight of a hospital wrong in name, age or sex; character errors 54 % same sound, 22 % another
tone, 8 % a fuzzy sound, 3 % a similar shape, 13 % any other; 1 in 100 register entries wrong.
Every error is recorded, so that recall can be told by cause.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import Any, Final

import pyarrow as pa
from pypinyin import Style, lazy_pinyin, pinyin

from tests.chinese_people import TODAY, Person, people

__all__ = ["resident_records"]


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """A source of records: chance to hold a person, and of each kind of error."""

    coverage: float
    again: float
    name: float
    no_id: float
    id_error: float
    old_id: float
    birth: float
    sex: float
    no_phone: float
    old_phone: float
    kin_phone: float
    no_address: float
    old_address: float
    short_address: float


_SYSTEMS: Final = {
    "register": System(
        coverage=0.85, again=0.0, name=0.004, no_id=0.002, id_error=0.001, old_id=0.0,
        birth=0.004, sex=0.001, no_phone=0.6, old_phone=0.2, kin_phone=0.05, no_address=0.0,
        old_address=0.2, short_address=0.0,
    ),
    "health_records": System(
        coverage=0.55, again=0.02, name=0.03, no_id=0.06, id_error=0.012, old_id=0.02, birth=0.02,
        sex=0.01, no_phone=0.12, old_phone=0.15, kin_phone=0.12, no_address=0.08, old_address=0.15,
        short_address=0.3,
    ),
    "hospital": System(
        coverage=0.45, again=0.14, name=0.06, no_id=0.25, id_error=0.02, old_id=0.01, birth=0.035,
        sex=0.015, no_phone=0.12, old_phone=0.15, kin_phone=0.15, no_address=0.25,
        old_address=0.15, short_address=0.5,
    ),
    "insurance": System(
        coverage=0.5, again=0.02, name=0.02, no_id=0.02, id_error=0.01, old_id=0.03, birth=0.01,
        sex=0.005, no_phone=0.3, old_phone=0.2, kin_phone=0.2, no_address=0.1, old_address=0.1,
        short_address=0.3,
    ),
}  # fmt: skip

_TRADITIONAL_PAIRS: Final = """
张張 刘劉 陈陳 杨楊 赵趙 黄黃 吴吳 孙孫 马馬 罗羅 郑鄭 谢謝 韩韓 冯馮 邓鄧 萧蕭 叶葉 苏蘇
吕呂 卢盧 钟鐘 谭譚 陆陸 贾賈 韦韋 邹鄒
阎閻 龙龍 贺賀 顾顧 龚龔 万萬 钱錢 严嚴 国國 伟偉 军軍 华華 东東 强強 辉輝 涛濤 刚剛 飞飛
荣榮 庆慶 云雲 红紅 丽麗 艳艷 兰蘭 凤鳳
颖穎 爱愛 莹瑩 莲蓮 宁寧 泽澤 贵貴 远遠 顺順 栋棟 传傳 宝寶 杰傑 锋鋒 学學 兴興 进進 维維
继繼 广廣 剑劍 义義 轩軒 诺諾 语語 诗詩
梦夢
"""
_TRADITIONAL: Final = {pair[0]: pair[1] for pair in _TRADITIONAL_PAIRS.split()}
_SHAPE_PAIRS: Final = """
未末 土士 己已 铭名 洁结 浩皓 婷停 莹营 莉利 娟捐 琳林 杨扬 辉挥 建健 军车 明朋 宇字 杰木
芳劳 静净 斌武 波坡 雨两 佳住 欣欧 玉王
平干 红江 霞露 萍苹 敏敬 秀秃 春青 云去 兰三 丹舟 雪雷 娜那 凤风 珍诊 淑叔 桂挂 英央 伟伪
刚钢 勇男 磊石 强张 涛寿 超起 鹏朋 峰锋
永水 龙尤 晨辰 梓样 涵函 怡治 依衣 语话 桐铜 子于 泽译 博搏
"""
_SHAPES: Final = _SHAPE_PAIRS.split()
_FUZZY: Final = (("zh", "z"), ("ch", "c"), ("sh", "s"), ("n", "l"), ("h", "f"), ("r", "l"))
_FUZZY_ENDS: Final = (("ang", "an"), ("eng", "en"), ("ing", "in"))


def resident_records(count: int, *, seed: int = 1) -> tuple[pa.Table, pa.Table]:
    """Records of `count` residents and the truth about each.

    Returns
    -------
    (records with the columns of the resident schema; truth: source, record_id, entity_id,
    household_id, twin_of, causes separated by spaces)
    """
    chance = random.Random(seed + 1000)
    rows: list[dict[str, Any]] = []
    truth: list[dict[str, Any]] = []
    for person in people(count, seed=seed):
        held = [name for name, each in _SYSTEMS.items() if chance.random() < each.coverage]
        held = held or [chance.choice(list(_SYSTEMS))]
        for name in held:
            times = 1 + (chance.random() < _SYSTEMS[name].again)
            for _ in range(times):
                row, causes = _record(chance, name, person)
                record_id = f"{len(rows):08d}"
                rows.append({"record_id": record_id, "source": name, **row})
                truth.append(
                    {
                        "source": name, "record_id": record_id, "entity_id": f"p{person.number}",
                        "household_id": person.household, "twin_of": person.twin,
                        "causes": " ".join(causes),
                    }
                )  # fmt: skip
    order = list(range(len(rows)))
    chance.shuffle(order)
    return pa.Table.from_pylist([rows[i] for i in order]), pa.Table.from_pylist(
        [truth[i] for i in order]
    )


def _record(
    chance: random.Random, system_name: str, person: Person
) -> tuple[dict[str, Any], list[str]]:
    system = _SYSTEMS[system_name]
    causes: list[str] = []
    row = {
        "name": _name(chance, system, person, causes),
        "id_number": _id(chance, system, person, causes),
        "birth_date": _birth_date(chance, system, person, causes),
        "gender": _sex(chance, system, person, causes),
        "phone": _phone(chance, system, person, causes),
        **_address(chance, system, person, causes),
        "mother_id_number": None,
    }
    if (
        person.age <= 2
        and person.mother is not None
        and system_name in ("hospital", "health_records")
    ):
        if chance.random() < 0.35:
            _as_newborn(chance, row, person, causes)
        elif chance.random() < 0.6:
            row["mother_id_number"] = person.mother.id_number
    if system_name == "hospital" and chance.random() < 0.0003:
        row |= {"name": "无名氏", "id_number": None, "birth_date": None, "phone": None}
        causes.append("unknown_person")
    return row, causes


def _as_newborn(
    chance: random.Random, row: dict[str, Any], person: Person, causes: list[str]
) -> None:
    assert person.mother is not None
    mother = person.mother
    word = "子" if person.sex == "m" else "女"
    suffix = {-1: ""}.get(person.twin, "大" if person.twin > person.number else "小")
    row["name"] = f"{mother.surname}{mother.given}之{suffix}{word}"
    row["id_number"] = None
    row["birth_date"] = f"{person.born:%Y-%m-%d}"
    row["phone"] = mother.phone
    row["mother_id_number"] = mother.id_number if chance.random() < 0.7 else None
    causes[:] = [each for each in causes if "address" in each] + ["newborn"]


def _name(chance: random.Random, system: System, person: Person, causes: list[str]) -> str:
    written = _full_name(person.surname, person.given)
    draw = chance.random()
    if draw >= system.name:
        if system.name > 0.01 and chance.random() < 0.006:
            causes.append("name_traditional")
            return "".join(_TRADITIONAL.get(each, each) for each in written)
        if system.name > 0.01 and chance.random() < 0.003:
            causes.append("name_pinyin")
            return _in_pinyin(person)
        return written
    kind = chance.random()
    if kind < 0.06:
        causes.append("name_order")
        return person.given + person.surname
    if kind < 0.14 and len(written) > 2:
        causes.append("name_missing_character")
        place = chance.randrange(1, len(written))
        return written[:place] + written[place + 1 :]
    if kind < 0.18:
        causes.append("name_extra_character")
        place = chance.randrange(1, len(written) + 1)
        return written[:place] + chance.choice(_characters()) + written[place:]
    if kind < 0.21:
        causes.append("name_masked_character")
        place = chance.randrange(1, len(written))
        return written[:place] + chance.choice("?*") + written[place + 1 :]
    return _with_wrong_character(chance, written, causes)


def _full_name(surname: str, given: str) -> str:
    if given.startswith("·"):
        return given[1:] + "·" + surname + "提"
    return surname + given


def _in_pinyin(person: Person) -> str:
    surname = "".join(lazy_pinyin(person.surname))
    given = "".join(lazy_pinyin(person.given.strip("·")))
    return f"{surname} {given}"


def _with_wrong_character(chance: random.Random, written: str, causes: list[str]) -> str:
    weights = [1 if place == 0 else 3 for place in range(len(written))]
    place = chance.choices(range(len(written)), weights)[0]
    character = written[place]
    draw = chance.random()
    kinds = (
        ("homophone", 0.536),
        ("tone", 0.76),
        ("fuzzy", 0.841),
        ("shape", 0.873),
        ("other", 1.0),
    )
    kind = next(name for name, up_to in kinds if draw < up_to)
    other = _replacement(chance, kind, character)
    if other is None:
        kind, other = "other", chance.choice(_characters())
    causes.append(f"name_{kind}")
    return written[:place] + other + written[place + 1 :]


def _replacement(chance: random.Random, kind: str, character: str) -> str | None:
    by_sound, by_syllable = _sounds()
    sound = pinyin(character, style=Style.TONE3)[0][0]
    syllable = sound.rstrip("12345")
    if kind == "homophone":
        choices = [each for each in by_sound.get(sound, "") if each != character]
    elif kind == "tone":
        choices = [each for each in by_syllable.get(syllable, "") if each not in by_sound[sound]]
    elif kind == "fuzzy":
        choices = [each for fuzzy in _fuzzy_sounds(syllable) for each in by_syllable.get(fuzzy, "")]
    elif kind == "shape":
        choices = [pair.replace(character, "", 1)[:1] for pair in _SHAPES if character in pair]
    else:
        choices = [chance.choice(_characters())]
    choices = [each for each in choices if each and each != character]
    return chance.choice(choices) if choices else None


def _fuzzy_sounds(syllable: str) -> list[str]:
    found = []
    for one, other in _FUZZY:
        for a, b in ((one, other), (other, one)):
            if syllable.startswith(a) and not (len(a) == 1 and syllable[1:2] == "h"):
                found.append(b + syllable[len(a) :])
    for one, other in _FUZZY_ENDS:
        for a, b in ((one, other), (other, one)):
            if syllable.endswith(a):
                found.append(syllable[: -len(a)] + b)
    return found


@lru_cache(maxsize=1)
def _characters() -> str:
    """The 3,755 common characters, level 1 of GB 2312."""
    codes = (bytes((row, cell)) for row in range(0xB0, 0xD8) for cell in range(0xA1, 0xFF))
    return "".join(code.decode("gb2312", "ignore") for code in codes)


@lru_cache(maxsize=1)
def _sounds() -> tuple[dict[str, str], dict[str, str]]:
    by_sound: dict[str, str] = {}
    by_syllable: dict[str, str] = {}
    for character in _characters():
        sound = pinyin(character, style=Style.TONE3)[0][0]
        by_sound[sound] = by_sound.get(sound, "") + character
        syllable = sound.rstrip("12345")
        by_syllable[syllable] = by_syllable.get(syllable, "") + character
    return by_sound, by_syllable


def _id(chance: random.Random, system: System, person: Person, causes: list[str]) -> str | None:
    number = person.id_number
    no_id = max(system.no_id, 0.7 if person.age < 1 else 0.0)
    if chance.random() < no_id:
        causes.append("id_missing")
        return None
    if chance.random() < system.id_error:
        kind = chance.random()
        if kind < 0.3 and person.family:
            causes.append("id_of_family")
            return chance.choice(person.family).id_number
        if kind < 0.5:
            causes.append("id_transposed")
            places = [at for at in range(6, 16) if number[at] != number[at + 1]]
            at = chance.choice(places)
            return number[:at] + number[at + 1] + number[at] + number[at + 2 :]
        causes.append("id_one_digit")
        at = chance.randrange(17)
        digit = chance.choice([each for each in "0123456789" if each != number[at]])
        return number[:at] + digit + number[at + 1 :]
    if person.born.year < 1985 and chance.random() < system.old_id:
        causes.append("id_15")
        return number[:6] + number[8:17]
    return number


def _birth_date(chance: random.Random, system: System, person: Person, causes: list[str]) -> str:
    born = person.born
    if chance.random() < system.birth:
        kind = chance.random()
        if kind < 0.15 and born.day <= 12 and born.day != born.month:
            causes.append("birth_day_month")
            born = date(born.year, born.day, born.month)
        elif kind < 0.45:
            causes.append("birth_year")
            born = _shifted(born, chance.choice((-2, -1, -1, 1, 1, 2, 10)))
        elif kind < 0.65:
            causes.append("birth_01_01")
            born = date(born.year, 1, 1)
        elif kind < 0.85:
            causes.append("birth_lunar")
            born -= timedelta(days=chance.randrange(21, 51))
        else:
            causes.append("birth_digit")
            born += timedelta(days=chance.choice((-10, -1, 1, 10)))
    return f"{born:%Y-%m-%d}" if chance.random() < 0.7 else f"{born:%Y%m%d}"


def _shifted(born: date, years: int) -> date:
    year = min(born.year + years, TODAY.year)
    return date(year, born.month, min(born.day, 28))


def _sex(chance: random.Random, system: System, person: Person, causes: list[str]) -> str:
    sex = person.sex
    if chance.random() < system.sex:
        causes.append("sex_wrong")
        sex = "f" if sex == "m" else "m"
    return {"m": "男", "f": "女"}[sex] if chance.random() < 0.5 else {"m": "1", "f": "2"}[sex]


def _phone(chance: random.Random, system: System, person: Person, causes: list[str]) -> str | None:
    if chance.random() < system.no_phone:
        causes.append("phone_missing")
        return None
    if chance.random() < system.old_phone:
        causes.append("phone_old")
        return person.old_phone
    if person.family and chance.random() < system.kin_phone:
        causes.append("phone_of_family")
        return chance.choice(person.family).phone
    return person.phone


def _address(
    chance: random.Random, system: System, person: Person, causes: list[str]
) -> dict[str, str | None]:
    home = person.home
    if chance.random() < system.old_address:
        causes.append("address_old")
        home = person.old_home
    region = home.county_code if chance.random() < 0.9 else None
    if chance.random() < system.no_address:
        causes.append("address_missing")
        return {"region_code": region, "address": None}
    if chance.random() < system.short_address:
        causes.append("address_short")
        start = home.county.index("市") + 1
        text = home.rest if chance.random() < 0.5 else home.county[start:] + home.rest
        if "号楼" in text and chance.random() < 0.5:
            text = text.replace("号楼", "-").replace("单元", "-").replace("室", "")
        return {"region_code": region, "address": text}
    return {"region_code": region, "address": home.county + home.rest}
