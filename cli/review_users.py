"""`mpi review user` and `mpi review audit-log`: who may come in, and what they did."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

import click

from cli.identity_options import index_option, table_option

if TYPE_CHECKING:
    from mpi.review.accounts import Account, Accounts

__all__ = ["audit_log", "user"]

_ROLES: Final = ("viewer", "steward", "supervisor", "administrator")

name_argument = click.argument("name", metavar="NAME")
role_option = click.option(
    "--role",
    type=click.Choice(_ROLES),
    required=True,
    help="viewer looks, steward decides, supervisor approves and exports, administrator also "
    "manages accounts.",
)


@click.group("user")
def user() -> None:
    """Add, list and change the accounts of the review pages.

    Accounts lie beside the index in `review/accounts.json`, readable by its owner only, passwords
    as argon2id hashes. Whoever can write there can make accounts: there is no default password.
    """


@user.command("add")
@index_option
@name_argument
@role_option
@table_option
def add(index_dir: str, name: str, role: str, as_table: bool) -> None:
    """Make an account; the password is asked for, or read from stdin where that is no terminal.

    \b
    Examples:
      mpi review user add --index people.index 'Dr Li' --role administrator
      pass show mpi/li | mpi review user add --index people.index li --role steward
    """
    accounts = _accounts(index_dir)
    account = accounts.add(name, _role(role), _password())
    _done(index_dir, "user add", account, as_table=as_table)


@user.command("list")
@index_option
@table_option
def list_users(index_dir: str, as_table: bool) -> None:
    """List the accounts, without their hashes.

    \b
    Examples:
      mpi review user list --index people.index --table
    """
    from cli.identity_options import print_answers

    print_answers(_accounts(index_dir).all(), as_table=as_table)


@user.command("role")
@index_option
@name_argument
@role_option
@table_option
def role(index_dir: str, name: str, role: str, as_table: bool) -> None:
    """Give an account another role; its sessions end at once.

    \b
    Examples:
      mpi review user role --index people.index li --role supervisor
    """
    account = _accounts(index_dir).set_role(name, _role(role))
    _done(index_dir, "user role", account, as_table=as_table)


@user.command("disable")
@index_option
@name_argument
@click.option("--undo", is_flag=True, help="Let the account in again.")
@table_option
def disable(index_dir: str, name: str, undo: bool, as_table: bool) -> None:
    """Shut an account out; its sessions end at once, what it decided stays.

    \b
    Examples:
      mpi review user disable --index people.index li
      mpi review user disable --index people.index li --undo
    """
    account = _accounts(index_dir).set_disabled(name, not undo)
    _done(index_dir, "user disable", account, as_table=as_table)


@user.command("password")
@index_option
@name_argument
@table_option
def password(index_dir: str, name: str, as_table: bool) -> None:
    """Give an account another password; asked for, or read from stdin. Its sessions end at once.

    \b
    Examples:
      mpi review user password --index people.index li
    """
    account = _accounts(index_dir).set_password(name, _password())
    _done(index_dir, "user password", account, as_table=as_table)


@click.command("audit-log")
@index_option
@click.option("--by", metavar="NAME", help="Only of this account.")
@click.option(
    "--person", metavar="ID", help="Only with this enterprise id, or this SOURCE/ID of a record."
)
@click.option(
    "--action",
    metavar="TEXT",
    help="Only actions that begin so: page: and do: (looked, wrote), sign_in, export, command.",
)
@click.option("--since", metavar="TIME", help="Only from this time on, ISO 8601 in UTC.")
@click.option("--until", metavar="TIME", help="Only before this time, ISO 8601 in UTC.")
@click.option(
    "--check", is_flag=True, help="Print what is wrong with the log instead; exit code 1 if any."
)
@table_option
def audit_log(index_dir: str, check: bool, as_table: bool, **wanted: str | None) -> None:
    """Print who looked at whom, and who did what, oldest first.

    Lines hold accounts, times, network addresses, and ids of records, identities, tasks and
    events; never a person's value. Each line carries the digest of the one before it: --check
    tells whether one was changed or taken out.

    \b
    Examples:
      mpi review audit-log --index people.index --person 3MN2-JFW93-9AYD8 --table
      mpi review audit-log --index people.index --check
    """
    from cli.identity_options import print_answers
    from mpi.review.audit import AuditLog

    log = AuditLog(index_dir)
    if not check:
        print_answers(log.entries(**wanted), as_table=as_table)
        return
    findings = log.check()
    print_answers([{"is_sound": not findings, "findings": findings}], as_table=as_table)
    if findings:
        click.get_current_context().exit(1)


# ---------------------------------------------------------------------- what they share


def _accounts(index_dir: str) -> Accounts:
    from mpi.review.accounts import Accounts

    return Accounts(index_dir)


def _role(name: str) -> Any:
    from mpi.review.permissions import Role

    return Role(name)


def _password() -> str:
    """The new password: typed twice at a terminal, else the first line of stdin."""
    if sys.stdin.isatty():
        typed: str = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
        return typed
    line = sys.stdin.readline()
    return line.rstrip("\r\n")


def _done(index_dir: str, action: str, account: Account, *, as_table: bool) -> None:
    """Note the change in the audit log, under the name of who is signed in to this machine."""
    import getpass

    from cli.identity_options import print_answers
    from mpi.review.audit import AuditLog

    try:
        who = getpass.getuser()
    except (KeyError, OSError):
        who = "unknown"
    AuditLog(index_dir).write(
        f"command:{action}", by=f"{who} (command)", is_grave=True, account=account.name,
        role=account.role.value, is_disabled=account.is_disabled,
    )  # fmt: skip
    print_answers([account], as_table=as_table)
