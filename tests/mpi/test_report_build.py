"""What the report gathers from a run's arrays."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mpi.report_build import least_and_middle


@given(
    st.lists(
        st.tuples(st.one_of(st.floats(-90.0, 250.0), st.sampled_from([1.0, 2.0])), st.booleans()),
        max_size=40,
    )
)
def test_examples_are_the_lightest_pair_and_one_of_the_middle(
    pairs: list[tuple[float, bool]],
) -> None:
    """Of each zone, and of equal weights the first: what sorting all pairs finds."""
    weight = np.array([each for each, _ in pairs], np.float64)
    is_link = np.array([each for _, each in pairs], np.bool_)
    for wanted in (True, False):
        zone = [number for number, (_, each) in enumerate(pairs) if each == wanted]
        expected = []
        if zone:
            ordered = sorted(weight[zone].tolist())
            middle = ordered[len(zone) // 2]
            for value in (ordered[0], middle):
                expected.append(next(number for number in zone if weight[number] == value))
        assert expected == least_and_middle(weight, is_link, wanted)
