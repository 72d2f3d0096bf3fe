"""The review server's application: pages, sign-in, files and the edge, put together."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from importlib import import_module
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from mpi.review.types import Filter
from mpi.review.web.answer import action_endpoint, page_endpoint
from mpi.review.web.asked import Asked
from mpi.review.web.edge import Edge
from mpi.review.web.guard import Refused
from mpi.review.web.lanes import Lane
from mpi.review.web.page import Action, Page
from mpi.review.web.refusals import show_error
from mpi.review.web.render import STATIC
from mpi.review.web.routes import MODULES
from mpi.review.web.site import Site

if TYPE_CHECKING:
    from mpi.review.queue import ReviewQueue

__all__ = ["create_app", "registered"]


def registered() -> tuple[Page | Action, ...]:
    """Every page and action, in the order of their modules."""
    modules = [import_module(f"mpi.review.web.routes.{name}") for name in MODULES]
    return tuple(each for module in modules for each in module.PAGES)


def create_app(site: Site, *, on_warm: Callable[[], None] = lambda: None) -> Starlette:
    """The application of one server, for uvicorn or a test.

    Parameters
    ----------
    site : its state; closed when the application stops
    on_warm : called once everything is read that all pages share
    """
    from mpi.review.web.routes.sign_in import sign_in_routes

    routes: list[BaseRoute] = [
        Route("/", _root, methods=["GET"]),
        Route("/static/{name}", _static, methods=["GET"]),
        *sign_in_routes(site),
    ]
    for each in registered():
        routes += _routes(site, each)

    async def not_answered(request: Request, error: Exception) -> Response:
        asked = Asked(site, request)
        asked.session = site.session_of(request, is_use=False)
        return show_error(asked, error)

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        warming = asyncio.create_task(_warm(site, on_warm))
        warming.add_done_callback(lambda task: task.cancelled() or task.exception())
        try:
            yield
        finally:
            site.lanes.close()

    app = Starlette(
        routes=routes,
        exception_handlers={HTTPException: not_answered, Refused: not_answered},
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    app.add_middleware(Edge)
    app.state.site = site
    return app


async def _warm(site: Site, on_warm: Callable[[], None]) -> None:
    """Open the index, load its kernels and compile templates while the first person signs in."""
    await site.lanes.call(Lane.LONG, site.renderer.warm)
    await site.lanes.run(Lane.QUICK, _first_page)
    await site.lanes.run(Lane.QUICK, _first_case)
    await site.lanes.run(Lane.QUICK, _first_figures)
    await site.lanes.call(Lane.QUICK, on_warm)


def _first_page(queue: ReviewQueue) -> None:
    queue.tasks(Filter(kind="REVIEW"), limit=1)


def _first_case(queue: ReviewQueue) -> None:
    for row in queue.tasks(limit=1).rows:
        queue.case(row.number)


def _first_figures(queue: ReviewQueue) -> None:
    from mpi.review.web.routes.figures import kept_figures

    kept_figures(queue.index).dashboard()


def _routes(site: Site, each: Page | Action) -> list[BaseRoute]:
    if isinstance(each, Action):
        return [Route(each.path, action_endpoint(site, each), methods=["POST"])]
    endpoint = page_endpoint(site, each)
    methods = [each.method]
    plain = Route(each.path, endpoint, methods=methods)
    if each.path.endswith((".json", "/")):
        return [plain]
    return [Route(each.path + ".json", endpoint, methods=methods), plain]


async def _root(request: Request) -> Response:
    request.state.page = "root"
    return RedirectResponse("/tasks", 303)


async def _static(request: Request) -> Response:
    """A file of ours; its address holds its digest, so a browser may keep it."""
    request.state.page = "static"
    found = STATIC.get(request.path_params["name"])
    if found is None:
        raise HTTPException(404)
    content, media_type, digest = found
    is_named = request.query_params.get("v") == digest
    keep = "public, max-age=31536000, immutable" if is_named else "no-cache"
    return Response(content, media_type=media_type, headers={"cache-control": keep})
