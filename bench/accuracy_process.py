"""What a bench process can say of itself."""

from __future__ import annotations

import resource
from pathlib import Path

__all__ = ["peak_bytes"]


def peak_bytes() -> int:
    """Largest resident memory of this process so far, in bytes.

    From VmHWM where there is a /proc: `ru_maxrss` of a child starts at what its parent held when
    it forked, so a fat parent would be booked to every engine it starts.
    """
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
