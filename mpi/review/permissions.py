"""Who may do what: the one table of roles and permissions, asked by every page and command.

Roles are ordered: a supervisor may do all that a steward may. A page names the permission it
needs (`mpi.review.web.page`), never a role; a test walks every route with every role.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from person.errors import AccessError

__all__ = ["LEAST_ROLE", "ROLES", "Permission", "Role", "check_permission", "is_allowed"]


class Role(StrEnum):
    """What an account is for, the least first."""

    VIEWER = "viewer"
    STEWARD = "steward"
    SUPERVISOR = "supervisor"
    ADMINISTRATOR = "administrator"


class Permission(StrEnum):
    """One thing that may be allowed."""

    SEE_TASKS = "see_tasks"
    SEE_PEOPLE = "see_people"
    SEARCH = "search"
    SEE_FIGURES = "see_figures"
    OWN_ACCOUNT = "own_account"
    REVEAL = "reveal"
    WORK = "work"
    DECIDE = "decide"
    EXPORT_MASKED = "export_masked"
    APPROVE = "approve"
    ASSIGN_OTHERS = "assign_others"
    UNDO_OTHERS = "undo_others"
    EXPORT = "export"
    IMPORT = "import"
    SAMPLE_AUDIT = "sample_audit"
    SEE_STEWARDS = "see_stewards"
    AUDIT_LOG = "audit_log"
    ACCOUNTS = "accounts"


ROLES: Final = tuple(Role)

LEAST_ROLE: Final[dict[Permission, Role]] = {
    # Looking; digits of numbers stay hidden.
    Permission.SEE_TASKS: Role.VIEWER,
    Permission.SEE_PEOPLE: Role.VIEWER,
    Permission.SEARCH: Role.VIEWER,
    Permission.SEE_FIGURES: Role.VIEWER,
    Permission.OWN_ACCOUNT: Role.VIEWER,
    # The work itself: assign to oneself, defer, escalate, comment, decide, split, undo one's own.
    Permission.REVEAL: Role.STEWARD,
    Permission.WORK: Role.STEWARD,
    Permission.DECIDE: Role.STEWARD,
    Permission.EXPORT_MASKED: Role.STEWARD,
    # The work of others, and what leaves the house.
    Permission.APPROVE: Role.SUPERVISOR,
    Permission.ASSIGN_OTHERS: Role.SUPERVISOR,
    Permission.UNDO_OTHERS: Role.SUPERVISOR,
    Permission.EXPORT: Role.SUPERVISOR,
    Permission.IMPORT: Role.SUPERVISOR,
    Permission.SAMPLE_AUDIT: Role.SUPERVISOR,
    Permission.SEE_STEWARDS: Role.SUPERVISOR,
    # Who may come in, and who looked at whom.
    Permission.AUDIT_LOG: Role.ADMINISTRATOR,
    Permission.ACCOUNTS: Role.ADMINISTRATOR,
}


def is_allowed(role: Role, permission: Permission) -> bool:
    """Whether a role has a permission.

    Parameters
    ----------
    role : of the account
    permission : what it wants to do
    """
    return ROLES.index(role) >= ROLES.index(LEAST_ROLE[permission])


def check_permission(role: Role, permission: Permission) -> None:
    """Refuse what a role may not do.

    Parameters
    ----------
    role : of the account
    permission : what it wants to do

    Raises
    ------
    AccessError : names the role that would be needed
    """
    if not is_allowed(role, permission):
        raise AccessError(
            f"this needs the role {LEAST_ROLE[permission]} or a higher one; "
            f"ask a supervisor or an administrator",
            permission=permission.value,
        )
