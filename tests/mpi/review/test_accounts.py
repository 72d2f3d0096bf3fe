"""Accounts of the review pages: hashes, rules, the private file, stamps."""

from __future__ import annotations

import json
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from mpi.identity_index import IdentityIndex
from mpi.review.accounts import PASSWORD_LENGTH_MIN, Account, Accounts
from mpi.review.permissions import Role
from person.errors import AccessError, ConfigError, IndexMissingError

GOOD = "correct horse battery"
OTHER = "staple wire gauge 7"


@pytest.fixture(scope="module")
def index_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("accounts") / "index"
    IdentityIndex.create(path, population=1000).close()
    return path


@pytest.fixture
def accounts(index_path: Path) -> Accounts:
    """No accounts yet; a cheap hash, so that tests are quick."""
    made = Accounts(
        index_path, hasher=PasswordHasher(1, 64, 1), now=lambda: datetime(2026, 3, 1, tzinfo=UTC)
    )
    made.path.unlink(missing_ok=True)
    return made


def test_a_right_password_finds_its_account(accounts: Accounts) -> None:
    """Name and password together are the account; names are read without case and blanks."""
    made = accounts.add("Dr Li", Role.STEWARD, GOOD)
    assert made == accounts.check("Dr Li", GOOD)
    assert made == accounts.check(" dr li ", GOOD)


@pytest.mark.parametrize(
    ("name", "password"),
    [("li", OTHER), ("li", ""), ("li", GOOD + " "), ("wang", GOOD), ("", ""), ("li", "x" * 5000)],
)
def test_anything_else_finds_none(accounts: Accounts, name: str, password: str) -> None:
    """A wrong password, an unknown name and a password of any length are one answer."""
    accounts.add("li", Role.STEWARD, GOOD)
    assert accounts.check(name, password) is None


