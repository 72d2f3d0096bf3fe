"""Made-up residents of one Chinese region: households, their names, numbers, phones and homes.

Rates are those of published figures, rounded; nothing is tuned to the engine. The surname curve
has sum p^2 = 0.027 (top ten 43 %, top hundred 86 %), one-character given names 5 to 37 % by
cohort, households a mean of 2.6, twins 18.8 per 1,000 births, one resident in three lives away
from the county of the register, adults were numbered in the order of registration.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from itertools import accumulate
from typing import Final

__all__ = ["Home", "Person", "id_number", "people"]

TODAY: Final = date(2023, 7, 1)

_SURNAMES: Final = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏"
    "魏吕丁任沈姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵"
    "万钱严覃武戴莫孔向汤温常康施文牛樊葛邢安齐易乔伍庞颜倪庄聂章鲁岳翟殷詹欧申关兰焦俞左柳甘祝包宁尚符舒阮柯纪梅童凌毕单季裴霍涂成苗谷曲盛冉翁"
    "蓝路游靳欧管柴蒙鲍华喻祁蒲房滕屈饶解牟艾尤阳时穆农司卓古吉简车项连芦麦褚娄窦戚查仇区朴"
)
_SURNAME_PERMILLE: Final = (
    72,
    71,
    68,
    53,
    45,
    30,
    22,
    22,
    20,
    19,
    15,
    14,
    12,
    12,
    12,
    11,
    11,
    10,
    10,
    9,
)
_COMPOUND: Final = ("欧阳", "上官", "皇甫", "令狐", "诸葛", "司徒", "司马", "尉迟")
_MALE: Final = (
    "明伟军建华文国志海峰强平东晓杰永勇林龙辉涛斌俊波鹏春新刚飞成小金亮忠玉超德荣庆生宇光立磊云红祥"
    "洪宏振良民锋兵江兴学松利卫健宝浩胜凯阳清敏旭福正彬世长亚广中君瑞武鑫剑安家大义智佳青宁洋昌山全"
    "毅博进坤维泽雷继天星贵雄友元富树子翔英根虎远顺少仁冬栋雪保彦晨传康威耀喜朝才培群爱宗一发克力贤"
)
_FEMALE: Final = (
    "丽红晓华玲艳燕芳英梅娟霞玉萍静小文婷秀敏春云莉慧兰琴丹雪娜海凤美珍平佳亚明淑金洁琳君荣晶颖芬爱"
    "桂建伟青莹媛倩花秋利月香惠雅志翠林雯杰俊清新莲菊蓉瑞琼素欣飞梦彩珊冬永朋军宇国宁辉璐群蕾楠立思"
    "菲芹怡阳波娇薇庆芝虹雨东巧晨冰琪宏洪妮婧娥维超旭会宝子彦欢琦瑶妍妹茜茹卫园峰珠银洋嘉莎佩学鑫培"
)
_YOUNG_MALE: Final = (
    "宇轩浩辰子梓泽奕沐宸博然航豪睿晨俊涵文昊铭皓天佑瑞嘉一诺亦茗阳家乐恩逸明思诚霖恒煜"
)
_YOUNG_FEMALE: Final = (
    "涵梓欣怡一诺依语桐雨妍可汐若诗艺苡沫瑶萱琪妙佳思雅菲彤晨嘉悦馨雪梦心悠然芮月瑾婉柠"
)
_FAVOURITES: Final = {
    "m": (
        "伟",
        "强",
        "军",
        "勇",
        "杰",
        "涛",
        "超",
        "建国",
        "建华",
        "志强",
        "建军",
        "志明",
        "浩宇",
        "子轩",
    ),
    "f": (
        "静",
        "敏",
        "芳",
        "丽",
        "娜",
        "艳",
        "秀英",
        "桂英",
        "秀兰",
        "玉兰",
        "欣怡",
        "梓涵",
        "子涵",
        "雨桐",
    ),
}
_UYGHUR: Final = (
    "买买提",
    "艾买提",
    "阿不都",
    "热合曼",
    "吐尔逊",
    "古丽",
    "阿依",
    "克里木",
    "玉素甫",
    "帕提古丽",
)
_ROADS: Final = "人民建设中山解放和平新华文化胜利光明团结友谊长江黄河北京青年朝阳东风红旗幸福滨河"
_ESTATES: Final = "阳光花园锦绣江南金色家园东方明珠世纪新城翠湖名苑龙湖学府丽景嘉园绿地水岸御景湾"
_VILLAGES: Final = "大王张李赵刘家庄村河湾桥口集坡沟岭寨前后东西上下石柳杨"
_COUNTIES: Final = (
    ("410102", "河南省郑州市中原区"), ("410103", "河南省郑州市二七区"),
    ("410105", "河南省郑州市金水区"), ("410122", "河南省郑州市中牟县"),
    ("410181", "河南省郑州市巩义市"), ("410182", "河南省郑州市荥阳市"),
    ("410202", "河南省开封市龙亭区"), ("410221", "河南省开封市杞县"),
    ("410222", "河南省开封市通许县"), ("410225", "河南省开封市兰考县"),
)  # fmt: skip
_FAR: Final = (
    ("411502", "河南省信阳市浉河区"), ("411302", "河南省南阳市宛城区"),
    ("130102", "河北省石家庄市长安区"), ("320102", "江苏省南京市玄武区"),
    ("420102", "湖北省武汉市江岸区"), ("440103", "广东省广州市荔湾区"),
    ("510104", "四川省成都市锦江区"), ("610102", "陕西省西安市新城区"),
)  # fmt: skip
_ID_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_ONE_CHARACTER: Final = (
    (1960, 0.05),
    (1970, 0.09),
    (1980, 0.16),
    (1990, 0.33),
    (2000, 0.37),
    (2010, 0.25),
)
# Members of a household: weight, adults of the middle generation, children, old people.
_HOUSEHOLDS: Final = (
    (19, 1, 0, 0), (7, 0, 0, 1), (12, 2, 0, 0), (9, 0, 0, 2), (22, 2, 1, 0), (13, 2, 2, 0),
    (5, 1, 1, 0), (6, 2, 1, 1), (4, 2, 2, 2), (3, 2, 3, 0),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Home:
    """Where somebody lives: county code, county, rest of the address."""

    county_code: str
    county: str
    rest: str


@dataclass(slots=True, kw_only=True)
class Person:
    """One resident as the truth has them."""

    number: int
    household: int
    surname: str
    given: str
    sex: str
    born: date
    id_number: str
    phone: str
    old_phone: str
    home: Home
    old_home: Home
    twin: int = -1
    mother: Person | None = None
    family: list[Person] = field(default_factory=list)

    @property
    def age(self) -> int:
        return (TODAY - self.born).days // 365


def id_number(body: str) -> str:
    """Seventeen digits and their check digit."""
    total = sum(int(digit) * weight for digit, weight in zip(body, _ID_WEIGHTS, strict=True))
    return body + "10X98765432"[total % 11]


def people(count: int, *, seed: int = 1) -> list[Person]:
    """The first `count` residents of a made-up region; pure function of its arguments."""
    chance = random.Random(seed)
    made: list[Person] = []
    used: set[str] = set()
    for household, (adults, children, old) in enumerate(_household_shapes(chance)):
        made += _household(chance, household, len(made), (adults, children, old), used)
        if len(made) >= count:
            return made[:count]
    raise AssertionError


def _household_shapes(chance: random.Random) -> Iterator[tuple[int, int, int]]:
    weights = [shape[0] for shape in _HOUSEHOLDS]
    while True:
        yield chance.choices(_HOUSEHOLDS, weights)[0][1:]


def _household(
    chance: random.Random, household: int, first: int, shape: tuple[int, int, int], used: set[str]
) -> list[Person]:
    adults, children, old = shape
    home = _home(chance, chance.choice(_COUNTIES))
    middle_born = _day(chance, 1968, 2000 if not children else 1996)
    members: list[Person] = []

    def add(surname: str, given: str, sex: str, born: date, number: str) -> Person:
        person = Person(
            number=first + len(members), household=household, surname=surname, given=given,
            sex=sex, born=born, id_number=number, phone="", old_phone="", home=home,
            old_home=_moved_from(chance, home),
        )  # fmt: skip
        members.append(person)
        return person

    def grown(born: date, sex: str, surname: str | None = None) -> Person:
        county = chance.choice(_COUNTIES + (_FAR if chance.random() < 0.3 else ()))[0]
        if chance.random() < 0.65:
            county = home.county_code
        name = surname or _surname(chance)
        return add(
            name, _given(chance, sex, born), sex, born, _number(chance, county, born, sex, used)
        )

    sexes = ["m", "f"] if adults + old > 1 or chance.random() < 0.5 else ["f", "m"]
    middle = [grown(middle_born + _years(chance, -4, 4), sex) for sex in sexes[:adults]]
    father = next((each for each in middle if each.sex == "m"), middle[0] if middle else None)
    mother = next((each for each in middle if each.sex == "f"), None)
    for place in range(old):
        born = middle_born - _years(chance, 22, 32) if adults else _day(chance, 1935, 1962)
        grown(born, sexes[place], father.surname if father and place == 0 else None)
    if children and father is not None:
        _children(chance, children, father, mother, middle_born, add, used)
    _phones(chance, members)
    for person in members:
        person.family = [each for each in members if each is not person]
    return members


def _children(chance, count, father, mother, middle_born, add, used) -> None:  # type: ignore[no-untyped-def]
    latest = (TODAY - middle_born).days - 20 * 365
    born = TODAY - timedelta(days=chance.randrange(20, max(min(latest, 20 * 365), 400)))
    surname = father.surname if mother is None or chance.random() < 12 / 13 else mother.surname
    generation = _character(chance, chance.choice("mf"), born) if chance.random() < 0.5 else ""
    made: list[Person] = []
    while len(made) < count:
        sex = "m" if chance.random() < 0.527 else "f"
        county = father.id_number[:6] if chance.random() < 0.8 else father.home.county_code
        is_twins = chance.random() < 0.0095
        previous = ""
        for place in range(2 if is_twins else 1):
            if place and chance.random() < 0.35:
                sex = "f" if sex == "m" else "m"
            previous = _number(chance, county, born, sex, used, after=previous)
            given = _given(chance, sex, born)
            while given in {each.given for each in made}:
                given = _given(chance, sex, born)
            if generation and len(given) == 2:
                given = generation + given[1]
            if any(each.given == given for each in made):
                given = _given(chance, sex, born)
            child = add(surname, given, sex, born, previous)
            child.mother = mother
            made.append(child)
        if is_twins:
            made[-1].twin, made[-2].twin = made[-2].number, made[-1].number
        born -= timedelta(days=chance.randrange(500, 2500))


def _phones(chance: random.Random, members: list[Person]) -> None:
    grown = [each for each in members if 14 <= each.age < 68] or members
    for person in members:
        person.old_phone = _phone(chance)
        is_dependent = person.age < 14 or (person.age >= 68 and chance.random() < 0.4)
        person.phone = "" if is_dependent and person not in grown else _phone(chance)
    for person in members:
        if not person.phone:
            person.phone = chance.choice(grown).phone or _phone(chance)


def _phone(chance: random.Random) -> str:
    prefix = chance.choice(("130", "135", "136", "137", "138", "139", "150", "151", "158", "159",
                            "176", "180", "182", "186", "187", "188", "189", "199"))  # fmt: skip
    return prefix + f"{chance.randrange(10**8):08d}"


def _surname(chance: random.Random) -> str:
    if chance.random() < 0.0009:
        return chance.choice(_COMPOUND)
    return chance.choices(_SURNAMES, cum_weights=_SURNAME_SUMS)[0]


def _surname_sums() -> list[float]:
    known = len(_SURNAME_PERMILLE)
    tail = [7.8 * (known / rank) ** 0.9 for rank in range(known, len(_SURNAMES))]
    return list(accumulate([*_SURNAME_PERMILLE, *tail]))


_SURNAME_SUMS: Final = _surname_sums()


def _given(chance: random.Random, sex: str, born: date) -> str:
    if chance.random() < 0.004:
        return "·" + chance.choice(_UYGHUR)
    if chance.random() < 0.06:
        return chance.choice(_FAVOURITES[sex])
    share = next((share for year, share in _ONE_CHARACTER if born.year < year), 0.07)
    first = _character(chance, sex, born)
    return first if chance.random() < share else first + _character(chance, sex, born)


def _character(chance: random.Random, sex: str, born: date) -> str:
    if born.year >= 2004 and chance.random() < 0.7:
        pool = _YOUNG_MALE if sex == "m" else _YOUNG_FEMALE
    elif chance.random() < 0.12:
        return chance.choice(_FEMALE if sex == "m" else _MALE)
    else:
        pool = _MALE if sex == "m" else _FEMALE
    return chance.choices(pool, cum_weights=_ZIPF[: len(pool)])[0]


_ZIPF: Final = list(accumulate(1.0 / (rank + 13.0) for rank in range(200)))


def _day(chance: random.Random, first_year: int, last_year: int) -> date:
    start = date(first_year, 1, 1)
    return start + timedelta(days=chance.randrange((date(last_year, 12, 31) - start).days))


def _years(chance: random.Random, low: int, high: int) -> timedelta:
    return timedelta(days=chance.randrange(low * 365, high * 365))


def _number(
    chance: random.Random, county: str, born: date, sex: str, used: set[str], *, after: str = ""
) -> str:
    """An unused number; `after` a twin's, the next of the right parity."""
    sequence = int(after[14:17]) + 1 if after else chance.randrange(1, 400)
    while True:
        sequence += (sequence % 2 == 1) != (sex == "m")
        body = f"{county}{born:%Y%m%d}{sequence % 1000:03d}"
        if body not in used:
            used.add(body)
            return id_number(body)
        sequence += 2


