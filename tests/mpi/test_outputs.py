"""Outputs: whole under their final name or not there, on every way out."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mpi.outputs import OutputDirectory, check_output_path, write_file
from person.errors import OutputError

ROOT = Path(__file__).resolve().parents[2]
TABLE = pa.table({"a": [1, 2, 3]})


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def write_run(path: Path, value: int = 1, *, overwrite: bool = False) -> None:
    with OutputDirectory(path, overwrite) as output:
        output.write_json("run.json", {"value": value})


def test_results_appear_when_the_block_ends(tmp_path: Path) -> None:
    """Nothing stands under the final name before; all of it after; nothing else is left."""
    final = tmp_path / "deep" / "out"
    with OutputDirectory(final) as output:
        rows = output.write_table("a.parquet", TABLE)
        output.write_json("run.json", {"name": "王", "at": Path("x")})
        output.write_text("report.html", "<p>")
        assert not final.exists()
        assert ["a.parquet", "report.html", "run.json"] == sorted(output.checksums())
    assert 3 == rows
    assert ["out"] == names(tmp_path / "deep")
    assert ["a.parquet", "report.html", "run.json"] == names(final)
    assert TABLE == pq.read_table(final / "a.parquet")
    assert {"name": "王", "at": "x"} == json.loads((final / "run.json").read_text())


def test_streams_are_written_batch_by_batch(tmp_path: Path) -> None:
    """A stream of batches, or of writes, makes one Parquet file, zstd compressed."""
    with OutputDirectory(tmp_path / "out") as output:
        batches = (TABLE.to_batches()[0] for _ in range(4))
        assert 12 == output.write_table("a.parquet", batches)
        with output.open_parquet("b.parquet", TABLE.schema) as writer:
            writer.write(TABLE)
            writer.write(TABLE.to_batches()[0])
        assert 6 == writer.rows
    metadata = pq.ParquetFile(tmp_path / "out" / "a.parquet").metadata
    assert (12, "ZSTD") == (metadata.num_rows, metadata.row_group(0).column(0).compression)


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_an_error_leaves_nothing(tmp_path: Path, error: type[BaseException]) -> None:
    """Whatever ends the block, the partial directory is removed and the error goes on."""
    with pytest.raises(error), OutputDirectory(tmp_path / "out") as output:  # noqa: PT012
        output.write_table("a.parquet", TABLE)
        raise error
    assert [] == names(tmp_path)


def test_an_error_inside_a_stream_leaves_nothing(tmp_path: Path) -> None:
    """An error while a Parquet file is open is the one the caller sees."""
    with (  # noqa: PT012
        pytest.raises(ZeroDivisionError),
        OutputDirectory(tmp_path / "out") as output,
        output.open_parquet("a.parquet", TABLE.schema) as writer,
    ):
        writer.write(TABLE)
        raise ZeroDivisionError
    assert [] == names(tmp_path)


def test_an_existing_directory_is_refused(tmp_path: Path) -> None:
    """Results are never mixed with what is there; an empty directory will do."""
    (tmp_path / "out").mkdir()
    write_run(tmp_path / "out", 1)
    with pytest.raises(OutputError, match="not empty"):
        write_run(tmp_path / "out", 2)
    assert '"value": 1' in (tmp_path / "out" / "run.json").read_text()


def test_overwriting_replaces_the_whole_run(tmp_path: Path) -> None:
    """--overwrite swaps the directory: no file of the earlier run stays."""
    with OutputDirectory(tmp_path / "out") as output:
        output.write_json("run.json", {"value": 1})
        output.write_text("old.txt", "")
    write_run(tmp_path / "out", 2, overwrite=True)
    assert ["run.json"] == names(tmp_path / "out")
    assert '"value": 2' in (tmp_path / "out" / "run.json").read_text()
    assert ["out"] == names(tmp_path)


def test_a_failed_overwrite_keeps_the_earlier_run(tmp_path: Path) -> None:
    """Until the new run is whole the old one stands."""
    write_run(tmp_path / "out", 1)
    with pytest.raises(ValueError, match="x"), OutputDirectory(tmp_path / "out", True):
        raise ValueError("x")
    assert '"value": 1' in (tmp_path / "out" / "run.json").read_text()


def test_only_runs_are_overwritten(tmp_path: Path) -> None:
    """--overwrite never deletes a directory that is not an earlier result."""
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "only-copy.doc").write_text("x")
    with pytest.raises(OutputError, match="not the output of an earlier run"):
        write_run(tmp_path / "thesis", overwrite=True)
    assert ["only-copy.doc"] == names(tmp_path / "thesis")


def test_a_file_in_the_way_is_refused(tmp_path: Path) -> None:
    """The output is a directory; a file of that name stays."""
    (tmp_path / "out").write_text("x")
    with pytest.raises(OutputError, match="not a directory"):
        write_run(tmp_path / "out", overwrite=True)


def test_a_link_leads_to_its_target(tmp_path: Path) -> None:
    """An output that is a symbolic link is written where it points; the link stays."""
    (tmp_path / "disk").mkdir()
    (tmp_path / "out").symlink_to(tmp_path / "disk" / "out")
    write_run(tmp_path / "out")
    assert (tmp_path / "out").is_symlink()
    assert ["run.json"] == names(tmp_path / "disk" / "out")


def test_too_little_space_is_known_before_the_start(tmp_path: Path) -> None:
    """A run that needs more than is free does not begin; the message holds both amounts."""
    with pytest.raises(OutputError, match=r"about [\d.]+ GiB are needed and [\d.]+ .iB are free"):
        check_output_path(tmp_path / "out", needed_bytes=1 << 60)


def test_private_results_are_for_the_owner_only(tmp_path: Path) -> None:
    """private=True leaves no file that others can read; without it the umask rules."""
    for is_private, expected in ((True, (0o700, 0o600)), (False, (0o755, 0o644))):
        mask = os.umask(0o022)
        try:
            final = tmp_path / str(is_private)
            with OutputDirectory(final, private=is_private) as output:
                output.write_table("a.parquet", TABLE)
        finally:
            os.umask(mask)
        modes = (final.stat().st_mode & 0o777, (final / "a.parquet").stat().st_mode & 0o777)
        assert expected == modes


def test_file_names_cannot_leave_the_directory(tmp_path: Path) -> None:
    """A name is a plain name."""
    with OutputDirectory(tmp_path / "out") as output:
        for name in ("../x", "/x", "a/b", "..", ""):
            with pytest.raises(ValueError, match="plain file name"):
                output.write_text(name, "")
        output.write_text("x", "")


def test_single_files_are_whole_or_absent(tmp_path: Path) -> None:
    """write_file replaces in one step and refuses what it may not replace."""
    path = tmp_path / "model.json"
    write_file(path, "1")
    with pytest.raises(OutputError, match="exists already"):
        write_file(path, "2", overwrite=False)
    with pytest.raises(OutputError, match="no such directory"):
        write_file(tmp_path / "nowhere" / "x", "2")
    with pytest.raises(OutputError, match="is a directory"):
        write_file(tmp_path, "2")
    assert ("1", ["model.json"]) == (path.read_text(), names(tmp_path))


# ------------------------------------------------------------------------------------ full disk


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MiB, where this user may mount one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    try:
        mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        mounted = False
    if not mounted:
        pytest.skip("may not mount a file system; the size limit test stands in")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def random_table(size_bytes: int) -> pa.Table:
    return pa.table({"x": np.random.default_rng(0).integers(0, 2**62, size_bytes // 8)})


def test_a_full_disk_ends_in_one_line(tiny_disk: Path) -> None:
    """ENOSPC while writing: an OutputError that says how much is free, and nothing is left."""
    for attempt in ("table", "stream", "json", "text"):
        with (  # noqa: PT012
            pytest.raises(OutputError, match=r"the disk is full \(\d+ KiB free\)") as caught,
            OutputDirectory(tiny_disk / "out") as output,
        ):
            if attempt == "table":
                output.write_table("a.parquet", random_table(4 << 20))
            elif attempt == "stream":
                with output.open_parquet("a.parquet", random_table(8).schema) as writer:
                    for _ in range(100):
                        writer.write(random_table(1 << 16))
            elif attempt == "json":
                output.write_json("run.json", "x" * (2 << 20))
            else:
                output.file("other.bin").write_bytes(bytes(2 << 20))  # code that knows no better
        assert "\n" not in str(caught.value)
        assert [] == names(tiny_disk), attempt


def test_a_mount_point_is_refused_at_the_start(tiny_disk: Path) -> None:
    """A mount point cannot be renamed over: said before the work, not after it."""
    with pytest.raises(OutputError, match="directory inside it"):
        check_output_path(tiny_disk)


def test_a_size_limit_ends_in_one_line(tmp_path: Path) -> None:
    """EFBIG (RLIMIT_FSIZE) is reported like a full disk, and nothing is left."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    old = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, hard))
    try:
        with (
            pytest.raises(OutputError, match="size limit"),
            OutputDirectory(tmp_path / "out") as output,
        ):
            output.write_table("a.parquet", random_table(1 << 20))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, old)
    assert [] == names(tmp_path)


