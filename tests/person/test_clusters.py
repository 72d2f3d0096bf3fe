"""Records by cluster, and values counted once a person: equal to the naive way."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from person.clusters import ClusterMembers, drop_repeats_within_clusters


def naive_drop(cluster: list[int], hashes: list[int]) -> list[int]:
    """Row by row: 0 where an earlier record of the cluster has the value."""
    seen: set[tuple[int, int]] = set()
    kept = []
    for pair in zip(cluster, hashes):
        kept.append(0 if pair in seen else pair[1])
        seen.add(pair)
    return kept


def dropped(cluster: list[int], hashes: list[int]) -> list[int]:
    members = ClusterMembers.of(np.array(cluster, np.int64))
    values = np.array(hashes, np.uint64)
    drop_repeats_within_clusters(members, values)
    return values.tolist()


def as_clusters(labels: list[int]) -> list[int]:
    """Each label's smallest row, as clusters are named."""
    return [labels.index(label) for label in labels]


@given(
    rows=st.lists(
        st.tuples(st.integers(0, 5), st.sampled_from([0, 0, 1, 2, 3, (1 << 64) - 1])), max_size=60
    )
)
def test_repeats_are_dropped_as_the_naive_way_does(rows: list[tuple[int, int]]) -> None:
    """The first record of a person keeps a value, later ones lose it; missing stays missing."""
    cluster, hashes = as_clusters([row[0] for row in rows]), [row[1] for row in rows]
    assert naive_drop(cluster, hashes) == dropped(cluster, hashes)


@given(
    seed=st.integers(0, 1000),
    size=st.sampled_from([63, 64, 65, 66, 500]),
    values=st.integers(1, 90),
)
def test_large_clusters_are_treated_like_small_ones(seed: int, size: int, values: int) -> None:
    """Past 64 members another way is taken, to the same end."""
    random = np.random.default_rng(seed)
    labels = random.permutation(np.repeat([0, 1, 2], [size, 3, 70])).tolist()
    cluster = as_clusters(labels)
    hashes = random.integers(0, values + 1, len(cluster)).tolist()
    assert naive_drop(cluster, hashes) == dropped(cluster, hashes)


@given(labels=st.lists(st.integers(0, 8), max_size=40))
def test_members_are_listed_by_cluster(labels: list[int]) -> None:
    """Every record stands once, under its cluster's smallest record, in rising order."""
    cluster = as_clusters(labels)
    members = ClusterMembers.of(np.array(cluster, np.int64))
    for name in range(len(cluster)):
        expected = [row for row in range(len(cluster)) if cluster[row] == name]
        found = members.order[members.start[name] : members.start[name + 1]].tolist()
        assert expected == found
        assert [len(expected)] == members.size(np.array([name])).tolist()
