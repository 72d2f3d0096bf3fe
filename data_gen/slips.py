"""Tables for slips of the pen and the keyboard, in the form that kernels take."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from data_gen.slip_facts import RESPELLINGS, SPLIT_CHARACTERS

__all__ = ["FIRST_HAN", "HAN_COUNT", "SlipTables", "slip_tables"]

FIRST_HAN: Final = 0x4E00
HAN_COUNT: Final = 0xA000 - FIRST_HAN
_RESPELT_MAX: Final = 6


class SlipTables(NamedTuple):
    """Constant arrays; a *row* numbers the common characters, most used in names first.

    Attributes
    ----------
    characters : uint32[k] code points; rows : int16[HAN_COUNT] row of U+4E00.., -1 = none
    sound : uint16[HAN_COUNT] syllable * 8 + tone, 0 = unknown
    surname_sound : uint32[2, s] surnames that read otherwise
    sound_start : int32[8 * syllables + 9] into by_sound, uint16 rows by sound, most used first
    fuzzy_start : int32[syllables + 1] into fuzzy, uint16 syllables that accents confuse
    shape_start : int32[k + 1] into shape, uint32 characters drawn alike, most used first
    traditional : uint32[HAN_COUNT] traditional form, 0 = the same
    rarity : uint8[HAN_COUNT] 0 in GB 2312, 1 only in GBK, 2 in neither
    split : uint32[p, 3] rare character and its two parts, sorted
    respelt : uint32[r, 2, 6] part of a name and another spelling, 0 after the end
    letters : uint8[syllables, 6] ASCII of each syllable, 0 after the end; ü is v
    lunar_day, lunar_month : int32[m] first day of each lunar month, its year * 100 + month
    """

    characters: NDArray[np.uint32]
    rows: NDArray[np.int16]
    sound: NDArray[np.uint16]
    surname_sound: NDArray[np.uint32]
    sound_start: NDArray[np.int32]
    by_sound: NDArray[np.uint16]
    fuzzy_start: NDArray[np.int32]
    fuzzy: NDArray[np.uint16]
    shape_start: NDArray[np.int32]
    shape: NDArray[np.uint32]
    traditional: NDArray[np.uint32]
    rarity: NDArray[np.uint8]
    split: NDArray[np.uint32]
    respelt: NDArray[np.uint32]
    letters: NDArray[np.uint8]
    lunar_day: NDArray[np.int32]
    lunar_month: NDArray[np.int32]


@lru_cache(maxsize=1)
def slip_tables() -> SlipTables:
    """Load the committed table once a process (about 20 ms); arrays are not to be written to."""
    with np.load(Path(__file__).with_name("tables") / "errors.npz") as stored:
        raw = {name: stored[name] for name in stored.files}
    characters = raw["characters"]
    rows = np.full(HAN_COUNT, -1, np.int16)
    rows[characters - FIRST_HAN] = np.arange(len(characters))
    by_sound, sound_start = _by_sound(characters, raw["sound"], len(raw["syllables"]))
    shape_start, shape = _grouped_shapes(raw, rows, len(characters))
    traditional = np.zeros(HAN_COUNT, np.uint32)
    traditional[raw["traditional"][0] - FIRST_HAN] = raw["traditional"][1]
    fuzzy_start = np.zeros(len(raw["syllables"]) + 1, np.int32)
    counts = np.bincount(raw["fuzzy_left"], minlength=len(raw["syllables"]))
    np.cumsum(counts, out=fuzzy_start[1:])
    return SlipTables(
        characters=characters,
        rows=rows,
        sound=raw["sound"],
        surname_sound=raw["surname_sound"],
        sound_start=sound_start,
        by_sound=by_sound,
        fuzzy_start=fuzzy_start,
        fuzzy=raw["fuzzy_right"],
        shape_start=shape_start,
        shape=shape,
        traditional=traditional,
        rarity=_rarity(),
        split=_split(),
        respelt=_respelt(),
        letters=np.array(
            [list(name.ljust(6, b"\0")) for name in raw["syllables"].tolist()], np.uint8
        ),
        lunar_day=raw["lunar_day"],
        lunar_month=raw["lunar_month"],
    )


def _by_sound(
    characters: NDArray[np.uint32], sound: NDArray[np.uint16], syllables: int
) -> tuple[NDArray[np.uint16], NDArray[np.int32]]:
    """Rows by sound, the most used first, and where each sound starts."""
    sounds = sound[characters - FIRST_HAN].astype(np.int64)
    order = np.argsort(sounds, kind="stable")
    start = np.zeros(8 * syllables + 9, np.int32)
    np.cumsum(np.bincount(sounds, minlength=8 * syllables + 8), out=start[1:])
    return order.astype(np.uint16), start


def _grouped_shapes(
    raw: dict[str, NDArray[Any]], rows: NDArray[np.int16], count: int
) -> tuple[NDArray[np.int32], NDArray[np.uint32]]:
    left = rows[raw["shape_left"] - FIRST_HAN].astype(np.int64)
    right = rows[raw["shape_right"] - FIRST_HAN].astype(np.int64)
    known = (left >= 0) & (right >= 0)
    order = np.lexsort((right[known], left[known]))
    start = np.zeros(count + 1, np.int32)
    np.cumsum(np.bincount(left[known], minlength=count), out=start[1:])
    return start, raw["characters"][right[known][order]]


def _rarity() -> NDArray[np.uint8]:
    """Which encodings of older systems hold each character."""

    def rarity(character: str) -> int:
        for level, encoding in enumerate(("gb2312", "gbk")):
            try:
                character.encode(encoding)
            except UnicodeEncodeError:
                continue
            return level
        return 2

    return np.array([rarity(chr(FIRST_HAN + place)) for place in range(HAN_COUNT)], np.uint8)


def _split() -> NDArray[np.uint32]:
    entries = {entry[0]: entry for entry in SPLIT_CHARACTERS.split()}
    return np.array([[ord(c) for c in entries[key]] for key in sorted(entries)], np.uint32)


def _respelt() -> NDArray[np.uint32]:
    pairs = [entry.split("=") for entry in RESPELLINGS.split()]
    pairs += [[new, old] for old, new in pairs]
    pairs.sort(key=lambda pair: -len(pair[0]))
    table = np.zeros((len(pairs), 2, _RESPELT_MAX), np.uint32)
    for place, pair in enumerate(pairs):
        for side, text in enumerate(pair):
            table[place, side, : len(text)] = [ord(c) for c in text]
    return table
