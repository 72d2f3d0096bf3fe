"""Communities: populations of one seed nest, ids lead back, the last one is cut."""

from __future__ import annotations

import numpy as np
import pytest

from data_gen.community import (
    community_people,
    community_position,
    frame_community,
    person_community,
)
from data_gen.facts import facts
from data_gen.parameters import FRAME_COMMUNITIES, GeneratorParameters


def frame(people: int, seed: int = 1) -> list[int]:
    parameters = GeneratorParameters(people=people, seed=seed)
    return [frame_community(parameters, place) for place in range(parameters.communities)]


def test_populations_of_one_seed_nest() -> None:
    """A larger population begins with the communities of a smaller one."""
    assert frame(50_000) == frame(300_000)[: len(frame(50_000))]


def test_communities_are_taken_once() -> None:
    """No community comes twice, another seed takes others, all lie in the frame."""
    taken = frame(5_000_000)
    assert len(taken) == len(set(taken))
    assert set(taken) != set(frame(5_000_000, seed=2))
    assert min(taken) >= 0
    assert max(taken) < FRAME_COMMUNITIES


def test_positions_lead_back() -> None:
    """The position of a taken community is known; one not taken has none."""
    parameters = GeneratorParameters(people=100_000, seed=4)
    taken = [frame_community(parameters, place) for place in range(parameters.communities)]
    assert list(range(len(taken))) == [community_position(parameters, each) for each in taken]
    other = next(each for each in range(FRAME_COMMUNITIES) if each not in taken)
    assert -1 == community_position(parameters, other)


def test_the_last_community_is_cut() -> None:
    """The communities' people add up to the population."""
    parameters = GeneratorParameters(people=3000)
    assert [1024, 1024, 952] == [community_people(parameters, place) for place in range(3)]
    with pytest.raises(IndexError):
        frame_community(parameters, 3)


def test_person_ids_name_their_community() -> None:
    """person_id // 1024 is the frame community."""
    people = np.array([0, 1023, 1024, 5 * 1024 + 7])
    assert [0, 0, 1, 5] == person_community(people).tolist()


def test_counties_have_their_share_of_the_frame() -> None:
    """Communities stand for census people: the provinces' shares are the census's within 2 %."""
    table = facts()
    counts = np.diff(table.community_start)
    province = table.county_code // 10_000
    census = {11: 21_893_095, 44: 126_012_510, 41: 99_365_519, 54: 3_648_100, 51: 83_674_866}
    for code, people in census.items():
        share = counts[province == code].sum() / counts.sum()
        assert abs(share / (people / 1_409_778_724) - 1) < 0.035
