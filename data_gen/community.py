"""Which communities of the frame a population takes, and where each one lies."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from data_gen.counter import key_of, permute, permute_back
from data_gen.parameters import FRAME_COMMUNITIES, GeneratorParameters
from data_gen.people import COMMUNITY_PEOPLE

__all__ = [
    "community_people",
    "community_position",
    "frame_community",
    "person_community",
    "population_key",
]

_FRAME: Final = 1


def population_key(seed: int) -> np.uint64:
    """The key that all draws of a population start from.

    Parameters
    ----------
    seed : GeneratorParameters.seed
    """
    return np.uint64(key_of(np.uint64(seed), 0))


def frame_community(parameters: GeneratorParameters, position: int) -> int:
    """Number in the frame of the population's community at `position`.

    Parameters
    ----------
    parameters : GeneratorParameters
    position : 0 to parameters.communities - 1
    """
    if not 0 <= position < parameters.communities:
        raise IndexError(f"community {position} of {parameters.communities}")
    key = np.uint64(key_of(population_key(parameters.seed), _FRAME))
    return int(permute(position, FRAME_COMMUNITIES, key))


def community_position(parameters: GeneratorParameters, community: int) -> int:
    """Position in the population of a frame community, -1 where the population lacks it.

    Parameters
    ----------
    parameters : GeneratorParameters
    community : number in the frame
    """
    key = np.uint64(key_of(population_key(parameters.seed), _FRAME))
    position = int(permute_back(community, FRAME_COMMUNITIES, key))
    return position if position < parameters.communities else -1


def community_people(parameters: GeneratorParameters, position: int) -> int:
    """People of the community at `position`: all but the last one are whole.

    Parameters
    ----------
    parameters : GeneratorParameters
    position : 0 to parameters.communities - 1
    """
    return min(COMMUNITY_PEOPLE, parameters.people - position * COMMUNITY_PEOPLE)


def person_community(person_id: NDArray[np.int64]) -> NDArray[np.int64]:
    """Frame communities of person ids.

    Parameters
    ----------
    person_id : int64[n]

    Returns
    -------
    int64[n]
    """
    return person_id // COMMUNITY_PEOPLE
