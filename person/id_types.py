"""Kinds of identity document, as codes of WS/T 364 CV02.01.101 or as words.

01 居民身份证  02 居民户口簿  03 护照  04 军官证  05 驾驶证  06 港澳居民来往内地通行证
07 台湾居民来往内地通行证  99 其他法定有效证件
"""

from __future__ import annotations

import unicodedata
from enum import IntEnum
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from person.text import Utf8Column

__all__ = ["DISTINCT_MAX", "IdTypeClass", "classify_id_type", "distinct_values", "encode_id_types"]

DISTINCT_MAX: Final = 4096
_FEW_VALUES: Final = 8


class IdTypeClass(IntEnum):
    """What a document number is compared with: only numbers of the same class."""

    UNKNOWN = 0
    NATIONAL = 1
    RESIDENT_PERMIT = 2  # of Hong Kong, Macao, Taiwan; same scheme, region 81/82/83 0000
    PASSPORT = 3
    HK_MACAO_TRAVEL_PERMIT = 4  # 回乡证
    TAIWAN_TRAVEL_PERMIT = 5  # 台胞证
    MILITARY = 6
    FOREIGNER_PERMANENT_RESIDENCE = 7
    BIRTH_CERTIFICATE = 8
    HEALTH_CARD = 9
    OTHER = 15


# A household register and a driving licence are numbered by the citizen's id number; where they
# hold something else, it is a number of its own kind.
_BY_CODE: Final = {
    1: IdTypeClass.NATIONAL,
    2: IdTypeClass.OTHER,
    3: IdTypeClass.PASSPORT,
    4: IdTypeClass.MILITARY,
    5: IdTypeClass.OTHER,
    6: IdTypeClass.HK_MACAO_TRAVEL_PERMIT,
    7: IdTypeClass.TAIWAN_TRAVEL_PERMIT,
    9: IdTypeClass.OTHER,
    99: IdTypeClass.OTHER,
}

# First hit counts, so the special stands before the general.
_BY_WORD: Final = (
    ("出生", IdTypeClass.BIRTH_CERTIFICATE),
    ("BIRTH", IdTypeClass.BIRTH_CERTIFICATE),
    ("健康卡", IdTypeClass.HEALTH_CARD),
    ("HEALTH", IdTypeClass.HEALTH_CARD),
    ("外国人", IdTypeClass.FOREIGNER_PERMANENT_RESIDENCE),
    ("永久居留", IdTypeClass.FOREIGNER_PERMANENT_RESIDENCE),
    ("护照", IdTypeClass.PASSPORT),
    ("PASSPORT", IdTypeClass.PASSPORT),
    ("居住证", IdTypeClass.RESIDENT_PERMIT),
    ("回乡证", IdTypeClass.HK_MACAO_TRAVEL_PERMIT),
    ("台胞", IdTypeClass.TAIWAN_TRAVEL_PERMIT),
    ("台湾", IdTypeClass.TAIWAN_TRAVEL_PERMIT),
    ("港澳", IdTypeClass.HK_MACAO_TRAVEL_PERMIT),
    ("军", IdTypeClass.MILITARY),
    ("士兵", IdTypeClass.MILITARY),
    ("警", IdTypeClass.MILITARY),
    ("文职", IdTypeClass.MILITARY),
    ("MILITARY", IdTypeClass.MILITARY),
    ("户口", IdTypeClass.OTHER),
    ("驾驶", IdTypeClass.OTHER),
    ("DRIV", IdTypeClass.OTHER),
    ("其他", IdTypeClass.OTHER),
    ("OTHER", IdTypeClass.OTHER),
    ("身份", IdTypeClass.NATIONAL),
    ("IDCARD", IdTypeClass.NATIONAL),
    ("NATIONAL", IdTypeClass.NATIONAL),
)


def classify_id_type(text: str) -> IdTypeClass:
    """The class that a code or word for an id type means; UNKNOWN where it means none."""
    plain = "".join(unicodedata.normalize("NFKC", text).upper().split())
    plain = plain.replace("_", "").replace("-", "")
    for word, id_class in _BY_WORD:
        if word in plain:
            return id_class
    if plain.isascii() and plain.isdigit() and len(plain) <= 2:
        return _BY_CODE.get(int(plain), IdTypeClass.UNKNOWN)
    return IdTypeClass.UNKNOWN


def encode_id_types(column: Utf8Column) -> NDArray[np.uint8]:
    """Class of each record's document.

    Parameters
    ----------
    column : id types as a source sent them, few distinct values

    Returns
    -------
    uint8[n_records], `IdTypeClass`; UNKNOWN also where a column has so many distinct values that
    it cannot be one of id types

    Notes
    -----
    30 million records a second on one core: Arrow finds the distinct values, Python reads those.
    """
    codes, distinct = distinct_values(column)
    classes = np.zeros(len(distinct) + 1, np.uint8)  # the last one for missing, code -1
    for place, text in enumerate(distinct[:DISTINCT_MAX]):
        classes[place] = classify_id_type(text)
    return classes[codes]


def distinct_values(column: Utf8Column) -> tuple[NDArray[np.int32], list[str]]:
    """Number each record's value among the distinct ones (-1 = missing), and those in order."""
    if not len(column):
        return np.zeros(0, np.int32), []
    if len(column) <= _FEW_VALUES:
        return _few_distinct_values(column)
    array = pa.StringArray.from_buffers(
        len(column),
        pa.py_buffer(np.ascontiguousarray(column.offsets)),
        pa.py_buffer(np.ascontiguousarray(column.data)),
    )
    encoded = array.dictionary_encode()
    codes = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int32, copy=True)
    codes[~column.valid] = -1
    return codes, encoded.dictionary.to_pylist()


def _few_distinct_values(column: Utf8Column) -> tuple[NDArray[np.int32], list[str]]:
    """The same without Arrow, whose calls cost more than a lookup of one person may take."""
    codes = np.full(len(column), -1, np.int32)
    distinct: dict[str, int] = {}
    for row in np.flatnonzero(column.valid).tolist():
        text = bytes(column.data[column.offsets[row] : column.offsets[row + 1]]).decode()
        codes[row] = distinct.setdefault(text, len(distinct))
    return codes, list(distinct)
