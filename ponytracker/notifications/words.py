"""What mails say, in the words of their templates: rendered without a request at hand."""

from __future__ import annotations

from typing import Any

from pyramid.renderers import render
from pyramid.request import Request
from pyramid.threadlocal import RequestContext

from ponytracker.i18n import _
from ponytracker.models import Event

TEMPLATES = "ponytracker.notifications:templates/"


class Words:
    """Renders templates and translates, for one mail."""

    def __init__(self, registry: Any) -> None:
        # Templates translate by the request at hand; this one stands for the site.
        base_url = registry["ponytracker.settings"].base_url
        self._request = Request.blank("/", base_url=base_url)
        self._request.registry = registry

    def translate(self, text: str) -> str:
        translated: str = self._request.localizer.translate(text, domain="ponytracker")
        return translated

    def render(self, template: str, values: dict[str, Any]) -> str:
        with RequestContext(self._request):
            rendered: str = render(TEMPLATES + template, values, self._request)
        return rendered

    def name_of_actor(self, event: Event) -> str:
        """Return who did what *event* says, by the name that people call them."""
        if event.actor is not None:
            return event.actor.full_name or event.actor.username
        return self.translate(_("Someone") if event.args.get("unknown_actor") else "ghost")
