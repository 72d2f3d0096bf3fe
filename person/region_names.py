"""Region names in text, read left to right with a hash index of every name under its parents."""

from __future__ import annotations

from collections import defaultdict
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
from numba import int64, uint64
from numpy.typing import NDArray

from person.field import FieldStatus
from person.jit import kernel
from person.scan import next_character

__all__ = ["NAMES_NEEDED", "fill_region_names", "name_index", "official_names"]

NAMES_NEEDED: Final = 255
"""Status of a record whose region is not written in digits, until its names are read."""

_TABLE_FILE: Final = Path(__file__).parent / "tables" / "regions.npz"
_NAME_MAX: Final = 15  # 积石山保安族东乡族撒拉族自治县
_TEXT_MAX: Final = 64
_SKIP_MAX: Final = 10  # characters between two names: 市辖区, 省直辖县级行政区划
_IN_FORCE: Final = 9999
_NAME_COLUMNS: Final = ("name_code", "name_canonical", "name_until")
_VALID: Final = int(FieldStatus.VALID)
_UNKNOWN_REGION: Final = int(FieldStatus.UNKNOWN_REGION)

_FNV_START: Final = 0xCBF29CE484222325
_FNV_PRIME: Final = 0x100000001B3
_MASK: Final = (1 << 64) - 1

_PEOPLES = """
    蒙古 回 藏 维吾尔 苗 彝 壮 布依 朝鲜 满 侗 瑶 白 土家 哈尼 哈萨克
    傣 黎 傈僳 佤 畲 高山 拉祜 水 东乡 纳西 景颇 柯尔克孜 土 达斡尔
    仫佬 羌 布朗 撒拉 毛南 仡佬 锡伯 阿昌 普米 塔吉克 怒 乌孜别克 俄罗斯
    鄂温克 德昂 保安 裕固 京 塔塔尔 独龙 鄂伦春 赫哲 门巴 珞巴 基诺 各
    """.split()  # noqa: SIM905
_SUFFIXES = """
    特别行政区 维吾尔自治区 壮族自治区 回族自治区 自治区 自治州 自治县 自治旗
    地区 林区 矿区 新区 省 市 盟 州 县 区 旗
    """.split()  # noqa: SIM905
_GENERIC_NAMES: Final = frozenset(("市辖区", "县", "省直辖县级行政区划", "自治区直辖县级行政区划"))


def _short_name(name: str) -> str:
    """The name without what it is: 广西壮族自治区 -> 广西, 恩施土家族苗族自治州 -> 恩施."""
    for suffix in _SUFFIXES:
        if name.endswith(suffix) and len(name) - len(suffix) >= 2:
            name = name[: -len(suffix)]
            if suffix.startswith("自治"):
                name = _without_peoples(name)
            break
    return name


def _without_peoples(name: str) -> str:
    for _ in range(4):
        for people in _PEOPLES:
            for ending in (people + "族", people if len(people) > 1 else people + "族"):
                if name.endswith(ending) and len(name) - len(ending) >= 2:
                    name = name[: -len(ending)]
    return name


def _hash(scope: int, name: str) -> int:
    value = _FNV_START ^ scope
    for character in name:
        value = ((value ^ ord(character)) * _FNV_PRIME) & _MASK
    return value ^ (value >> 29)


def _tier(code: int) -> int:
    return 1 if code % 10_000 == 0 else 2 if code % 100 == 0 else 3


