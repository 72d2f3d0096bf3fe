"""Populations on disk: the same bytes however they are written, and never half of them."""

from __future__ import annotations

import errno
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import mpi
from data_gen import write
from data_gen.causes import CAUSES
from data_gen.manifest import find_problems, read_manifest
from data_gen.quick import QUICK_SIZES, quick_people
from data_gen.read import Part, read_parts
from person.errors import ConfigError, InputError, OutputError
from tests.cli.interrupted import interrupt

PEOPLE = 2500
ROWS = 2000


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def tables(folder: Path) -> list[Part]:
    return list(read_parts(folder, read_manifest(folder), 10**9))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A population of 2,500 people in parts of 2,000 records."""
    out = tmp_path_factory.mktemp("made") / "people"
    mpi.generate(out, people=PEOPLE, rows_per_file=ROWS)
    return out


@pytest.mark.parametrize("threads", ["1", "4"])
def test_threads_do_not_show(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, threads: str
) -> None:
    """Same seed, same bytes in every file, the manifest included."""
    monkeypatch.setenv("MPI_THREADS", threads)
    mpi.generate(tmp_path / "again", people=PEOPLE, rows_per_file=ROWS)
    assert files(made) == files(tmp_path / "again")


def test_row_groups_are_cut_by_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every row group but a file's last has the same number of rows, and no row is lost by it."""
    mpi.generate(tmp_path / "large", people=PEOPLE, rows_per_file=ROWS)
    monkeypatch.setattr(write, "ROW_GROUP_ROWS", 300)
    mpi.generate(tmp_path / "small", people=PEOPLE, rows_per_file=ROWS)
    for path in sorted((tmp_path / "small").rglob("*.parquet")):
        found = pq.ParquetFile(path)
        groups = [found.metadata.row_group(i).num_rows for i in range(found.num_row_groups)]
        assert [300] * (len(groups) - 1) == groups[:-1]
        whole = pq.read_table(tmp_path / "large" / path.relative_to(tmp_path / "small"))
        assert whole.equals(found.read())


def test_slices_together_are_the_whole(made: Path, tmp_path: Path) -> None:
    """Two machines that write a half each write the files of one that writes all."""
    whole = {name: data for name, data in files(made).items() if name != "manifest.json"}
    halves: dict[str, bytes] = {}
    for name, start, stop in (("first", 0, 2 * ROWS), ("second", 2 * ROWS, None)):
        out = tmp_path / name
        mpi.generate(out, people=PEOPLE, rows_per_file=ROWS, start=start, stop=stop)
        assert [] == find_problems(out, read_manifest(out))
        halves |= files(out)
    halves.pop("manifest.json")
    assert whole == halves


def test_seeds_differ_and_populations_nest(made: Path, tmp_path: Path) -> None:
    """Another seed is another population; more people of one seed begin with the fewer."""
    mpi.generate(tmp_path / "other", people=PEOPLE, rows_per_file=ROWS, seed=1)
    mpi.generate(tmp_path / "more", people=2 * PEOPLE, rows_per_file=ROWS)
    first = "truth/part-00000.parquet"
    assert files(made)[first] != files(tmp_path / "other")[first]
    assert files(made)[first] == files(tmp_path / "more")[first]


def test_the_manifest_says_what_is_there(made: Path) -> None:
    """Counts by source, system and cause are those of the rows; every file is listed."""
    manifest = read_manifest(made)
    parts = tables(made)
    truth = pa.concat_tables([part.truth for part in parts])
    assert (manifest.records, truth.num_rows) == (truth.num_rows, round(PEOPLE * 2.5))
    by_source = truth.group_by("source").aggregate([([], "count_all")]).to_pylist()
    assert {row["source"]: row["count_all"] for row in by_source} == manifest.rows_by_source
    assert {
        name: sum(part.records[name].num_rows for part in parts if name in part.records)
        for name in manifest.rows_by_system
    } == manifest.rows_by_system
    masks = truth["causes"].to_numpy()
    for cause in CAUSES:
        counted = sum(counts[cause.name] for counts in manifest.cause_counts.values())
        assert int(np.count_nonzero(masks & np.uint64(1 << cause.bit))) == counted
    assert {entry.path for entry in manifest.files} | {"manifest.json"} == set(files(made))


