"""Messages of errors in the steward's language.

The library speaks English. `words/en/problem.toml` holds its messages as patterns, with {names} in
place of values, and `words/zh/problem.toml` the same in Chinese under the same key.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any, Final

from mpi.review.web.words import read_words

__all__ = ["problem_text"]

_PREFIX: Final = "problem."
_NAME: Final = re.compile(r"\{(\w+)\}")


@cache
def _patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    """(key, what its English message looks like), the most particular first."""
    texts = read_words("en").texts
    found = [(key, text) for key, text in texts.items() if key.startswith(_PREFIX)]
    found.sort(key=lambda each: -len(_NAME.sub("", each[1])))
    return tuple((key, _pattern(text)) for key, text in found)


def _pattern(text: str) -> re.Pattern[str]:
    parts = _NAME.split(text)
    literals = [re.escape(each) for each in parts[::2]]
    names = [f"(?P<{name}>.+?)" for name in parts[1::2]]
    return re.compile("".join(a + b for a, b in zip(literals, [*names, ""], strict=True)), re.S)


def problem_text(message: str, language: str) -> str:
    """An error's message for a page; as it is where nobody has put it into that language.

    Parameters
    ----------
    message : of an error, in English
    language : of the page
    """
    if language == "en" or not message:
        return message
    for key, pattern in _patterns():
        found = pattern.fullmatch(message)
        if found:
            values: dict[str, Any] = found.groupdict()
            return read_words(language)(key, **values)
    return message
