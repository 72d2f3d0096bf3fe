"""Made-up people with Latin names and addresses in FEBRL's columns, for the Latin comparators.

FEBRL itself holds at most 10,000 records; these are as many as a bench asks for. Names, streets and
suburbs are put together from syllables and drawn by rank, so that some are common and most are
rare. Two in five records are another record's person, with one or two slips of the keyboard.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from bench.data import SEED, Dataset, data_folder

__all__ = ["LATIN_SCHEMA", "latin_dataset", "latin_people"]

LATIN_SCHEMA: Final = Path(__file__).parent / "schemas" / "febrl.toml"
RECORDS_PER_PERSON: Final = 5 / 3
SLIPS_MAX: Final = 2
_ONSETS: Final = (*"bcdfghjklmnprstvw", "br", "ch", "gr", "st", "th")
_VOWELS: Final = ("a", "e", "i", "o", "u", "a", "e", "i", "o", "ea", "ee", "ou")
_CODAS: Final = ("", "", "l", "n", "r", "s", "t", "m", "ck", "nd")
_STREETS: Final = ("street", "place", "crescent", "avenue", "road", "court", "close", "circuit")
_STATES: Final = ("nsw", "vic", "qld", "wa", "sa", "tas", "act", "nt")

Texts = NDArray[np.object_]


def latin_dataset(records: int, *, seed: int = SEED, folder: Path | None = None) -> Dataset:
    """The table of so many records, made if it is not there yet.

    Parameters
    ----------
    records : how many
    seed : of everything random
    folder : where tables are kept, `bench.data.data_folder()` if None
    """
    digest = hashlib.blake2b(Path(__file__).read_bytes(), digest_size=4).hexdigest()
    home = (folder or data_folder()) / f"latin-{records}-{seed}-{digest}"
    made = Dataset(
        records=home / "records.parquet",
        truth=home / "truth.parquet",
        record_count=records,
        seed=seed,
        generator=digest,
    )
    if not made.truth.exists():
        home.mkdir(parents=True, exist_ok=True)
        people, person = latin_people(records, seed)
        pq.write_table(people, made.records, compression="zstd")
        truth = pa.table({"record_id": people["record_id"], "person_id": person})
        pq.write_table(truth, made.truth)
    return made


def latin_people(records: int, seed: int) -> tuple[pa.Table, NDArray[np.int64]]:
    """Records in FEBRL's columns, shuffled, and the person of each.

    Parameters
    ----------
    records : how many
    seed : of everything random

    Returns
    -------
    table of strings, empty where nothing is known, and int64[records]
    """
    random = np.random.default_rng(seed)
    count = max(1, round(records / RECORDS_PER_PERSON))
    columns = _people(random, count)
    extra = random.integers(0, count, max(records - count, 0))
    person = np.concatenate([np.arange(count), extra])[:records]
    table = {name: values[person] for name, values in columns.items()}
    names = list(table)
    for row in range(count, records):
        for _ in range(random.integers(1, SLIPS_MAX + 1)):
            column = table[names[random.integers(0, len(names))]]
            column[row] = _slip(random, column[row])
    order = random.permutation(records)
    ids = {"record_id": [f"r{number}" for number in range(records)]}
    return pa.table({**ids, **{n: table[n][order].tolist() for n in names}}), person[order]


def _people(random: np.random.Generator, count: int) -> dict[str, Texts]:
    suburbs = _words(random, 1500, (2, 3))
    suburb = _ranked(random, len(suburbs), count)
    streets = _words(random, 3000, (2, 3))[_ranked(random, 3000, count)]
    kinds = np.array(_STREETS, object)[random.integers(0, len(_STREETS), count)]
    farms = _words(random, 2000, (2, 4))[random.integers(0, 2000, count)]
    farms[random.random(count) < 0.6] = ""
    born = np.datetime64("1915-01-01") + random.integers(0, 33_000, count)
    numbers = random.integers(1_000_000, 9_999_999, count)
    houses = np.ceil(random.exponential(40.0, count)).astype(np.int64)
    return {
        "given_name": _words(random, 1200, (2, 3))[_ranked(random, 1200, count)],
        "surname": _words(random, 8000, (2, 3))[_ranked(random, 8000, count)],
        "street_number": houses.astype(str).astype(object),
        "address_1": streets + " " + kinds,
        "address_2": farms,
        "suburb": suburbs[suburb],
        "postcode": (2000 + suburb * 5 % 7000).astype(str).astype(object),
        "state": np.array(_STATES, object)[suburb % len(_STATES)],
        "date_of_birth": np.char.replace(born.astype(str), "-", "").astype(object),
        "soc_sec_id": numbers.astype(str).astype(object),
    }


def _words(random: np.random.Generator, count: int, syllables: tuple[int, int]) -> Texts:
    """Made-up words of five to eight letters as a rule, the first of them to be the most common."""
    onsets, vowels, codas = (np.array(each, object) for each in (_ONSETS, _VOWELS, _CODAS))
    words = np.full(count, "", object)
    length = random.integers(syllables[0], syllables[1] + 1, count)
    for place in range(syllables[1]):
        onset, vowel = (part[random.integers(0, len(part), count)] for part in (onsets, vowels))
        words = np.where(place < length, words + onset + vowel, words)
    return words + codas[random.integers(0, len(codas), count)]


def _ranked(random: np.random.Generator, words: int, count: int) -> NDArray[np.int64]:
    """Places of words, the chance falling as 1 / (rank + 20)."""
    chance = 1.0 / (np.arange(words) + 20.0)
    return random.choice(words, count, p=chance / chance.sum())


def _slip(random: np.random.Generator, text: str) -> str:
    """A letter lost, doubled or swapped with the next; now and then everything is missing."""
    if not text:
        return text
    cut, kind = int(random.integers(0, len(text))), int(random.integers(0, 10))
    if kind == 0:
        return ""
    if kind < 4:
        return text[:cut] + text[cut + 1 :]
    if kind < 7:
        return text[: cut + 1] + text[cut:]
    return text[:cut] + text[cut : cut + 2][::-1] + text[cut + 2 :]
