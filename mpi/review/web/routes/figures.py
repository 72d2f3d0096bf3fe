"""The figures: what waits, how well people and the machine agree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from weakref import WeakKeyDictionary

from mpi.identity_index import IdentityIndex
from mpi.review.agreement import Figures
from mpi.review.permissions import Permission
from mpi.review.web.lanes import Lane
from mpi.review.web.page import Page
from mpi.review.web.text import share_text
from mpi.review.web.visit import Visit

__all__ = ["PAGES", "band_text", "view_figures"]

_KEPT: Final[WeakKeyDictionary[IdentityIndex, Figures]] = WeakKeyDictionary()
"""Counters of each open index; the first look reads all tasks, later ones what is new."""


def view_figures(visit: Visit) -> dict[str, Any]:
    """Backlog, ages, agreement, how often the machine is overruled, precision.

    Parameters
    ----------
    visit : who may not see stewards gets no figures by name
    """
    index = visit.queue.index
    figures = _KEPT.setdefault(index, Figures(index)).dashboard().to_dict()
    if not visit.may(Permission.SEE_STEWARDS):
        figures |= {"stewards": [], "days": []}
        figures["agreement"] = figures["agreement"] | {"pairs": []}
    return {"figures": figures, "drawings": _drawings(figures)}


def _drawings(figures: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Rows of the charts; the tables beside them hold the same numbers."""
    return {
        "ages": [
            {"label": each["label"], "parts": [total], "text": f"{total:,}"}
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
    Page(
        "figures", "/figures", view_figures, "figures.html", Permission.SEE_FIGURES, lane=Lane.LONG
    ),
)
