"""Plain times: what Arrow reads in them, or nothing at all."""

from __future__ import annotations

import datetime

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from person.plain_times import plain_seconds
from person.text import Utf8Column

times = st.datetimes(datetime.datetime(1, 1, 1), datetime.datetime(9999, 12, 31))
zone = datetime.UTC


@given(st.lists(st.none() | times, max_size=8), st.sampled_from(" T"), st.booleans())
@example([datetime.datetime(2106, 2, 7, 6, 28, 15), datetime.datetime(2106, 2, 7, 6, 28, 16)], " ", False)  # fmt: skip # noqa: E501
@example([datetime.datetime(2000, 2, 29), datetime.datetime(1970, 1, 1)], " ", True)
def test_times_are_seconds_of_utc(
    values: list[datetime.datetime | None], between: str, is_day: bool
) -> None:
    """Every time of the calendar, with its time of day or without; 0 before 1970 and after 2106."""
    texts: list[str | None] = []
    expected = []
    for value in values:
        if value is None:
            texts.append(None)
            expected.append(0)
            continue
        value = value.replace(microsecond=0)
        if is_day:
            value = value.replace(hour=0, minute=0, second=0)
        text = value.isoformat(between)
        texts.append(text[:10] if is_day else text)
        seconds = int((value.replace(tzinfo=zone) - datetime.datetime(1970, 1, 1, tzinfo=zone)).total_seconds())  # fmt: skip # noqa: E501
        expected.append(seconds if 0 <= seconds < 1 << 32 else 0)
    found = plain_seconds(Utf8Column.from_strings(texts))
    assert found is not None
    assert expected == found.tolist()


@given(st.text(st.sampled_from("0123456789-: T/"), min_size=1, max_size=20))
@example("2023-02-29 00:00:00")
@example("2023-02-28 24:00:00")
@example("2023-02-28 23:59:60")
@example("2023/02/28 23:59:59")
@example("2023-02-28x23:59:59")
@example("2023-02-28 23-59-59")
def test_other_text_is_left_to_others(text: str) -> None:
    """What it reads is what Arrow reads in it."""
    found = plain_seconds(Utf8Column.from_strings([text]))
    if found is not None:
        arrow = pa.array([text]).cast(pa.timestamp("s")).cast(pa.int64()).to_numpy()
        assert np.where((arrow >= 0) & (arrow < 1 << 32), arrow, 0).tolist() == found.tolist()


@pytest.mark.parametrize("texts", ([], [None], ["", None]))
def test_nothing_is_no_time(texts: list[str | None]) -> None:
    """Nulls and empty texts are unknown times."""
    found = plain_seconds(Utf8Column.from_strings(texts))
    assert found is not None
    assert [0] * len(texts) == found.tolist()
