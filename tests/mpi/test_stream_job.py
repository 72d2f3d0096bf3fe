"""A streamed job gives the components that a run in memory would, and says what it gave up."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

import mpi
from blocking.rules import rules_from_dicts
from data_gen.parameters import GeneratorParameters
from data_gen.population import Population
from matching.compiled import compile_model
from mpi.ingest import ingest
from mpi.pair_guards import pattern_refusals
from mpi.pattern_index import index_patterns
from mpi.progress import NO_PROGRESS
from mpi.score_run import score_candidates
from mpi.stream_plan import plan_stream
from mpi.stream_sample import ROUNDING_BITS
from mpi.tables import open_inputs
from mpi.train_run import pair_space
from person.errors import ConfigError, OutputError
from person.schema import load_schema
from tests.cli.made_up_people import write_residents, write_westerners

from .test_stream_run import components

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory for temporary files of the test's own."""
    path = tmp_path / "scratch"
    path.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(path))
    return path


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """2,500 generated residents as Parquet."""
    path = tmp_path_factory.mktemp("generated") / "residents.parquet"
    write_generated(path, 2_500)
    return path


def write_generated(path: Path, records: int) -> None:
    parameters = GeneratorParameters(people=records * 2 // 5, seed=4, records_per_person=2.5)
    writer = None
    for batches in Population(parameters).batches_with_truth(0, records, 65_536):
        writer = writer or pq.ParquetWriter(path, batches[0].schema)
        writer.write_batch(batches[0])
    assert writer is not None
    writer.close()


def people_of(table: pa.Table) -> set[frozenset[tuple[str, str]]]:
    """The records of each enterprise id."""
    people: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for row in table.select(["source", "record_id", "enterprise_id"]).to_pylist():
        people[row["enterprise_id"]].add((row["source"], row["record_id"]))
    return {frozenset(each) for each in people.values()}


def twin(
    path: Path, result: mpi.Result, folder: Path
) -> tuple[list[tuple[str, str]], Any, list[tuple[int, int]], set[tuple[int, int]]]:
    """Names of the records, their components in memory, its links, and the pairs for review."""
    inputs = open_inputs(path)
    ingested = ingest([inputs], result.model.schema, folder, NO_PROGRESS)
    compiled = compile_model(
        result.model, ingested.layout, ingested.overflow, dict(result.frequencies)
    )
    rules = rules_from_dicts(result.model.blocking_rules)
    space = pair_space(ingested, "dedupe")
    edges = score_candidates(
        *(ingested, compiled, rules, space), memory_bytes=1 << 26, progress=NO_PROGRESS
    ).edges
    assert result.model.thresholds is not None
    weight = edges.weight + result.run["prior_shift"]
    patterns = index_patterns(edges.pattern)
    refused = pattern_refusals(compiled, patterns.pattern)[patterns.place] != 0
    above = weight >= result.model.thresholds.match_weight_link_min - ROUNDING_BITS
    linked = above & ~refused
    pairs = list(zip(edges.left.tolist(), edges.right.tolist(), strict=True))
    links = [pair for pair, is_link in zip(pairs, linked, strict=True) if is_link]
    label = components(ingested.record_count, links)
    doubtful = weight >= result.model.thresholds.match_weight_review_min - ROUNDING_BITS
    review = {
        pair
        for pair, doubt, link, no in zip(pairs, doubtful, linked, above & refused, strict=True)
        if no or (doubt and not link and label[pair[0]] != label[pair[1]])
    }
    names = []
    for _, source, ids in ingested.store.record_ids():
        names += list(zip((ingested.sources[each] for each in source), ids.to_pylist()))
    ingested.store.close()
    return names, label, links, review


def test_clusters_and_review_are_those_of_a_run_in_memory(
    generated: Path, tmp_path: Path, scratch: Path
) -> None:
    """Same model, rules and lines, all pairs held: components of the links, and all doubts."""
    result = mpi.dedupe(generated, out=tmp_path / "out", stream=True, memory="64MiB")
    (tmp_path / "twin").mkdir()
    names, label, links, review = twin(generated, result, tmp_path / "twin")
    expected = defaultdict(set)
    for name, each in zip(names, label, strict=True):
        expected[each].add(name)
    assert {frozenset(each) for each in expected.values()} == people_of(result.clusters)
    assert names == list(
        zip(*(result.clusters.column(each).to_pylist() for each in ("source", "record_id")))
    )
    columns = ("source_l", "record_id_l", "source_r", "record_id_r")
    found = list(zip(*(result.review.column(each).to_pylist() for each in columns)))
    assert {(*names[one], *names[other]) for one, other in review} == set(found)
    assert len(review) == len(found) == result.run["counts"]["review"]
    assert len(links) == result.run["counts"]["links"] > 1000
    assert len(expected) == result.run["counts"]["people"]
    assert 32 == result.run["streamed"]["row_bytes"]
    assert "address" in result.run["streamed"]["fields_left_out"]
    assert [] == list(scratch.iterdir())


def test_a_streamed_run_without_guards_is_still_precise(generated: Path, tmp_path: Path) -> None:
    """Beside the whole job, nearly the same people: what is given up costs little."""
    streamed = mpi.dedupe(generated, out=tmp_path / "out", stream=True)
    whole = mpi.dedupe(generated)
    ours, theirs = people_of(streamed.clusters), people_of(whole.clusters)
    assert len(ours & theirs) > 0.95 * len(theirs)


def test_a_sample_of_the_keys_draws_nearly_the_same_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A table that is too large to learn from whole is learnt from in part, at its own size."""
    path = tmp_path / "residents.parquet"
    write_generated(path, 20_000)
    whole = mpi.dedupe(path, out=tmp_path / "whole", stream=True)
    monkeypatch.setattr("mpi.train_run.LEARNING_RECORDS", 5_000)
    monkeypatch.setattr("mpi.stream_sample.EVEN_RECORDS", 8_000)
    part = mpi.dedupe(path, out=tmp_path / "part", stream=True)
    assert (1.0, 0.25) == (
        whole.run["streamed"]["learnt_from"]["key_share"],
        part.run["streamed"]["learnt_from"]["key_share"],
    )
    lines = [each.run["thresholds"]["link_weight"] for each in (whole, part)]
    assert abs(lines[0] - lines[1]) < 2.0
    links = [each.run["counts"]["links"] for each in (whole, part)]
    assert abs(links[0] - links[1]) < 0.01 * links[0]
    expected = [each.run["thresholds"]["links"] for each in (whole, part)]
    assert abs(expected[0] - expected[1]) < 0.1 * expected[0]


def test_a_repeated_record_id_gets_no_row_and_is_named(tmp_path: Path) -> None:
    """Found after encoding, and kept from every pair."""
    path, _ = write_residents(tmp_path, 200)
    lines = path.read_text("utf-8").splitlines()
    lines.insert(150, lines[3])
    lines.append(lines[100])
    path.write_text("\n".join(lines) + "\n", "utf-8")
    result = mpi.dedupe(path, out=tmp_path / "out", stream=True)
    assert [150, len(lines) - 1] == result.rejects.column("row").to_pylist()
    assert [lines[3].split(",")[0], lines[100].split(",")[0]] == result.rejects.column(
        "record_id"
    ).to_pylist()
    assert len(lines) - 3 == result.clusters.num_rows == result.run["counts"]["records"]
    assert (
        result.clusters.num_rows == pc.count_distinct(result.clusters.column("record_id")).as_py()
    )
    sizes = pc.value_counts(result.clusters.column("enterprise_id")).field("counts")
    assert pc.max(sizes).as_py() == result.run["counts"]["largest_cluster"]


def test_other_tables_stream_too(tmp_path: Path) -> None:
    """A schema without Han names has rules of its own, and its rows all its fields."""
    path, _ = write_westerners(tmp_path, 300)
    schema = ROOT / "bench" / "schemas" / "febrl.toml"
    result = mpi.dedupe(path, schema=schema, out=tmp_path / "out", stream=True)
    assert 450 == result.clusters.num_rows
    assert 120 < result.run["counts"]["clusters"] < 160


def test_a_given_model_keeps_its_lines(generated: Path, tmp_path: Path) -> None:
    """Rows then hold every field that the model compares."""
    model = mpi.dedupe(generated).model
    result = mpi.dedupe(generated, model=model, out=tmp_path / "out", stream=True)
    assert model.thresholds is not None
    assert model.thresholds == result.model.thresholds
    assert "given" == result.run["thresholds"]["link_limited_by"]
    assert "address" in result.run["streamed"]["fields"]


def test_what_a_streamed_run_does_not_have_is_refused(generated: Path, tmp_path: Path) -> None:
    """Before anything is read, by name."""
    for options in ({"approximate": True}, {"index": tmp_path / "index"}):
        with pytest.raises(ConfigError, match="streamed run"):
            mpi.dedupe(generated, out=tmp_path / "out", stream=True, **options)
    with pytest.raises(ConfigError, match="directory"):
        mpi.dedupe(generated, stream=True)
    result = mpi.dedupe(generated, out=tmp_path / "out", stream=True)
    with pytest.raises(ConfigError, match="links"):
        _ = result.links


def test_a_small_disk_is_refused_before_reading(
    generated: Path, tmp_path: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows, their travelling copy and the results together, where they are on one disk."""
    asked: list[int] = []

    def check(*_: Any, needed_bytes: int, **__: Any) -> None:
        asked.append(needed_bytes)
        raise OutputError("too small", path="")

    monkeypatch.setattr("mpi.stream_job.check_output_path", check)
    with pytest.raises(OutputError):
        mpi.dedupe(generated, out=tmp_path / "out", stream=True)
    assert asked[0] > 2_500 * (58 + 40 + 48)
    assert [] == list(scratch.iterdir())


def test_rows_hold_what_rules_read_and_what_fits_beside() -> None:
    """The resident schema: 32 bytes, all of them used."""
    plan = plan_stream(load_schema("resident"), None)
    assert 4 == plan.layout.n_words
    held = {each.name for each in plan.schema.fields}
    assert {"name", "id_number", "birth_date", "gender", "phone", "region_code"} < held
    assert "health_card" in held
    assert () == plan.left_out


UNDER_A_LIMIT = """
import json, resource, sys
from pathlib import Path
import mpi
small, large, out, room = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
mpi.dedupe(small, out=out + "-small", stream=True)  # libraries and kernels are not the job's
status = Path("/proc/self/status").read_text()
held = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmData"))
limit = held * 1024 + room
resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
result = mpi.dedupe(large, out=out, memory="64MiB", stream=True)
print(json.dumps(result.run["counts"]))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="RLIMIT_DATA is Linux's")
def test_a_streamed_job_finishes_within_its_memory(generated: Path, tmp_path: Path) -> None:
    """64 MiB, 8 bytes a record, and what does not grow: batches in flight, the learning sample."""
    large = tmp_path / "large.parquet"
    write_generated(large, 250_000)
    room = (64 << 20) + 8 * 250_000 + (224 << 20)
    arguments = map(str, (generated, large, tmp_path / "out", room))
    done = subprocess.run(
        [sys.executable, "-c", UNDER_A_LIMIT, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert 0 == done.returncode, done.stderr[-2000:]
    counts = json.loads(done.stdout.splitlines()[-1])
    assert 250_000 == counts["records"]


def test_a_run_killed_after_encoding_is_resumed(
    generated: Path, tmp_path: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows and model are kept; the outcome is that of an undisturbed run."""
    program = (
        "import os, signal, sys\n"
        "import mpi.run_stages as stages\n"
        "saved = stages.RunStages._save\n"
        "def save(self, name, kept):\n"
        "    saved(self, name, kept)\n"
        "    if name == 'learn': os.kill(os.getpid(), signal.SIGKILL)\n"
        "stages.RunStages._save = save\n"
        "import mpi, mpi.job\n"
        "mpi.job.source_digest = lambda: 'these sources'\n"  # whoever edits them meanwhile
        "mpi.dedupe(sys.argv[1], out=sys.argv[2], stream=True)\n"
    )
    out = tmp_path / "out"
    whole = mpi.dedupe(generated, out=tmp_path / "whole", stream=True)
    killed = subprocess.run(
        [sys.executable, "-c", program, str(generated), str(out)],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(scratch)},
        capture_output=True,
        check=False,
    )
    assert -9 == killed.returncode
    monkeypatch.setattr("mpi.job.source_digest", lambda: "these sources")
    result = mpi.dedupe(generated, out=out, stream=True, resume=True)
    assert ["encode", "learn"] == result.run["resumed"]
    assert result.clusters.equals(whole.clusters)
    assert [] == list(scratch.iterdir())
