"""A run as a directory of finished stages: what a killed run leaves, and how to go on from it.

    with RunStages(out, fingerprint, resume=True) as stages:
        prepared = stages.run("encode", make, without_store, with_store)

The directory lies in the directory for temporary files (TMPDIR) under a name made from OUT's,
so that `--resume` finds it. `manifest.json` lists the stages that are finished and what the run
was asked to do; a stage is entered only when its file is whole and on disk, with size and checksum,
so a run may be killed at any point, and a stage whose file was damaged since is made again. The
directory is removed when the run ends, well or with an error; only `kill -9` or a power cut leaves
it behind, for `--resume` to use or for the next run on the same OUT to remove.

Stages are saved on a thread of their own while the next one works.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import pickle
import shutil
import stat
import tempfile
import time
import zlib
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, TypeVar

from mpi.scratch import disk_full_errors, require_room
from person.errors import ConfigError, OutputError

__all__ = ["RunStages", "run_directory"]

MANIFEST: Final = "manifest.json"
WORTH_KEEPING_SECONDS: Final = 10.0
"""Work of less is made again sooner than its pairs are written, summed and synced."""
CHUNK_BYTES: Final = 1 << 20
T = TypeVar("T")


def run_directory(out: str | os.PathLike[str]) -> Path:
    """Where the stages of the run that writes `out` are kept while it works."""
    name = hashlib.blake2b(os.path.realpath(out).encode(), digest_size=8).hexdigest()
    return Path(tempfile.gettempdir()) / f"mpi-run-{name}"


class RunStages:
    """Finished stages on disk; a context manager.

    Parameters
    ----------
    out : where the run will write its results
    fingerprint : what was asked for; a run that was asked something else is not resumed
    resume : go on from the stages that an earlier run of the same fingerprint finished
    needed_bytes : refuse at the start if the disk has less free

    Attributes
    ----------
    path : private directory; stages may keep files of their own in it
    resumed : names of the stages that were taken over
    """

    def __init__(
        self,
        out: str | os.PathLike[str],
        fingerprint: Mapping[str, Any],
        *,
        resume: bool,
        needed_bytes: int = 0,
    ) -> None:
        self.path = run_directory(out)
        self.resumed: list[str] = []
        self._fingerprint = json.loads(json.dumps(fingerprint, default=str))
        self._resume, self._needed_bytes = resume, needed_bytes
        self._finished: dict[str, dict[str, list[int]]] = {}
        self._lock: int | None = None
        self._saver = ThreadPoolExecutor(1, thread_name_prefix="mpi-save")
        self._saves: list[Future[None]] = []
        self._unkept_seconds = 0.0

    def __enter__(self) -> RunStages:
        with disk_full_errors(self.path):
            self._open()
        return self

    def _open(self) -> None:
        with contextlib.suppress(FileExistsError):
            self.path.mkdir(mode=0o700)
        held = os.lstat(self.path)
        if not stat.S_ISDIR(held.st_mode) or held.st_uid != os.geteuid():
            raise OutputError(
                f"{self.path}: is not a directory of ours; remove it, or set TMPDIR",
                path=str(self.path),
            )
        self._lock = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._let_go()
            raise OutputError(
                f"{self.path}: another run with the same output is at work; wait for it",
                path=str(self.path),
            ) from error
        if self._resume:
            self._read_manifest()
        if not self._finished:
            _empty(self.path)
            self._write_manifest(is_synced=False)  # nothing to lose yet
            try:
                require_room(self.path, self._needed_bytes)
            except OutputError:
                self._remove()
                raise

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._saver.shutdown(wait=True, cancel_futures=True)
        self._remove()
        if isinstance(error, OSError):
            with disk_full_errors(self.path):
                raise error

    @property
    def can_go_on(self) -> bool:
        """An earlier run of the same fingerprint left stages that this one takes over."""
        return bool(self._finished)

    def run(
        self,
        name: str,
        make: Callable[[], T],
        save: Callable[[T], Any] = lambda value: value,
        load: Callable[[Any], T] = lambda value: value,
    ) -> T:
        """Give what a stage made: from its file where it was finished before, else made now.

        Parameters
        ----------
        name : of the stage; stages are run in the same order every time
        make : does the work
        save : the part of its value that goes to the file; taken at once, written meanwhile
        load : the value from that part
        """
        if name in self._finished:
            with (self.path / f"{name}.stage").open("rb") as file:
                kept = pickle.load(file)  # noqa: S301 - written by this program for itself
            self.resumed.append(name)
            return load(kept)
        value = make()
        self.settle()
        self._saves.append(self._saver.submit(self._save, name, save(value)))
        return value

    def run_piece(self, name: str, make: Callable[[], T]) -> T:
        """Give what a piece of a stage made; kept once it and those before it are worth the disk.

        Pieces that were made in less than WORTH_KEEPING_SECONDS since the last one kept are made
        again by a run that goes on.

        Parameters
        ----------
        name, make : as for `run`; a piece does not depend on whether those before it were kept
        """
        if name in self._finished:
            return self.run(name, make)
        began = time.monotonic()
        value = make()
        self._unkept_seconds += time.monotonic() - began
        if self._unkept_seconds < WORTH_KEEPING_SECONDS:
            return value
        self._unkept_seconds = 0.0
        return self.run(name, lambda: value)

    def settle(self) -> None:
        """Wait until what is being saved is on disk; raise what went wrong."""
        with disk_full_errors(self.path):
            for each in self._saves:
                each.result()
        self._saves.clear()

    def _save(self, name: str, kept: Any) -> None:
        aside = self.path / f"{name}.part"
        with aside.open("wb") as file:
            summed = _Summed(file)
            pickle.dump(kept, summed, protocol=5)
            file.flush()
            os.fsync(file.fileno())
        files = {f"{name}.stage": [aside.stat().st_size, summed.checksum]}
        known = {each for entered in self._finished.values() for each in entered}
        for path in self.path.iterdir():  # what the stage has written itself, to be read again
            if path.suffix == ".arrow" and path.name not in known:
                _sync(path)
                files[path.name] = [path.stat().st_size, _checksum(path)]
        aside.rename(self.path / f"{name}.stage")
        self._finished[name] = files
        self._write_manifest()

    def _read_manifest(self) -> None:
        try:
            manifest = json.loads((self.path / MANIFEST).read_text("utf-8"))
            stages, asked = dict(manifest["stages"]), dict(manifest["fingerprint"])
        except (OSError, ValueError, KeyError, TypeError):
            return  # killed before it had begun: nothing to go on from
        if asked != self._fingerprint:
            different = [
                key
                for key in sorted({*asked, *self._fingerprint})
                if asked.get(key) != self._fingerprint.get(key)
            ]
            self._let_go()
            raise ConfigError(
                "the unfinished run cannot be resumed: it was started with other "
                f"{', '.join(different)}; run without --resume to start anew"
            )
        for name, files in stages.items():
            if not all(_is_whole(self.path / each, facts) for each, facts in files.items()):
                break
            self._finished[name] = files

    def _write_manifest(self, *, is_synced: bool = True) -> None:
        manifest = {"fingerprint": self._fingerprint, "stages": self._finished}
        aside = self.path / "manifest.part"
        with aside.open("w", encoding="utf-8") as file:
            json.dump(manifest, file, ensure_ascii=False, indent=1)
            file.flush()
            if is_synced:
                os.fsync(file.fileno())
        aside.rename(self.path / MANIFEST)
        if is_synced:
            _sync(self.path)

    def _remove(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        self._let_go()

    def _let_go(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


class _Summed:
    """A file being written, and the CRC-32 of what has gone to it."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.checksum = 0

    def write(self, data: bytes) -> int:
        self.checksum = zlib.crc32(data, self.checksum)
        return self._file.write(data)


def _is_whole(path: Path, facts: list[int]) -> bool:
    """Whether a file has the size and the checksum that it had."""
    if not path.is_file() or path.stat().st_size != facts[0]:
        return False
    return [_checksum(path)] == facts[1:]


def _checksum(path: Path) -> int:
    """CRC-32 of a file; 0.4 s a GB of one core, read in pieces that stay in its cache."""
    checksum, piece = 0, memoryview(bytearray(CHUNK_BYTES))
    with path.open("rb", buffering=0) as file:
        while count := file.readinto(piece):
            checksum = zlib.crc32(piece[:count], checksum)
    return checksum


def _empty(path: Path) -> None:
    for each in path.iterdir():
        if each.is_dir() and not each.is_symlink():
            shutil.rmtree(each)
        else:
            each.unlink()


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
