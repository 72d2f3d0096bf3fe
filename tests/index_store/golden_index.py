"""The golden index: a small one with something in every table, and its bytes as format 1 has them.

    python -m tests.index_store.golden_index     writes golden/index-1.tar.xz anew

That file changes only with the format version: an index written long ago must stay readable.
"""

from __future__ import annotations

import shutil
import tarfile
import tempfile
from pathlib import Path

import lmdb
import numpy as np

from index_store import create_index
from index_store.format import DATABASES
from tests.index_store.naive_index import N_WORDS, RULES, NaiveIndex, append, made_records

GOLDEN = Path(__file__).with_name("golden") / "index-1.tar.xz"

Entries = dict[tuple[str, str, bytes], bytes]


def write_index(path: Path) -> NaiveIndex:
    """Write the golden index; what it must hold."""
    model = NaiveIndex()
    with create_index(path, n_words=N_WORDS, rules=RULES, facts={"model": b"golden"}) as store:
        made = made_records(1, 0, 900)
        with store.bulk_loader() as loader:
            loader.add(**made)
            loader.finish(b"bulk")
        model.append(made)
        made = made_records(2, 900, 20)
        rows = np.full((2, N_WORDS), 77, np.uint64)
        with store.write() as batch:
            append(batch, made)
            batch.append_event(b"add")
            batch.set_identity(np.array([5, 6, 901]), np.array([7, -1, 5]))
            batch.replace_rows(np.array([8, 902]), rows, np.array([1, 2]))
            batch.put("tasks", b"1", b"look at this")
            batch.append_event(b"change")
        model.append(made)
    for record, identity in ((5, 7), (6, -1), (901, 5)):
        model.identities[record] = identity
    for record, time in ((8, 1), (902, 2)):
        model.rows[record], model.times[record] = (77, 77, 77), time
    model.plain["tasks", b"1"] = b"look at this"
    model.events = [b"bulk", b"add", b"change"]
    return model


def entries(path: Path) -> Entries:
    """Every key and value of an index: (file, database, key) -> value."""
    found: Entries = {}
    for file in sorted(path.glob("*.mdb")):
        if file.name == "lock.mdb":
            continue
        names = DATABASES if file.name == "data.mdb" else (b"leaves", b"directory")
        environment = lmdb.open(
            str(file), subdir=False, readonly=True, lock=False, max_dbs=len(DATABASES)
        )
        with environment.begin() as transaction:
            for name in names:
                database = environment.open_db(name, txn=transaction, create=False)
                with transaction.cursor(db=database) as cursor:
                    for key, value in cursor:
                        found[file.name, name.decode(), key] = value
        environment.close()
    return found


def unpack(destination: Path) -> None:
    """Unpack the golden index."""
    destination.mkdir()
    with tarfile.open(GOLDEN) as archive:
        archive.extractall(destination, filter="data")


def main() -> None:
    """Write the golden file anew."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "index"
        write_index(path)
        compact = Path(directory) / "compact"
        compact.mkdir()
        with lmdb.open(str(path), readonly=True, max_dbs=len(DATABASES)) as environment:
            environment.copy(str(compact), compact=True)
        for base in path.glob("base-*.mdb"):
            shutil.copy(base, compact)
        (compact / "lock.mdb").unlink(missing_ok=True)
        with tarfile.open(GOLDEN, "w:xz") as archive:
            for file in sorted(compact.iterdir()):
                archive.add(file, file.name)


if __name__ == "__main__":
    main()
