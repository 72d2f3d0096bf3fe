"""Values as the pages show them: characters with their marks and readings, times, figures.

Whatever a source sent is shown, and shown safely: nothing here trusts a value. Characters that
cannot be seen, or that would turn the text around them, are shown by their number.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, Final

from jinja2 import pass_context
from jinja2.runtime import Context
from markupsafe import Markup, escape

from mpi.review.masking import MASK

__all__ = ["FILTERS", "bits_text", "day_text", "moment_text", "pieces", "share_text", "visible"]

Plain = Mapping[str, Any]

_MONTHS: Final = (
    *("Jan", "Feb", "Mar", "Apr", "May", "Jun"),
    *("Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
)
_HIDDEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_JOINERS: Final = frozenset("\u200d\ufe0e\ufe0f")
_DIGIT_KINDS: Final = frozenset({"national_id", "phone", "identifier"})
_GROUPS: Final = {18: (6, 14), 15: (6, 12), 11: (3, 7)}
"""Length of a number -> where a gap helps the eye: region, birth date, rest; 3-4-4 in phones."""


def visible(text: object) -> Markup:
    """A value as safe markup; unseen and direction-changing characters by their numbers.

    Parameters
    ----------
    text : whatever a source sent
    """
    characters = str(text)
    if not any(unicodedata.category(each) in _HIDDEN for each in characters):
        return escape(characters)
    return Markup("").join(_shown(characters, place) for place in range(len(characters)))


def _shown(characters: str, place: int) -> Markup:
    character = characters[place]
    category = unicodedata.category(character)
    if category not in _HIDDEN:
        return escape(character)
    if character in _JOINERS and place and unicodedata.category(characters[place - 1]) == "So":
        return escape(character)  # inside an emoji, where it only joins
    name = unicodedata.name(character, "").lower()
    return Markup('<span class="control" title="{}">U+{:04X}</span>').format(name, ord(character))


# ------------------------------------------------------------------------- pieces of a value


def pieces(field: Mapping[str, Any], spans: Sequence[Plain] | None = None) -> list[dict[str, Any]]:
    """A value cut into what the page draws one by one.

    Parameters
    ----------
    field : of a record, plain: 'value', 'kind', 'pinyin', 'spans'
    spans : against another record than the field's own spans, None for those

    Returns
    -------
    list of {'text', 'mark', 'reading' (a syllable, None without one), 'gap' (a group of digits
    ends here)}; joined, the texts are the value
    """
    value = field["value"]
    chosen = field["spans"] if spans is None else spans
    if all(span["mark"] == "missing" for span in chosen):
        chosen = ()  # the other side has no value at all: nothing in this one stands out
    if not chosen:
        chosen = [{"text": value, "mark": "same"}] if value else []
    if field["pinyin"] is not None:
        return _read(chosen, field["pinyin"])
    if field["kind"] in _DIGIT_KINDS:
        return _grouped(chosen)
    return [_piece(span["text"], span["mark"]) for span in chosen]


def _piece(
    text: str, mark: str, reading: str | None = None, *, gap: bool = False
) -> dict[str, Any]:
    return {"text": text, "mark": mark, "reading": reading, "gap": gap}


def _is_han(character: str) -> bool:
    return unicodedata.name(character, "").startswith("CJK ") or character == "〇"


def _read(spans: Sequence[Plain], readings: Sequence[str]) -> list[dict[str, Any]]:
    """One piece a character; readings belong to the characters that have one, in order."""
    letters = "".join(span["text"] for span in spans)
    han = [place for place, letter in enumerate(letters) if _is_han(letter)]
    if len(han) != len(readings):
        han = list(range(len(letters))) if len(letters) == len(readings) else []
    reading = dict(zip(han, readings, strict=False))
    result, place = [], 0
    for span in spans:
        if not span["text"]:
            result.append(_piece("", span["mark"]))
        for letter in span["text"]:
            result.append(_piece(letter, span["mark"], reading.get(place) or None))
            place += 1
    return _joined(result)


def _joined(parts: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Neighbours without readings become one piece, so that combining marks stay together."""
    result: list[dict[str, Any]] = []
    for part in parts:
        last = result[-1] if result else None
        if (
            last is not None
            and part["text"]
            and last["mark"] == part["mark"]
            and last["reading"] is part["reading"] is None
            and not last["gap"]
        ):
            result[-1] = _piece(last["text"] + part["text"], part["mark"], gap=part["gap"])
        else:
            result.append(part)
    return result