def _home(chance: random.Random, county: tuple[str, str]) -> Home:
    code, name = county
    if chance.random() < 0.3:
        village = "".join(chance.sample(_VILLAGES, 3))
        hamlet = "".join(chance.sample(_VILLAGES, 2))
        group, house = chance.randrange(1, 13), chance.randrange(1, 90)
        return Home(code, name, f"{village}镇{hamlet}村{group}组{house}号")
    start = chance.randrange(0, len(_ROADS), 2)
    road = _ROADS[start : start + 2] + chance.choice(("路", "街", "东路", "西路", "南路", "北路"))
    start = chance.randrange(0, len(_ESTATES) - 4, 4)
    estate = _ESTATES[start : start + 4]
    return Home(
        code, name,
        f"{road}{chance.randrange(1, 400)}号{estate}{chance.randrange(1, 40)}号楼"
        f"{chance.randrange(1, 5)}单元{chance.randrange(1, 33)}0{chance.randrange(1, 5)}室",
    )  # fmt: skip


def _moved_from(chance: random.Random, home: Home) -> Home:
    """An earlier home: the same county 4 in 10, the same region 4 in 10, else far away."""
    draw = chance.random()
    here = (home.county_code, home.county)
    county = here if draw < 0.4 else chance.choice(_COUNTIES if draw < 0.75 else _FAR)
    return replace(_home(chance, county))
