"""Path segments behind a view's name make a 404, unless the view asks for them (`subpath=True`).

Traversal ignores them otherwise, so that /web/issues/1/edit/x/y would be a second address of edit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyramid.httpexceptions import HTTPNotFound


def subpath_deriver(view: Callable[..., Any], info: Any) -> Callable[..., Any]:
    if info.options.get("subpath") or info.exception_only:
        return view

    def view_without_subpath(context: Any, request: Any) -> Any:
        if request.subpath and request.matched_route is None and request.exception is None:
            raise HTTPNotFound
        return view(context, request)

    return view_without_subpath


subpath_deriver.options = ("subpath",)  # type: ignore[attr-defined]


def includeme(config: Any) -> None:
    config.add_view_deriver(subpath_deriver)
