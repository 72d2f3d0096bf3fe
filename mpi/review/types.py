"""What a steward sees and says, as plain values: rows of the queue, cases, decisions.

Everything here is printed and shown by `to_dict`; a page and its JSON come from the same value.
Times are ISO 8601 in UTC, identities are printed enterprise ids.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, is_dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from mpi.identity_golden import GoldenRecord

__all__ = [
    "LIVE_STATUSES",
    "UNASSIGNED",
    "Case",
    "Decision",
    "DecisionRequest",
    "FieldView",
    "Filter",
    "LookAlike",
    "Mark",
    "Origin",
    "PairView",
    "Reason",
    "RecordView",
    "Span",
    "StandingDecision",
    "StepView",
    "TaskEvent",
    "TaskPage",
    "TaskRow",
    "TaskStatus",
    "Verdict",
]

UNASSIGNED: Final = ""
"""`Filter.assignee` of tasks that nobody has taken; None is everybody's."""

Mark = str
"""Of a span: same, differs, missing, tone, sound, shape or transposed."""

Origin = str
"""Of a value: text (as it was sent), encoded (read back from the row), digest or missing."""


class TaskStatus(StrEnum):
    """Where a task stands."""

    OPEN = "open"
    DEFERRED = "deferred"
    ESCALATED = "escalated"
    APPROVAL = "approval"
    CLOSED = "closed"


LIVE_STATUSES: Final = frozenset(TaskStatus) - {TaskStatus.CLOSED}
"""Statuses of tasks that somebody still has to answer."""


class Verdict(StrEnum):
    """What a steward decides on the identities of a case."""

    MERGE = "MERGE"
    DIFFERENT = "DIFFERENT"
    SPLIT = "SPLIT"
    PARTLY = "PARTLY"
    NO_CHANGE = "NO_CHANGE"


class Reason(StrEnum):
    """Why, from a list; what it does not say stands in the free text."""

    SAME_DOCUMENT = "SAME_DOCUMENT"
    SAME_PERSON_RENAMED = "SAME_PERSON_RENAMED"
    TYPING_SLIP = "TYPING_SLIP"
    NEWBORN_NAMED = "NEWBORN_NAMED"
    TWINS = "TWINS"
    FAMILY_MEMBER = "FAMILY_MEMBER"
    NAMESAKE = "NAMESAKE"
    LENT_CARD = "LENT_CARD"
    REISSUED_NUMBER = "REISSUED_NUMBER"
    WRONG_ENTRY = "WRONG_ENTRY"
    ASKED_SOURCE = "ASKED_SOURCE"
    OTHER = "OTHER"


def _plain(value: Any) -> Any:
    """A value as JSON holds it."""
    if isinstance(value, StrEnum):
        return value.value
    if hasattr(value, "to_dict"):
        return value.to_dict()
    if is_dataclass(value):
        return {each.name: _plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, (tuple, list)):
        return [_plain(each) for each in value]
    if isinstance(value, (set, frozenset)):
        return sorted(_plain(each) for each in value)
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    return value


