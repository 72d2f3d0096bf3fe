"""Accounts of the review pages: names, roles and argon2id hashes in one private file.

The file `DIR/review/accounts.json` is readable by its owner only and is replaced whole, so a
reader sees the old accounts or the new ones. Whoever changes it holds `accounts.lock`. Every change
of role, password or state gives the account a new stamp; a session remembers the stamp it began
with and ends when it differs.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import secrets
import unicodedata
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from mpi.review.permissions import Role
from person.errors import AccessError, ConfigError, IndexMissingError

__all__ = [
    "NAME_LENGTH_MAX",
    "PASSWORD_BYTES_MAX",
    "PASSWORD_LENGTH_MIN",
    "Account",
    "Accounts",
    "check_password_rules",
    "review_directory",
]

PASSWORD_LENGTH_MIN: Final = 12
PASSWORD_BYTES_MAX: Final = 1024
NAME_LENGTH_MAX: Final = 64
ACCOUNTS_MAX: Final = 10_000
_DIFFERENT_CHARACTERS_MIN: Final = 5
_NAME: Final = re.compile(r"\w(?:[\w.@ -]*\w)?")
_FORMAT: Final = 1
_AUTO: Final = "auto"


def review_directory(index_path: str | Path) -> Path:
    """Where accounts and the audit log of an index lie; made private where it is missing.

    Parameters
    ----------
    index_path : directory of the index

    Raises
    ------
    IndexMissingError : no index there
    """
    if not (Path(index_path) / "data.mdb").exists():
        raise IndexMissingError(
            f"{index_path}: no index here; check the path, or make one with mpi index create",
            path=str(index_path),
        )
    directory = Path(index_path) / "review"
    directory.mkdir(mode=0o700, exist_ok=True)
    return directory


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One person who may sign in.

    Attributes
    ----------
    name : as it stands in the journal
    role : what it may do
    hash : of the password, argon2id in its usual text form
    stamp : changes with role, password and state
    is_disabled : cannot sign in
    created_at, password_at : ISO 8601, UTC
    """

    name: str
    role: Role
    hash: str
    stamp: str
    is_disabled: bool = False
    created_at: str = ""
    password_at: str = ""

    def to_dict(self) -> dict[str, object]:
        """What may be shown: no hash, no stamp."""
        return {
            "name": self.name,
            "role": self.role.value,
            "is_disabled": self.is_disabled,
            "created_at": self.created_at,
            "password_at": self.password_at,
        }