# ------------------------------------------------------------------------------------ signals

WRITER = """
    import sys, time
    from mpi.outputs import OutputDirectory
    with OutputDirectory(sys.argv[1]) as output:
        output.write_json("run.json", {})
        print("ready", flush=True)
        time.sleep(60)
"""


def start_writer(out: Path) -> subprocess.Popen[str]:
    writer = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(WRITER), str(out)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert writer.stdout is not None
    assert "ready\n" == writer.stdout.readline()
    return writer


def stop(writer: subprocess.Popen[str], signal_number: int) -> None:
    writer.send_signal(signal_number)
    writer.wait(timeout=20)
    assert writer.stdout is not None
    writer.stdout.close()


def test_ctrl_c_leaves_nothing(tmp_path: Path) -> None:
    """SIGINT in the middle of a run removes what was written."""
    stop(start_writer(tmp_path / "out"), signal.SIGINT)
    assert [] == names(tmp_path)


def test_a_killed_run_is_cleared_by_the_next(tmp_path: Path) -> None:
    """kill -9 leaves only a hidden directory, which the next run with this output removes."""
    stop(start_writer(tmp_path / "out"), signal.SIGKILL)
    assert 1 == len(names(tmp_path))
    assert names(tmp_path)[0].startswith(".out.partial-")
    write_run(tmp_path / "out")
    assert ["out"] == names(tmp_path)


def test_a_run_in_progress_is_not_cleared(tmp_path: Path) -> None:
    """Two runs with the same output do not delete each other's work."""
    writer = start_writer(tmp_path / "out")
    try:
        write_run(tmp_path / "out")
        time.sleep(0.05)
        assert 2 == len(names(tmp_path))
    finally:
        stop(writer, signal.SIGINT)
    assert ["out"] == names(tmp_path)


def test_lack_of_permission_is_said(tmp_path: Path) -> None:
    """A parent that may not be written is an error at the start."""
    code = (
        "import mpi.outputs, os, sys\nfrom person.errors import OutputError\n"
        "if not os.getuid(): os.setuid(65534)\n"
        "try: mpi.outputs.check_output_path('/usr/mpi-out')\n"
        "except OutputError as error: print(error)\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert "/usr: no permission to write there\n" == run.stdout, run.stderr[-500:]
