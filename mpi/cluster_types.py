"""What goes into constrained clustering and what comes out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from mpi.cluster_kernels import (
    DIFFERENT,
    DISSIMILAR_IDENTITY,
    DUPLICATE_FREE_SOURCE,
    INCOHERENT,
)
from person.errors import ConfigError

__all__ = [
    "ClusterOptions",
    "ClusterOutcome",
    "Edges",
    "MergeGuard",
    "PairScorer",
    "PairTest",
    "RefusalReason",
]

PairScorer = Callable[[NDArray[np.int32], NDArray[np.int32]], NDArray[np.float64]]
"""Match weights (log2 odds) of pairs of rows; NaN where two records share no field at all."""

PairTest = Callable[[NDArray[np.int32], NDArray[np.int32]], NDArray[np.bool_]]
"""Whether the identities of two rows, known to be present and unequal, are two persons'."""


class RefusalReason(IntEnum):
    """Why a link was left out of the clusters."""

    DIFFERENT = DIFFERENT  # a steward's decision
    DISSIMILAR_IDENTITY = DISSIMILAR_IDENTITY
    DUPLICATE_FREE_SOURCE = DUPLICATE_FREE_SOURCE
    INCOHERENT = INCOHERENT


@dataclass(frozen=True, slots=True)
class Edges:
    """Links: int32[e] rows and float64[e] match weights (log2 odds), in any order."""

    left: NDArray[np.int32]
    right: NDArray[np.int32]
    weight: NDArray[np.float64]

    def __post_init__(self) -> None:
        assert len(self.left) == len(self.right) == len(self.weight)
        assert not np.isnan(self.weight).any(), "a link has a weight"


def _no_rows() -> NDArray[np.int32]:
    return np.zeros(0, np.int32)


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeGuard:
    """What is known to keep records apart, whatever their weight.

    Attributes
    ----------
    identity : uint64[n], a key of each record's valid identity, 0 = none; None = no such guard
    are_dissimilar : decides on two rows with unequal identities; None = unequal is dissimilar
    different_left, different_right : int32[d], rows a steward declared different
    source : int32[n], number of each record's source; None = no such guard
    duplicate_free_sources : numbers of the sources that hold a person once
    """

    identity: NDArray[np.uint64] | None = None
    are_dissimilar: PairTest | None = None
    different_left: NDArray[np.int32] = field(default_factory=_no_rows)
    different_right: NDArray[np.int32] = field(default_factory=_no_rows)
    source: NDArray[np.int32] | None = None
    duplicate_free_sources: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterOptions:
    """How strictly clusters are judged as wholes.

    Attributes
    ----------
    coherence_min : least mean weight, in bits, of the pairs across two clusters that merge
    weight_clip_low, weight_clip_high : one pair counts no less and no more than this
    weight_of_no_evidence : taken from each weight first; 0 leaves weights as the scorer gives them
    representatives_max : members of a cluster that speak for it
    seed : which members, where there are more
    """

    coherence_min: float = 0.0
    weight_clip_low: float = -20.0
    weight_clip_high: float = 20.0
    weight_of_no_evidence: float = 0.0
    representatives_max: int = 8
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.weight_clip_low < self.weight_clip_high:
            raise ConfigError("clustering: weight_clip_low must be under weight_clip_high")
        if not 1 <= self.representatives_max <= 64:
            raise ConfigError("clustering: representatives_max must be from 1 to 64")

    def rules(self) -> NDArray[np.float64]:
        """The numbers as kernels take them."""
        return np.array(
            [
                self.coherence_min,
                self.weight_clip_low,
                self.weight_clip_high,
                self.weight_of_no_evidence,
            ]
        )


@dataclass(frozen=True, slots=True)
class ClusterOutcome:
    """Clusters and what was refused on the way.

    Attributes
    ----------
    cluster : int32[n], smallest row of each record's cluster
    confidence : float64[n], probability behind the mean match weight (each clipped) between the
        record and the representatives of the rest of its cluster; 1.0 for a record alone
    refused_edge : int64[r], rising: edges whose ends came to lie in two clusters
    refused_reason : uint8[r], a `RefusalReason`
    pairs_scored : pairs that clustering had to score itself
    waves : rounds of scoring
    """

    cluster: NDArray[np.int32]
    confidence: NDArray[np.float64]
    refused_edge: NDArray[np.int64]
    refused_reason: NDArray[np.uint8]
    pairs_scored: int
    waves: int