class Accounts:
    """The accounts file; read again whenever it changed.

    Parameters
    ----------
    index_path : directory of the index
    hasher : of passwords; None for argon2id with argon2-cffi's parameters (RFC 9106)
    now : the time, for tests
    """

    def __init__(
        self,
        index_path: str | Path,
        *,
        hasher: PasswordHasher | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.path = review_directory(index_path) / "accounts.json"
        self._hasher = hasher or PasswordHasher()
        self._now = now
        self._seen: tuple[int, int, int] | None = None
        self._accounts: dict[str, Account] = {}
        self._nobody = _hash_of_nothing(self._hasher)

    # ------------------------------------------------------------------ reading

    def all(self) -> list[Account]:
        """Every account, by name."""
        return sorted(self._read().values(), key=lambda account: account.name)

    def find(self, name: str) -> Account | None:
        """The account of that name, disabled ones too.

        Parameters
        ----------
        name : as it was typed
        """
        return self._read().get(_key(name))

    def check(self, name: str, password: str) -> Account | None:
        """The account if name and password are right and it is enabled.

        An unknown name takes as long as a wrong password: one is hashed in either case.

        Parameters
        ----------
        name, password : as they were typed
        """
        account = self.find(name)
        is_right = self._is_right(self._nobody if account is None else account.hash, password)
        if account is None or account.is_disabled or not is_right:
            return None
        if self._hasher.check_needs_rehash(account.hash):
            hashed = self._hasher.hash(_normal(password))
            account = self._change(name, lambda old: replace(old, hash=hashed))
        return account

    def _is_right(self, hashed: str, password: str) -> bool:
        if len(password.encode("utf-8", "replace")) > PASSWORD_BYTES_MAX:
            return False
        try:
            return self._hasher.verify(hashed, _normal(password))
        except (VerificationError, InvalidHashError):
            return False

    # ------------------------------------------------------------------ changing

    def add(self, name: str, role: Role, password: str) -> Account:
        """Make an account.

        Parameters
        ----------
        name : letters, digits and . @ - _ and spaces between them; not 'auto'
        role : what it may do
        password : checked by `check_password_rules`

        Raises
        ------
        ConfigError : the name is taken or unusable, or the password too weak
        """
        name = _checked_name(name)
        check_password_rules(name, password)
        hashed, now = (
            self._hasher.hash(_normal(password)),
            self._now().isoformat(timespec="seconds"),
        )
        account = Account(
            name=name,
            role=Role(role),
            hash=hashed,
            stamp=_new_stamp(),
            created_at=now,
            password_at=now,
        )
        with self._changing() as accounts:
            if _key(name) in accounts:
                raise ConfigError(f"there is an account {name} already")
            if len(accounts) >= ACCOUNTS_MAX:
                raise ConfigError(f"there are {ACCOUNTS_MAX} accounts already")
            accounts[_key(name)] = account
        return account

    def set_role(self, name: str, role: Role) -> Account:
        """Give an account another role; its sessions end.

        Parameters
        ----------
        name : of the account
        role : the new one
        """
        return self._change(name, lambda old: replace(old, role=Role(role), stamp=_new_stamp()))

    def set_disabled(self, name: str, is_disabled: bool) -> Account:
        """Shut an account out, or let it in again; its sessions end.

        Parameters
        ----------
        name : of the account
        is_disabled : True shuts it out
        """
        return self._change(
            name, lambda old: replace(old, is_disabled=is_disabled, stamp=_new_stamp())
        )

    def set_password(self, name: str, password: str) -> Account:
        """Give an account another password; its sessions end.

        Parameters
        ----------
        name : of the account
        password : checked by `check_password_rules`
        """
        account = self._known(name)
        check_password_rules(account.name, password)
        if self._is_right(account.hash, password):
            raise ConfigError("the new password is the old one; choose another")
        hashed, now = (
            self._hasher.hash(_normal(password)),
            self._now().isoformat(timespec="seconds"),
        )
        return self._change(
            name, lambda old: replace(old, hash=hashed, password_at=now, stamp=_new_stamp())
        )

    def _known(self, name: str) -> Account:
        account = self.find(name)
        if account is None:
            raise ConfigError("there is no account of that name; `mpi review user list` lists them")
        return account

    def _change(self, name: str, change: Callable[[Account], Account]) -> Account:
        with self._changing() as accounts:
            old = accounts.get(_key(name))
            if old is None:
                raise ConfigError(
                    "there is no account of that name; `mpi review user list` lists them"
                )
            accounts[_key(name)] = new = change(old)
            if _is_administrator(old) and not any(map(_is_administrator, accounts.values())):
                raise ConfigError(
                    "this is the last administrator; make another one before changing it"
                )
        return new

    # ------------------------------------------------------------------ the file

    def _read(self) -> dict[str, Account]:
        try:
            status = self.path.stat()
        except FileNotFoundError:
            self._seen, self._accounts = None, {}
            return self._accounts
        seen = (status.st_ino, status.st_size, status.st_mtime_ns)
        if seen != self._seen:
            if status.st_mode & 0o077:
                raise AccessError(
                    f"{self.path}: others may read or change the accounts; run chmod 600 on it"
                )
            self._accounts = self._parsed(self.path.read_bytes())
            self._seen = seen
        return self._accounts

    def _parsed(self, text: bytes) -> dict[str, Account]:
        try:
            document = json.loads(text)
            if document["format"] != _FORMAT:
                raise AccessError(
                    f"{self.path}: written by another version of this program; use that one"
                )
            read = [
                Account(**{**each, "role": Role(each["role"])}) for each in document["accounts"]
            ]
        except (ValueError, KeyError, TypeError) as error:
            raise AccessError(
                f"{self.path}: the accounts file is damaged; put the copy of a backup in its "
                f"place, or move it away and add the accounts anew with `mpi review user add`"
            ) from error
        return {_key(account.name): account for account in read}

    @contextmanager
    def _changing(self) -> Iterator[dict[str, Account]]:
        """The accounts, written when the block ends without an error."""
        lock = os.open(self.path.with_name("accounts.lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            accounts = dict(self._read())
            yield accounts
            self._write(accounts)
        finally:
            os.close(lock)

    def _write(self, accounts: dict[str, Account]) -> None:
        document = {"format": _FORMAT, "accounts": [asdict(each) for each in accounts.values()]}
        scratch = self.path.with_name(f".accounts-{secrets.token_hex(8)}")
        file = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(file, "wb") as opened:
                opened.write(json.dumps(document, ensure_ascii=False, indent=1).encode())
                opened.flush()
                os.fsync(opened.fileno())
            scratch.replace(self.path)
        except BaseException:
            scratch.unlink(missing_ok=True)
            raise
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def check_password_rules(name: str, password: str) -> None:
    """Refuse a password that is easily guessed.

    Parameters
    ----------
    name : of the account
    password : the new one

    Raises
    ------
    ConfigError : says what is wrong, never what was typed
    """
    if len(password) < PASSWORD_LENGTH_MIN:
        raise ConfigError(f"a password has at least {PASSWORD_LENGTH_MIN} characters")
    if len(password.encode("utf-8", "replace")) > PASSWORD_BYTES_MAX:
        raise ConfigError(f"a password has at most {PASSWORD_BYTES_MAX} bytes")
    if len(set(password)) < _DIFFERENT_CHARACTERS_MIN:
        raise ConfigError(f"a password has at least {_DIFFERENT_CHARACTERS_MIN} unlike characters")
    if len(name) >= 3 and _key(name) in password.casefold():
        raise ConfigError("a password does not contain the account's name")


def _checked_name(name: str) -> str:
    name = unicodedata.normalize("NFC", name).strip()
    if len(name) > NAME_LENGTH_MAX or not _NAME.fullmatch(name) or _key(name) == _AUTO:
        raise ConfigError(
            f"an account's name has letters, digits, . @ - _ or single words, at most "
            f"{NAME_LENGTH_MAX} characters, and is not '{_AUTO}'"
        )
    return name


def _key(name: str) -> str:
    """Names that look alike are one account."""
    return unicodedata.normalize("NFKC", name).strip().casefold()


def _normal(password: str) -> str:
    """One password on every keyboard: composed and decomposed letters are the same."""
    return unicodedata.normalize("NFC", password)


def _is_administrator(account: Account) -> bool:
    return account.role is Role.ADMINISTRATOR and not account.is_disabled


def _new_stamp() -> str:
    return secrets.token_hex(8)


def _hash_of_nothing(hasher: PasswordHasher) -> str:
    """A hash that no password has, and that takes as long to check as any."""

    def text(size: int) -> str:
        return b64encode(secrets.token_bytes(size)).decode().rstrip("=")

    return (
        f"$argon2id$v=19$m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
        f"${text(hasher.salt_len)}${text(hasher.hash_len)}"
    )
