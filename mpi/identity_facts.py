"""What an identity index knows about itself: schema, model, frequencies, rules, lines.

All of it lies inside the index, so that a directory is all one needs to look somebody up.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from blocking.rules import BlockingRule, rules_from_dicts
from index_store import Snapshot
from matching.frequencies import TermFrequencies, frequencies_from_arrow
from matching.model import Model, read_model
from matching.shipped import shipped_model
from mpi.calibration import match_weight
from mpi.identity_rules import index_rules
from mpi.survivorship import Survivorship
from person.errors import ConfigError, IndexFormatError
from person.schema import Schema, load_schema

__all__ = [
    "AMBIGUITY_BITS",
    "DEFAULT_POPULATION",
    "LINK_PROBABILITY",
    "REVIEW_PROBABILITY",
    "IndexFacts",
    "new_facts",
    "read_facts",
]

DEFAULT_POPULATION: Final = 10_000_000
"""People that an index made empty expects; it sets the prior of every decision."""

LINK_PROBABILITY: Final = 1.0 - 1e-4
REVIEW_PROBABILITY: Final = 0.05
"""Where the lines lie when no batch run has drawn them."""

AMBIGUITY_BITS: Final = match_weight(LINK_PROBABILITY)
"""Two identities whose weights differ by less are both likely enough for a person to look."""

_FACTS_VERSION: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexFacts:
    """The settings of an index, replaced whole by a bulk load with a better model.

    Attributes
    ----------
    schema : of the records that may come
    model : trained; may compare only some of the schema's fields
    frequencies : part name -> value frequencies
    rules : blocking rules with postings
    prior_shift : bits added to every weight, as the batch run that made the model did
    link_weight, review_weight : the two lines
    ambiguity_bits : an identity this close below the best one makes a link ambiguous
    namespace : keys the enterprise ids
    survivorship : how golden records are made
    keeps_values : whether the text of records that come one by one is kept
    digest : proof of the key under which identifiers are digests; None where they are as they are
    """

    schema: Schema
    model: Model
    frequencies: Mapping[str, TermFrequencies] = field(default_factory=dict)
    rules: tuple[BlockingRule, ...]
    prior_shift: float = 0.0
    link_weight: float
    review_weight: float
    ambiguity_bits: float = AMBIGUITY_BITS
    namespace: str
    survivorship: Survivorship = field(default_factory=Survivorship)
    keeps_values: bool = True
    digest: Mapping[str, str] | None = None

    def __post_init__(self) -> None:
        if not self.model.is_trained:
            raise ConfigError("the model of an index must be trained (mpi train, or mpi dedupe)")
        if self.review_weight > self.link_weight:
            raise ConfigError("the review line of an index lies above its link line")

    @property
    def model_digest(self) -> str:
        """Names this model, its frequencies and lines: 16 hexadecimal digits."""
        digest = hashlib.blake2b(digest_size=8)
        for name, value in sorted(self.to_facts().items()):
            if not name.startswith("settings"):
                digest.update(name.encode() + value)
        lines = (self.prior_shift, self.link_weight, self.review_weight, self.ambiguity_bits)
        digest.update(repr(lines).encode())
        return digest.hexdigest()

    def to_facts(self) -> dict[str, bytes]:
        """As facts of the store: name -> bytes."""
        settings = {
            "version": _FACTS_VERSION,
            "rules": [rule.to_dict() for rule in self.rules],
            "prior_shift": self.prior_shift,
            "link_weight": self.link_weight,
            "review_weight": self.review_weight,
            "ambiguity_bits": self.ambiguity_bits,
            "namespace": self.namespace,
            "survivorship": self.survivorship.to_dict(),
            "keeps_values": self.keeps_values,
            "digest": None if self.digest is None else dict(self.digest),
            "frequencies": sorted(self.frequencies),
        }
        facts = {
            "schema": _json(self.schema.to_dict()),
            "model": _json(self.model.to_dict()),
            "settings": _json(settings),
        }
        for name, frequencies in self.frequencies.items():
            facts[f"frequencies/{name}"] = _arrow_bytes(frequencies.to_arrow())
        return facts

    def replace(self, **changes: Any) -> IndexFacts:
        return replace(self, **changes)


def read_facts(snapshot: Snapshot) -> IndexFacts:
    """The facts of an open index.

    Raises
    ------
    IndexFormatError : facts of another version, or none
    """
    settings = _fact(snapshot, "settings")
    if settings.get("version") != _FACTS_VERSION:
        raise IndexFormatError(
            f"the index has settings of version {settings.get('version')!r}, this program reads "
            f"version {_FACTS_VERSION}; load the index anew"
        )
    tables = {}
    for name in settings["frequencies"]:
        value = snapshot.fact(f"frequencies/{name}")
        if value is not None:
            tables[name] = pa.ipc.open_file(pa.BufferReader(value)).read_all()
    return IndexFacts(
        schema=Schema.from_dict(_fact(snapshot, "schema")),
        model=Model.from_dict(_fact(snapshot, "model")),
        frequencies=frequencies_from_arrow(tables),
        rules=rules_from_dicts(settings["rules"]),
        prior_shift=settings["prior_shift"],
        link_weight=settings["link_weight"],
        review_weight=settings["review_weight"],
        ambiguity_bits=settings["ambiguity_bits"],
        namespace=settings["namespace"],
        survivorship=Survivorship.from_dict(settings["survivorship"]),
        keeps_values=settings["keeps_values"],
        digest=settings.get("digest"),
    )


def _fact(snapshot: Snapshot, name: str) -> dict[str, Any]:
    value = snapshot.fact(name)
    if value is None:
        raise IndexFormatError(f"the index lacks its {name}; load it anew")
    result: dict[str, Any] = json.loads(value)
    return result


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, sort_keys=True).encode()


def _arrow_bytes(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


def new_facts(
    schema: Schema | str | Path | None,
    model: Model | str | Path | None,
    frequencies: Mapping[str, TermFrequencies] | None,
    rules: Sequence[BlockingRule | str] | None,
    survivorship: Survivorship | None,
    population: int,
    keep_values: bool,
) -> IndexFacts:
    """The facts of a new index; see `IdentityIndex.create` for all of them.

    Parameters
    ----------
    schema, model, frequencies, rules, survivorship, population, keep_values : see there
    """
    if isinstance(model, (str, Path)):
        model = read_model(model)
    described = load_schema(schema) if model is None or schema is not None else model.schema
    link, review = match_weight(LINK_PROBABILITY), match_weight(REVIEW_PROBABILITY)
    if model is None:
        model = shipped_model(described.name)
        if model is None:
            raise ConfigError(
                f"no model ships for the schema {described.name!r}; train one (mpi train)"
            )
        if not 100 <= population <= 10_000_000_000:
            raise ConfigError("population must be from 100 to 10,000,000,000 people")
        shipped = model.probability_two_random_records_match
        assert shipped is not None
        relatives = model.probability_two_random_records_relatives / shipped
        model = model.replace(
            probability_two_random_records_match=1.0 / population,
            probability_two_random_records_relatives=relatives / population,
        )
    elif model.thresholds is not None:
        link = model.thresholds.match_weight_link_min
        review = model.thresholds.match_weight_review_min
    return IndexFacts(
        schema=described,
        model=model,
        frequencies=frequencies or {},
        rules=index_rules(described, rules),
        link_weight=link,
        review_weight=review,
        namespace=secrets.token_hex(16),
        survivorship=survivorship or Survivorship(),
        keeps_values=keep_values,
    )
