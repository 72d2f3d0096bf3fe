"""One's own account, everybody's accounts, and the audit log."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlencode

from mpi.review.accounts import NAME_LENGTH_MAX, PASSWORD_LENGTH_MIN
from mpi.review.permissions import ROLES, Permission, Role
from mpi.review.web.lanes import Lane
from mpi.review.web.page import Action, Go, Page
from mpi.review.web.visit import Visit
from person.errors import ConfigError

__all__ = [
    "PAGES",
    "act_add",
    "act_change",
    "act_log",
    "act_password",
    "view_account",
    "view_accounts",
    "view_log",
]

ENTRIES: Final = 200
_PASSWORD_MAX: Final = 2_000
_ACTIONS: Final = (
    "",
    "page:",
    "do:",
    "do:reveal",
    "sign_in",
    "sign_in_failed",
    "export",
    "command",
)


def view_account(visit: Visit) -> dict[str, Any]:
    """One's own account.

    Parameters
    ----------
    visit : of anybody who is signed in
    """
    account = visit.site.accounts.find(visit.who.name)
    assert account is not None, "a session ends with its account"
    return {
        "account": account.to_dict(),
        "permissions": [each.value for each in Permission if visit.may(each)],
        "password_length_min": PASSWORD_LENGTH_MIN,
    }


def act_password(visit: Visit) -> Go:
    """Change one's own password; all sessions of the account end.

    Parameters
    ----------
    visit : with the old password and twice the new one
    """
    accounts, limits, name = visit.site.accounts, visit.site.limits, visit.who.name
    new = _password(visit, "new_password")
    if new != _password(visit, "again"):
        return Go("/account", "account.unlike", "bad")
    if limits.wait_seconds(name, visit.address):
        return Go("/account", "account.too_often", "bad")
    limits.start(name, visit.address)
    if accounts.check(name, _password(visit, "password")) is None:
        return Go("/account", "account.wrong", "bad")
    limits.succeed(name, visit.address)
    accounts.set_password(name, new)
    return Go("/login")


def _password(visit: Visit, name: str) -> str:
    """A password as it was typed: blanks at its ends count."""
    value = visit.form.get(name, "")
    if not isinstance(value, str) or len(value) > _PASSWORD_MAX:
        raise ConfigError("a password is a text, and not that long")
    return value


# ---------------------------------------------------------------------- everybody's


def view_accounts(visit: Visit) -> dict[str, Any]:
    """All accounts.

    Parameters
    ----------
    visit : of an administrator
    """
    return {
        "accounts": [each.to_dict() for each in visit.site.accounts.all()],
        "roles": [role.value for role in ROLES],
        "password_length_min": PASSWORD_LENGTH_MIN,
    }


def act_add(visit: Visit) -> Go:
    """Make an account.

    Parameters
    ----------
    visit : with name, role and first password
    """
    name, role = visit.text("name", longest=NAME_LENGTH_MAX), _role(visit)
    account = visit.site.accounts.add(name, role, _password(visit, "new_password"))
    visit.note(account=account.name, role=role.value)
    return Go("/accounts", "account.added", values={"name": account.name})


def act_change(visit: Visit) -> Go:
    """Give an account another role or password, shut it out or let it in.

    Parameters
    ----------
    visit : with the account's name and what to change
    """
    name, change = visit.text("name", longest=NAME_LENGTH_MAX), visit.text("change", longest=20)
    accounts = visit.site.accounts
    if change == "role":
        account = accounts.set_role(name, _role(visit))
        visit.note(role=account.role.value)
    elif change in ("disable", "enable"):
        account = accounts.set_disabled(name, change == "disable")
    elif change == "password":
        account = accounts.set_password(name, _password(visit, "new_password"))
    else:
        raise ConfigError("an account's role, password or state can be changed")
    visit.note(account=account.name, change=change)
    return Go("/accounts", "account.changed", values={"name": account.name})


def _role(visit: Visit) -> Role:
    value = visit.text("role", longest=20)
    if value not in list(Role):
        raise ConfigError(f"a role is one of {', '.join(ROLES)}")
    return Role(value)


# ---------------------------------------------------------------------- the log


def view_log(visit: Visit) -> dict[str, Any]:
    """The last lines of the audit log, the newest first.

    Parameters
    ----------
    visit : of an administrator; filter: by, person (kept under a key: a record id may tell), action
    """
    by, action = visit.query.get("by", ""), visit.query.get("action", "")
    person = visit.kept(visit.query.get("person")) or ""
    if action not in _ACTIONS:
        raise ConfigError("the log knows no such kind of action")
    log = visit.site.audit
    entries = log.latest(ENTRIES, by=by or None, person=person or None, action=action or None)
    visit.note(read=len(entries))
    return {
        "entries": [each.to_dict() for each in entries],
        "by": by,
        "person": person,
        "action": action,
        "actions": list(_ACTIONS),
        "limit": ENTRIES,
    }


def act_log(visit: Visit) -> Go:
    """Turn the log's filter into a link.

    Parameters
    ----------
    visit : with the form
    """
    chosen = {
        "by": visit.text("by", longest=NAME_LENGTH_MAX),
        "person": visit.keep(visit.text("person", longest=500)),
        "action": visit.text("action", longest=40),
    }
    return Go("/log?" + urlencode({name: value for name, value in chosen.items() if value}))


PAGES: Final = (
    Page("account", "/account", view_account, "account.html", Permission.OWN_ACCOUNT),
    Action(
        "password", "/account/password", act_password, Permission.OWN_ACCOUNT, lane=Lane.PASSWORD
    ),
    Page("accounts", "/accounts", view_accounts, "accounts.html", Permission.ACCOUNTS),
    Action("account_add", "/accounts/add", act_add, Permission.ACCOUNTS, lane=Lane.PASSWORD),
    Action(
        "account_change", "/accounts/change", act_change, Permission.ACCOUNTS, lane=Lane.PASSWORD
    ),
    Page("log", "/log", view_log, "log.html", Permission.AUDIT_LOG, lane=Lane.LONG),
    Action("log_find", "/log/find", act_log, Permission.AUDIT_LOG),
)
