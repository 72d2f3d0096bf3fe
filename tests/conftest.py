"""Settings every test shares."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# The first call of a kernel compiles it, so times of single examples mean nothing; and every run
# tries the same examples, so that a red build is red again.
settings.register_profile(
    "house",
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("house")
