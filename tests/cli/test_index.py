"""The commands of the identity index, end to end on real directories."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from .made_up_people import write_residents
from .shell import Shell

ROOT = Path(__file__).resolve().parents[2]
NUMBER = "11010519491231002X"
OTHER_NUMBER = "440524188001010014"
WANG = {"name": "王小明", "id_number": NUMBER, "birth_date": "1949-12-31", "gender": "女"}
LI = {"name": "李建国", "birth_date": "1972-05-06", "gender": "男", "phone": "13912345678"}


@pytest.fixture
def index(mpi: Shell, tmp_path: Path) -> Path:
    """An index of two people with three records."""
    path = tmp_path / "index"
    assert 0 == mpi("index", "create", path, "--population", 1_000_000).code
    for record, person in (("H1/a", WANG), ("H2/b", WANG), ("H1/c", LI)):
        assert mpi(*adding(path, record, person)).lines
    return path


def adding(index: Path, record: str, person: dict[str, str]) -> list[object]:
    source, record_id = record.split("/")
    words: list[object] = ["add", "--index", index, "--source", source, "--record-id", record_id]
    for name, value in person.items():
        words += [f"--{name.replace('_', '-')}", value]
    return words


def who(mpi: Shell, index: Path, record: str) -> str:
    source, record_id = record.split("/")
    found = mpi("lookup", "--index", index, "--source", source, "--record-id", record_id).lines
    return str(found[0]["enterprise_id"])


# ------------------------------------------------------------------ who is this


def test_lookup_finds_by_number_record_and_enterprise_id(mpi: Shell, index: Path) -> None:
    """The three ways to ask name the same identity, and print no value of its records."""
    by_number = mpi("lookup", "--index", index, "--id-number", NUMBER)
    identity = by_number.lines[0]
    assert [{"source": "H1", "record_id": "a"}, {"source": "H2", "record_id": "b"}] == identity[
        "records"
    ]
    assert identity["enterprise_id"] == who(mpi, index, "H2/b")
    again = mpi("lookup", "--index", index, "--enterprise-id", identity["enterprise_id"].lower())
    assert [identity] == again.lines
    assert "王" not in by_number.out
    assert NUMBER not in by_number.out


def test_lookup_of_a_table_answers_every_row(mpi: Shell, index: Path, tmp_path: Path) -> None:
    """--batch prints a line a row; nobody found is null, not an error."""
    asked = tmp_path / "asked.csv"
    asked.write_text(f"id_number\n{NUMBER}\n{OTHER_NUMBER}\n\nnonsense\n", "utf-8")
    rows = mpi("lookup", "--index", index, "--batch", asked).lines
    assert who(mpi, index, "H1/a") == rows[0]["enterprise_id"]
    assert [1, 0] == [row["identity_count"] for row in rows[:2]]
    assert rows[1]["enterprise_id"] is None
    references = tmp_path / "references.csv"
    references.write_text("source,record_id\nH1,c\nH9,c\nH1,zzz\n", "utf-8")
    rows = mpi("lookup", "--index", index, "--batch", references).lines
    assert [who(mpi, index, "H1/c"), None, None] == [row["enterprise_id"] for row in rows]
    ids = tmp_path / "ids.csv"
    ids.write_text(f"enterprise_id\n{rows[0]['enterprise_id']}\n0000\n", "utf-8")
    answers = mpi("lookup", "--index", index, "--batch", ids).lines
    assert [rows[0]["enterprise_id"], None] == [row["enterprise_id"] for row in answers]


def test_resolve_and_search_write_nothing(mpi: Shell, index: Path, tmp_path: Path) -> None:
    """A person who is known links, a stranger is new, and the journal stays as it was."""
    before = mpi("index", "info", index).lines[0]["events"]
    person = tmp_path / "person.json"
    person.write_text(json.dumps(WANG, ensure_ascii=False), "utf-8")
    linked = mpi("resolve", "--index", index, "--person", person).lines[0]
    assert ("LINK", who(mpi, index, "H1/a")) == (linked["outcome"], linked["enterprise_id"])
    stranger = mpi("resolve", "--index", index, "--name", "赵丽华", "--birth-date", "1990-01-02")
    assert "NEW" == stranger.lines[0]["outcome"]
    described = ("--name", "李建国", "--field", "birth_date=1972-05-06")
    found = mpi("search", "--index", index, *described).lines
    assert who(mpi, index, "H1/c") == found[0]["enterprise_id"]
    nobody = mpi("search", "--index", index, "--name", "赵丽华")
    assert ("", True) == (nobody.out, nobody.err.startswith("note: nobody found"))
    table = mpi("resolve", "--index", index, "--person", person, "--table")
    assert "Candidates" in table.out
    assert before == mpi("index", "info", index).lines[0]["events"]


# ------------------------------------------------------------------ records and stewards


def test_a_table_of_records_is_added_and_updated(mpi: Shell, index: Path, tmp_path: Path) -> None:
    """--batch gives a receipt a row; a record sent again is unchanged, and changed one updated."""
    table = tmp_path / "today.csv"
    with table.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["记录编号", "姓名", "身份证号", "出生日期"])
        writer.writerow(["t1", "王小明", NUMBER, "1949-12-31"])
        writer.writerow(["t2", "孙梅", "", "1966-03-04"])
    words = ["add", "--index", index, "--batch", table, "--source", "H3", "--by", "nightly"]
    receipts = mpi(*words).lines
    assert ["added", "added"] == [each["action"] for each in receipts]
    assert who(mpi, index, "H1/a") == receipts[0]["enterprise_id"]
    assert ["unchanged", "unchanged"] == [each["action"] for each in mpi(*words).lines]
    moved = mpi(
        *("update", "--index", index, "--source", "H3", "--record-id", "t2"),
        *("--name", "孙小梅", "--birth-date", "1966-03-04", "--phone", "13700000001"),
    ).lines[0]
    assert "updated" == moved["action"]
    unknown = mpi("update", "--index", index, "--source", "H3", "--record-id", "zz", "--name", "孙")
    assert 6 == unknown.code


def test_merge_split_and_undo_are_stewards_work(mpi: Shell, index: Path) -> None:
    """Ids redirect after a merge, come back after an undo, and history tells it all."""
    wang, li = who(mpi, index, "H1/a"), who(mpi, index, "H1/c")
    nobody = mpi("merge", "--index", index, wang, li)
    assert 2 == nobody.code
    merged = mpi("merge", "--index", index, wang, li, "--by", "Dr Li", "--reason", "asked").lines
    assert 3 == len(merged[0]["records"])
    assert wang == who(mpi, index, "H1/c")
    redirected = mpi("lookup", "--index", index, "--enterprise-id", li).lines[0]
    assert (wang, li) == (redirected["enterprise_id"], redirected["asked_for"])
    event = mpi("history", "--index", index, wang).lines[-1]
    assert ("MERGE", "Dr Li", "asked") == (event["kind"], event["by"], event["reason"])
    undone = mpi("undo", "--index", index, event["event"], "--by", "Dr Li").lines[0]
    assert ([event["event"]], event["event"] + 1) == (undone["undone"], undone["last_event"])
    assert li == who(mpi, index, "H1/c")
    parted = mpi("split", "--index", index, wang, "H2/b", "--by", "Dr Li").lines[0]
    assert [{"source": "H2", "record_id": "b"}] == parted["records"]
    assert 2 == mpi("split", "--index", index, wang, "nonsense", "--by", "Dr Li").code
    different = mpi("index", "tasks", "different", index, wang, li, "--by", "Dr Li").lines[0]
    assert [wang, li] == different["different"]
    assert 0 == mpi("index", "verify", index).code


def test_removing_the_last_record_retires_the_id(mpi: Shell, index: Path) -> None:
    """The id answers as retired, its history stays, and undoing brings the record back."""
    li = who(mpi, index, "H1/c")
    receipt = mpi("remove", "--index", index, "H1", "c", "--reason", "twice").lines[0]
    assert ("removed", None, li) == tuple(
        receipt[name] for name in ("action", "enterprise_id", "moved_from")
    )
    gone = mpi("lookup", "--index", index, "--enterprise-id", li).lines[0]
    assert "retired" == gone["status"]
    assert 6 == mpi("lookup", "--index", index, "--source", "H1", "--record-id", "c").code
    assert 6 == mpi("golden", "--index", index, li).code
    assert 0 == mpi("undo", "--index", index, receipt["event"], "--by", "Dr Li").code
    assert li == who(mpi, index, "H1/c")


def test_golden_prints_values_and_where_they_are_from(mpi: Shell, index: Path) -> None:
    """The one command that shows a person's values, each with its record."""
    golden = mpi("golden", "--index", index, who(mpi, index, "H1/c")).lines[0]
    assert "李建国" == golden["fields"]["name"]["value"]
    assert ("H1", "c") == (
        golden["fields"]["name"]["source"],
        golden["fields"]["name"]["record_id"],
    )
    table = mpi("golden", "--index", index, who(mpi, index, "H1/c"), "--table")
    assert "李建国" in table.out


