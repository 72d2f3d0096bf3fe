"""`mpi review serve`: the review pages for browsers."""

from __future__ import annotations

import logging
import sys

import click

from cli.identity_options import digest_key_option, index_option

__all__ = ["serve"]


@click.command("serve")
@index_option
@click.option(
    "--host", default="127.0.0.1", show_default=True, metavar="ADDRESS", help="Address to bind."
)
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=8443,
    show_default=True,
    help="Port to bind; 0 takes a free one.",
)
@click.option("--tls-cert", metavar="FILE", help="Certificate, with its chain, as PEM.")
@click.option("--tls-key", metavar="FILE", help="Its key as PEM, without a password.")
@click.option(
    "--insecure",
    is_flag=True,
    help="Bind another address than loopback without TLS, where something in front speaks it.",
)
@click.option(
    "--name",
    "names",
    multiple=True,
    metavar="HOST",
    help="A further name by which browsers call the server; may be repeated.",
)
@click.option(
    "--language",
    type=click.Choice(["zh", "en"]),
    default="zh",
    show_default=True,
    help="Language of who has not chosen one.",
)
@click.option(
    "--idle-minutes",
    type=click.IntRange(1, 720),
    default=30,
    show_default=True,
    metavar="N",
    help="Sign out who has done nothing for so long.",
)
@click.option("--quiet", is_flag=True, help="Print no access log.")
@digest_key_option
def serve(
    index_dir: str,
    host: str,
    port: int,
    tls_cert: str | None,
    tls_key: str | None,
    insecure: bool,
    names: tuple[str, ...],
    language: str,
    idle_minutes: int,
    quiet: bool,
    digest_key: str | None,
) -> None:
    """Serve the review pages to browsers.

    Only this machine can reach them unless --host says otherwise, and then they need TLS. Make
    accounts with `mpi review user add`. The index may be written to by other commands meanwhile:
    the writer's lock is taken for each decision only. The address is printed on stdout, the access
    log on stderr; it holds no person's values. Ctrl-C or SIGTERM stops when the requests under way
    are answered.

    Needs the packages of the extra `review`: pip install 'mpi-index[review]'.

    \b
    Examples:
      mpi review serve --index people.index
      mpi review serve --index people.index --host 0.0.0.0 --name mpi.hospital.example \\
        --tls-cert mpi.pem --tls-key mpi.key
    """
    from cli.interrupts import Terminated, received
    from mpi.review.web.server import ServerSettings, serve

    settings = ServerSettings(
        index_path=index_dir,
        host=host,
        port=port,
        tls_certificate=tls_cert,
        tls_key=tls_key,
        is_insecure=insecure,
        names=names,
        language=language,
        digest_key=digest_key,
        idle_minutes=idle_minutes,
    )
    _log_to_stderr(quiet)
    try:
        serve(settings, say=click.echo)
    except (KeyboardInterrupt, Terminated):  # how a server is meant to end
        received.clear()
    click.echo("stopped", err=True)


def _log_to_stderr(quiet: bool) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    for name, level in (
        ("mpi.review.access", logging.CRITICAL if quiet else logging.INFO),
        ("mpi.review.errors", logging.INFO),
    ):
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.propagate = False
        logger.setLevel(level)