class _View:
    """What all views share."""

    __slots__ = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain values, field by field, as JSON holds them."""
        names = (each.name for each in fields(self))  # type: ignore[arg-type]
        return {name: _plain(getattr(self, name)) for name in names}


# ---------------------------------------------------------------------- the queue


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRow(_View):
    """One line of the queue.

    Attributes
    ----------
    number : of the task
    version : number of the last event that changed the task or one of its identities; a decision
        names the version it was made on
    kind : 'REVIEW' (whose record is it?), 'POSSIBLE_DUPLICATE' (one person?) or 'AUDIT'
    status : where it stands; a deferred task that is due is open again
    enterprise_ids : the live identities it asks about, in the order of the case
    title_names : one printed name an identity, '' without one; maskable
    records : records of all its identities
    sources : that these come from, sorted
    match_weight, match_probability : of the heaviest pair in doubt, None where none was weighed
    priority : expected benefit of an answer now, higher first; grows with age
    safety : what could do harm: 'sex differs', 'two valid id numbers' ... (keys of
        `mpi.review.priority.SAFETY`)
    reason : why no machine decided, the heaviest pair's
    assignee : who has taken it, None for nobody
    viewers : who has it on the screen now; filled by the server
    created_at : when it was raised
    due_at : when a deferred task comes back
    comments : how many
    verdict, closed_by, closed_at : of a closed one; of one that waits for approval, the verdict
        proposed and who proposed it
    """

    number: int
    version: int
    kind: str
    status: TaskStatus
    enterprise_ids: tuple[str, ...]
    title_names: tuple[str, ...]
    records: int
    sources: tuple[str, ...]
    match_weight: float | None
    match_probability: float | None
    priority: float
    safety: tuple[str, ...]
    reason: str
    assignee: str | None = None
    viewers: tuple[str, ...] = ()
    created_at: str
    due_at: str | None = None
    comments: int = 0
    verdict: str | None = None
    closed_by: str | None = None
    closed_at: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskPage(_View):
    """A stretch of the queue.

    Attributes
    ----------
    rows : by falling priority
    total : tasks that the filter lets through, on all pages
    cursor_next, cursor_back : of the pages after and before this one, None at the ends
    """

    rows: tuple[TaskRow, ...]
    total: int
    cursor_next: str | None = None
    cursor_back: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter(_View):
    """Which tasks to list; what is None lets everything through.

    Attributes
    ----------
    status : any of these
    assignee : of this person; UNASSIGNED for those that nobody has taken
    source : one of the records comes from it
    weight_min, weight_max : match weight of the heaviest pair
    kind : of the task
    text : in a name, record id, enterprise id or the task's number; a whole id number or phone
    reason : why no machine decided, a part of it
    """

    status: frozenset[TaskStatus] = frozenset({TaskStatus.OPEN})
    assignee: str | None = None
    source: str | None = None
    weight_min: float | None = None
    weight_max: float | None = None
    kind: str | None = None
    text: str | None = None
    reason: str | None = None


# ---------------------------------------------------------------------- a case


@dataclass(frozen=True, slots=True)
class Span(_View):
    """A stretch of a value and how it compares with the other side.

    Attributes
    ----------
    text : as printed; '' for something that only the other side has
    mark : 'same', 'differs', 'missing' (the other side has nothing here), 'tone' (one syllable,
        another tone), 'sound' (another character of the same sound), 'shape' (a character that
        looks alike), 'transposed'
    """

    text: str
    mark: Mark


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldView(_View):
    """One field of one record.

    Attributes
    ----------
    name, role, kind : of the field, as the schema says
    value : as it was written where that is kept, else read back from the encoded row; None
        without one
    origin : 'text', 'encoded', 'digest' (kept as a digest or sketch, cannot be read) or 'missing'
    pinyin : of a Han name, its syllables with tone marks; else None
    spans : the value cut up against the record it is compared with; joined they are `value`
    level : how it compares, in words ('exact', 'one digit differs', 'missing' ...)
    """

    name: str
    role: str | None
    kind: str
    value: str | None
    origin: Origin
    pinyin: tuple[str, ...] | None = None
    spans: tuple[Span, ...] = ()
    level: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordView(_View):
    """One source record as a steward sees it.

    Attributes
    ----------
    source, record_id : of the record
    enterprise_id : where it belongs now
    updated_at : when the source last changed it, None where it did not say
    added_at : when the index got to know it, None where that is not known
    fields : in the order of the schema; `spans` and `level` compare it with the first record of
        another identity (records of the first identity: with the first of the second)
    compared_with : place of the record it is compared with, None for a record alone
    flags : what is odd about it: 'name:temporary_name', 'id_number:contradicts_record' ...
    """

    source: str
    record_id: str
    enterprise_id: str
    updated_at: str | None = None
    added_at: str | None = None
    fields: tuple[FieldView, ...] = ()
    compared_with: int | None = None
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StepView(_View):
    """One step of a weight's waterfall.

    Attributes
    ----------
    comparison : name of the comparison; 'prior' and 'household' are the first and the last step
    level : as the model calls it
    words_key : key of the sentence in the word tables: 'agrees', 'close', 'differs', 'missing',
        'prior', 'household_like', 'household_unlike'
    words_zh, words_en : the step in a few words
    bits : added to the weight, term frequency included
    term_frequency_bits : of these, what a common or rare value did
    running : the weight after this step
    """

    comparison: str
    level: str
    words_key: str
    words_zh: str
    words_en: str
    bits: float
    term_frequency_bits: float = 0.0
    running: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PairView(_View):
    """Two records of different identities, and why they weigh what they weigh.

    Attributes
    ----------
    left, right : places of the records in `Case.records`
    match_weight, match_probability : of the pair
    steps : prior, comparisons, household; they add up to the weight
    rules : names of the blocking rules under which the two meet; () where none does
    decision : 'link', 'review' or 'separate': what the weight alone would say
    why_not_automatic : as sentences; () for one that would be linked
    asked : whether the task asks about this pair
    spans_left, spans_right : field -> its value cut up against the other record of this pair
    levels : field -> how the two compare, in words
    """

    left: int
    right: int
    match_weight: float
    match_probability: float
    steps: tuple[StepView, ...]
    rules: tuple[str, ...]
    decision: str
    why_not_automatic: tuple[str, ...]
    asked: bool = False
    spans_left: dict[str, tuple[Span, ...]] = field(default_factory=dict)
    spans_right: dict[str, tuple[Span, ...]] = field(default_factory=dict)
    levels: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingDecision(_View):
    """What a steward decided on two records and what still holds.

    Attributes
    ----------
    left, right : (source, record id)
    verdict : 'SAME' or 'DIFFERENT'
    by, at, event, reason : of the decision
    """

    left: tuple[str, str]
    right: tuple[str, str]
    verdict: str
    by: str
    at: str
    event: int
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LookAlike(_View):
    """Another identity that resembles the case: a twin, a relative, a namesake.

    Attributes
    ----------
    enterprise_id : of it
    source, record_id : its record that resembles most
    name, birth_date : printed, '' without; maskable
    match_weight, match_probability : of that record with one of the case
    why : keys: 'twin', 'same_household', 'same_phone', 'same_mother', 'same_number', 'namesake',
        'similar'
    """

    enterprise_id: str
    source: str
    record_id: str
    name: str
    birth_date: str
    match_weight: float
    match_probability: float
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskEvent(_View):
    """One thing that happened to a task or a case.

    Attributes
    ----------
    event : its number in the journal
    at, by : when and who
    action : 'RAISED', 'ASSIGNED', 'UNASSIGNED', 'DEFERRED', 'ESCALATED', 'COMMENT', 'REOPENED',
        'DECIDED', 'PROPOSED', 'APPROVED', 'REJECTED', 'CLOSED', 'UNDONE', 'CHANGED' (an identity
        of it changed)
    reason : a `Reason`, or ''
    text : free text
    details : what else there is to tell: 'to', 'until', 'verdict', 'kind'
    """

    event: int
    at: str
    by: str
    action: str
    reason: str = ""
    text: str = ""
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case(_View):
    """Everything a steward needs to answer one question.

    Attributes
    ----------
    task : the row of the queue; of a case without a task, number 0
    records : of all identities, grouped by identity in the order of `task.enterprise_ids`
    pairs : of records of different identities, heaviest first (the heaviest few of large ones);
        of a case of one identity, its own pairs
    edges : (place, place, match weight) inside the identities, for the graph
    decisions : that stand on these records
    look_alikes : other identities near, heaviest first
    golden_now : one an identity, in the order of `task.enterprise_ids`
    golden_after : if all were merged; None for one identity
    history : comments, assignments, decisions, oldest first
    second_approval_needed : a merge would wait for another steward
    records_left_out : records that are not shown, of identities larger than the limit
    values_kept : 'texts', 'rows' (only what encoded rows tell) or 'digests' (a sealed index)
    """

    task: TaskRow
    records: tuple[RecordView, ...]
    pairs: tuple[PairView, ...]
    edges: tuple[tuple[int, int, float], ...] = ()
    decisions: tuple[StandingDecision, ...] = ()
    look_alikes: tuple[LookAlike, ...] = ()
    golden_now: tuple[GoldenRecord, ...] = ()
    golden_after: GoldenRecord | None = None
    history: tuple[TaskEvent, ...] = ()
    second_approval_needed: bool = False
    records_left_out: int = 0
    values_kept: str = "texts"


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRequest(_View):
    """What a steward wants to be done with a task.

    Attributes
    ----------
    number : of the task
    verdict : MERGE all identities (or the groups of `merge`), all DIFFERENT, PARTLY (the groups of
        `merge` are one person each, everything else is different), SPLIT (the records of `leave`
        are another person), NO_CHANGE
    version : of the task as the steward saw it; None is not checked
    reason, text : why
    merge : groups of enterprise ids; of a SPLIT one group of one id: the records join that identity
    leave : (source, record id) of the records that leave
    approve_needed : wait for another steward also where the index does not ask for it
    """

    number: int
    verdict: Verdict
    version: int | None = None
    reason: Reason = Reason.OTHER
    text: str = ""
    merge: tuple[tuple[str, ...], ...] | None = None
    leave: tuple[tuple[str, str], ...] | None = None
    approve_needed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision(_View):
    """What became of a decision.

    Attributes
    ----------
    events : numbers of the events it wrote; give them to `undo`
    tasks_closed : tasks that it answers, the decided one first
    enterprise_ids : identities that it leaves or makes, live
    waits_for_approval : nothing was changed yet: another steward must approve
    """

    events: tuple[int, ...]
    tasks_closed: tuple[int, ...] = ()
    enterprise_ids: tuple[str, ...] = ()
    waits_for_approval: bool = False
