"""Why a pair weighs what it weighs: the same score, taken apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from matching.compiled import CompiledComparison, CompiledModel
from mpi.calibration import match_probability
from mpi.report_data import WaterfallExample, WaterfallStep

RELATIVES: Final = "household"

__all__ = ["RELATIVES", "cell_levels", "level_label", "waterfalls"]


def cell_levels(comparison: CompiledComparison, cells: NDArray[np.int32]) -> NDArray[np.int64]:
    """Level of each part, int64[n_parts, n_cells]; the part's level count stands for null."""
    shape = tuple(len(part.part.levels) + 1 for part in comparison.parts)
    return np.array(np.unravel_index(cells, shape), np.int64)


def level_label(comparison: CompiledComparison, cell: int) -> str:
    """What a cell means, for people: 'exact', 'suburb exact, postcode missing'."""
    levels = cell_levels(comparison, np.array([cell], np.int32))[:, 0]
    words = []
    for part, level in zip(comparison.parts, levels.tolist(), strict=True):
        labels = (*part.part.level_labels, "missing")
        words.append((part.part.name, labels[level].replace("_", " ")))
    if len(words) == 1:
        return words[0][1]
    # 'not reversed' is the ordinary case and would only clutter the line.
    shown = [
        f"{name}: {label}" for name, label in words if label not in ("not reversed", "missing")
    ]
    return ", ".join(shown) or "missing"


def _relatives_step(relative_weight: float) -> WaterfallStep:
    """What is taken off because two people of one household would look the same."""
    taken = float(np.logaddexp2(0.0, relative_weight))
    label = "could be two of one household" if taken > 0.5 else "not like two of one household"
    return WaterfallStep(comparison=RELATIVES, level=label, match_weight=-taken)


def waterfalls(
    compiled: CompiledModel,
    a: NDArray[np.uint64],
    b: NDArray[np.uint64],
    names: Sequence[tuple[str, str]],
    decisions: Sequence[str],
    *,
    prior_shift: float = 0.0,
    notes: Sequence[str | None] | None = None,
) -> list[WaterfallExample]:
    """Take the weights of pairs (a[i], b[i]) apart.

    Parameters
    ----------
    compiled : trained model
    a, b : uint64[n_pairs, n_words]
    names : 'source/record_id' of both records of each pair
    decisions : of each pair
    prior_shift : bits added to the prior, as the run did
    notes : remarks on each pair, or None

    Returns
    -------
    list of WaterfallExample; in each, prior and steps add up to the weight
    """
    places = np.arange(len(a), dtype=np.int32)
    scores = compiled.score(a, b, places, places, with_frequency_weights=True)
    assert scores.frequency_weight is not None
    result = []
    prior = compiled.prior_match_weight + prior_shift
    for pair in range(len(a)):
        weight = float(scores.weight[pair] + prior_shift)
        steps = []
        for number, comparison in enumerate(compiled.comparisons):
            cell = int(scores.cells[number, pair])
            steps.append(
                WaterfallStep(
                    comparison=comparison.comparison.name,
                    level=level_label(comparison, cell),
                    match_weight=float(comparison.cell_weight[cell]),
                    term_frequency_adjustment=float(scores.frequency_weight[number, pair]),
                )
            )
        if scores.relative_weight is not None:
            steps.append(_relatives_step(float(scores.relative_weight[pair])))
        result.append(
            WaterfallExample(
                decision=decisions[pair],
                record_left=names[pair][0],
                record_right=names[pair][1],
                prior_match_weight=prior,
                match_weight=weight,
                match_probability=float(match_probability(np.array([weight]))[0]),
                steps=tuple(steps),
                note=notes[pair] if notes is not None else None,
            )
        )
    return result
