"""Issues and people that texts name: linked for whoever reads them, found for whoever writes them.

Both look only at what that person may see, and what they may not see is like what is not there. A
text is stored with placeholders for what it names (``placeholders.py``), so that nothing of this
is decided before somebody reads it (docs/decisions/references.rst).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from itertools import islice
from urllib.parse import urlencode

from markupsafe import Markup
from sqlalchemy import (
    Integer,
    Select,
    String,
    and_,
    column,
    exists,
    or_,
    select,
    values,
)
from sqlalchemy.orm import Session, contains_eager

from ponytracker.i18n import _
from ponytracker.issues.filters.keys import Kind
from ponytracker.issues.filters.printing import print_name
from ponytracker.models import Event, Issue, Project, User
from ponytracker.placeholders import (
    IssueReference,
    Mention,
    References,
    collect_references,
    replace_references,
)
from ponytracker.projects.audience import sees
from ponytracker.security.principals import Identity
from ponytracker.security.visibility import each_user, may_see_project
from ponytracker.text import fold

MAX_LOOKED_UP = 2_000
"""Issues, and names of people, that the texts of one page are looked through for."""

Key = tuple[str, int]
"""An issue: the folded name of its project, and its number."""


@dataclasses.dataclass(frozen=True, slots=True)
class Place:
    """Where texts are shown: in which project, if in any, and how addresses are written there.

    `path` makes the address of names that lead through the tree; *translate* puts a word of ours
    into the reader's language.
    """

    project: Project | None
    base_url: str
    path: Callable[..., str]
    translate: Callable[[str], str] = str


def link_references(
    session: Session, reader: Identity, place: Place, htmls: Iterable[Markup]
) -> list[Markup]:
    """Return *htmls* with links to all they name that *reader* may see: two queries at most.

    What nobody has is shown as it was typed, and so is what *reader* may not see.
    """
    htmls = list(htmls)
    found = collect_references(htmls)
    issues = _find_issues(session, reader, place, found)
    users = _find_people(session, place, found)
    # In a long discussion the same few are named again and again.
    show = cache(_Linker(place, issues, users).show)
    return [replace_references(html, show) for html in htmls]


def resolve(
    session: Session,
    author: User | None,
    project: Project,
    found: References,
    base_url: str | None = None,
) -> tuple[Sequence[Issue], list[User]]:
    """Return the issues and the people that a text of *author* in *project* names: two queries.

    The issues are those that *author* may see, by id, with their projects; the people are active
    and may see *project*. URLs count only with the *base_url* that they begin with.
    """
    if author is None:
        return [], []
    issues: Sequence[Issue] = []
    if keys := _keys(found.issues, project, base_url):
        wanted = (
            _select_issues(select(Issue), keys)
            .join(User, User.id == author.id)
            .where(may_see_project(each_user()))
            .order_by(Issue.id)
            .options(contains_eager(Issue.project))
        )
        issues = session.scalars(wanted).all()
    users: dict[str, User] = {}
    if names := _names(found.mentions):
        wanted_users = select(User).where(User.username_key.in_(names), sees(project))
        users = {user.username_key: user for user in session.scalars(wanted_users)}
    mentioned = [_pick(users, mention)[1] for mention in found.mentions]
    return issues, list(dict.fromkeys(user for user in mentioned if user is not None))


@dataclasses.dataclass(frozen=True, slots=True)
class _Linker:
    place: Place
    issues: Mapping[Key, Issue]
    users: Mapping[str, User]

    def show(self, reference: IssueReference | Mention) -> Markup | None:
        if isinstance(reference, Mention):
            return self._show_mention(reference)
        key = _key(reference, self.place.project, self.place.base_url)
        issue = self.issues.get(key) if key else None
        return None if issue is None else self._show_issue(issue, reference)

    def _show_issue(self, issue: Issue, reference: IssueReference) -> Markup:
        project = issue.project
        path = self.place.path(project.name, "issues", str(issue.number), "")
        text = reference.typed
        if reference.site is not None:
            text = f"#{issue.number}"
            if self.place.project is None or project.id != self.place.project.id:
                text = project.name + text
        if reference.event_id is not None:
            path += f"#event-{reference.event_id}"
            text += f" ({self.place.translate(_('comment'))})"
        state = _("open") if issue.is_open else _("closed")
        link = Markup('<a class="issue-ref {}" href="{}" title="{} ({})">{}</a>')
        return link.format(
            f"issue-ref-{issue.state}", path, issue.title, self.place.translate(state), text
        )

    def _show_mention(self, mention: Mention) -> Markup | None:
        name, user = _pick(self.users, mention)
        if user is None or self.place.project is None:
            return None
        query = urlencode({"q": f"author:{print_name(user.username, Kind.USER)}"})
        path = f"{self.place.path(self.place.project.name, 'issues', '')}?{query}"
        title = Markup(' title="{}"').format(user.full_name) if user.full_name else ""
        link = Markup('<a class="mention" href="{}"{}>@{}</a>{}')
        return link.format(path, title, name, mention.run[len(name) :])


def _find_issues(
    session: Session, reader: Identity, place: Place, found: References
) -> dict[Key, Issue]:
    keys = _keys(found.issues, place.project, place.base_url)
    if not keys:
        return {}
    wanted = (
        _select_issues(select(Issue), keys)
        .where(may_see_project(reader))
        .options(contains_eager(Issue.project))
    )
    return {(issue.project.name_key, issue.number): issue for issue in session.scalars(wanted)}


def _find_people(session: Session, place: Place, found: References) -> dict[str, User]:
    """Return by their folded names those who may see the project, or have taken part in it."""
    names = _names(found.mentions)
    if place.project is None or not names:
        return {}
    has_taken_part = exists().where(Event.actor_id == User.id, Event.project_id == place.project.id)
    wanted = (
        select(User)
        .join(Project, Project.id == place.project.id)
        .where(
            User.username_key.in_(names),
            or_(may_see_project(each_user()), has_taken_part.correlate(User)),
        )
    )
    return {user.username_key: user for user in session.scalars(wanted)}


def _select_issues(statement: Select[Issue], keys: Sequence[Key]) -> Select[Issue]:
    """Return *statement* about the issues of those *keys*, joined with their projects.

    The keys come first, since each of them leads to its row by an index.
    """
    wanted = (
        values(column("name_key", String), column("number", Integer), name="named")
        .data(keys)
        .cte("wanted")
    )
    return (
        statement.select_from(wanted)
        .join(Project, Project.name_key == wanted.c.name_key)
        .join(Issue, and_(Issue.project_id == Project.id, Issue.number == wanted.c.number))
    )


def _keys(
    references: Iterable[IssueReference], project: Project | None, base_url: str | None
) -> list[Key]:
    keys = (_key(reference, project, base_url) for reference in references)
    return list(islice(dict.fromkeys(key for key in keys if key), MAX_LOOKED_UP))


def _key(reference: IssueReference, project: Project | None, base_url: str | None) -> Key | None:
    if reference.site is not None and reference.site != base_url:
        return None
    if reference.project is not None:
        return fold(reference.project), reference.number
    return (project.name_key, reference.number) if project else None


def _names(mentions: Iterable[Mention]) -> list[str]:
    names = (fold(name) for mention in mentions for name in mention.names)
    return list(islice(dict.fromkeys(names), MAX_LOOKED_UP))


def _pick(users: Mapping[str, User], mention: Mention) -> tuple[str, User | None]:
    """Return which name *mention* is, the longest that one of *users* has, and whose."""
    for name in mention.names:
        if user := users.get(fold(name)):
            return name, user
    return "", None
