"""What is known of a request once it is answered: for the log, and for the metrics.

A request that is tried again, since two changes met, is one: its time and queries add up.
"""

from __future__ import annotations

import dataclasses
import re
import secrets
import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from pyramid.tweens import INGRESS
from pyramid_retry import is_error_retryable
from sqlalchemy import Engine, event
from zope.interface import providedBy

from ponytracker import logs

HEADER = "X-Request-ID"

ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{7,63}", re.ASCII)
"""An id that somebody in front of us may give; it decides nothing, and stands in the log."""

_KEY = "ponytracker.answered"


@dataclasses.dataclass(slots=True)
class Answered:
    """One request; times are in seconds."""

    request_id: str
    began: float = dataclasses.field(default_factory=time.perf_counter)
    queries: int = 0
    query_seconds: float = 0.0
    view: str = ""
    status: int = 500
    seconds: float = 0.0


Observer = Callable[[Any, Answered], None]
"""Is told of each request, with what is known of it, once it is answered."""

OBSERVERS = "ponytracker.answered.observers"

_now: ContextVar[Answered | None] = ContextVar("ponytracker.answered", default=None)


def answered_tween_factory(handler: Callable[..., Any], registry: Any) -> Any:
    """Give each request its id, count what it costs, and tell the observers."""
    observers: list[Observer] = registry[OBSERVERS]
    views = _names_of_views(registry)

    def finish(request: Any, answered: Answered, status: int) -> None:
        answered.status = status
        answered.seconds = time.perf_counter() - answered.began
        answered.view = _view(request, views)
        for observe in observers:
            observe(request, answered)

    def answered_tween(request: Any) -> Any:
        answered = request.environ.setdefault(_KEY, Answered(_request_id(request)))
        token = _now.set(answered)
        try:
            with logs.context(request_id=answered.request_id):
                try:
                    response = handler(request)
                except Exception as error:
                    if not is_error_retryable(request, error):
                        finish(request, answered, 500)
                    raise
                shown = getattr(request, "exception", None)  # what an error page is about
                if shown is None or not is_error_retryable(request, shown):
                    finish(request, answered, response.status_int)
        finally:
            _now.reset(token)
        response.headers[HEADER] = answered.request_id
        return response

    return answered_tween


def _request_id(request: Any) -> str:
    given = request.headers.get(HEADER, "")
    return given if ID.fullmatch(given) else secrets.token_hex(8)


def _names_of_views(registry: Any) -> frozenset[tuple[str, str]]:
    """Return the name of the context and the own name of each view that traversal can lead to."""
    views = (item["introspectable"] for item in registry.introspector.get_category("views") or ())
    return frozenset(
        (view["context"].__name__, view["name"])
        for view in views
        if view["context"] is not None and not view["exception_only"]
    )


def _view(request: Any, views: frozenset[tuple[str, str]]) -> str:
    """Return which view answered, such as ``IssueResource:edit``: never what was asked for."""
    if getattr(request, "matched_route", None) is not None:
        return "static"
    context = getattr(request, "context", None)
    name = getattr(request, "view_name", None) or ""
    kinds = (*type(context).__mro__, *providedBy(context))
    if not any((kind.__name__, name) in views for kind in kinds):
        return "none"
    return f"{type(context).__name__}:{name}" if name else type(context).__name__


def _request_id_of(request: Any) -> str:
    answered: Answered = request.environ[_KEY]
    return answered.request_id


@event.listens_for(Engine, "before_cursor_execute")
def _begin_query(connection: Any, *_statement: object) -> None:
    if _now.get() is not None:
        connection.info[_KEY] = time.perf_counter()


@event.listens_for(Engine, "after_cursor_execute")
def _end_query(connection: Any, *_statement: object) -> None:
    answered = _now.get()
    began = connection.info.pop(_KEY, None)
    if answered is not None and began is not None:
        answered.queries += 1
        answered.query_seconds += time.perf_counter() - began


def includeme(config: Any) -> None:
    config.registry.setdefault(OBSERVERS, [])
    config.add_request_method(_request_id_of, "request_id", reify=True)
    config.add_tween(
        "ponytracker.operations.answered.answered_tween_factory",
        under=INGRESS,
        over="ponytracker.security.headers.headers_tween_factory",
    )
