"""The keys and what the marks mean, for who has no dialog."""

from __future__ import annotations

from typing import Any, Final

from mpi.review.permissions import Permission
from mpi.review.web.page import Page
from mpi.review.web.visit import Visit

__all__ = ["PAGES", "view_help"]

_MARKS: Final = ("differs", "missing", "tone", "sound", "shape", "transposed")


def view_help(visit: Visit) -> dict[str, Any]:
    """The help page.

    Parameters
    ----------
    visit : anybody's who is signed in
    """
    assert visit.who
    return {"marks": list(_MARKS)}


PAGES: Final = (Page("help", "/help", view_help, "help.html", Permission.OWN_ACCOUNT),)
