"""Each kind of mail as it would look, made of samples: nothing of it is stored, or sent."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from email import message_from_bytes, policy
from typing import Any

from markupsafe import Markup
from repoze.sendmail.encoding import encode_message

from ponytracker import markup
from ponytracker.models import (
    Event,
    EventKind,
    Issue,
    MailReason,
    Project,
    State,
    StateReason,
    User,
)
from ponytracker.notifications.html import for_mail
from ponytracker.notifications.messages import Story, Surroundings, write
from ponytracker.notifications.threads import Thread, Titles, site_host
from ponytracker.notifications.urls import Urls
from ponytracker.placeholders import write_mention

DESCRIPTION = """\
After the *update* the export button does nothing.

1. Open a report.
2. Press **Export**.

```
TypeError: rows is undefined
    at exportReport (report.js:42)
```

It worked in version 1.4. See https://example.org/reports/2026/quarterly?format=csv
"""

COMMENT = """\
> It worked in version 1.4.

Thanks, that helps! `rows` is set only once the table has been *shown*, and since the update we \
show it later.

- [x] wait for the table
- [ ] tell of it in the release notes

| Version | Export |
|---------|--------|
| 1.4     | works  |
| 1.5     | fails  |
"""

ASKED = "could you try that with the next build?"

_TITLE = "The export button does nothing"


@dataclasses.dataclass(frozen=True, slots=True)
class Sample:
    """A mail as it arrives: its headers, decoded, and both its bodies."""

    kind: str
    headers: list[tuple[str, str]]
    text: str
    html: str


def make_sample(registry: Any, kind: str, reader: User) -> Sample:
    """Return the mail of *kind* as somebody like *reader* would get it."""
    story = _STORIES[kind](_Sampler(reader))
    outgoing = write(registry, story, _surroundings(registry, story))
    octets = encode_message(outgoing.message.to_message())
    mail: Any = message_from_bytes(octets, policy=policy.default)
    plain, html = mail.iter_parts()
    headers = [(name, value) for name, value in mail.items() if name != "Content-Type"]
    return Sample(kind, headers, plain.get_content(), html.get_content())


class _Sampler:
    """Rows that are in no session, of one issue and two people."""

    def __init__(self, reader: User) -> None:
        self.author = User(
            id=1, username="alice", first_name="Alice", last_name="Liddell", mail_key_version=1
        )
        # The addresses are signed as any: they must be nobody's.
        self.reader = User(
            id=0,
            username=reader.username,
            email="you@example.org",
            mail_key_version=1,
        )
        project = Project(id=1, name="reports", display_name="Reports")
        self.issue = Issue(
            id=1, number=12, title=_TITLE, state=State.OPEN, project=project, assignee=None
        )

    def event(self, id_: int, kind: EventKind, text: str | None = None, **args: str) -> Event:
        event = Event(id=id_, kind=kind, text=text, args=args, issue=self.issue, actor=self.author)
        event.issue_id, event.project_id = self.issue.id, self.issue.project.id
        event.html = markup.render(text) if text is not None else None
        return event

    def opened(self) -> Event:
        return self.event(1, EventKind.OPENED, DESCRIPTION)

    def story(self, kind: str, event: Event, reason: MailReason, **facts: Any) -> Story:
        titles = Titles(_TITLE, _TITLE)
        return Story(
            kind=kind, event=event, user=self.reader, reason=reason, titles=titles, **facts
        )


def _opened(sample: _Sampler) -> Story:
    event = sample.opened()
    return sample.story("opened", event, MailReason.SUBSCRIBED, written=event)


def _commented(sample: _Sampler) -> Story:
    event = sample.event(2, EventKind.COMMENTED, COMMENT)
    closed = sample.event(3, EventKind.CLOSED, reason=StateReason.COMPLETED)
    return sample.story("commented", event, MailReason.AUTHOR, written=event, change=closed)


def _mentioned(sample: _Sampler) -> Story:
    event = sample.event(
        2, EventKind.COMMENTED, f"{write_mention(sample.reader.username)}, {ASKED}"
    )
    return sample.story("mentioned", event, MailReason.MENTIONED, written=event)


def _closed(sample: _Sampler) -> Story:
    event = sample.event(3, EventKind.CLOSED, reason=StateReason.NOT_PLANNED)
    return sample.story("closed", event, MailReason.SUBSCRIBED, change=event)


def _reopened(sample: _Sampler) -> Story:
    event = sample.event(4, EventKind.REOPENED)
    return sample.story("reopened", event, MailReason.SUBSCRIBED, change=event)


def _assigned(sample: _Sampler) -> Story:
    event = sample.event(5, EventKind.ASSIGNED, username=sample.reader.username)
    event.user_id = sample.reader.id
    return sample.story("assigned", event, MailReason.ASSIGNED, written=sample.opened())


_STORIES: dict[str, Callable[[_Sampler], Story]] = {
    "opened": _opened,
    "commented": _commented,
    "mentioned": _mentioned,
    "closed": _closed,
    "reopened": _reopened,
    "assigned": _assigned,
}
KINDS = tuple(_STORIES)


def _surroundings(registry: Any, story: Story) -> Surroundings:
    base_url = registry["ponytracker.settings"].base_url
    issue, host = story.event.issue, site_host(base_url)
    root = f"<reports.issue-12@{host}>"
    thread = Thread(root)
    if story.kind != "opened":
        thread = Thread(f"<reports.issue-12.{story.event.id}@{host}>", (root,), root)
    html = (story.written and story.written.html) or Markup()
    return Surroundings(
        thread=thread,
        html=for_mail(html, Urls(base_url).issue(issue)),
        labels=("bug", "help wanted"),
        leaves=issue,
    )
