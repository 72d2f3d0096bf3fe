"""Make person/tables/fold.npz: what each character of the Basic Multilingual Plane folds to.

Committed because the rules come from `unicodedata`, which differs between versions of Python, and
take a third of a second to apply.

Run:  python -m person.tables.build_fold
"""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["TARGET", "build", "folded_characters"]

TARGET: Final = Path(__file__).with_name("fold.npz")

_TABLE_SIZE: Final = 0x10000
_EXPANSION_BIT: Final = 1 << 31
_EXPANSION_MAX: Final = 4

_LIKE_APOSTROPHE = "'`´‘’‛ʹʻʼʽˈ′＇"
_LIKE_HYPHEN = "-‐‑‒–—―−﹘﹣－~～"
_LIKE_SPACE = "·•・‧∙⋅･"  # the dots that separate the parts of a foreign name
_PLAIN: Final[dict[str, str]] = {
    **dict.fromkeys(_LIKE_APOSTROPHE, "'"),
    **dict.fromkeys(_LIKE_HYPHEN, "-"),
    **dict.fromkeys(_LIKE_SPACE, " "),
    **dict.fromkeys('"“”„‟«»＂*', ""),
    **dict.fromkeys(";、；，", ","),
    **dict.fromkeys("\\|／⁄", "/"),
    **dict.fromkeys("[{【〔〈《「『", "("),
    **dict.fromkeys("]}】〕〉》」』", ")"),
    "。": ".",
    "№": "#",
    "æ": "ae",
    "œ": "oe",
    "ß": "ss",
    "ẞ": "ss",
    "þ": "th",
    "ð": "d",
    "ŋ": "n",
    "ĸ": "k",
    "ı": "i",
    "ə": "e",
}
_UNCHANGED: Final = ((0x3400, 0xA000), (0xAC00, 0xD7A4), (0xD800, 0xF900))
_LATIN_NAME = re.compile(r"LATIN (?:SMALL|CAPITAL) LETTER ([A-Z])(?: WITH .*)?")


def _fold_once(character: str) -> str:
    plain = _PLAIN.get(character)
    if plain is not None:
        return plain
    if character.isspace():
        return " "
    category = unicodedata.category(character)
    if category in ("Cc", "Cf") or "\u0300" <= character <= "\u036f":
        return ""
    lowered = character.lower()
    if lowered in _PLAIN:
        return _PLAIN[lowered]
    decomposed = unicodedata.normalize("NFKD", lowered)
    base = "".join(c for c in decomposed if not unicodedata.combining(c))
    if base.isascii():
        return base
    named = _LATIN_NAME.fullmatch(unicodedata.name(lowered[0], ""))
    if named:
        return named.group(1).lower()
    composed = unicodedata.normalize("NFKC", lowered)
    return composed if len(composed) == 1 or len(base) != 1 else lowered


def _fold_fully(character: str) -> str:
    text = character
    for _ in range(4):
        folded = "".join(map(_fold_once, text))
        if folded == text:
            break
        text = folded
    if len(text) == 1 or (text.isascii() and len(text) <= _EXPANSION_MAX and " " not in text):
        return text
    return " " if text.isspace() else character


def folded_characters() -> NDArray[np.uint32]:
    """The table of `person.fold.fold_table`, made by the rules of this Python: uint32[65536]."""
    table = np.arange(_TABLE_SIZE, dtype=np.uint32)
    for code_point in range(1, _TABLE_SIZE):
        if any(low <= code_point < high for low, high in _UNCHANGED):
            continue
        folded = _fold_fully(chr(code_point))
        if len(folded) <= 1:
            table[code_point] = ord(folded) if folded else 0
        else:
            packed = sum(ord(c) << (7 * place) for place, c in enumerate(folded))
            table[code_point] = _EXPANSION_BIT | packed
    return table


def build() -> None:
    """Write the characters that fold to something else, and what they fold to."""
    table = folded_characters()
    changed = np.flatnonzero(table != np.arange(_TABLE_SIZE))
    np.savez_compressed(TARGET, code_point=changed.astype(np.uint16), folded=table[changed])


if __name__ == "__main__":
    build()
