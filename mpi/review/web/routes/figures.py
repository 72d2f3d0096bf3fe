"""The figures: what waits, how well people and the machine agree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from weakref import WeakKeyDictionary

from mpi.identity_index import IdentityIndex
from mpi.review.agreement import Figures
from mpi.review.permissions import Permission
from mpi.review.web.page import Page
from mpi.review.web.text import share_text
from mpi.review.web.visit import Visit
from mpi.review.web.words import Words, read_words

__all__ = ["PAGES", "band_text", "kept_figures", "view_figures"]

_KEPT: Final[WeakKeyDictionary[IdentityIndex, Figures]] = WeakKeyDictionary()
"""Counters of each open index; the first look reads all tasks, later ones what is new."""


def kept_figures(index: IdentityIndex) -> Figures:
    """The counters of an open index; a server has them count before anybody asks.

    Parameters
    ----------
    index : open
    """
    found = _KEPT.get(index)
    if found is None:
        found = _KEPT[index] = Figures(index)
    return found


def view_figures(visit: Visit) -> dict[str, Any]:
    """Backlog, ages, agreement, how often the machine is overruled, precision.

    Parameters
    ----------
    visit : who may not see stewards gets no figures by name
    """
    index = visit.queue.index
    figures = kept_figures(index).dashboard().to_dict()
    if not visit.may(Permission.SEE_STEWARDS):
        figures |= {"stewards": [], "days": []}
        figures["agreement"] = figures["agreement"] | {"pairs": []}
    return {"figures": figures, "drawings": _drawings(figures, read_words(visit.language))}


def _drawings(figures: Mapping[str, Any], words: Words) -> dict[str, list[dict[str, Any]]]:
    """Rows of the charts; the tables beside them hold the same numbers."""
    return {
        "ages": [
            {"label": _age_text(words, each), "parts": [total], "text": f"{total:,}"}
            for each in figures["ages"]
            for total in [sum(each["tasks"].values())]
        ],
        "bands": [
            {
                "label": band_text(each["weight_min"], each["weight_max"]),
                "text": f"{each['overruled']}/{each['decided']}",
                **_interval(each["rate"]),
            }
            for each in figures["bands"]
        ],
        "precision": _precision(figures["precision"]),
    }


def _age_text(words: Words, band: Mapping[str, Any]) -> str:
    """Days that tasks have waited: 'under 1 day', '1–7 days', 'over 30 days'."""
    least, past = band["days_min"], band["days_max"]
    if past is None:
        return words("figures.age_over", days=least - 1)
    if least == 0:
        return words("figures.age_under", days=past)
    return words("figures.age_between", low=least, high=past - 1)


def _precision(precision: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    if precision is None:
        return []
    bands: Sequence[Mapping[str, Any]] = precision["bands"]
    return [
        {
            "label": band_text(each["weight_min"], each["weight_max"]),
            "text": share_text(each["estimate"]) if each["judged"] else "–",
            **_interval(each if each["judged"] else None),
        }
        for each in bands
    ]


def _interval(interval: Mapping[str, Any] | None) -> dict[str, Any]:
    if interval is None or interval["estimate"] is None:
        return {"estimate": None, "low": None, "high": None}
    return {name: interval[name] for name in ("estimate", "low", "high")}


def band_text(least: float | None, most: float | None) -> str:
    """A band of weights: '5 … 10', '< 0', '≥ 40'.

    Parameters
    ----------
    least, most : bits; None = no bound
    """

    def bits(value: float) -> str:
        return f"{value:.1f}".removesuffix(".0").replace("-", "\u2212")

    if least is None:
        return "" if most is None else f"< {bits(most)}"
    return f"≥ {bits(least)}" if most is None else f"{bits(least)} … {bits(most)}"


PAGES: Final = (
    # With its counters kept it takes a few milliseconds, and must not wait behind an export.
    Page("figures", "/figures", view_figures, "figures.html", Permission.SEE_FIGURES),
)