def _candidates(
    places: list[tuple[int, int, int, str]],
) -> dict[int, list[tuple[tuple[int, int, int], int, int]]]:
    """Hash of (scope, name) -> (rank, code of today, code then) of every place it may mean."""
    found: dict[int, list[tuple[tuple[int, int, int], int, int]]] = defaultdict(list)
    for code, today, until, name in places:
        if name in _GENERIC_NAMES or not 2 <= len(name) <= _NAME_MAX:
            continue
        tier = _tier(code)
        for form in {name, _short_name(name)}:
            # A tier never gives way to a lower one; then the latest use of the name counts.
            place = ((tier + 3 * (until < _IN_FORCE), -until, int(form != name)), today, code)
            if tier > 1:
                found[_hash(code // 10_000 * 10_000, form)].append(place)
            if tier > 2:
                found[_hash(code // 100 * 100, form)].append(place)
            # A district's short name (和平, 中山) is too plain a word to stand alone.
            if form == name or not name.endswith("区"):
                found[_hash(0, form)].append(place)
    return found


@lru_cache(maxsize=1)
def name_index() -> tuple[NDArray[np.uint64], NDArray[np.int32], NDArray[np.int32]]:
    """Open-addressed table from (scope, name) to the place meant.

    The scope is 0, a province or a prefecture. Places of today win over former ones, higher tiers
    over lower, full names over short ones; a name that several equal places bear leads to code 0.

    Returns
    -------
    keys : uint64[2 ** 17], 0 = free
    codes : int32[2 ** 17], the code that bore the name: the scope of the names after it
    canonical : int32[2 ** 17], the code of the same place today
    """
    with np.load(_TABLE_FILE) as stored:
        ends, text = stored["name_end"].tolist(), stored["name_text"].tobytes()
        columns = [stored[name].tolist() for name in _NAME_COLUMNS]
    names = [text[start:end].decode() for start, end in zip([0, *ends[:-1]], ends, strict=True)]
    size = 1 << 17
    keys = np.zeros(size, np.uint64)
    codes, canonical = np.zeros(size, np.int32), np.zeros(size, np.int32)
    for key, places in _candidates(list(zip(*columns, names, strict=True))).items():
        best = min(rank for rank, _, _ in places)
        winners = {today: code for rank, today, code in places if rank == best}
        slot = key & (size - 1)
        while keys[slot]:
            slot = (slot + 1) & (size - 1)
        keys[slot] = key
        if len(winners) == 1:
            canonical[slot], codes[slot] = next(iter(winners.items()))
    return keys, codes, canonical


@kernel
def _longest_name(text, start, length, scope, keys):  # type: ignore[no-untyped-def]
    """(place in the table, position after it) of the longest name at `start`; -1 = none."""
    value = uint64(_FNV_START) ^ uint64(scope)
    mask = uint64(keys.shape[0] - 1)
    found, after = int64(-1), start
    for at in range(start, min(length, start + _NAME_MAX)):
        value = (value ^ uint64(text[at])) * uint64(_FNV_PRIME)
        if at == start:
            continue  # no name has one character
        key = value ^ (value >> uint64(29))
        slot = key & mask
        while keys[slot] != 0:
            if keys[slot] == key:
                found, after = int64(slot), at + 1
                break
            slot = (slot + uint64(1)) & mask
    return found, after


@kernel
def _region_of_text(text, length, keys, codes, canonical):  # type: ignore[no-untyped-def]
    """Canonical code of the finest region that the text names, 0 where it names none."""
    scope, today, at, skipped = int64(0), int64(0), 0, 0
    while at < length - 1 and scope % 100 == 0:
        slot, after = _longest_name(text, at, length, scope, keys)
        if slot < 0 and scope != 0:
            if today != scope:  # a former province: look under what it is today
                slot, after = _longest_name(text, at, length, today, keys)
            if slot < 0 and scope % 10_000 != 0:  # the county may have changed its prefecture
                slot, after = _longest_name(text, at, length, scope // 10_000 * 10_000, keys)
                if slot >= 0 and codes[slot] % 100 == 0 and codes[slot] != 0:
                    slot = int64(-1)
        if slot >= 0 and codes[slot] == 0:
            at, skipped = after, skipped + 1  # one of several of the name: no telling which
        elif slot >= 0:
            scope, today, at, skipped = int64(codes[slot]), int64(canonical[slot]), after, 0
        else:
            at += 1
            skipped += 1
            if skipped > _SKIP_MAX:
                break
    return today


@kernel
def fill_region_names(offsets, data, valid, keys, codes, canonical, out, out_status):  # type: ignore[no-untyped-def]
    """Read the names of the records whose status is NAMES_NEEDED.

    Sketch: up to 14 probes of a table of 1.5 MB a name, no allocation a record.
    """
    text = np.empty(_TEXT_MAX, np.int64)
    for row in range(valid.shape[0]):
        if out_status[row] != NAMES_NEEDED:
            continue
        length = 0
        at, stop = int64(offsets[row]), int64(offsets[row + 1])
        while at < stop and length < _TEXT_MAX:
            code, at = next_character(data, at)
            if code > 0x2F and not 0x3A <= code <= 0x40:
                text[length] = code
                length += 1
        region = _region_of_text(text, length, keys, codes, canonical)
        out[row] = uint64(region)
        out_status[row] = _VALID if region != 0 else _UNKNOWN_REGION


def official_names() -> dict[int, str]:
    """Names of regions by six-digit code, 330106 -> 西湖区; the last one of a code given up."""
    with np.load(_TABLE_FILE) as stored:
        ends, text = stored["name_end"].tolist(), stored["name_text"].tobytes()
        codes, until = stored["name_code"].tolist(), stored["name_until"].tolist()
    names: dict[int, tuple[int, str]] = {}
    for code, last, start, end in zip(codes, until, [0, *ends[:-1]], ends, strict=True):
        if code not in names or last > names[code][0]:  # a former name where none is in force
            names[code] = (last, text[start:end].decode())
    return {code: name for code, (_, name) in names.items()}
