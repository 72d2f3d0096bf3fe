"""The server as a process: TLS, what it prints, how it stops."""

from __future__ import annotations

import gc
import json
import os
import re
import signal
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from cli.main import run
from mpi.identity_index import IdentityIndex
from mpi.review.accounts import Accounts
from mpi.review.permissions import Role
from mpi.review.web.server import ServerSettings, serve, settle_memory
from person.errors import ConfigError

ROOT = Path(__file__).resolve().parents[3]
WAIT = 60


@pytest.fixture(scope="module")
def index_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("served") / "index"
    IdentityIndex.create(path, population=1000).close()
    return path


@contextmanager
def served(
    index_path: Path, *options: str
) -> Iterator[tuple[subprocess.Popen[str], str, list[str]]]:
    """A running server, its address, and what it said before that."""
    words = [sys.executable, "-m", "cli", "review", "serve", "--index", str(index_path)]
    process = subprocess.Popen(
        [*words, "--port", "0", *options],
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "MPI_DEBUG": ""},
    )
    said: list[str] = []
    try:
        assert process.stdout is not None
        for line in process.stdout:
            found = re.search(r"review pages at (\S+)", line)
            if found:
                yield process, found[1], said
                break
            said.append(line)
        else:
            assert process.stderr is not None
            raise AssertionError("".join(said) + process.stderr.read())
    finally:
        process.kill()
        process.communicate(timeout=WAIT)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for localhost that its own key has signed, and the key."""
    folder = tmp_path_factory.mktemp("tls")
    certificate, key = folder / "cert.pem", folder / "key.pem"
    made = subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
        capture_output=True, check=False,
    )  # fmt: skip
    if made.returncode != 0:
        pytest.skip("no openssl command here")
    return certificate, key


def stopped(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """End it as a system would; exit code and the rest of what it printed."""
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=WAIT)
    return process.returncode, out, err


def test_it_serves_over_tls_and_stops_when_told(
    index_path: Path, certificate: tuple[Path, Path]
) -> None:
    """Secure cookies; the address on stdout, nothing but the log on stderr; exit code 0."""
    context = ssl.create_default_context(cafile=str(certificate[0]))
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    options = ("--tls-cert", str(certificate[0]), "--tls-key", str(certificate[1]))
    with served(index_path, *options, "--host", "localhost") as (process, address, said):
        assert address.startswith("https://localhost:")
        assert "mpi review user add" in "".join(said)
        with urlopen(f"{address}login?language=en", context=context, timeout=WAIT) as answer:
            assert "Sign in" in answer.read().decode()
            assert "Secure" in answer.headers["set-cookie"]
            assert "server" not in answer.headers
        code, out, err = stopped(process)
    assert (0, "") == (code, out)
    assert err.endswith("stopped\n")
    lines = [json.loads(line[line.index("{") :]) for line in err.splitlines() if "{" in line]
    assert [("page:login", 200)] == [(line["page"], line["status"]) for line in lines]


def test_loopback_needs_no_tls(index_path: Path) -> None:
    """And with accounts nothing is said but the address; a wrong name is not answered."""
    Accounts(index_path).add("li", Role.ADMINISTRATOR, "correct horse battery")
    with served(index_path, "--quiet", "--language", "en") as (process, address, said):
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", address)
        assert [] == said
        with urlopen(address, timeout=WAIT) as answer:  # leads to the sign-in page
            assert answer.url.startswith(f"{address}login?next=/tasks")
        foreign = Request(address, headers={"host": "evil.example"})
        with pytest.raises(OSError, match="421"):
            urlopen(foreign, timeout=WAIT)
        code, _, err = stopped(process)
    assert (0, "stopped\n") == (code, err)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--host", "0.0.0.0"), "--tls-cert"),
        (("--tls-cert", "cert.pem"), "both or neither"),
        (("--tls-cert", "no.pem", "--tls-key", "no.key"), "no such file"),
        (("--host", "192.0.2.1", "--insecure"), "cannot be used"),
    ],
)
def test_what_cannot_be_served_is_said_in_one_line(
    index_path: Path,
    options: tuple[str, ...],
    expected: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Exit code 2, and what to do."""
    assert 2 == run(["review", "serve", "--index", str(index_path), "--port", "0", *options])
    (line,) = capsys.readouterr().err.splitlines()
    assert expected in line


def test_a_certificate_that_is_none_is_said(index_path: Path, tmp_path: Path) -> None:
    """Before anything is bound."""
    odd = tmp_path / "odd.pem"
    odd.write_text("no certificate")
    settings = ServerSettings(
        index_path=str(index_path), tls_certificate=str(odd), tls_key=str(odd)
    )
    with pytest.raises(ConfigError, match="no PEM certificate"):
        serve(settings, say=print)


def test_the_collector_leaves_alone_what_stays() -> None:
    """A pause of a tenth of a second in the middle of a page is one too many."""
    before = gc.get_freeze_count()
    try:
        settle_memory()
        assert gc.get_freeze_count() > before
    finally:
        gc.unfreeze()
