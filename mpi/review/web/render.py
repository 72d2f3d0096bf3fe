"""A page's values as HTML, by a template and the words of a language."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.responses import HTMLResponse, Response

from mpi.review.permissions import Permission, is_allowed
from mpi.review.web import svg, text
from mpi.review.web.visit import Who
from mpi.review.web.words import read_words

__all__ = ["STATIC", "Renderer", "json_response", "read_static"]

_HERE: Final = Path(__file__).resolve().parent
_RESERVED: Final = frozenset(
    {"view", "who", "language", "path", "here", "may", "said", "w", "csrf", "static"}
)
_MEDIA_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".woff2": "font/woff2",
}


def read_static() -> dict[str, tuple[bytes, str, str]]:
    """The static files: name -> (bytes, media type, digest)."""
    found = {}
    for path in sorted((_HERE / "static").iterdir()):
        if path.suffix in _MEDIA_TYPES:
            content = path.read_bytes()
            digest = hashlib.sha256(content).hexdigest()[:12]
            found[path.name] = (content, _MEDIA_TYPES[path.suffix], digest)
    return found


STATIC: Final = read_static()


@cache
def _environment() -> Environment:
    """The templates; each is compiled when it is first needed, once a process."""
    made = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals["static"] = _static_path
    made.globals.update(svg.DRAWINGS)
    made.filters.update(text.FILTERS)
    return made


class Renderer:
    """Pages from templates."""

    def warm(self) -> None:
        """Compile all templates, so that no steward waits for it."""
        environment = _environment()
        for name in environment.list_templates():
            environment.get_template(name)

    def page(
        self,
        template: str,
        view: Mapping[str, Any],
        *,
        who: Who | None,
        language: str,
        path: str,
        here: str,
        csrf: str,
        said: list[dict[str, Any]],
        status: int = 200,
    ) -> Response:
        """One page as HTML.

        Parameters
        ----------
        template : file in `templates`
        view : the page's values; available by their names and as `view`
        who : signed in, None for nobody
        language : zh or en
        path : of the page, with its query
        here : entry of the navigation
        csrf : token of the session
        said : notices, text and kind
        status : of HTTP
        """
        assert not _RESERVED & view.keys(), "a view must not use the layout's own names"
        context = {
            **view,
            "view": view,
            "who": who,
            "language": language,
            "path": path,
            "here": here,
            "may": _may(who),
            "said": said,
            "w": read_words(language),
            "csrf": lambda: _csrf_input(csrf),
        }
        return HTMLResponse(_environment().get_template(template).render(context), status)


def json_response(view: Mapping[str, Any], status: int = 200) -> Response:
    """A page's values as JSON.

    Parameters
    ----------
    view : the values
    status : of HTTP
    """
    text = json.dumps(view, ensure_ascii=False, allow_nan=False)
    return Response(text.encode(), status, media_type="application/json")


def _may(who: Who | None) -> Callable[[str], bool]:
    return lambda name: who is not None and is_allowed(who.role, Permission(name))


def _csrf_input(token: str) -> Markup:
    return Markup('<input type="hidden" name="csrf" value="{}">').format(escape(token))


def _static_path(name: str) -> str:
    return f"/static/{name}?v={STATIC[name][2]}" if name in STATIC else f"/static/{name}"
