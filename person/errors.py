"""Every error the product raises, in one tree.

    MpiError
      ConfigError              bad schema, model, rule or threshold; raised before any data is read
      InputError               a file or table that cannot be used
        SchemaMismatchError      a needed column is missing, or two columns claim one field
        BadRecordsError          rows that cannot be used, with --strict
        EncodingNotRecognisedError  text that is neither UTF-8 nor GB18030
      OutputError              results cannot be written (full disk, no permission, already there)
      BlockingError            a rule that cannot be run
      MatchingError
        ModelNotTrainedError     a comparison has no m or u probabilities
        TrainingError            no candidate pairs, or estimation did not converge
      IndexStoreError          the index on disk
        IndexMissingError        no index there, or one already there
        IndexFormatError         an index of another format version, or no index at all
        IndexFullError           the map or the disk is full; nothing was written
        IndexCorruptError        a page or value whose checksum or order is wrong
        IndexLockedError         another writer has it open
        IndexKeyError            its identifiers are keyed digests, and the key is not the one
      IdentityError            an unknown or malformed enterprise id or record id
        UnknownIdError           no identity or record has that id
        LinkConflictError        a steward's decision or a later event stands against it

A message says what, where and what to do next; facts sit in attributes. No message ever
holds a person's value: only ids of rows, columns, files and rules.
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = [
    "BadRecordsError",
    "BlockingError",
    "ConfigError",
    "EncodingNotRecognisedError",
    "IdentityError",
    "IndexCorruptError",
    "IndexFormatError",
    "IndexFullError",
    "IndexKeyError",
    "IndexLockedError",
    "IndexMissingError",
    "IndexStoreError",
    "InputError",
    "LinkConflictError",
    "MatchingError",
    "ModelNotTrainedError",
    "MpiError",
    "OutputError",
    "SchemaMismatchError",
    "TrainingError",
    "UnknownIdError",
]


class MpiError(Exception):
    """Root of the tree; `cli` turns it into one line and an exit code."""

    exit_code = 1


class ConfigError(MpiError):
    exit_code = 2


class InputError(MpiError):
    """`path` names the file or table, where one is known."""

    exit_code = 3

    def __init__(self, message: str, *, path: str | None = None) -> None:
        super().__init__(message)
        self.path = path


class SchemaMismatchError(InputError):
    def __init__(
        self, message: str, *, path: str | None = None, columns: Sequence[str] = ()
    ) -> None:
        super().__init__(message, path=path)
        self.columns = tuple(columns)


class BadRecordsError(InputError):
    """Rows that cannot be used; `reasons` counts them by reason."""

    def __init__(self, message: str, *, path: str | None = None, reasons: dict[str, int]) -> None:
        super().__init__(message, path=path)
        self.reasons = dict(reasons)


class EncodingNotRecognisedError(InputError):
    pass


class OutputError(MpiError):
    exit_code = 4

    def __init__(self, message: str, *, path: str | None = None) -> None:
        super().__init__(message)
        self.path = path


class BlockingError(MpiError):
    exit_code = 5


class MatchingError(MpiError):
    exit_code = 5


class ModelNotTrainedError(MatchingError):
    pass


class TrainingError(MatchingError):
    pass


class IndexStoreError(MpiError):
    """`path` names the index's directory."""

    exit_code = 7

    def __init__(self, message: str, *, path: str | None = None) -> None:
        super().__init__(message)
        self.path = path


class IndexMissingError(IndexStoreError):
    pass


class IndexFormatError(IndexStoreError):
    pass


class IndexFullError(IndexStoreError):
    pass


class IndexCorruptError(IndexStoreError):
    pass


class IndexLockedError(IndexStoreError):
    pass


class IndexKeyError(IndexStoreError):
    pass


class IdentityError(MpiError):
    exit_code = 6


class UnknownIdError(IdentityError):
    pass


class LinkConflictError(IdentityError):
    """`events` are the numbers of the events that stand in the way."""

    def __init__(self, message: str, *, events: Sequence[int] = ()) -> None:
        super().__init__(message)
        self.events = tuple(events)
