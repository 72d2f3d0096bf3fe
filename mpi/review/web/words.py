"""Every sentence of the pages, in Chinese and in English.

`words/zh/case.toml` holds the Chinese words of the case page: `merge = "合并"` is the key
`case.merge`; tables add a level. A test holds both languages to the same keys.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

__all__ = ["LANGUAGES", "Words", "read_words"]

LANGUAGES: Final = ("zh", "en")
_HERE: Final = Path(__file__).resolve().parent / "words"


class Words:
    """The words of one language.

    Parameters
    ----------
    language : zh or en
    texts : key -> text, with {names} of values in braces
    """

    def __init__(self, language: str, texts: Mapping[str, str]) -> None:
        self.language = language
        self.texts = texts

    def __contains__(self, key: str) -> bool:
        return key in self.texts

    def __call__(
        self, key: str, *, otherwise: str | None = None, count: int | None = None, **values: Any
    ) -> str:
        """The text of a key; the key itself where there is none, so that no page breaks.

        Parameters
        ----------
        key : file.name
        otherwise : for words of the data, such as names of fields: what stands for an unknown key
        count : chooses between 'one|many' texts, and is a value itself
        values : for the {names} of the text
        """
        text = self.texts.get(key)
        if text is None:
            return key if otherwise is None else otherwise
        if count is not None:
            one, bar, many = text.partition("|")
            text = many if bar and count != 1 else one
            values["count"] = f"{count:,}"
        return text.format(**values) if values else text


@cache
def read_words(language: str) -> Words:
    """Read the words of a language from its files.

    Parameters
    ----------
    language : zh or en
    """
    texts: dict[str, str] = {}
    for path in sorted((_HERE / language).glob("*.toml")):
        with path.open("rb") as file:
            _flatten(path.stem, tomllib.load(file), texts)
    return Words(language, texts)


def _flatten(prefix: str, table: Mapping[str, Any], texts: dict[str, str]) -> None:
    for name, value in table.items():
        if isinstance(value, Mapping):
            _flatten(f"{prefix}.{name}", value, texts)
        else:
            texts[f"{prefix}.{name}"] = str(value)
