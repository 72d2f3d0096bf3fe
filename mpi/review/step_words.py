"""The steps of a weight in a few words of Chinese and English."""

from __future__ import annotations

from typing import Final

from mpi.pair_guards import HELD_APART

__all__ = ["decision_of", "step_words", "words_key"]

_FIELDS: Final = {
    "name": ("姓名", "name"),
    "identity": ("证件号码、出生日期与性别", "id number, birth date and sex"),
    "id_number": ("证件号码", "id number"),
    "birth_date": ("出生日期", "birth date"),
    "gender": ("性别", "sex"),
    "phone": ("电话", "phone"),
    "address": ("地址", "address"),
    "region_code": ("行政区划", "region"),
    "former_name": ("曾用名", "former name"),
    "health_card": ("健康卡号", "health card"),
    "mother_id_number": ("母亲证件号码", "mother's id number"),
    "birth_certificate": ("出生医学证明", "birth certificate"),
    "prior": ("随机两条记录是同一人的可能", "chance that two random records match"),
    "household": ("同住亲属", "household"),
}
_LEVELS: Final = {
    "exact": ("完全一致", "exactly the same"),
    "same": ("一致", "the same"),
    "else": ("不同", "different"),
    "missing": ("缺失，不计", "missing, counts for nothing"),
    "same syllables": ("同音", "same sound"),
    "fuzzy syllables/similar character": ("音近或形近", "similar sound or shape"),
    "one character/swapped": ("一字之差或字序颠倒", "one character differs or swapped"),
    "one given character": ("名中一字相同", "one given-name character in common"),
    "given only": ("仅名相同", "only the given name agrees"),
    "surname only": ("仅姓相同", "only the surname agrees"),
    "one digit": ("一位数字不同", "one digit differs"),
    "transposed": ("相邻两位颠倒", "two neighbouring digits swapped"),
    "sequence differs": ("仅顺序码不同", "only the sequence code differs"),
    "same birth date": ("号码中出生日期相同", "same birth date in the number"),
    "day month swapped/transposed digits": (
        "日月颠倒或数字颠倒",
        "day and month or digits swapped",
    ),
    "compatible partial": ("部分一致，不矛盾", "partly known, no contradiction"),
    "near": ("相近", "near"),
    "two digits": ("两位数字不同", "two digits differ"),
    "year only": ("仅年相同", "only the year agrees"),
    "month and day": ("月日相同", "month and day agree"),
    "year and day": ("年日相同", "year and day agree"),
    "two digits with year": ("年相同，两位不同", "same year, two digits differ"),
    "any shared": ("有共同号码", "one number in common"),
    "same county": ("同县区", "same county"),
    "same prefecture": ("同地市", "same prefecture"),
    "same province": ("同省", "same province"),
    "most grams": ("大部分相同", "mostly the same"),
    "same numbers some grams": ("门牌相同，文字部分相同", "same numbers, some words in common"),
    "most grams other numbers": ("文字相同，门牌不同", "same words, other numbers"),
    "some grams": ("部分相同", "partly the same"),
    "could be two of one household": ("可能是同户两人", "could be two of one household"),
    "not like two of one household": ("不像同户两人", "not like two of one household"),
}


def words_key(comparison: str, level: str, bits: float) -> str:
    """Which sentence fits a step: a key of the word tables.

    Parameters
    ----------
    comparison, level : of the step, as `mpi.waterfall` names them
    bits : what it adds
    """
    if comparison in ("prior", "household"):
        if comparison == "prior":
            return "prior"
        return "household_like" if level.startswith("could") else "household_unlike"
    if level == "missing":
        return "missing"
    parts = [part.rpartition(": ")[2] for part in level.split(", ")]
    if all(part in ("exact", "same") for part in parts):
        return "agrees"
    if "else" in parts and bits <= 0:
        return "differs"
    return "close"


def step_words(comparison: str, level: str) -> tuple[str, str]:
    """A step in Chinese and in English.

    Parameters
    ----------
    comparison, level : of the step, as `mpi.waterfall` names them
    """
    name = _FIELDS.get(comparison, (comparison.replace("_", " "),) * 2)
    if comparison == "prior":
        return name
    said: tuple[list[str], list[str]] = ([], [])
    for part in level.split(", "):
        field, _, label = part.rpartition(": ")
        words = _LEVELS.get(label, (label, label))
        for language in (0, 1):
            prefix = ""
            if field:
                prefix = _FIELDS.get(field, (field.replace("_", " "),) * 2)[language]
            glue = "" if not prefix else ("" if language == 0 else " ")
            said[language].append(f"{prefix}{glue}{words[language]}")
    return f"{name[0]}：{'，'.join(said[0])}", f"{name[1]}: {', '.join(said[1])}"


def decision_of(weight: float, refusal: str | None, link: float, review: float) -> str:
    """What the weight alone would say: 'link', 'review' or 'separate'.

    Parameters
    ----------
    weight, refusal : of the pair
    link, review : the two lines
    """
    if weight >= link and refusal is None:
        return "link"
    # Two records under one number are asked about however little else agrees.
    return "review" if weight >= review or refusal in HELD_APART else "separate"
