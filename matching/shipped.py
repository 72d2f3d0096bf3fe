"""The models that ship with the product, fitted to the fields a table has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from matching.model import Comparison, Model, Part, read_model

__all__ = ["SHIPPED_MODELS", "shipped_model", "with_shipped_probabilities"]

SHIPPED_MODELS: Final = {"resident": Path(__file__).with_name("models") / "resident.json"}
"""Name of a built-in schema -> the model that knows its fields."""


@lru_cache(maxsize=4)
def shipped_model(schema_name: str) -> Model | None:
    """The model that ships for a built-in schema, None where there is none."""
    path = SHIPPED_MODELS.get(schema_name)
    return None if path is None else read_model(path)


def with_shipped_probabilities(
    comparisons: Sequence[Comparison], shipped: Model
) -> tuple[Comparison, ...] | None:
    """Give comparisons the probabilities of a shipped model.

    Parameters
    ----------
    comparisons : of a table, which may lack some of the fields
    shipped : compares all of them; what a table lacks is summed out

    Returns
    -------
    tuple of Comparison with all three probabilities; None where one of them is unknown to the
    shipped model or has other levels there
    """
    known = {each.name: each for each in shipped.comparisons}
    result = []
    for each in comparisons:
        source = known.get(each.name)
        if source is None:
            return None
        compared = [_compared(part) for part in each.parts]
        axes = [n for n, part in enumerate(source.parts) if _compared(part) in compared]
        if [_compared(source.parts[number]) for number in axes] != compared:
            return None
        result.append(
            replace(
                each,
                m_probability=_summed(source, source.m_probability, axes),
                u_probability=_summed(source, source.u_probability, axes),
                relative_probability=_summed(source, source.relative_probability, axes),
            )
        )
    return tuple(result)


def _compared(part: Part) -> tuple[object, ...]:
    """What a part looks at; whether it weighs rare values more does not matter here."""
    return part.name, part.comparator, part.cutoffs, part.levels


def _summed(
    source: Comparison, probability: NDArray[np.float64] | None, axes: Sequence[int]
) -> NDArray[np.float64] | None:
    """Chances of the combinations of some parts' levels, whatever the other parts do."""
    if probability is None:
        return None
    others = tuple(axis for axis in range(len(source.shape)) if axis not in axes)
    summed: NDArray[np.float64] = probability.reshape(source.shape).sum(axis=others).reshape(-1)
    return summed