def test_an_unknown_name_costs_as_much_as_a_wrong_password(
    accounts: Accounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One hash of the same parameters is computed in either case."""
    accounts.add("li", Role.STEWARD, GOOD)
    hashed: list[str] = []
    verify = PasswordHasher.verify

    def counting(self: PasswordHasher, known: str, password: str) -> bool:
        hashed.append(known.rsplit("$", 2)[0])
        return verify(self, known, password)

    monkeypatch.setattr(PasswordHasher, "verify", counting)
    accounts.check("li", OTHER)
    accounts.check("nobody", OTHER)
    assert 2 == len(hashed)
    assert hashed[0] == hashed[1]


def test_hashes_are_argon2id_with_the_library_s_parameters(index_path: Path) -> None:
    """The library's own parameters are those of RFC 9106."""
    accounts = Accounts(index_path)
    accounts.path.unlink(missing_ok=True)
    made = accounts.add("li", Role.VIEWER, GOOD)
    assert made.hash.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert accounts.check("li", GOOD) is not None


def test_a_hash_of_older_parameters_is_renewed_at_sign_in(accounts: Accounts) -> None:
    """Parameters can be raised; accounts follow when they are used, their sessions go on."""
    old = accounts.add("li", Role.STEWARD, GOOD)
    renewed = Accounts(accounts.path.parents[1], hasher=PasswordHasher(2, 64, 1)).check("li", GOOD)
    assert renewed is not None
    assert "t=2" in renewed.hash
    assert old.stamp == renewed.stamp


@pytest.mark.parametrize(
    "password",
    ["", "short", "x" * PASSWORD_LENGTH_MIN, "abababababababab", "Dr Li 1234567", "x" * 2000],
)
def test_weak_passwords_are_refused_without_being_quoted(accounts: Accounts, password: str) -> None:
    """Short, long, monotonous, or with the account's name in it."""
    with pytest.raises(ConfigError) as raised:
        accounts.add("Dr Li", Role.STEWARD, password)
    assert not password or password not in str(raised.value)
    assert [] == accounts.all()


@pytest.mark.parametrize(
    "name", ["", "auto", "AUTO", " ", "a" * 65, "a\nb", "<b>", "a/b", "a\u202eb"]
)
def test_unusable_names_are_refused(accounts: Accounts, name: str) -> None:
    """'auto' is the machine's name in the journal; marks and line ends would confuse readers."""
    with pytest.raises(ConfigError):
        accounts.add(name, Role.STEWARD, GOOD)


def test_a_name_is_taken_once(accounts: Accounts) -> None:
    """Also in capitals or full-width letters."""
    accounts.add("li", Role.STEWARD, GOOD)
    for name in ("li", "LI", "ｌｉ"):
        with pytest.raises(ConfigError):
            accounts.add(name, Role.STEWARD, OTHER)


def test_every_change_gives_a_new_stamp(accounts: Accounts) -> None:
    """Sessions compare stamps, so each change of role, password or state ends them."""
    accounts.add("boss", Role.ADMINISTRATOR, GOOD)
    stamps = [
        accounts.add("li", Role.STEWARD, GOOD).stamp,
        accounts.set_role("li", Role.VIEWER).stamp,
        accounts.set_password("li", OTHER).stamp,
        accounts.set_disabled("li", True).stamp,
        accounts.set_disabled("li", False).stamp,
    ]
    assert 5 == len(set(stamps))
    assert accounts.check("li", OTHER) is not None
    assert accounts.check("li", GOOD) is None


def test_a_disabled_account_cannot_sign_in(accounts: Accounts) -> None:
    """Whatever its password."""
    accounts.add("li", Role.STEWARD, GOOD)
    accounts.set_disabled("li", True)
    assert accounts.check("li", GOOD) is None


def test_the_last_administrator_stays(accounts: Accounts) -> None:
    """Nobody locks everybody out."""
    accounts.add("boss", Role.ADMINISTRATOR, GOOD)
    for change in (
        lambda: accounts.set_role("boss", Role.VIEWER),
        lambda: accounts.set_disabled("boss", True),
    ):
        with pytest.raises(ConfigError):
            change()
    assert accounts.check("boss", GOOD) is not None


def test_the_file_is_private_and_replaced_whole(accounts: Accounts) -> None:
    """0600, no scratch file left, and no password in it."""
    accounts.add("li", Role.STEWARD, GOOD)
    assert 0o600 == stat.S_IMODE(accounts.path.stat().st_mode)
    assert 0o700 == stat.S_IMODE(accounts.path.parent.stat().st_mode)
    names = {path.name for path in accounts.path.parent.iterdir()}
    assert not [name for name in names if name.startswith(".")]
    assert GOOD not in accounts.path.read_text("utf-8")


def test_a_file_that_others_can_read_is_not_used(accounts: Accounts) -> None:
    """Hashes that others may have changed open no door."""
    accounts.add("li", Role.STEWARD, GOOD)
    accounts.path.chmod(0o644)
    with pytest.raises(AccessError):
        Accounts(accounts.path.parents[1]).find("li")


@pytest.mark.parametrize("text", [b"", b"[]", b"{", b'{"format": 2, "accounts": []}', b"\xff"])
def test_a_damaged_file_is_an_error_and_not_no_accounts(accounts: Accounts, text: bytes) -> None:
    """It says what to do, and nobody is let in meanwhile."""
    accounts.path.touch(mode=0o600)
    accounts.path.write_bytes(text)
    with pytest.raises(AccessError):
        accounts.check("li", GOOD)


def test_changes_of_another_process_are_seen_at_once(accounts: Accounts) -> None:
    """`mpi review user` works beside the server."""
    other = Accounts(accounts.path.parents[1], hasher=PasswordHasher(1, 64, 1))
    accounts.add("li", Role.STEWARD, GOOD)
    assert ["li"] == [each.name for each in other.all()]
    accounts.set_role("li", Role.SUPERVISOR)
    found = other.find("li")
    assert found is not None
    assert Role.SUPERVISOR == found.role


def test_accounts_are_shown_without_secrets(accounts: Accounts) -> None:
    """`to_dict` has neither hash nor stamp, and the file has both."""
    made = accounts.add("li", Role.STEWARD, GOOD)
    shown = made.to_dict()
    assert {"name", "role", "is_disabled", "created_at", "password_at"} == set(shown)
    stored = json.loads(accounts.path.read_text("utf-8"))["accounts"]
    assert [Account(**{**each, "role": Role(each["role"])}) for each in stored] == [made]


def test_accounts_need_an_index(tmp_path: Path) -> None:
    """A wrong directory is said, not filled."""
    with pytest.raises(IndexMissingError):
        Accounts(tmp_path)
    assert [] == list(tmp_path.iterdir())
