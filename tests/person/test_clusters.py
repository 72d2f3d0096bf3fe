"""Records by cluster: equal to the naive way."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from person.clusters import ClusterMembers


def as_clusters(labels: list[int]) -> list[int]:
    """Each label's smallest row, as clusters are named."""
    return [labels.index(label) for label in labels]


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
