"""A few people encoded: the batch's encoders, without what only columns of many are worth.

Dates, sexes and regions have few different values, so those that came before are remembered.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Final

import numpy as np
from numpy.typing import NDArray

from person.batch import encode_field, pack_fields
from person.errors import InputError
from person.field import EncodedField, OverflowTable
from person.layout import Layout
from person.schema import Field, Schema
from person.text import Utf8Column

__all__ = ["FewEncoder", "text_columns"]

_Known = dict[str | None, tuple[int, ...]]

_KINDS_OF_FEW_VALUES: Final = frozenset({"date", "gender", "region"})
_REMEMBERED_MAX: Final = 1 << 16
_NO_STATUS: Final = np.zeros(0, np.uint8)
_NO_OVERFLOW: Final = OverflowTable()


class FewEncoder:
    """Encodes a few people by a schema; threads may share it.

    Parameters
    ----------
    schema, layout : of their rows
    """

    def __init__(self, schema: Schema, layout: Layout) -> None:
        self._schema = schema
        self._layout = layout
        self._known: dict[str, _Known] = {}
        self._components: dict[str, tuple[str, ...]] = {}

    def encode(
        self,
        texts: Mapping[str, tuple[Field, Sequence[str | None]]],
        id_types: Sequence[str | None] | None,
        count: int,
    ) -> tuple[NDArray[np.uint64], OverflowTable]:
        """Rows of people, uint64[count, n_words], and the names too long for their slots.

        Parameters
        ----------
        texts : name of each field that is there -> the field and its texts
        id_types : type of each id number, where some are given
        count : people
        """
        asked = [(field, held, *self._unknown(field, held)) for field, held in texts.values()]
        columns = text_columns([*(new for _, _, new, _ in asked), id_types or ()])
        id_type = None if id_types is None else columns[-1]
        encoded: dict[str, EncodedField] = {}
        overflow = _NO_OVERFLOW
        for (field, held, new, known), column in zip(asked, columns, strict=False):
            name = field.name
            if known is None:
                encoded[name] = result = encode_field(field, column, id_type)
                overflow = overflow.merged_with(result.overflow)
                continue
            if new or name not in self._components:
                result = encode_field(field, column, None)
                self._components[name] = tuple(result.components)
                values = (each.tolist() for each in result.components.values())
                known.update(zip(new, zip(*values, strict=True), strict=True))
            encoded[name] = _remembered(known, self._components[name], held)
        rows, _ = pack_fields(encoded, self._schema, self._layout, count)
        return rows, overflow

    def _unknown(
        self, field: Field, texts: Sequence[str | None]
    ) -> tuple[Sequence[str | None], _Known | None]:
        """Texts to encode and what is known: all and None, or of few values those that are new."""
        if field.kind not in _KINDS_OF_FEW_VALUES:
            return texts, None
        known = self._known.get(field.name)
        if known is None or len(known) > _REMEMBERED_MAX:
            known = self._known[field.name] = {}
        new = [each for each in dict.fromkeys(texts) if each is not None and each not in known]
        return new, known


def _remembered(known: _Known, names: Sequence[str], texts: Sequence[str | None]) -> EncodedField:
    none = (0,) * len(names)
    table = np.array([none if each is None else known[each] for each in texts], np.uint64)
    components = {name: table[:, place].copy() for place, name in enumerate(names)}
    return EncodedField(components, _NO_STATUS, _NO_OVERFLOW)


def text_columns(columns: Sequence[Sequence[str | None]]) -> list[Utf8Column]:
    """Columns of a few texts, over one buffer.

    Parameters
    ----------
    columns : texts of each

    Raises
    ------
    InputError : a text that UTF-8 cannot hold
    """
    texts = [text for column in columns for text in column]
    try:
        encoded = [b"" if text is None else text.encode() for text in texts]
    except UnicodeEncodeError as error:
        raise InputError("a value holds bytes that are no text; give it in UTF-8") from error
    offsets = np.array([0, *accumulate(map(len, encoded))], np.int32)
    data = np.frombuffer(b"".join(encoded), np.uint8)
    valid = np.array([text is not None for text in texts], np.bool_)
    found, start = [], 0
    for column in columns:
        stop = start + len(column)
        found.append(Utf8Column(offsets[start : stop + 1], data, valid[start:stop]))
        start = stop
    return found
