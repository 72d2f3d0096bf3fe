"""Pairs of characters drawn alike, computed from stroke orders; used by `build_han`.

The stroke orders, four-corner codes and components come from char-similar (see NOTICE there).
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from rapidfuzz.distance import Levenshtein
from rapidfuzz.process import cdist

__all__ = ["similar_pairs"]

NEIGHBOURS_MAX = 12


def similar_pairs(
    packages: Path, fold: Callable[[str], str], common: list[str], known_pairs: str
) -> list[tuple[str, str]]:
    """Pairs of name characters drawn with nearly the same strokes, at most 12 a character."""
    folder = next(packages.rglob("char_order.dict")).parent
    table: dict[str, dict[str, Any]] = {
        name: ast.literal_eval((folder / f"char_{name}.dict").read_text(encoding="utf-8"))
        for name in ("order", "fourangle", "component", "stroke", "struct")
    }

    known = [c for c in common if c in table["order"] and c in table["fourangle"]]
    order = [table["order"][c] for c in known]
    corner = np.array([[ord(d) for d in (table["fourangle"][c] + "00000")[:4]] for c in known])
    strokes = np.array([len(o) for o in order])
    pairs: dict[str, list[tuple[float, str]]] = defaultdict(list)
    for start in range(0, len(known), 512):
        rows = slice(start, start + 512)
        distance = cdist(
            order[rows], order, scorer=Levenshtein.distance, score_cutoff=4, dtype=np.int16
        )
        close = (distance <= 4) & (distance * 4 <= np.maximum(strokes[rows, None], strokes) + 3)
        for i, j in np.argwhere(close):
            a, b = known[start + i], known[j]
            if a == b:
                continue
            score = shape_score(a, b, int(distance[i, j]), corner[start + i], corner[j], table)
            if score >= 0.70:
                pairs[a].append((-score, b))
    folded = [(fold(pair[0]), fold(pair[1])) for pair in known_pairs.split()]
    chosen = {(min(a, b), max(a, b)) for a, b in folded if a != b}
    for a, options in pairs.items():
        for _, b in sorted(options)[:NEIGHBOURS_MAX]:
            chosen.add((min(a, b), max(a, b)))
    return sorted(chosen)


def shape_score(
    a: str, b: str, distance: int, corner_a: Any, corner_b: Any, table: dict[str, dict[str, Any]]
) -> float:
    strokes = max(len(table["order"][a]), len(table["order"][b]))
    parts_a, parts_b = set(table["stroke"].get(a, ())), set(table["stroke"].get(b, ()))
    shared = len(parts_a & parts_b) / max(1, len(parts_a | parts_b))
    stroke_part = 1 - distance / strokes
    corner_part = float(np.mean(corner_a == corner_b))
    structure = float(table["struct"].get(a) == table["struct"].get(b))
    return 0.5 * stroke_part + 0.2 * corner_part + 0.2 * shared + 0.1 * structure
