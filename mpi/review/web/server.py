"""Serving the review pages: the socket, TLS, limits, and a graceful stop."""

from __future__ import annotations

import gc
import ipaddress
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from person.errors import ConfigError

__all__ = ["ServerSettings", "serve", "settle_memory"]

STOP_SECONDS: Final = 5
CONCURRENCY_MAX: Final = 200
KEEP_ALIVE_SECONDS: Final = 15
HEADERS_BYTES_MAX: Final = 32 << 10
_EXTRA: Final = "the review pages need more packages: pip install 'mpi-index[review]'"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """How a review server is reached.

    Attributes
    ----------
    index_path : directory of the index
    host, port : to bind; port 0 takes a free one
    tls_certificate, tls_key : PEM files; both or neither
    is_insecure : bind other addresses than loopback without TLS
    names : further names by which browsers call it
    language : of who has not chosen one, zh or en
    digest_key : key file of an index with keyed digests
    idle_minutes : a session ends after so long without use
    """

    index_path: str
    host: str = "127.0.0.1"
    port: int = 8443
    tls_certificate: str | None = None
    tls_key: str | None = None
    is_insecure: bool = False
    names: tuple[str, ...] = ()
    language: str = "zh"
    digest_key: str | None = None
    idle_minutes: int = 30

    def __post_init__(self) -> None:
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ConfigError("TLS needs a certificate and its key: give both or neither")
        if not (self.is_loopback or self.is_tls or self.is_insecure):
            raise ConfigError(
                f"{self.host} can be reached from other machines: give --tls-cert and --tls-key, "
                f"or --insecure where something in front of it speaks TLS"
            )

    @property
    def is_tls(self) -> bool:
        return self.tls_certificate is not None

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    @property
    def host_names(self) -> frozenset[str]:
        """Names that it answers to; with a wildcard address also this machine's own name."""
        names = {"127.0.0.1", "localhost", "[::1]", *(name.lower() for name in self.names)}
        if self.host in ("0.0.0.0", "::"):  # noqa: S104 - compared, not bound
            names.add(socket.gethostname().lower())
        else:
            names.add(_in_url(self.host))
        return frozenset(names)

    def url(self, port: int) -> str:
        """The address for a browser.

        Parameters
        ----------
        port : that was bound
        """
        shown = self.host
        if self.host in ("0.0.0.0", "::"):  # noqa: S104 - compared, not bound
            shown = self.names[0] if self.names else socket.gethostname()
        return f"{'https' if self.is_tls else 'http'}://{_in_url(shown)}:{port}/"


def _in_url(host: str) -> str:
    return f"[{host}]".lower() if ":" in host else host.lower()


def serve(settings: ServerSettings, *, say: Callable[[str], None]) -> None:
    """Serve until stopped by SIGINT or SIGTERM; what is under way is finished first.

    Parameters
    ----------
    settings : how
    say : takes the address once it answers, and what there is to know

    Raises
    ------
    ConfigError : the address cannot be bound, the certificate not be used, or a package is missing
    IndexMissingError : no index there
    """
    try:
        import uvicorn

        from mpi.review.web.app import create_app
        from mpi.review.web.site import Site, SiteSettings
    except ImportError as error:
        raise ConfigError(_EXTRA) from error
    _check_tls(settings)
    site = Site(
        SiteSettings(
            index_path=Path(settings.index_path),
            digest_key=settings.digest_key,
            language=settings.language,
            is_tls=settings.is_tls,
            hosts=settings.host_names,
            idle_seconds=60.0 * settings.idle_minutes,
        )
    )
    if not site.accounts.all():
        say(
            "nobody can sign in yet; make the first account with: "
            f"mpi review user add --index {settings.index_path} NAME --role administrator"
        )
    bound = _bound(settings)
    port = bound.getsockname()[1]
    config = uvicorn.Config(
        create_app(site, on_warm=settle_memory),
        log_config=None,
        log_level="error",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        loop="asyncio",
        http="h11",
        ws="none",
        lifespan="on",
        limit_concurrency=CONCURRENCY_MAX,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=STOP_SECONDS,
        h11_max_incomplete_event_size=HEADERS_BYTES_MAX,
        ssl_certfile=settings.tls_certificate,
        ssl_keyfile=settings.tls_key,
    )
    try:
        _server(uvicorn, config, lambda: say(f"review pages at {settings.url(port)}")).run([bound])
    finally:
        bound.close()


def settle_memory() -> None:
    """Take what is there for good out of the collector's sight.

    Columns of 100,000 tasks are some hundred thousand objects; looking through them again and
    again for garbage stops a page for a tenth of a second.
    """
    gc.collect()
    gc.freeze()


def _server(uvicorn: Any, config: Any, ready: Callable[[], None]) -> Any:
    """A server that says when it answers."""

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if self.started:
                ready()

    return Server(config)


def _bound(settings: ServerSettings) -> socket.socket:
    try:
        found = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)
        family, kind, protocol, _, address = found[0]
        bound = socket.socket(family, kind, protocol)
        try:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind(address)
        except OSError:
            bound.close()
            raise
    except OSError as error:
        raise ConfigError(
            f"{settings.host} port {settings.port} cannot be used ({error.strerror}); is another "
            f"server running there? choose another with --port"
        ) from error
    return bound


def _check_tls(settings: ServerSettings) -> None:
    if settings.tls_certificate is None or settings.tls_key is None:
        return
    for path in (settings.tls_certificate, settings.tls_key):
        if not Path(path).is_file():
            raise ConfigError(f"{path}: no such file; it should hold PEM text")
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(settings.tls_certificate, settings.tls_key, password=_no_password)
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"{settings.tls_certificate} and {settings.tls_key} are no PEM certificate and its "
            f"key without a password"
        ) from error


def _no_password() -> str:
    """A key with a password would ask for it on the terminal."""
    raise ValueError("the key has a password")
