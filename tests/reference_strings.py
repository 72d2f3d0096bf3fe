"""Slow, obvious twins of the text, date and address encoders and comparators.

They work on Python strings and use rapidfuzz for the measures.
"""

from __future__ import annotations

import datetime
import re
import unicodedata

from rapidfuzz.distance import OSA, JaroWinkler, Levenshtein

PACKED = "abcdefghijklmnopqrstuvwxyz0123456789 -'./&#,@_+:()"
MARKS = " -'./&#,@_+:()"


def packed_words(text: str, word_count: int) -> list[int] | None:
    """Words of a normalised text, or None where it overflows."""
    if len(text) > 10 * word_count or any(character not in PACKED for character in text):
        return None
    codes = [PACKED.index(character) + 1 for character in text]
    codes += [0] * (10 * word_count - len(codes))
    words = []
    for first in range(0, len(codes), 10):
        word = 0
        for code in codes[first : first + 10]:
            word = word << 6 | code
        words.append(word)
    return words


def fold_latin(text: str) -> str:
    """Fold letters, accents, blanks; knows less than the encoder, for text of simple alphabets."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(c for c in decomposed if not unicodedata.combining(c))
    return " ".join(plain.split())


def compact(text: str) -> str:
    return "".join(character for character in text if character not in MARKS)


def words_of(text: str) -> list[str]:
    return [word for word in re.split(r"[ \-./&#,@_+:()]+", text) if word]


_FIRST_SOUND = dict(zip("abcdefghijklmnopqrstuvwxyz", "abkdafghajklmnapkrstavwzaz", strict=True))
_SOUND = dict(zip("abcdefghijklmnopqrstuvwxyz", "01230127022455012623017202", strict=True))


def sound(text: str) -> str:
    letters = "".join(character for character in text if character in _SOUND)
    if not letters:
        return ""
    if not text[0].isascii() or not text[0].isalpha():
        text = text[text.index(letters[0]) :]
    start = text[:2]
    first = {"gn": "n", "kn": "n", "pn": "n", "wr": "r", "ps": "s", "ph": "f"}.get(start, text[0])
    code, last = _FIRST_SOUND[first], _SOUND[first]
    for character in text[1:]:
        digit = _SOUND.get(character)
        if digit is None or digit == "7":
            continue
        if digit != "0" and digit != last:
            code += digit
        last = digit
    return code


def grade_name(a: str, b: str) -> str:
    if a == b:
        return "exact"
    short, long = sorted((a, b), key=len)
    if len(short) == 1:
        return "initial" if short == long[0] else "else"
    similarity = JaroWinkler.similarity(a, b)
    if len(long) >= 4 and OSA.distance(a, b) == 1:
        return "one_edit"
    if compact(a) == compact(b):
        return "one_edit"
    if similarity >= 0.92:
        return "near"
    if similarity >= 0.8 and sound(a) and sound(a) == sound(b):
        return "same_sound"
    if len(short) >= 3 and long.startswith(short):
        return "contained"
    if len(short) < len(long) and _holds_word(long, short):
        return "contained"
    return "similar" if similarity >= 0.8 else "else"


def _holds_word(text: str, word: str) -> bool:
    marks = f"[{re.escape(MARKS)}]"
    return re.search(f"(?:^|{marks}){re.escape(word)}(?:$|{marks})", text) is not None


def grade_identifier(a: str, b: str) -> str:
    if a == b:
        return "exact"
    short, long = sorted((a, b), key=len)
    if len(long) >= 3 and OSA.distance(a, b) == 1:
        return "one_edit" if Levenshtein.distance(a, b) == 1 else "transposed"
    if len(short) >= 6 and (long.startswith(short) or long.endswith(short)):
        return "two_edits"
    return "two_edits" if len(long) >= 5 and OSA.distance(a, b) <= 2 else "else"


def grade_text(a: str, b: str, common: set[str]) -> str:
    if a == b:
        return "exact"
    short, long = sorted((a, b), key=len)
    words_a, words_b = words_of(a), words_of(b)
    shared = [
        word for word in set(words_a) for _ in range(min(words_a.count(word), words_b.count(word)))
    ]
    telling = [word for word in shared if word not in common]
    most, least = max(len(words_a), len(words_b)), min(len(words_a), len(words_b))
    if compact(a) == compact(b) or len(shared) == most:
        return "same_tokens"
    edits = OSA.distance(a, b)
    if (len(long) >= 4 and edits == 1) or (len(long) >= 10 and edits <= 2):
        return "one_edit"
    if telling and len(shared) == least:
        return "contained"
    if len(short) >= 3 and long.startswith(short):
        return "contained"
    similarity = JaroWinkler.similarity(a, b)
    if similarity >= 0.9 or edits * 5 <= len(long):
        return "near"
    if similarity >= 0.8 or (telling and 2 * len(shared) >= most):
        return "similar"
    return "else"


def grade_reversed(a: tuple[str, str], b: tuple[str, str]) -> str | None:
    """Grade two records of two fields each, '' = missing; None = null."""
    crossed = [(a[0], b[1]), (a[1], b[0])]
    present = [pair for pair in crossed if all(pair)]
    if not present:
        return None
    if any(x == y != "" for x, y in zip(a, b, strict=True)):
        return "not_reversed"
    equal = [x == y for x, y in present]
    edited = [max(map(len, pair)) >= 4 and OSA.distance(*pair) == 1 for pair in present]
    alike = [JaroWinkler.similarity(*pair) >= 0.9 for pair in present]
    if len(present) == 1:
        return "reversed_near" if equal[0] else "not_reversed"
    if all(equal):
        return "reversed_exact"
    if all(x or y for x, y in zip(equal, edited, strict=True)):
        return "reversed_near"
    return "reversed_near" if any(equal) and all(alike) else "not_reversed"


def _slips(a: str, b: str) -> int:
    """Fewest digits replaced and neighbours swapped that turn one into the other."""
    best = [0]
    for place in range(len(a)):
        least = best[place] + (a[place] != b[place])
        if place and a[place - 1 : place + 1] == b[place] + b[place - 1]:
            least = min(least, best[place - 1] + 1)
        best.append(least)
    return best[-1]


def _is_shifted(a: str, b: str) -> bool:
    """Equal once each has lost one digit."""
    left, right = ({t[:place] + t[place + 1 :] for place in range(len(t))} for t in (a, b))
    return bool(left & right)


def grade_digits(a: str, b: str) -> str:
    """Grade dates as written, yyyymmdd, whatever dates they make."""
    if a == b:
        return "exact"
    same_year = a[:4] == b[:4]
    if same_year and a[4:] == b[6:] + b[4:6]:
        return "day_month_swapped"
    slips = _slips(a, b)
    if slips == 1:
        differing = sum(x != y for x, y in zip(a, b, strict=True))
        return "one_digit" if differing == 1 else "transposed_digits"
    if _is_shifted(a, b) or (same_year and slips == 2):
        return "two_digits"
    if same_year:
        return "year_only"
    if a[4:] == b[4:]:
        return "month_and_day"
    return "two_digits_with_year" if slips == 2 else "else"


def grade_dates(a: tuple[int, int, int], b: tuple[int, int, int]) -> str:
    """Grade (year, month, day) triples, 0 = unknown."""
    if 0 in a or 0 in b:
        if a[0] != b[0]:
            return "else"
        agrees = all(x == y or 0 in (x, y) for x, y in zip(a, b, strict=True))
        return "compatible_partial" if agrees else "year_only"
    grade = grade_digits(*(f"{year:04d}{month:02d}{day:02d}" for year, month, day in (a, b)))
    if grade in ("exact", "day_month_swapped", "one_digit", "transposed_digits"):
        return grade
    if a[0] == b[0] and (1, 1) in (a[1:], b[1:]):
        return "compatible_partial"
    if abs(_day_number(a) - _day_number(b)) <= 31:
        return "near"
    return grade


def _day_number(date: tuple[int, int, int]) -> int:
    year, month, day = date
    return datetime.date(year, month, 1).toordinal() + day - 1


def days_apart(a: tuple[int, int, int], b: tuple[int, int, int]) -> int:
    return abs((datetime.date(*a) - datetime.date(*b)).days)


def grade_addresses(a: tuple[tuple[int, ...], int], b: tuple[tuple[int, ...], int]) -> str | None:
    """Grade (six minima, number hash) of two addresses; None = null."""
    same_numbers = a[1] == b[1] != 0
    has_numbers = a[1] != 0 and b[1] != 0
    if not any(a[0]) or not any(b[0]):
        if any(a[0]) or any(b[0]) or not has_numbers:
            return None
        return "same_numbers_some_grams" if same_numbers else "else"
    equal = sum(x == y for x, y in zip(a[0], b[0], strict=True))
    if equal == 6 and (same_numbers or not has_numbers):
        return "same"
    if equal >= 4:
        return "most_grams" if same_numbers else "most_grams_other_numbers"
    if equal >= 2:
        return "same_numbers_some_grams" if same_numbers else "some_grams"
    return "else"
