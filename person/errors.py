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
          StaleTaskError           a task was changed after the steward had looked at it
      AccessError              an account may not do that, or cannot be used

A message says what, where and what to do next; facts sit in attributes. No message ever
holds a person's value: only ids of rows, columns, files and rules.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = [
    "AccessError",
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
    "StaleTaskError",
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


class StaleTaskError(LinkConflictError):
    """What was asked was not done, and is kept here.

    `task` is its number, `version` the one that was looked at, `version_now` what it has become,
    `changed_by` and `changed_at` (ISO 8601) tell of the last change, `status` is the task's status
    now and `asked` what was to be done, as JSON holds it.
    """

    def __init__(
        self,
        message: str,
        *,
        task: int,
        version: int,
        version_now: int,
        changed_by: str = "",
        changed_at: str = "",
        status: str = "",
        asked: Mapping[str, Any] | None = None,
        events: Sequence[int] = (),
    ) -> None:
        super().__init__(message, events=events)
        self.task, self.version, self.version_now = task, version, version_now
        self.changed_by, self.changed_at, self.status = changed_by, changed_at, status
        self.asked = dict(asked or {})

    def to_dict(self) -> dict[str, Any]:
        return {
            "task": self.task,
            "version": self.version,
            "version_now": self.version_now,
            "changed_by": self.changed_by,
            "changed_at": self.changed_at,
            "task_status": self.status,
            "asked": self.asked,
        }


class AccessError(MpiError):
    """`permission` is what the account lacks, None where it is something else."""

    exit_code = 2

    def __init__(self, message: str, *, permission: str | None = None) -> None:
        super().__init__(message)
        self.permission = permission