def test_a_folder_holds_one_system(made: Path) -> None:
    """The file of a system holds its sources only, in the order of the truth."""
    for part in tables(made):
        for system, table in part.records.items():
            sources = set(table["source"].to_pylist())
            assert {system} == {source.partition("-")[0] for source in sources}
            chosen = [row in sources for row in part.truth["source"].to_pylist()]
            expected = part.truth.filter(pa.array(chosen))
            assert expected["record_id"].to_pylist() == table["record_id"].to_pylist()


def test_csv_and_parquet_are_equal(made: Path, tmp_path: Path) -> None:
    """The same rows in both, a missing value missing in both."""
    mpi.generate(tmp_path / "csv", people=PEOPLE, rows_per_file=ROWS, file_format="csv")
    for one, other in zip(tables(made), tables(tmp_path / "csv"), strict=True):
        assert one.truth.equals(other.truth)
        assert set(one.records) == set(other.records)
        for name, table in one.records.items():
            assert table.equals(other.records[name]), name


def test_a_run_reads_the_records_and_not_the_truth(made: Path) -> None:
    """The directory as input is its records; the truth is never read as records."""
    from mpi.tables import open_inputs

    for path in (made, made / "records"):
        found = {
            Path(file.path).relative_to(made).parts[0] for file in open_inputs(str(path)).files
        }
        assert {"records"} == found


