"""Masks digits of numbers that identify a person, until somebody reveals them.

Masked are id numbers, documents, phones, cards and certificates, the mother's number, and any
number of seven digits or more in free text; in an address only one as long as a mobile or an id
number, or a landline with its area code: '199-1102' is a house and a room. A mask keeps a value's
length and its marks: that the digit before the last differs is seen, which digit it is, is not.
One or two unlike characters stay readable, or no slip could be judged.

Of an id number only the province (two digits) stays: region, birth date and sex stand in fields
of their own, and with them the last four digits would give the whole number away.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from mpi.review.types import Case, FieldView, PairView, RecordView, Span

if TYPE_CHECKING:
    from mpi.identity_golden import GoldenRecord

__all__ = [
    "EVERY_FIELD",
    "MASK",
    "Revealed",
    "is_masked_kind",
    "mask_text",
    "mask_value",
    "plain_case",
    "plain_record",
]

MASK: Final = "•"
EVERY_FIELD: Final = "*"
Revealed = tuple[str, str, str]
"""Source, record id and field (or EVERY_FIELD) that somebody has asked to see."""

_KEPT: Final[dict[str, tuple[int, int]]] = {
    "national_id": (2, 0),
    "phone": (3, 2),
    "identifier": (0, 2),
}
"""Kind -> characters that stay readable at the start and at the end."""

_HIDDEN_MIN: Final = 4
_UNLIKE_SHOWN_MAX: Final = 2
_LONG_NUMBER: Final = re.compile(r"\d(?:[ \-]?\d){6,}[xX]?")
_LONG_NUMBER_OF_ADDRESS: Final = re.compile(
    r"\d(?:[ \-]?\d){10,}[xX]?|(?<!\d)0\d{2,3}[)） \-]?\d{3,4}[ \-]?\d{4}"
)
_BETWEEN_NUMBERS: Final = re.compile(r"[;,/、|；，]")
_UNMASKED_KINDS: Final = frozenset({"date", "region", "gender"})


def is_masked_kind(kind: str) -> bool:
    """Whether values of this kind of field are masked as a whole.

    Parameters
    ----------
    kind : of the field, as the schema says
    """
    return kind in _KEPT


def mask_value(kind: str, value: str) -> str:
    """A field's value with its digits hidden; as long as before.

    Parameters
    ----------
    kind : of the field
    value : as printed
    """
    if kind in _UNMASKED_KINDS:
        return value
    if kind not in _KEPT:
        return _masked(_LONG_NUMBER_OF_ADDRESS if kind == "address" else _LONG_NUMBER, value)
    head, tail = _KEPT[kind]
    shown = list(value)
    start = 0
    for end in [*(found.start() for found in _BETWEEN_NUMBERS.finditer(value)), len(value)]:
        places = [place for place in range(start, end) if value[place].isalnum()]
        if len(places) < head + tail + _HIDDEN_MIN:
            hidden = places
        else:
            hidden = places[head : len(places) - tail]
        for place in hidden:
            shown[place] = MASK
        start = end + 1
    return "".join(shown)


def mask_text(text: str) -> str:
    """Free text with its long numbers hidden; as long as before.

    Parameters
    ----------
    text : a comment, a name
    """
    return _masked(_LONG_NUMBER, text)


def _masked(numbers: re.Pattern[str], text: str) -> str:
    return numbers.sub(lambda found: re.sub(r"[\dxX]", MASK, found[0]), text)


def _mask_spans(kind: str, spans: Sequence[Span]) -> tuple[Span, ...]:
    """Spans cut out of the masked value; few unlike characters stay readable."""
    masked = mask_value(kind, "".join(span.text for span in spans))
    unlike = sum(len(span.text) for span in spans if span.mark != "same")
    result, place = [], 0
    for span in spans:
        end = place + len(span.text)
        is_shown = span.mark not in ("same", "missing") and unlike <= _UNLIKE_SHOWN_MAX
        result.append(span if is_shown else Span(masked[place:end], span.mark))
        place = end
    return tuple(result)


# ---------------------------------------------------------------------- records and cases


def _is_revealed(revealed: Collection[Revealed], source: str, record_id: str, name: str) -> bool:
    return (source, record_id, name) in revealed or (source, record_id, EVERY_FIELD) in revealed


def _masked_field(field: FieldView) -> FieldView:
    if field.value is None:
        return field
    return replace(
        field, value=mask_value(field.kind, field.value), spans=_mask_spans(field.kind, field.spans)
    )


def plain_record(record: RecordView, revealed: Collection[Revealed] = ()) -> dict[str, Any]:
    """A record as JSON holds it, masked; each field says whether it is.

    Parameters
    ----------
    record : as the index has it
    revealed : what is shown nevertheless
    """
    shown, hidden = [], []
    for each in record.fields:
        is_open = _is_revealed(revealed, record.source, record.record_id, each.name)
        masked = each if is_open else _masked_field(each)
        shown.append(masked)
        hidden.append(masked.value != each.value)
    plain = replace(record, fields=tuple(shown)).to_dict()
    for each, is_masked in zip(plain["fields"], hidden, strict=True):
        each["masked"] = is_masked
    return plain


def plain_case(case: Case, revealed: Collection[Revealed] = ()) -> dict[str, Any]:
    """A case as JSON holds it, masked in every place where a value stands.

    Parameters
    ----------
    case : as the index has it
    revealed : what is shown nevertheless
    """
    kinds = {each.name: each.kind for record in case.records for each in record.fields}
    history = tuple(
        replace(each, text=mask_text(each.text), details=_masked_details(each.details))
        for each in case.history
    )
    masked = replace(
        case,
        records=(),
        golden_now=(),
        golden_after=None,
        pairs=tuple(_masked_pair(pair, case.records, kinds, revealed) for pair in case.pairs),
        decisions=tuple(replace(e, reason=mask_text(e.reason)) for e in case.decisions),
        look_alikes=tuple(replace(each, name=mask_text(each.name)) for each in case.look_alikes),
        history=history,
    )
    plain = masked.to_dict()
    plain["records"] = [plain_record(record, revealed) for record in case.records]
    plain["golden_now"] = [_plain_golden(each, kinds, revealed) for each in case.golden_now]
    if case.golden_after is not None:
        plain["golden_after"] = _plain_golden(case.golden_after, kinds, revealed)
    return plain


def _masked_details(details: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: mask_text(value) if isinstance(value, str) and name == "text" else value
        for name, value in details.items()
    }


def _masked_pair(
    pair: PairView,
    records: Sequence[RecordView],
    kinds: Mapping[str, str],
    revealed: Collection[Revealed],
) -> PairView:
    def masked(place: int, spans: Mapping[str, tuple[Span, ...]]) -> dict[str, tuple[Span, ...]]:
        record = records[place]
        return {
            name: each
            if _is_revealed(revealed, record.source, record.record_id, name)
            else _mask_spans(kinds.get(name, "identifier"), each)
            for name, each in spans.items()
        }

    return replace(
        pair,
        spans_left=masked(pair.left, pair.spans_left),
        spans_right=masked(pair.right, pair.spans_right),
    )


def _plain_golden(
    golden: GoldenRecord, kinds: Mapping[str, str], revealed: Collection[Revealed]
) -> dict[str, Any]:
    """A golden record, masked; a value is open where the field of its record is."""
    plain = golden.to_dict()
    for name, each in plain["fields"].items():
        if _is_revealed(revealed, each.get("source", ""), each.get("record_id", ""), name):
            each["masked"] = False
            continue
        masked = mask_value(kinds.get(name, "identifier"), each["value"])
        each["masked"] = masked != each["value"]
        each["value"] = masked
    return plain
