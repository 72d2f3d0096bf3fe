"""Grades of pairs of Chinese names, against a naive twin that knows no bit tricks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from matching.comparator import NULL_GRADE
from matching.kernels.han_names import COMPARATORS, GRADES, GRADES_ANY
from person.han import CHARACTER_BASE, WILDCARD_UNIT, han_tables
from person.han_names import encode_han_name, unpack_units
from person.text import Utf8Column

NAME, NAME_ANY = COMPARATORS
NAME_SLOTS = np.array([[0, 0, 64]], np.int64)
CASES = [
    ("王伟", "王伟", "exact"),
    ("張偉", "张伟", "exact"),
    ("张玮", "张伟", "same_syllables"),
    ("单雄信", "Shan Xiongxin", "same_syllables"),
    ("单雄信", "Dan Xiongxin", "same_syllables"),
    ("陈大文", "Chan Tai Man", "same_syllables"),
    ("谢明德", "Hsieh Ming-te", "same_syllables"),
    ("尉迟恭", "Yuchi Gong", "same_syllables"),
    ("王晓明", "Xiaoming Wang", "same_syllables"),
    ("王龑", "王yan", "same_syllables"),
    ("闫妮", "阎妮", "same_syllables"),
    ("陈静", "程静", "fuzzy_syllables"),
    ("刘兰", "刘南", "fuzzy_syllables"),
    ("刘未来", "刘末来", "similar_character"),
    ("王玉", "王主", "similar_character"),
    ("王?明", "王小明", "similar_character"),
    ("王?明", "王?明", "similar_character"),
    ("王?", "王伟", "surname_only"),
    ("王**", "王小明", "surname_only"),
    ("王小明", "王明", "one_character"),
    ("欧阳娜", "欧娜", "one_character"),
    ("王小明", "小明王", "swapped"),
    ("王小明", "王明小", "swapped"),
    ("欧阳娜娜", "娜娜欧阳", "swapped"),
    ("Li Wang", "王丽", "swapped"),
    ("王建国", "王建军", "one_given_character"),
    ("王小明", "李小明", "given_only"),
    ("小明", "王小明", "given_only"),
    ("王伟", "王芳", "surname_only"),
    ("王伟", "王建国", "surname_only"),
    ("王伟", "李芳", "else"),
    ("单雄", "丹雄", "else"),
    ("阿不都热合曼", "阿布都热合曼", "same_syllables"),
    ("买买提·阿布都拉", "买买提阿布都", "one_character"),
    ("阿依尼萨汗·买买提", "阿依尼萨汗·买", "one_character"),
    ("John Smith", "Smith John", "swapped"),
    ("John Smith", "Jon Smith", "one_character"),
    ("John Smith", "Mary Brown", "else"),
]


def grades(pairs: list[tuple[str | None, str | None]]) -> list[int]:
    left = encode_han_name(Utf8Column.from_strings([pair[0] for pair in pairs]), {})
    right = encode_han_name(Utf8Column.from_strings([pair[1] for pair in pairs]), {})
    tables = NAME.tables(left.overflow.merged_with(right.overflow))
    rows = np.arange(len(pairs), dtype=np.int32)
    out = np.zeros(len(pairs), np.uint8)
    a = left.components["units"].reshape(-1, 1)
    b = right.components["units"].reshape(-1, 1)
    NAME.kernel(a, b, rows, rows, NAME_SLOTS, tables, np.zeros(1), out)
    return out.tolist()  # type: ignore[no-any-return]


@pytest.mark.parametrize("one, other, expected", CASES)
def test_pairs_get_the_grade_a_clerk_would_give(one, other, expected):
    """What happened between two spellings is named by the best grade that explains it."""
    assert [expected] == [GRADES[grade] for grade in grades([(one, other)])]


def test_missing_name_is_null():
    """A name missing on either side is neither for nor against."""
    assert [NULL_GRADE] * 3 == grades([("王伟", None), (None, "王伟"), (None, None)])


# ---------------------------------------------------------------- the naive twin


def naive_sounds(unit: int, other: int, in_surname: bool) -> set[int]:
    tables = han_tables()
    given = {int(tables.syllable[unit]), *tables.alternatives[unit].tolist()}
    surname = {int(tables.surname_syllable[unit])}
    if unit < CHARACTER_BASE or (in_surname and other < CHARACTER_BASE):
        sounds = given | surname
    else:
        sounds = surname if in_surname else given
    return sounds - {0}


def naive_relation(unit: int, other: int, in_surname: bool) -> str:
    tables = han_tables()
    if WILDCARD_UNIT in (unit, other):
        return "wild"
    if unit == other:
        return "equal"
    one, two = naive_sounds(unit, other, in_surname), naive_sounds(other, unit, in_surname)
    if one & two:
        return "sound"
    if {int(tables.fuzzy_class[s]) for s in one} & {int(tables.fuzzy_class[s]) for s in two}:
        return "fuzzy"
    start, end = tables.similar_offsets[unit], tables.similar_offsets[unit + 1]
    return "shape" if other in tables.similar_units[start:end].tolist() else "different"


def naive_same_length(a, b, surname, is_romanised):
    found = [naive_relation(x, y, i < surname) for i, (x, y) in enumerate(zip(a, b))]
    off = [i for i, r in enumerate(found) if r not in ("equal", "sound")]
    kinds = {found[i] for i in off}
    alike = all(i >= surname for i in off if found[i] != "equal") and len(a) >= surname
    if not kinds:
        return "same_syllables"
    if kinds == {"fuzzy"}:
        return "fuzzy_syllables"
    if len(off) == 1 and len(a) > 1:
        if kinds == {"shape"} or (kinds == {"wild"} and len(a) > 2):
            return "similar_character"
        if kinds == {"different"} and len(a) > 2:
            if off[0] >= surname:
                return "one_given_character"
            return "given_only" if surname == 1 else "one_character"
    if "wild" not in kinds:
        for turn in range(1, len(a)):
            turned = a[turn:] + a[:turn]
            sounds = [naive_relation(x, y, True) for x, y in zip(turned, b)]
            if turned == b or (is_romanised and set(sounds) <= {"equal", "sound"}):
                return "swapped"
        if len(a) == 3 and alike and [a[2], a[1]] == b[1:]:
            return "swapped"
    return "surname_only" if alike else "else"


def naive_grade(a_word: int, b_word: int) -> str:
    a, b = unpack_units(a_word), unpack_units(b_word)
    if a == b and WILDCARD_UNIT not in a:
        return "exact"
    surname = max(1, a_word >> 60 & 3, b_word >> 60 & 3)
    close = {"equal", "sound"}
    if len(a) == len(b):
        return naive_same_length(a, b, surname, bool((a_word | b_word) >> 62 & 1))
    long, short = (a, b) if len(a) > len(b) else (b, a)
    if len(long) - len(short) == 1:
        found = [
            naive_relation(x, y, i < surname) in close for i, (x, y) in enumerate(zip(long, short))
        ]
        missing = (*found, False).index(False)
        rest = [
            naive_relation(x, y, False) in close
            for x, y in zip(long[missing + 1 :], short[missing:])
        ]
        if all(rest) and len(short) > 1:
            return "one_character" if missing else "given_only"
        return "surname_only" if missing else "else"
    alike = naive_relation(a[0], b[0], True) in close
    return "surname_only" if alike and len(long) - len(short) > 1 else "else"


SURNAME = st.sampled_from(
    ["王", "汪", "李", "单", "陈", "程", "欧阳", "司马", "Wang ", "Li ", "?", "曾", "丹"]
)
GIVEN = st.sampled_from(
    ["伟", "玮", "芳", "方", "明", "朋", "小", "晓", "未", "末", "?", "乐", "单", "丽"]
)
HAN_NAME = st.builds(lambda s, g: s + "".join(g), SURNAME, st.lists(GIVEN, max_size=2))
PINYIN = st.builds(
    " ".join,
    st.lists(
        st.sampled_from(["wang", "li", "shan", "chen", "xiao", "ming", "wei", "fang"]),
        min_size=2,
        max_size=3,
    ),
)
ANY_NAME = st.one_of(HAN_NAME, PINYIN)


@given(ANY_NAME, ANY_NAME)
@example("王小明", "小明王")
@example("Wang Li", "Li Wang")
@example("?", "?")
@example("王??", "王??")
def test_grade_equals_naive_twin(one, other):
    """Filters and bit tricks never change a grade."""
    words = encode_han_name(Utf8Column.from_strings([one, other]), {}).components["units"].tolist()
    if 0 in words or any(word >> 63 for word in words):
        return
    assert naive_grade(*words) == GRADES[grades([(one, other)])[0]]


LONG_NAME = st.text(st.sampled_from("阿布不都热合曼古丽努尔买提?"), max_size=9)


@given(st.one_of(ANY_NAME, LONG_NAME, st.text(max_size=12)), st.one_of(ANY_NAME, LONG_NAME))
@example("阿布都热合曼", "热合曼阿布都")
def test_comparing_is_symmetric(one, other):
    """Left and right may be exchanged."""
    assert grades([(one, other)]) == grades([(other, one)])


@given(st.lists(ANY_NAME, min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_batch_equals_pair_by_pair(names, random):
    """Pairs in any order, with left repeating or not, grade as they do alone."""
    encoded = encode_han_name(Utf8Column.from_strings(names), {})
    words = encoded.components["units"].reshape(-1, 1)
    pairs = [(i, j) for i in range(len(names)) for j in range(len(names))]
    random.shuffle(pairs)
    left, right = np.array(pairs, np.int32).T.copy()
    out = np.zeros(len(pairs), np.uint8)
    NAME.kernel(
        words, words, left, right, NAME_SLOTS, NAME.tables(encoded.overflow), np.zeros(1), out
    )
    expected = grades([(names[i], names[j]) for i, j in pairs])
    assert expected == out.tolist()


@pytest.mark.parametrize("options, bits", [({}, 64), ({"hashed": 20}, 20)])
def test_former_name_gives_a_second_chance(options, bits):
    """A former name equal to the other's name has its own grade, whole or hashed."""
    names = encode_han_name(Utf8Column.from_strings(["王芳", "李芳", "王芳", "赵云"]), {})
    former_column = Utf8Column.from_strings([None, "王芳", None, None])
    former = next(iter(encode_han_name(former_column, options).components.values()))
    rows = np.stack([names.components["units"], former], axis=1).copy()
    slots = np.array([[0, 0, 64], [1, 0, bits]], np.int64)
    left, right = np.array([0, 1, 0, 0], np.int32), np.array([1, 0, 2, 3], np.int32)
    out = np.zeros(4, np.uint8)
    tables = NAME_ANY.tables(names.overflow)
    NAME_ANY.kernel(rows, rows, left, right, slots, tables, np.zeros(1), out)
    expected = ["former_name", "former_name", "exact", "else"]
    assert expected == [GRADES_ANY[grade] for grade in out]