# ------------------------------------------------------------------ what changed


def test_changes_begin_where_they_are_asked_to(mpi: Shell, index: Path) -> None:
    """--since leaves out what is known already, --limit stops."""
    changes = mpi("changes", "--index", index).lines
    assert list(range(1, 5)) == [each["event"] for each in changes]
    assert ["CREATE", "ADD", "ADD", "ADD"] == [each["kind"] for each in changes]
    assert [who(mpi, index, "H1/c")] == changes[-1]["affected"]
    assert changes[2:3] == mpi("changes", "--index", index, "--since", 2, "--limit", 1).lines


def test_changes_are_followed_from_another_process(mpi: Shell, index: Path) -> None:
    """--follow prints an event that another process writes, as soon as it is written."""
    words = ["changes", "--index", str(index), "--since", "3", "--follow", "--limit", "2"]
    follower = subprocess.Popen(
        [sys.executable, "-m", "cli", *words],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
        text=True,
    )
    try:
        assert follower.stdout is not None
        assert 4 == json.loads(follower.stdout.readline())["event"]
        receipt = mpi(*adding(index, "H9/z", {"name": "周杰", "birth_date": "1980-10-11"})).lines
        assert receipt[0]["event"] == json.loads(follower.stdout.readline())["event"]
        assert 0 == follower.wait(timeout=60)
    finally:
        follower.kill()
        follower.communicate()


