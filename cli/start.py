"""Entry point of the console command: ready for Ctrl-C before anything large is imported."""

from __future__ import annotations

from typing import NoReturn

from cli.interrupts import leave_on_interrupt

__all__ = ["main"]


def main() -> NoReturn:
    """Run the command line."""
    leave_on_interrupt()
    from cli.main import main as run_main

    run_main()
