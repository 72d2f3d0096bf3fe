"""What stands beside every published figure: machine, versions, command, date, load."""

from __future__ import annotations

import os
import platform
import shlex
import sys
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any, Final

__all__ = [
    "command_line",
    "facts_line",
    "machine_facts",
    "memory_peak_bytes",
    "reset_memory_peak",
    "run_facts",
    "stage_rows",
    "versions",
]

_PACKAGES: Final = (
    "mpi-index", "numpy", "numba", "pyarrow", "pytest-benchmark", "splink", "duckdb",
    "recordlinkage", "pandas", "goldenmatch", "faiss-cpu",
)  # fmt: skip


def machine_facts() -> dict[str, Any]:
    """Processor, cores this process may use, memory, system."""
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None,
        "memory_bytes": _meminfo("MemTotal"),
        "system": f"{platform.system()} {platform.release()}",
        "distribution": _distribution(),
        "python": platform.python_version(),
    }


def versions() -> dict[str, str]:
    """Installed versions of what takes part in a bench."""
    found = {}
    for name in _PACKAGES:
        with suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


def command_line() -> str:
    """The command that is running, as one would type it."""
    words = list(sys.argv)
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    if Path(words[0]).suffix != ".py" or spec is None:
        words[0] = Path(words[0]).name
    elif spec.name == "cli.__main__":
        words[0] = "mpi"
    else:
        words[:1] = ["python", "-m", spec.name]
    return shlex.join(words)


def run_facts(command: str | None = None) -> dict[str, Any]:
    """Everything a result file says about the run itself; `command` where it is not argv."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": command or command_line(),
        "machine": machine_facts(),
        "versions": versions(),
        "load_average": [round(load, 2) for load in os.getloadavg()],
    }


def facts_line(facts: dict[str, Any]) -> str:
    """One line for a table's foot."""
    machine = facts["machine"]
    packages = ", ".join(f"{name} {version}" for name, version in facts["versions"].items())
    memory = f"{machine['memory_bytes'] / 2**30:.0f} GiB" if machine["memory_bytes"] else "?"
    return (
        f"`{facts['command']}`, {facts['date'][:10]}, {machine['processor']}, "
        f"{machine['cores']} cores, {memory}, load {facts['load_average'][0]:.1f} at the start, "
        f"Python {machine['python']}, {packages}"
    )


def stage_rows(stages: Sequence[dict[str, Any]]) -> list[list[Any]]:
    """Rows for people of a run's stages: stage, seconds, processor seconds, cores busy, MiB.

    Parameters
    ----------
    stages : as run.json has them
    """
    rows: list[list[Any]] = []
    for each in stages:
        busy = each["cpu_seconds"] / max(each["seconds"], 1e-9)
        memory = round((each["peak_memory_bytes"] or 0) / 2**20)
        rows.append([each["stage"], each["seconds"], each["cpu_seconds"], busy, memory])
    return rows


def reset_memory_peak() -> bool:
    """Let the peak of this process's memory begin anew; False where the system cannot."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return False
    return True


def memory_peak_bytes() -> int:
    """Largest resident memory since the start, or since `reset_memory_peak`."""
    from bench.accuracy_process import peak_bytes

    return peak_bytes()


def _processor() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def _distribution() -> str:
    with suppress(OSError):
        return platform.freedesktop_os_release().get("PRETTY_NAME", "")
    return ""


def _meminfo(name: str) -> int | None:
    with suppress(OSError):
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) * 1024
    return None