# ------------------------------------------------------------------ the index as a whole


def test_backup_restore_export_and_compact(mpi: Shell, index: Path, tmp_path: Path) -> None:
    """A backup opens and verifies, a restored index answers, an export lists every record."""
    assert 0 == mpi("index", "compact", index).code
    kept = mpi("index", "backup", index, tmp_path / "backup").lines[0]
    assert (3, 4) == (kept["records"], kept["events"])
    assert mpi(*adding(index, "H1/later", LI)).lines
    restored = mpi("index", "restore", tmp_path / "backup", tmp_path / "again").lines[0]
    assert restored["is_sound"]
    assert who(mpi, index, "H1/a") == who(mpi, tmp_path / "again", "H1/a")
    assert (
        6
        == mpi(
            *("lookup", "--index", tmp_path / "again", "--source", "H1", "--record-id", "later")
        ).code
    )
    assert 7 == mpi("index", "restore", tmp_path / "backup", tmp_path / "again").code
    out = tmp_path / "crossreference.parquet"
    assert 4 == mpi("index", "export", index, "--out", out).lines[0]["records"]
    assert ["source", "record_id", "enterprise_id"] == pq.read_schema(out).names
    assert 4 == mpi("index", "export", index, "--out", out).code


def test_a_run_is_loaded_and_loaded_again(mpi: Shell, tmp_path: Path) -> None:
    """`mpi dedupe --index` fills an index whose ids the result holds and a second run keeps."""
    people, _ = write_residents(tmp_path, people=60)
    index, out = tmp_path / "index", tmp_path / "result"
    answer = mpi("dedupe", people, "--out", out, "--index", index, "--json", "--quiet")
    assert 0 == answer.code, answer.err
    loaded = json.loads(answer.out)["index"]
    assert (90, 0) == (loaded["records_new"], loaded["records_moved"])
    clusters = pq.read_table(out / "clusters.parquet").to_pylist()
    row = clusters[17]
    assert row["enterprise_id"] == who(mpi, index, f"{row['source']}/{row['record_id']}")
    again = mpi("index", "load", index, people, "--quiet").lines[0]
    assert [0, 0, 0] == [again[n] for n in ("records_new", "records_moved", "identities_new")]
    assert row["enterprise_id"] == who(mpi, index, f"{row['source']}/{row['record_id']}")
    report = mpi("index", "verify", index).lines[0]
    assert (90, True, []) == (report["records"], report["is_sound"], report["findings"])


# ------------------------------------------------------------------ what goes wrong


def test_errors_name_what_is_wrong(mpi: Shell, index: Path, tmp_path: Path) -> None:
    """No index, another format, an unknown id, one that cannot be: each its line and its code."""
    missing = mpi("lookup", "--index", tmp_path / "nowhere", "--id-number", NUMBER)
    assert (7, "") == (missing.code, missing.out)
    assert "no index here" in missing.err
    assert 7 == mpi("index", "create", index).code
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "data.mdb").write_bytes(b"something else" * 1000)
    assert 7 == mpi("index", "verify", tmp_path / "foreign").code
    assert 6 == mpi("history", "--index", index, "not-an-id").code
    assert 6 == mpi("lookup", "--index", index, "--id-number", OTHER_NUMBER).code
    assert 6 == mpi("undo", "--index", index, 999, "--by", "Dr Li").code
    assert 2 == mpi("lookup", "--index", index).code
    assert 2 == mpi("history", "--index", index, who(mpi, index, "H1/a"), "--at", "soon").code
    nameless = mpi("add", "--index", index, "--name", "王小明")
    assert 3 == nameless.code
    assert "王" not in nameless.err