def test_changed_missing_and_added_files_are_found(made: Path, tmp_path: Path) -> None:
    """Each kind of change is named with its file."""
    copy = tmp_path / "copy"
    shutil.copytree(made, copy)
    entries = [entry for entry in read_manifest(copy).files if entry.rows]
    changed, missing, longer = (copy / entry.path for entry in entries[:3])
    data = bytearray(changed.read_bytes())
    data[len(data) // 2] ^= 1
    changed.write_bytes(bytes(data))
    missing.unlink()
    longer.write_bytes(longer.read_bytes() + b"x")
    (copy / "records" / "more.csv").write_text("a\n")
    problems = find_problems(copy, read_manifest(copy))
    assert [
        f"{entries[0].path}: has changed since it was written",
        f"{entries[1].path}: missing",
        f"{entries[2].path}: has another size than when it was written",
        "records/more.csv: is not in the manifest",
    ] == problems


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"people": 0}, "people"),
        ({"people": 10**12}, "'people' is 1000000000000; it must lie in 1 to 1,409,810,432"),
        ({"people": 5, "error_scale": 10.5}, "it must lie in 0 to 10"),
        ({}, "people: give the number"),
        ({"people": 5, "quick": "10k"}, "not both"),
        ({"quick": "7k"}, "quick: no preset '7k'"),
        ({"people": 5, "seed": -1}, "seed"),
        ({"people": 5, "records_per_person": 0.5}, "records_per_person"),
        ({"people": 5, "error_scale": -1.0}, "error_scale"),
        ({"people": 5, "colour": 1}, "colour: no such parameter"),
        ({"people": 5, "file_format": "xls"}, "format: 'xls'"),
        ({"people": 5, "rows_per_file": 0}, "rows_per_file"),
        ({"people": 5, "start": 1000}, "start, stop"),
        ({"people": 5, "stop": 1000}, "the last file is 0 to 12, and without stop all"),
        (
            {"people": 5000, "rows_per_file": 1000, "start": 11_000, "stop": 14_000},
            "stop: 14000 is past the end; there are 12500 records, so the last file is 12000 to",
        ),
        ({"people": 5000, "rows_per_file": 1000, "start": 1500}, "choose 1000 or 2000"),
        ({"people": 5000, "rows_per_file": 1000, "stop": 999}, "stop: 999 is inside a file"),
    ],
)
def test_bad_parameters_are_refused_by_name(
    tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    """What cannot be is said before anything is written."""
    with pytest.raises(ConfigError, match=message):
        mpi.generate(tmp_path / "out", **options)
    assert [] == list(tmp_path.iterdir())


def test_presets_have_their_sizes() -> None:
    """The presets of the issue, from ten thousand to the country."""
    assert [10_000, 1_000_000, 10_000_000, 100_000_000, 1_300_000_000] == list(QUICK_SIZES.values())
    assert 10_000 == quick_people("10k")


def test_an_earlier_output_is_replaced_only_when_asked(tmp_path: Path) -> None:
    """Only a generated directory is replaced, and only with overwrite."""
    out = tmp_path / "out"
    mpi.generate(out, people=300)
    with pytest.raises(OutputError, match="--overwrite"):
        mpi.generate(out, people=300)
    mpi.generate(out, people=400, overwrite=True)
    assert 400 == read_manifest(out).people
    run = tmp_path / "run"
    run.mkdir()
    (run / "run.json").write_text("{}")
    with pytest.raises(OutputError, match=r"no manifest\.json"):
        mpi.generate(run, people=300, overwrite=True)


def test_too_little_room_is_noticed_before_the_start(tmp_path: Path) -> None:
    """A nation on a small disk is refused at once."""
    with pytest.raises(OutputError, match="are needed"):
        mpi.generate(tmp_path / "out", quick="1300m", records_per_person=6.0)
    assert [] == list(tmp_path.iterdir())


def test_a_disk_that_fills_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The writer that fails stops the others; no directory is left, under any name."""
    written = write._PartFile._write

    def full(self: Any, rows: pa.Table) -> None:
        if self.path.name == "part-00002.parquet":
            raise OSError(errno.ENOSPC, "No space left on device")
        written(self, rows)

    monkeypatch.setattr(write._PartFile, "_write", full)
    with pytest.raises(OutputError, match="disk is full"):
        mpi.generate(tmp_path / "out", people=PEOPLE, rows_per_file=ROWS)
    assert [] == list(tmp_path.iterdir())


def interrupted_generate(folder: Path, signal_number: int) -> subprocess.CompletedProcess[str]:
    """`mpi generate` that gets a signal when it has written its first records."""
    words = ("generate", "--people", 20_000, "--out", folder / "out", "--rows-per-file", 20_000)
    return interrupt("generate+", signal_number, *words, scratch=folder)


def test_a_killed_run_leaves_nothing_that_looks_complete(tmp_path: Path) -> None:
    """After kill -9 there is no directory under the name; the next run clears up."""
    killed = interrupted_generate(tmp_path, signal.SIGKILL)
    assert -signal.SIGKILL == killed.returncode, killed.stderr
    (left,) = (path.name for path in tmp_path.iterdir())
    assert left.startswith(".out.partial-")
    assert not list(tmp_path.rglob("manifest.json"))
    mpi.generate(tmp_path / "out", people=300)
    assert ["out"] == [path.name for path in tmp_path.iterdir()]


def test_an_interrupted_run_leaves_nothing(tmp_path: Path) -> None:
    """Ctrl-C ends all writers: one line, exit code 130, no file."""
    done = interrupted_generate(tmp_path, signal.SIGINT)
    assert (130, []) == (done.returncode, list(tmp_path.iterdir())), done.stderr
    assert "interrupted" in done.stderr.splitlines()[-1]


def test_other_manifests_are_refused(tmp_path: Path) -> None:
    """A directory without our manifest, or with another's, says so."""
    with pytest.raises(InputError, match=r"no manifest\.json"):
        read_manifest(tmp_path)
    for text in ("{", "[]", '{"format": "other"}', '{"format": "mpi-population/1"}'):
        (tmp_path / "manifest.json").write_text(text)
        with pytest.raises(InputError):
            read_manifest(tmp_path)
