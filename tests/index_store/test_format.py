"""The bytes on disk are those that docs/index-format.md describes, today and in later versions."""

from __future__ import annotations

import re
from pathlib import Path

from index_store import open_index
from index_store.format import DATABASES, FORMAT_VERSION, State, pack_state, unpack_state
from tests.index_store.golden_index import entries, unpack, write_index

DOCUMENT = Path(__file__).parents[2] / "docs" / "index-format.md"


def test_an_old_index_is_read(tmp_path: Path) -> None:
    """An index written when the format was fixed still opens, checks clean and holds the same."""
    unpack(tmp_path / "old")
    model = write_index(tmp_path / "new")
    with open_index(tmp_path / "old", writable=True) as store:
        assert [] == store.check()
        with store.read() as snapshot:
            assert snapshot.fact("model") == b"golden"
            model.assert_equals(snapshot)
        store.fold()
        with store.read() as snapshot:
            model.assert_equals(snapshot)


def test_the_same_writes_give_the_same_bytes(tmp_path: Path) -> None:
    """Every key and value of data.mdb and of the base equals the golden ones, byte for byte."""
    unpack(tmp_path / "old")
    write_index(tmp_path / "new")
    old, new = entries(tmp_path / "old"), entries(tmp_path / "new")
    place = ("base-00000001.mdb", "directory", b"distances")  # LMDB decides where values lie
    document = ("base-00000001.mdb", "directory", b"document")
    for found in (old, new):
        assert len(found.pop(place)) % 8 == 0
        found[document] = re.sub(rb'"distances_crc": \d+', b"", found[document])
    assert sorted(old) == sorted(new)
    assert [] == [key for key, value in old.items() if new[key] != value]


def test_the_document_names_every_database_and_the_version() -> None:
    """docs/index-format.md speaks of this format and of all of its databases."""
    text = DOCUMENT.read_text(encoding="utf-8")
    assert f"format {FORMAT_VERSION}" in text
    assert [] == [name for name in DATABASES if f"`{name.decode()}`" not in text]


def test_state_round_trips() -> None:
    """The counters come back; other bytes are no state; another version keeps its number."""
    state = State(
        version=FORMAT_VERSION,
        n_words=6,
        record_count=10,
        event_count=3,
        generation=2,
        touched_count=4,
        base_record_count=9,
    )
    packed = pack_state(state)
    assert state == unpack_state(packed)
    assert unpack_state(b"") is None
    assert unpack_state(b"x" * len(packed)) is None
    later = unpack_state(packed[:8] + b"\x09\x00\x00\x00" + packed[12:])
    assert later is not None
    assert 9 == later.version