def test_a_second_writer_is_refused_and_readers_are_not(mpi: Shell, index: Path) -> None:
    """While one process writes, another may read but not write."""
    script = (
        "import sys; from mpi import IdentityIndex\n"
        "with IdentityIndex.open(sys.argv[1], writable=True):\n"
        "    print('open', flush=True); sys.stdin.read()"
    )
    writer = subprocess.Popen(
        [sys.executable, "-c", script, str(index)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert writer.stdout is not None
        assert "open\n" == writer.stdout.readline()
        refused = mpi("remove", "--index", index, "H1", "c")
        assert 7 == refused.code
        assert "another process is writing" in refused.err
        assert who(mpi, index, "H1/c")
    finally:
        writer.communicate("")
    assert 0 == mpi("remove", "--index", index, "H1", "c").code


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "key"
    path.write_bytes(b"0123456789abcdef0123456789abcdef\n")
    return path


@pytest.mark.parametrize("digest", ["sm3", "sha256"])
def test_a_sealed_index_shows_no_id_number(
    mpi: Shell, tmp_path: Path, key: Path, digest: str
) -> None:
    """Numbers are found with the key, stand nowhere in the files, and need the key."""
    path = tmp_path / "sealed"
    words = ["index", "create", path, "--digest-key", key, "--digest", digest]
    assert digest == mpi(*words).lines[0]["digest"]
    with_key = ("--digest-key", key)
    for record in ("H1/a", "H2/b"):
        receipt = mpi(*adding(path, record, WANG), *with_key).lines[0]
    assert "LINK" == receipt["outcome"]
    found = mpi("lookup", "--index", path, "--id-number", NUMBER, *with_key).lines[0]
    assert receipt["enterprise_id"] == found["enterprise_id"]
    golden = mpi("golden", "--index", path, found["enterprise_id"], *with_key)
    assert NUMBER not in golden.out
    body = int("1101059491231002", 16)  # as a row holds it
    held = b"".join(each.read_bytes() for each in path.iterdir() if each.is_file())
    for shown in (NUMBER.encode(), NUMBER[:17].encode(), body.to_bytes(8, "little")):
        assert shown not in held
    refused = mpi("lookup", "--index", path, "--id-number", NUMBER)
    assert 7 == refused.code
    assert "--digest-key" in refused.err
    (tmp_path / "other").write_bytes(b"f" * 32)
    other = mpi(
        "lookup", "--index", path, "--id-number", NUMBER, "--digest-key", tmp_path / "other"
    )
    assert 7 == other.code
    numbered = mpi(*adding(path, f"H3/{NUMBER}", LI), *with_key)
    assert 3 == numbered.code
    assert NUMBER not in numbered.err
    assert 0 == mpi("index", "verify", path, *with_key).code


def test_a_small_run_leaves_the_index_its_model(mpi: Shell, tmp_path: Path) -> None:
    """Two records teach nothing that a registry of thousands should decide by."""
    people, _ = write_residents(tmp_path)
    index, few = tmp_path / "index", tmp_path / "few.csv"
    assert mpi("index", "load", index, people, "--quiet").lines[0]["model_taken"]
    before = mpi("index", "info", index).lines[0]
    few.write_text("record_id,name,birth_date\nn1,孙梅,1966-03-04\nn2,李强,1971-05-06\n")
    assert not mpi("index", "load", index, few, "--quiet").lines[0]["model_taken"]
    after = mpi("index", "info", index).lines[0]
    assert [before[name] for name in ("model", "link_weight")] == [
        after[name] for name in ("model", "link_weight")
    ]


def test_a_run_of_another_schema_is_refused(mpi: Shell, index: Path, tmp_path: Path) -> None:
    """Its columns would be taken for fields that they are not."""
    table, schema = tmp_path / "few.csv", tmp_path / "other.toml"
    table.write_text("record_id,name,birth_date\nn1,孙梅,1966-03-04\nn2,李强,1971-05-06\n")
    schema.write_text(
        "[schema]\nname = 'other'\n[fields.name]\nkind = 'han_name'\n"
        "[fields.birth_date]\nkind = 'date'\n"
    )
    words = ["dedupe", table, "--schema", schema, "--out", tmp_path / "out", "--index", index]
    answer = mpi(*words, "--quiet")
    assert 2 == answer.code
    assert "this index is of the schema resident, the run of other" in answer.err