def _grouped(spans: Sequence[Plain]) -> list[dict[str, Any]]:
    letters = "".join(span["text"] for span in spans)
    length = len(letters)
    ends = _GROUPS.get(length, tuple(range(4, length, 4)) if length > 6 else ())
    if not all(each.isalnum() or each == MASK for each in letters):
        ends = ()  # whoever wrote it grouped it in a way of their own
    parts, place = [], 0
    for span in spans:
        if not span["text"]:
            parts.append(_piece("", span["mark"]))
        for letter in span["text"]:
            place += 1
            parts.append(_piece(letter, span["mark"], gap=place in ends))
    return _joined(parts)


# ------------------------------------------------------------------------- times and figures


def _moment(value: str | datetime) -> datetime:
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone()


def _day(value: date, language: str) -> str:
    if language == "zh":
        return f"{value.year}年{value.month}月{value.day}日"
    return f"{value.day} {_MONTHS[value.month - 1]} {value.year}"


def day_text(value: str | date | None, language: str) -> str:
    """A day as the language writes it: '2026年11月3日', '3 Nov 2026'; '' for none.

    Parameters
    ----------
    value : ISO 8601, or a date; a moment's day is that of the server's time zone
    language : 'zh' or 'en'
    """
    if value is None or value == "":
        return ""
    if isinstance(value, str) and len(value) == 10:
        return _day(date.fromisoformat(value), language)
    if isinstance(value, date) and not isinstance(value, datetime):
        return _day(value, language)
    return _day(_moment(value), language)


def moment_text(value: str | datetime | None, language: str) -> str:
    """A moment as the language writes it, to the minute, in the server's time zone; '' for none.

    Parameters
    ----------
    value : ISO 8601; a day alone has no minute to show
    language : 'zh' or 'en'
    """
    if value is None or value == "":
        return ""
    if isinstance(value, str) and len(value) == 10:
        return day_text(value, language)
    moment = _moment(value)
    comma = " " if language == "zh" else ", "
    return f"{_day(moment, language)}{comma}{moment:%H:%M}"


def bits_text(value: float | None) -> str:
    """A weight with its sign and one decimal, a true minus; '–' for none."""
    if value is None:
        return "–"
    text = f"{value:+.1f}"
    return "0.0" if text in ("+0.0", "-0.0") else text.replace("-", "\u2212")


def share_text(value: float | None) -> str:
    """A share as a percentage that never rounds up to all or down to none; '–' for none.

    Parameters
    ----------
    value : 0 to 1
    """
    if value is None:
        return "–"
    if value in (0, 1):
        return f"{value:.0%}"
    for digits in (0, 1, 2, 3, 4):
        text = f"{100 * value:.{digits}f}"
        if 0 < float(text) < 100 and min(value, 1 - value) >= 10.0 ** -(digits + 2):
            return f"{text}%"
    return ">99.999%" if value > 0.5 else "<0.001%"


def _in_language(function: Callable[..., str]) -> Callable[..., str]:
    """A filter that takes the language from the page."""

    @pass_context
    def filtered(context: Context, value: Any) -> str:
        return function(value, str(context.get("language", "en")))

    return filtered


FILTERS: Final[dict[str, Callable[..., Any]]] = {
    "visible": visible,
    "day": _in_language(day_text),
    "moment": _in_language(moment_text),
    "bits": bits_text,
    "share": share_text,
}
"""What the templates' environment takes as filters."""
