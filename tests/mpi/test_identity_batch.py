"""A bulk-loaded index: what it holds, that it decides as the batch run did, and what a further run
changes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matching.compiled import compile_model
from matching.frequencies import TermFrequencies, count_exact_agreement
from matching.model import Model
from matching.shipped import shipped_model
from mpi.calibration import Thresholds
from mpi.decide import REFUSAL_TEXTS, Decided
from mpi.identity_assign import NEW_IDENTITY, assign_identities
from mpi.identity_candidates import find_candidates
from mpi.identity_chunks import repack_rows
from mpi.identity_decide import Queries, decide_queries
from mpi.identity_engine import REFUSAL_WORDS
from mpi.identity_index import IdentityIndex
from mpi.identity_load import LoadReport, load_run
from mpi.identity_people import read_people
from mpi.ingest import Ingested, effective_schema, ingest
from mpi.pair_guards import PairGuards, pair_refusals
from mpi.progress import NO_PROGRESS
from mpi.score_run import Edges
from mpi.tables import open_inputs
from mpi.waterfall import level_label
from person.enterprise_id import enterprise_ids_for, identity_numbers_of
from person.schema import load_schema
from tests.chinese_residents import resident_records
from tests.mpi.identity_registry import Clock

LINK, REVIEW, SHIFT = 14.0, 2.0, -1.25
PEOPLE = 300


@dataclass(frozen=True)
class Run:
    """A batch run on a table, clustered by the truth so that its outcome is known."""

    table: pa.Table
    ingested: Ingested
    model: Model
    frequencies: dict[str, TermFrequencies]
    decided: Decided


def ingested_table(table: pa.Table, scratch: Path) -> Ingested:
    scratch.mkdir(parents=True, exist_ok=True)
    inputs = [open_inputs(table)]
    return ingest(inputs, effective_schema(load_schema(), inputs), scratch, NO_PROGRESS)


def lines(link: float, review: float) -> Thresholds:
    values: dict[str, Any] = dict.fromkeys(Thresholds.__slots__, 0)
    words = {"link_limited_by": "given", "review_limited_by": "given"}
    return Thresholds(**(values | words | {"link_weight": link, "review_weight": review}))


def decided_by(cluster: np.ndarray) -> Decided:
    """An outcome with these clusters and no pair in doubt."""
    none = np.zeros(0, np.int64)
    return Decided(
        edges=Edges(none, none, np.zeros(0), none, np.zeros(0)),
        is_link=np.zeros(0, np.bool_),
        refusal=np.zeros(0, np.uint8),
        cluster=cluster.astype(np.int32),
        confidence=np.ones(len(cluster)),
        thresholds=lines(LINK, REVIEW),
        prior_shift=SHIFT,
    )


def clusters_of(names: list[str]) -> np.ndarray:
    first: dict[str, int] = {}
    return np.array([first.setdefault(name, row) for row, name in enumerate(names)], np.int64)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    table, truth = resident_records(PEOPLE, seed=11)
    ingested = ingested_table(table, tmp_path_factory.mktemp("run"))
    entity = {(r["source"], r["record_id"]): r["entity_id"] for r in truth.to_pylist()}
    references = zip(table["source"].to_pylist(), table["record_id"].to_pylist())
    cluster = clusters_of([entity[reference] for reference in references])
    shipped = shipped_model("resident")
    assert shipped is not None
    used = [c for c in shipped.comparisons if all(ingested.layout.has(p.name) for p in c.parts)]
    model = shipped.replace(schema=ingested.schema, comparisons=tuple(used))
    _, frequencies = count_exact_agreement(ingested.store, ingested.layout, model.comparisons)
    return Run(table, ingested, model, frequencies, decided_by(cluster))


@pytest.fixture(scope="module")
def loaded(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Iterator[IdentityIndex]:
    path = tmp_path_factory.mktemp("loaded") / "index"
    load_run(path, run.ingested, run.decided, run.model, run.frequencies, clock=Clock())
    with IdentityIndex.open(path, clock=Clock()) as index:
        yield index


def test_a_bulk_load_holds_the_clusters_of_the_run(run: Run, loaded: IdentityIndex) -> None:
    """Every record is in the index, with those of its cluster and no others."""
    rows = loaded.state_at().to_pylist()
    assert run.ingested.record_count == len(rows)
    held = clusters_of([row["enterprise_id"] for row in rows])
    assert run.decided.cluster.tolist() == held.tolist()


def test_a_bulk_load_is_sound(loaded: IdentityIndex) -> None:
    """Every record is found by its id and by its keys, and the journal says the same."""
    assert () == loaded.verify().findings


def test_online_weights_and_levels_are_those_of_a_batch(run: Run, loaded: IdentityIndex) -> None:
    """Each pair that the index compares weighs, bit for bit, what a batch run makes of it."""
    compiled = compile_model(run.model, run.ingested.layout, run.ingested.overflow, run.frequencies)
    count = run.ingested.record_count
    rows = run.ingested.store.gather_rows(np.arange(count))
    with loaded.store.read() as snapshot:
        people = read_people(loaded.engine, run.table, needs_references=False)
        found = find_candidates(snapshot, loaded.engine, people.rows, np.arange(count))
    right = found.record.astype(np.int32)
    batch = compiled.score(rows, rows, found.query, right)
    assert len(right) > count
    assert (batch.weight + SHIFT).tolist() == found.weighed.weight.tolist()
    turned = compiled.score(rows, rows, right, found.query)
    assert (turned.weight + SHIFT).tolist() == found.weighed.weight.tolist()
    refused = pair_refusals(compiled, compiled.patterns(batch.cells)).tolist()
    assert refused == [REFUSAL_WORDS[each] for each in found.refusal.tolist()]
    guards = PairGuards(compiled)
    patterns = np.random.default_rng(1).integers(0, compiled.pattern_count, 3000)
    plain = [guards.plain_pattern(each) for each in patterns.tolist()]
    assert guards.refusals(patterns).tolist() == guards.refusals(np.array(plain)).tolist()
    assert len(set(plain)) < len(patterns)
    names = [each.comparison.name for each in compiled.comparisons]
    for place in range(0, len(right), 97):
        levels = loaded.engine.levels(int(found.weighed.pattern[place]))
        expected = {
            name: level_label(each, int(cell))
            for name, each, cell in zip(names, compiled.comparisons, batch.cells[:, place])
        }
        assert expected == levels


def test_one_at_a_time_is_as_many_at_once(run: Run, loaded: IdentityIndex) -> None:
    """`resolve` and `resolve_table` are one path."""
    part = run.table.slice(0, 60)
    together = loaded.resolve_table(part).to_pylist()
    for person, row in zip(part.to_pylist(), together):
        alone = loaded.resolve(person)
        assert (alone.outcome.value, alone.enterprise_id) == (row["outcome"], row["enterprise_id"])
        assert alone.match_weight == row["match_weight"]


def test_records_resolve_to_their_own_identity_or_to_nobody(
    run: Run, loaded: IdentityIndex
) -> None:
    """Online, a record of the run links the cluster that the run put it in, or is asked about."""
    rows = loaded.state_at().to_pylist()
    held = {(row["source"], row["record_id"]): row["enterprise_id"] for row in rows}
    resolved = loaded.resolve_table(run.table).to_pylist()
    linked = [row for row in resolved if row["outcome"] == "LINK"]
    wrong = [r for r in linked if held[r["source"], r["record_id"]] != r["enterprise_id"]]
    assert [] == wrong
    assert len(linked) > 0.6 * len(resolved)


def test_adding_one_by_one_is_as_adding_in_batches(run: Run, tmp_path: Path) -> None:
    """Records of one batch see each other as if they had come one after the other."""
    pictures = []
    for name, size in (("one", 1), ("many", 500)):
        with IdentityIndex.create(tmp_path / name, population=10_000, clock=Clock()) as index:
            receipts = index.add_table(run.table.slice(0, 250), batch_size=size).to_pylist()
            rows = index.state_at().to_pylist()
            held = {(row["source"], row["record_id"]): row["enterprise_id"] for row in rows}
            people = defaultdict(set)
            for reference, enterprise_id in held.items():
                people[enterprise_id].add(reference)
            clusters = {frozenset(each) for each in people.values()}
            pictures.append((clusters, [(r["outcome"], r["match_weight"]) for r in receipts]))
            assert () == index.verify().findings
    assert pictures[0] == pictures[1]


# ---------------------------------------------------------------------- a second run


def reload(path: Path, run: Run, cluster: np.ndarray, clock: Clock | None = None) -> LoadReport:
    decided = decided_by(cluster)
    return load_run(path, run.ingested, decided, run.model, run.frequencies, clock=clock or Clock())


@pytest.fixture
def small(run: Run, tmp_path: Path) -> Run:
    """Six records, each a person of its own so far."""
    table = run.table.slice(0, 6)
    ingested = ingested_table(table, tmp_path / "small")
    model = run.model.replace(schema=ingested.schema)
    return Run(table, ingested, model, run.frequencies, decided_by(np.arange(6)))


def test_the_same_run_again_changes_nothing(small: Run, tmp_path: Path) -> None:
    """Every id is kept and no record is touched."""
    first = reload(tmp_path / "index", small, np.array([0, 0, 2, 2, 2, 5]))
    again = reload(tmp_path / "index", small, np.array([0, 0, 2, 2, 2, 5]))
    assert first.enterprise_ids.tolist() == again.enterprise_ids.tolist()
    assert (0, 0, 0) == (again.records_new, again.records_moved, again.records_changed)


def test_a_further_run_merges_with_a_redirect_and_splits_the_smaller_part(
    small: Run, tmp_path: Path
) -> None:
    """{0,1} {2,3,4} {5} become {0,1,5} {2,3} {4}: ids of the larger parts are kept."""
    first = reload(tmp_path / "index", small, np.array([0, 0, 2, 2, 2, 5])).enterprise_ids
    second = reload(tmp_path / "index", small, np.array([0, 0, 2, 2, 4, 0]))
    ids = second.enterprise_ids
    assert [first[0]] * 2 == ids[:2].tolist()
    assert first[5] != ids[5] == first[0]
    assert [first[2]] * 2 == ids[2:4].tolist()
    assert ids[4] not in first
    assert (2, 1, 1) == (
        second.records_moved, second.identities_new, second.identities_redirected,
    )  # fmt: skip
    with IdentityIndex.open(tmp_path / "index") as index:
        assert () == index.verify().findings


def test_what_was_split_and_comes_together_again_has_its_first_id(
    small: Run, tmp_path: Path
) -> None:
    """Going back and forth between two models uses up no id of the first."""
    together, apart = np.array([0, 0, 2, 3, 4, 5]), np.arange(6)
    first = reload(tmp_path / "index", small, together).enterprise_ids
    reload(tmp_path / "index", small, apart)
    third = reload(tmp_path / "index", small, together).enterprise_ids
    assert first.tolist() == third.tolist()


def test_a_further_run_never_changes_a_stewards_decision(small: Run, tmp_path: Path) -> None:
    """Merged by hand stays merged, parted by hand stays parted, whatever the clusters say."""
    path = tmp_path / "index"
    references = list(zip(small.table["source"].to_pylist(), small.table["record_id"].to_pylist()))
    reload(path, small, np.array([0, 0, 2, 3, 4, 4]))
    with IdentityIndex.open(path, writable=True, clock=Clock()) as index:
        ids = [index.lookup(source=s, record_id=r) for s, r in references]
        names = [each.enterprise_id for each in ids if each is not None]
        index.split(names[0], [references[1]], by="Dr Li", reason="two people")
        index.merge(names[2], names[3], by="Dr Li", reason="one person")
    report = reload(path, small, np.array([0, 0, 2, 3, 4, 4]))
    held = report.enterprise_ids.tolist()
    assert held[0] != held[1]
    assert held[2] == held[3]
    assert held[4] == held[5]
    assert 1 == report.identities_contested
    with IdentityIndex.open(path) as index:
        assert () == index.verify().findings


def test_more_data_joins_who_is_there(run: Run, tmp_path: Path) -> None:
    """A run over more records keeps the ids of the people it knows."""
    cluster = run.decided.cluster
    half = run.ingested.record_count // 2
    part = ingested_table(run.table.slice(0, half), tmp_path / "part")
    model = run.model.replace(schema=part.schema)
    decided = decided_by(cluster[:half])
    first = load_run(tmp_path / "index", part, decided, model, run.frequencies, clock=Clock())
    second = reload(tmp_path / "index", run, cluster)
    assert first.enterprise_ids.tolist() == second.enterprise_ids[:half].tolist()
    assert run.ingested.record_count - half == second.records_new
    with IdentityIndex.open(tmp_path / "index") as index:
        assert () == index.verify().findings


def test_a_bulk_loaded_identity_has_a_history(small: Run, tmp_path: Path) -> None:
    """It begins with the load; a record that left is named, and the past can be asked."""
    clock = Clock()
    reload(tmp_path / "index", small, np.array([0, 0, 0, 3, 4, 5]), clock)
    reload(tmp_path / "index", small, np.array([0, 0, 2, 3, 4, 5]), clock)
    references = list(zip(small.table["source"].to_pylist(), small.table["record_id"].to_pylist()))
    with IdentityIndex.open(tmp_path / "index") as index:
        found = index.lookup(source=references[0][0], record_id=references[0][1])
        assert found is not None
        founded, parted = index.history(found.enterprise_id)
        assert (set(references[:3]), "founded") == (set(founded.joined), founded.note)
        assert (references[2],) == parted.left
        then = datetime.fromisoformat(founded.at)
        assert 3 == len(index.identity_at(found.enterprise_id, then).records)
        assert 6 == index.state_at(then).num_rows
        long_ago = datetime(2000, 1, 1, tzinfo=UTC)
        assert () == index.identity_at(found.enterprise_id, long_ago).records
        assert 0 == index.state_at(long_ago).num_rows


@given(st.lists(st.integers(0, 2**40), max_size=50), st.text(max_size=8))
def test_an_enterprise_id_leads_back_to_its_number(numbers: list[int], namespace: str) -> None:
    """No table is needed between ids and identities."""
    rows = np.array(numbers, np.int64)
    ids = enterprise_ids_for(rows, namespace)
    assert numbers == identity_numbers_of(ids, namespace).tolist()


def test_pairs_in_doubt_become_tasks_once(small: Run, tmp_path: Path) -> None:
    """The heaviest first, and a further run does not ask again."""
    edges = Edges(
        np.array([0, 2]),
        np.array([1, 3]),
        np.array([3.5, 9.25]),
        np.zeros(2, np.int64),
        np.zeros(2),
    )
    decided = replace(decided_by(np.arange(6)), edges=edges, refusal=np.array([0, 2], np.uint8))
    for expected in (2, 0):
        report = load_run(
            tmp_path / "index", small.ingested, decided, small.model, {}, clock=Clock()
        )
        assert expected == report.tasks
    with IdentityIndex.open(tmp_path / "index") as index:
        first, second = index.tasks()
        assert [9.25, 3.5] == [task.candidates[0][1] for task in (first, second)]
        assert first.reasons == (REFUSAL_TEXTS[2],)
        assert () == index.verify().findings


def test_rows_of_another_layout_keep_their_values(run: Run, loaded: IdentityIndex) -> None:
    """A run with fewer columns goes into an index of the whole schema."""
    rows = run.ingested.store.gather_rows(np.arange(50))
    wide = repack_rows(rows, run.ingested.layout, loaded.engine.layout)
    back = repack_rows(wide, loaded.engine.layout, run.ingested.layout)
    assert rows.tolist() == back.tolist()


numbers = st.integers(0, 5)
records = st.lists(st.tuples(numbers, st.integers(-1, 4), st.booleans()), min_size=1, max_size=14)


@given(records)
def test_assignment_keeps_its_promises(rows: list[tuple[int, int, bool]]) -> None:
    """One identity a cluster; ids go to the largest part; anchored records stay."""
    cluster, held, anchored = (np.array(column) for column in zip(*rows))
    cluster, held = cluster.astype(np.int64), held.astype(np.int64)
    anchored = anchored.astype(np.bool_) & (held >= 0)
    made = assign_identities(cluster, held, anchored, np.zeros(len(held), np.int64))
    assert held[anchored].tolist() == made.identity[anchored].tolist()
    for name in np.unique(cluster):
        inside = cluster == name
        if name in made.contested:
            known = inside & (held >= 0)
            assert held[known].tolist() == made.identity[known].tolist()
        else:
            assert 1 == len(np.unique(made.identity[inside]))
    for old, new in made.becomes.tolist():
        assert old != new
        assert not (made.identity == old).any() or old in held[np.isin(cluster, made.contested)]
    if not anchored.any():
        used = made.identity[made.identity != NEW_IDENTITY]
        by_identity = defaultdict(set)
        for identity, name in zip(used, cluster[made.identity != NEW_IDENTITY]):
            by_identity[identity].add(name)
        assert all(1 == len(names) for names in by_identity.values())


def test_an_empty_index_takes_nothing_for_granted(tmp_path: Path) -> None:
    """Nobody is known, and asking is no error."""
    with IdentityIndex.create(tmp_path / "index", clock=Clock()) as index:
        assert index.lookup(id_number="11010519491231002X") is None
        assert index.lookup(source="a", record_id="1") is None
        assert [] == index.search(name="王小明")
        assert "NEW" == index.resolve({"name": "王小明"}).outcome.value
        assert 0 == index.resolve_table(pa.table({"name": pa.array([], pa.string())})).num_rows
        queries = Queries(
            rows=np.zeros((0, index.store.n_words), np.uint64),
            source=np.zeros(0, np.int64),
            itself=np.zeros(0, np.int64),
        )
        with index.store.read() as snapshot:
            assert [] == decide_queries(snapshot, index.engine, queries)[0]
        assert () == index.verify().findings
