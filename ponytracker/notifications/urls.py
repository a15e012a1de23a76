"""Whole addresses of what mails link to: where they are read, nothing is relative to anything."""

from __future__ import annotations

from urllib.parse import quote

from ponytracker.mail.addresses import Addresses
from ponytracker.models import Event, EventKind, Issue, Project, User


class Urls:
    """The addresses of the site at *base_url*."""

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url

    def path(self, *names: str) -> str:
        """Return the address that *names* lead to from the root of the tree."""
        return "/".join([self._base_url, *(quote(name, safe="") for name in names)])

    def issues(self, project: Project) -> str:
        return self.path(project.name, "issues", "")

    def issue(self, issue: Issue) -> str:
        return self.path(issue.project.name, "issues", str(issue.number), "")

    def event(self, event: Event) -> str:
        """Return where *event* is read: an issue was opened at the top of its page."""
        page = self.issue(event.issue)
        return page if event.kind is EventKind.OPENED else f"{page}#event-{event.id}"

    def leaving(self, addresses: Addresses, place: Issue | Project, user: User) -> str:
        """Return where *user* says that they want to hear no more of *place* (RFC 8058)."""
        kind = "issue" if isinstance(place, Issue) else "project"
        token = addresses.token_for_leaving(place, user)
        return self.path("unsubscribe", f"{kind}-{place.id}.{user.id}.{token}", "")
