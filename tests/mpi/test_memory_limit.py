"""`memory` is a promise: a job finishes under a hard limit of the operating system."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.made_up_people import write_residents

ROOT = Path(__file__).parents[2]

UNDER_A_LIMIT = """
import json, resource, sys
from pathlib import Path
import mpi
small, large, out, room = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
mpi.dedupe(small, out=out + "-small")  # libraries and kernels are not the job's memory
status = Path("/proc/self/status").read_text()
held = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmData"))
limit = held * 1024 + room
resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
result = mpi.dedupe(large, out=out, memory="64MiB")
print(json.dumps(result.run["counts"]))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="RLIMIT_DATA is Linux's")
def test_a_job_finishes_within_its_memory(tmp_path: Path) -> None:
    """With 64 MiB for the passes, all else is some 200 bytes a record and the batches in flight.

    The limit is on what the process may map for itself; the encoded records are a file.
    """
    small, _ = write_residents(tmp_path, 300)
    (tmp_path / "large").mkdir()
    large, _ = write_residents(tmp_path / "large", 40_000)
    room = (64 << 20) + 60_000 * 200 + (96 << 20)
    command = [
        sys.executable,
        "-c",
        UNDER_A_LIMIT,
        *map(str, (small, large, tmp_path / "out", room)),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert 0 == done.returncode, done.stderr[-2000:]
    counts = json.loads(done.stdout.splitlines()[-1])
    assert 60_000 == counts["records"]
