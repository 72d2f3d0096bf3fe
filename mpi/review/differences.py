"""Where two values differ, to the character: for people to see a slip at a glance.

Chinese characters are set beside each other by sound and shape, numbers digit by digit, dates by
year, month and day. What only writes one value in another way (blanks, hyphens, full-width
digits) is no difference. The spans of a value, joined, are the value.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from difflib import SequenceMatcher
from functools import lru_cache
from typing import Final

from mpi.review.types import Span
from person.han import CHARACTER_BASE, han_tables

__all__ = ["difference_spans", "name_syllables"]

ALIGNED_CHARACTERS_MAX: Final = 64
"""Longer values are set beside each other by their common stretches."""

SAME, DIFFERS, MISSING = "same", "differs", "missing"
TONE, SOUND, SHAPE, TRANSPOSED = "tone", "sound", "shape", "transposed"

_NUMBER_KINDS: Final = frozenset({"national_id", "phone", "identifier", "region"})
_DATE: Final = re.compile(r"\D*(\d{4})\D?(\d{1,2})\D?(\d{1,2})\D*")
Marks = list[str]
"""One mark a character."""


def difference_spans(
    kind: str, left: str | None, right: str | None, *, is_equal: bool = False
) -> tuple[tuple[Span, ...], tuple[Span, ...]]:
    """Two values of one field, cut up where they differ.

    Parameters
    ----------
    kind : of the field
    left, right : the values as printed, None for one that is missing
    is_equal : they mean the same, however they are written

    Returns
    -------
    (spans of the left value, spans of the right one)
    """
    if not left or not right:
        return _whole(left, MISSING), _whole(right, MISSING)
    if is_equal or left == right:
        return _whole(left, SAME), _whole(right, SAME)
    marks = _marks(kind, left, right)
    return _spans(left, marks[0]), _spans(right, marks[1])


def _whole(value: str | None, mark: str) -> tuple[Span, ...]:
    return (Span(value, mark),) if value else ()


def _spans(value: str, marks: Marks) -> tuple[Span, ...]:
    assert len(value) == len(marks)
    spans: list[Span] = []
    start = 0
    for place in range(1, len(value) + 1):
        if place == len(value) or marks[place] != marks[start]:
            spans.append(Span(value[start:place], marks[start]))
            start = place
    return tuple(spans)


def _marks(kind: str, left: str, right: str) -> tuple[Marks, Marks]:
    if kind == "han_name":
        return _aligned(left, right, _names_apart)
    if kind == "date":
        found = _date_marks(left, right)
        if found is not None:
            return found
    if kind in ("gender", "category"):
        return [DIFFERS] * len(left), [DIFFERS] * len(right)
    if kind in _NUMBER_KINDS or kind == "date":
        return _aligned(left, right, _apart, is_number=True)
    return _aligned(left, right, _apart)


# ---------------------------------------------------------------------- dates


def _date_marks(left: str, right: str) -> tuple[Marks, Marks] | None:
    """Marks of two full dates, part by part; None where one is no full date."""
    found = _DATE.fullmatch(_folded(left)), _DATE.fullmatch(_folded(right))
    if found[0] is None or found[1] is None or len(_folded(left)) != len(left):
        return None
    if len(_folded(right)) != len(right):
        return None
    ours, theirs = ([int(part) for part in each.groups()] for each in found if each is not None)
    marks = [SAME] * len(left), [SAME] * len(right)
    is_swapped = ours[1:] == theirs[:0:-1] and ours[1] != ours[2]
    for part in range(3):
        if ours[part] == theirs[part]:
            continue
        for side, each in enumerate(found):
            assert each is not None
            low, high = each.span(part + 1)
            marks[side][low:high] = [TRANSPOSED if is_swapped and part else DIFFERS] * (high - low)
        if not (is_swapped and part):
            _narrow(found, marks, part + 1)
    return marks


def _narrow(found: Sequence[re.Match[str] | None], marks: tuple[Marks, Marks], part: int) -> None:
    """Within a part of equal length only the digits that differ are marked."""
    assert found[0] is not None
    assert found[1] is not None
    one, other = found[0].group(part), found[1].group(part)
    if len(one) != len(other):
        return
    inside = _aligned(one, other, _apart)
    for side, each in enumerate(found):
        assert each is not None
        low, high = each.span(part)
        marks[side][low:high] = inside[side]


# ---------------------------------------------------------------------- characters


@lru_cache(maxsize=1 << 12)
def _folded(text: str) -> str:
    """Full-width forms and capitals as plain ones, character by character."""
    folded = [unicodedata.normalize("NFKC", each).casefold() for each in text]
    return "".join(f if len(f) == 1 else each for f, each in zip(folded, text, strict=True))


def _aligned(
    left: str,
    right: str,
    apart: Callable[[str, str, bool], str],
    *,
    is_number: bool = False,
) -> tuple[Marks, Marks]:
    """Marks of two texts, one a character; blanks and signs count for nothing."""
    marks = [SAME] * len(left), [SAME] * len(right)
    places = _significant(left, is_number), _significant(right, is_number)
    one = [_folded(left)[place] for place in places[0]]
    other = [_folded(right)[place] for place in places[1]]
    if max(len(one), len(other)) > ALIGNED_CHARACTERS_MAX:
        steps = _stretches(one, other)
    else:
        steps = _edits(one, other)
    for kind, i, j in steps:
        if kind == "same":
            continue
        if kind == "transposed":
            for side, at in enumerate((i, j)):
                for place in places[side][at : at + 2]:
                    marks[side][place] = TRANSPOSED
        elif kind == "replaced":
            mark = apart(one[i], other[j], i == 0 and j == 0)
            marks[0][places[0][i]] = marks[1][places[1][j]] = mark
        elif kind == "left":
            marks[0][places[0][i]] = DIFFERS
        else:
            marks[1][places[1][j]] = DIFFERS
    return marks


def _significant(text: str, is_number: bool) -> list[int]:
    """Places of the characters that count."""
    if is_number:
        found = [place for place, each in enumerate(text) if each.isalnum()]
    else:
        found = [place for place, each in enumerate(text) if not each.isspace()]
    return found or list(range(len(text)))


def _apart(one: str, other: str, _is_first: bool) -> str:
    return SAME if one == other else DIFFERS


def _stretches(one: Sequence[str], other: Sequence[str]) -> list[tuple[str, int, int]]:
    """Steps between long texts, by their common stretches."""
    steps: list[tuple[str, int, int]] = []
    matcher = SequenceMatcher(None, one, other, autojunk=False)
    for kind, a, b, c, d in matcher.get_opcodes():
        if kind != "equal":
            steps += [("left", i, c) for i in range(a, b)]
            steps += [("right", a, j) for j in range(c, d)]
    return steps


def _edits(one: Sequence[str], other: Sequence[str]) -> list[tuple[str, int, int]]:
    """The fewest edits between two texts; swapped neighbours are one edit.

    What both begin and end with is set aside: of two addresses that is most, and the table of
    costs has as many cells as both have characters, multiplied.
    """
    last = 0
    while last < min(len(one), len(other)) and one[-1 - last] == other[-1 - last]:
        last += 1
    one, other = one[: len(one) - last], other[: len(other) - last]
    first = 0
    while first < min(len(one), len(other)) and one[first] == other[first]:
        first += 1
    steps = _edits_between(one[first:], other[first:])
    return [(kind, i + first, j + first) for kind, i, j in steps]


def _edits_between(one: Sequence[str], other: Sequence[str]) -> list[tuple[str, int, int]]:
    """The same of two texts that begin and end unlike."""
    n, m = len(one), len(other)
    cost = [[0] * (m + 1) for _ in range(n + 1)]
    for i in range(n + 1):
        for j in range(m + 1):
            if not i or not j:
                cost[i][j] = i + j
                continue
            best = min(
                cost[i - 1][j - 1] + (one[i - 1] != other[j - 1]),
                cost[i - 1][j] + 1,
                cost[i][j - 1] + 1,
            )
            if _is_swap(one, other, i, j):
                best = min(best, cost[i - 2][j - 2] + 1)
            cost[i][j] = best
    return _walk_back(one, other, cost)


def _is_swap(one: Sequence[str], other: Sequence[str], i: int, j: int) -> bool:
    is_there = i > 1 and j > 1 and one[i - 1] == other[j - 2] and one[i - 2] == other[j - 1]
    return is_there and one[i - 1] != one[i - 2]


def _walk_back(
    one: Sequence[str], other: Sequence[str], cost: list[list[int]]
) -> list[tuple[str, int, int]]:
    steps: list[tuple[str, int, int]] = []
    i, j = len(one), len(other)
    while i or j:
        now = cost[i][j]
        if i and j and one[i - 1] == other[j - 1] and now == cost[i - 1][j - 1]:
            i, j = i - 1, j - 1
            steps.append(("same", i, j))
        elif _is_swap(one, other, i, j) and now == cost[i - 2][j - 2] + 1:
            i, j = i - 2, j - 2
            steps.append(("transposed", i, j))
        elif i and j and now == cost[i - 1][j - 1] + 1:
            i, j = i - 1, j - 1
            steps.append(("replaced", i, j))
        elif i and now == cost[i - 1][j] + 1:
            i -= 1
            steps.append(("left", i, j))
        else:
            j -= 1
            steps.append(("right", i, j))
    return steps


# ---------------------------------------------------------------------- Chinese characters


def _unit(character: str) -> int:
    """Unit of a character, 0 where it is none of the Han table."""
    units = han_tables().code_units
    point = ord(character)
    unit = int(units[point]) if point < len(units) else 0
    return unit & 0x7FFF if (unit & 0x7FFF) >= CHARACTER_BASE else 0


def _names_apart(one: str, other: str, is_surname: bool) -> str:
    """How two characters of a name differ."""
    left, right = _unit(one), _unit(other)
    if not left or not right:
        return SAME if one == other else DIFFERS
    if left == right:
        return SAME  # variant forms of one character
    tables = han_tables()
    column = tables.surname_syllable if is_surname else tables.syllable
    if column[left] and column[left] == column[right]:
        return SOUND if tables.tone[left] == tables.tone[right] else TONE
    near = tables.similar_units[tables.similar_offsets[left] : tables.similar_offsets[left + 1]]
    return SHAPE if right in near.tolist() else DIFFERS


_MARKED: Final = {
    "a": "āáǎà",
    "e": "ēéěè",
    "i": "īíǐì",
    "o": "ōóǒò",
    "u": "ūúǔù",
    "ü": "ǖǘǚǜ",
}


_SURNAME_TONES: Final = {
    **dict.fromkeys("曾区查", 1),
    **dict.fromkeys("仇任朴覃翟繁种", 2),
    **dict.fromkeys("盖冼洗葛", 3),
    **dict.fromkeys("单尉解华乐缪召员宁", 4),
}
"""Tones of surnames that are read otherwise than the character is."""


def _surname_tone(unit: int, character: str) -> int:
    """The tone of a character as a surname, 0 where the tables do not tell it."""
    tables = han_tables()
    if character in _SURNAME_TONES:
        return _SURNAME_TONES[character]
    is_usual = tables.surname_syllable[unit] == tables.syllable[unit]
    return int(tables.tone[unit]) if is_usual else 0


def _with_tone(syllable: str, tone: int) -> str:
    """A syllable with its tone mark: 'lv', 3 -> 'lǚ'."""
    text = syllable.replace("v", "ü")
    if not 1 <= tone <= 4:
        return text
    if "a" in text or "e" in text:
        place = text.index("a") if "a" in text else text.index("e")
    elif "ou" in text:
        place = text.index("o")
    else:
        vowels = [at for at, letter in enumerate(text) if letter in _MARKED]
        if not vowels:
            return text
        place = vowels[-1]
    return text[:place] + _MARKED[text[place]][tone - 1] + text[place + 1 :]


def name_syllables(name: str) -> tuple[str, ...] | None:
    """Syllables of a Chinese name with tone marks, one a character; None where it has none.

    Parameters
    ----------
    name : as written; '' for a character without a reading
    """
    tables = han_tables()
    characters = [each for each in name if not each.isspace()]
    units = [_unit(each) for each in characters]
    if not any(units):
        return None
    found = _compound_surname(units, characters)
    is_single = not found
    for unit, character in list(zip(units, characters, strict=True))[len(found) :]:
        is_surname = is_single and not found
        column = tables.surname_syllable if is_surname else tables.syllable
        syllable = tables.syllables[int(column[unit])] if unit else ""
        tone = _surname_tone(unit, character) if is_surname else int(tables.tone[unit])
        found.append(_with_tone(syllable, tone) if syllable else "")
    return tuple(found)


def _compound_surname(units: list[int], characters: list[str]) -> list[str]:
    """Syllables of the compound surname that a name begins with, [] without one."""
    tables = han_tables()
    for row, syllables in zip(
        tables.compound_units.tolist(), tables.compound_syllables.tolist(), strict=True
    ):
        length = sum(1 for unit in row if unit)
        if length < 2 or len(units) <= length or units[:length] != row[:length]:
            continue
        found = []
        for unit, number, character in zip(row, syllables, characters, strict=False):
            if not unit:
                break
            is_usual = number == int(tables.syllable[unit])
            tone = int(tables.tone[unit]) if is_usual else _SURNAME_TONES.get(character, 0)
            found.append(_with_tone(tables.syllables[number], tone))
        return found
    return []
