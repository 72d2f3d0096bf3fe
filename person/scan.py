"""Reading one character of UTF-8 text in the plain form that codes and numbers are written in."""

from __future__ import annotations

from typing import Final

import numpy as np
from numba import int64

from person.jit import kernel

__all__ = ["NUL", "PLACEHOLDER_HASHES", "hash_plain", "is_placeholder_word", "next_character"]

NUL: Final = -1
"""What `next_character` returns for a NUL character."""

_STAR: Final = 0x2A
_LARGE_X: Final = 0x58
_SPACE: Final = 0x20

PLACEHOLDER_WORDS: Final = """
    无 沒有 没有 未知 不详 不祥 不明 不清楚 暂无 暂缺 缺失 未提供 未填 未录
    待补 待查 待核实 未办 未办理 拒绝 拒绝提供 拒绝回答 保密 无身份证 无身份证号
    无证件 无证 未带 无电话 无号码 空 空号 无法提供 没带身份证 其他 NULL
    NONE NIL NA NAN UNKNOWN UNK TBD TBC
    NOTAVAILABLE NOTKNOWN NOTAPPLICABLE
    NOTPROVIDED REFUSED MISSING EMPTY TEST XXX
    XXXX XX X NO NONUMBER UNDEFINED
    """.split()  # noqa: SIM905


@kernel
def next_character(data, at):  # type: ignore[no-untyped-def]
    """Decode the character at `at` and plain it; returns (code, position after it).

    Full-width forms become ASCII, letters upper case, blanks of every kind a space, invisible
    characters 0 (to be skipped), dashes '-', the signs drawn like X an 'X' or a '*'. All else
    stays its own code point. `data` uint8[n_bytes], valid UTF-8.
    """
    code = int64(data[at])
    if code < 0x80:
        if 0x61 <= code <= 0x7A:
            code -= 0x20
        elif code < 0x20:
            code = NUL if code == 0 else _SPACE
        return code, at + 1
    if code < 0xE0:
        code = ((code & 0x1F) << 6) | (int64(data[at + 1]) & 0x3F)
        after = at + 2
    elif code < 0xF0:
        code = ((code & 0xF) << 12) | ((int64(data[at + 1]) & 0x3F) << 6)
        code |= int64(data[at + 2]) & 0x3F
        after = at + 3
    else:
        code = ((code & 0x7) << 18) | ((int64(data[at + 1]) & 0x3F) << 12)
        code |= ((int64(data[at + 2]) & 0x3F) << 6) | (int64(data[at + 3]) & 0x3F)
        after = at + 4
    return _plain(code), after


@kernel
def _plain(code):  # type: ignore[no-untyped-def]
    """The plain form of a character beyond ASCII."""
    if 0xFF01 <= code <= 0xFF5E:
        code -= 0xFEE0
        if 0x61 <= code <= 0x7A:
            code -= 0x20
        return code
    if 0x4E00 <= code <= 0x9FFF:
        return code
    if code == 0x3000 or code == 0xA0 or 0x2000 <= code <= 0x200A or code == 0x202F:
        return int64(_SPACE)
    if 0x200B <= code <= 0x200F or 0x202A <= code <= 0x202E or 0x2060 <= code <= 0x2064:
        return int64(0)
    if code == 0xFEFF or code == 0xAD:
        return int64(0)
    if 0x2010 <= code <= 0x2015 or code == 0x2212 or code == 0xFE63:
        return int64(0x2D)
    if code == 0x425 or code == 0x445 or code == 0x3A7 or code == 0x3C7:  # Cyrillic, Greek
        return int64(_LARGE_X)
    if code == 0x2169 or code == 0x2179:  # Roman numeral ten
        return int64(_LARGE_X)
    if code == 0xD7 or code == 0x2715 or code == 0x2573 or code == 0x2A2F or code == 0xFE61:
        return int64(_STAR)
    return code


@kernel
def hash_plain(codes, start, stop):  # type: ignore[no-untyped-def]
    """64-bit hash of codes[start:stop], any integer dtype; the same on every machine and run."""
    value = np.uint64(0x9E3779B97F4A7C15)
    for at in range(start, stop):
        value = (value ^ np.uint64(codes[at])) * np.uint64(0xFF51AFD7ED558CCD)
        value ^= value >> np.uint64(32)
    value *= np.uint64(0xC4CEB9FE1A85EC53)
    return value ^ (value >> np.uint64(33))


def _word_hashes() -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    """Hashes of PLACEHOLDER_WORDS, sorted, computed as `hash_plain` does."""
    mask = (1 << 64) - 1
    hashes = []
    for word in PLACEHOLDER_WORDS:
        value = 0x9E3779B97F4A7C15
        for character in word:
            value = ((value ^ ord(character)) * 0xFF51AFD7ED558CCD) & mask
            value ^= value >> 32
        value = (value * 0xC4CEB9FE1A85EC53) & mask
        hashes.append(value ^ (value >> 33))
    return np.array(sorted(hashes), np.uint64)


PLACEHOLDER_HASHES: Final = _word_hashes()


@kernel
def is_placeholder_word(codes, start, stop, hashes):  # type: ignore[no-untyped-def]
    """True where codes[start:stop], plain and without blanks, is a way to say nothing."""
    value = hash_plain(codes, start, stop)
    for place in range(hashes.shape[0]):  # noqa: SIM110 - some fifty, and rarely asked for
        if hashes[place] == value:
            return True
    return False
