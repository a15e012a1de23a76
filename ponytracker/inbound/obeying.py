"""Doing what the commands of a mail say: through the door, with the rights of the web."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterable, Sequence

from sqlalchemy.orm import Session

from ponytracker.errors import DomainError
from ponytracker.i18n import _
from ponytracker.inbound.commands import Command
from ponytracker.issues import service, subscriptions
from ponytracker.issues.assignees import find_assignee
from ponytracker.labels.service import list_labels
from ponytracker.milestones.service import Show, list_milestones, put_under
from ponytracker.models import Event, Issue, Label, State, User
from ponytracker.resources import IssueResource
from ponytracker.security.permissions import Permission
from ponytracker.security.policy import may
from ponytracker.security.principals import Identity
from ponytracker.text import MAX_TITLE, clean_line, fold

MAX_NAMES = 20
"""Labels that one command names."""

_NUMBER = re.compile(r"#?([1-9][0-9]{0,8})", re.ASCII)
_NEEDED = {
    "close": Permission.MANAGE_ISSUE,
    "reopen": Permission.MANAGE_ISSUE,
    "assign": Permission.MANAGE_ISSUE,
    "unassign": Permission.MANAGE_ISSUE,
    "label": Permission.MANAGE_TAGS,
    "unlabel": Permission.MANAGE_TAGS,
    "milestone": Permission.MANAGE_TAGS,
    "title": Permission.MODIFY_ISSUE,
    "subscribe": Permission.SIGNED_IN,
    "unsubscribe": Permission.SIGNED_IN,
}


class CannotObey(DomainError):
    """A command cannot be done; the text says why."""


@dataclasses.dataclass(slots=True)
class Obeyed:
    """The last event that commands made, whether any was done, and why others were not."""

    event: Event | None = None
    any_done: bool = False
    notices: list[str] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(frozen=True, slots=True)
class Master:
    """Whose commands are done, and on which issue."""

    session: Session
    node: IssueResource
    identity: Identity
    user: User

    @property
    def issue(self) -> Issue:
        return self.node.issue

    def may(self, command: Command) -> bool:
        return bool(may(self.identity, self.node, _NEEDED[command.name]))


def obey(master: Master, commands: Iterable[Command]) -> Obeyed:
    """Do *commands* one after the other; one that cannot be done keeps no other from it."""
    obeyed = Obeyed()
    for command in commands:
        try:
            if not master.may(command):
                raise CannotObey(_("You are not allowed to do this."))
            event = _VERBS[command.name](master, command.argument)
        except DomainError as error:
            obeyed.notices += [
                _("${line}: not done.", mapping={"line": command.line}),
                error.args[0],
            ]
        else:
            obeyed.any_done = True
            obeyed.event = event or obeyed.event
    return obeyed


def comment_and_obey(
    master: Master, text: str, elided: str, commands: Sequence[Command]
) -> tuple[Event, Obeyed]:
    """Comment on the issue, then do *commands*; closing or reopening it is one mail with that."""
    of_state = next((command for command in commands if command.name in ("close", "reopen")), None)
    if of_state is None or not master.may(of_state):
        event = service.comment(master.session, master.issue, master.user, text=text, elided=elided)
        return event, obey(master, commands)
    notices: list[str] = []
    original = None
    try:
        original = _original(master, of_state.argument)
    except CannotObey as error:
        notices = [_("${line}: not done.", mapping={"line": of_state.line}), error.args[0]]
        event = service.comment(master.session, master.issue, master.user, text=text, elided=elided)
    else:
        event = service.comment_and_change_state(
            master.session,
            master.issue,
            master.user,
            text=text,
            elided=elided,
            state=State.CLOSED if of_state.name == "close" else State.OPEN,
            original=original,
        )
    obeyed = obey(master, [command for command in commands if command is not of_state])
    obeyed.notices[:0] = notices
    return event, obeyed


def _close(master: Master, argument: str) -> Event | None:
    original = _original(master, argument)
    return service.close_issue(master.session, master.issue, master.user, original=original)


def _reopen(master: Master, argument: str) -> Event | None:
    return service.reopen_issue(master.session, master.issue, master.user)


def _assign(master: Master, argument: str) -> Event | None:
    name = argument.removeprefix("@").strip()
    found = find_assignee(master.session, master.node.project, name) if name else None
    if found is None:
        raise CannotObey(_("User '${name}' does not exist.", mapping={"name": name}))
    return service.assign(master.session, master.issue, master.user, found)


def _unassign(master: Master, argument: str) -> Event | None:
    return service.assign(master.session, master.issue, master.user, None)


def _label(master: Master, argument: str) -> Event | None:
    event = None
    for label in _labels(master, argument):
        event = service.add_label(master.session, master.issue, master.user, label) or event
    return event


def _unlabel(master: Master, argument: str) -> Event | None:
    event = None
    for label in _labels(master, argument):
        event = service.remove_label(master.session, master.issue, master.user, label) or event
    return event


def _labels(master: Master, argument: str) -> list[Label]:
    """Return the labels that *argument* names, with commas between: all, or none is changed."""
    known = {fold(label.name): label for label in list_labels(master.session, master.node.project)}
    if whole := known.get(fold(argument)):
        return [whole]  # a label may have a comma in its name
    names = [name.strip() for name in argument.split(",") if name.strip()][:MAX_NAMES]
    for name in names or [""]:
        if fold(name) not in known:
            text = _("The label '${name}' does not exist or has been deleted.")
            raise CannotObey(_(text, mapping={"name": name}))
    return [known[fold(name)] for name in names]


def _milestone(master: Master, argument: str) -> Event | None:
    found = [
        progress.milestone
        for progress in list_milestones(master.session, master.node.project, Show.ALL)
        if fold(argument) in (fold(progress.milestone.name), fold(progress.milestone.slug))
    ]
    if not found:
        text = _("The milestone '${name}' does not exist.")
        raise CannotObey(_(text, mapping={"name": argument}))
    return put_under(master.session, master.issue, master.user, found[0])


def _title(master: Master, argument: str) -> Event | None:
    title = clean_line(argument).strip()
    if not title:
        raise CannotObey(_("Give the issue a title."))
    if len(title) > MAX_TITLE:
        raise CannotObey(_("At most ${max} characters.", mapping={"max": MAX_TITLE}))
    issue = master.issue
    description = service.find_description(master.session, issue)
    service.edit_issue(
        master.session,
        issue,
        master.user,
        title=title,
        text=description.text or "",
        due_at=issue.due_at,
    )
    return issue.last_event


def _subscribe(master: Master, argument: str) -> Event | None:
    if not subscriptions.is_subscribed(master.session, master.identity, master.issue):
        subscriptions.subscribe(master.session, master.identity, master.issue)
    return None


def _unsubscribe(master: Master, argument: str) -> Event | None:
    master.session.flush()  # a comment of this mail has subscribed them
    if subscriptions.is_subscribed(master.session, master.identity, master.issue):
        subscriptions.unsubscribe(master.session, master.identity, master.issue)
    return None


def _original(master: Master, argument: str) -> Issue | None:
    """Return the issue that *argument* says this one is a duplicate of, if it says so."""
    if not argument:
        return None
    found = _NUMBER.fullmatch(argument.strip())
    try:
        original: Issue = master.node.__parent__[found[1] if found else ""].issue  # type: ignore[union-attr]
    except KeyError:
        text = _("There is no issue ${number}.", mapping={"number": argument})
        raise CannotObey(text) from None
    if original is master.issue:
        raise CannotObey(_("An issue is no duplicate of itself."))
    return original


_VERBS: dict[str, Callable[[Master, str], Event | None]] = {
    "close": _close,
    "reopen": _reopen,
    "assign": _assign,
    "unassign": _unassign,
    "label": _label,
    "unlabel": _unlabel,
    "milestone": _milestone,
    "title": _title,
    "subscribe": _subscribe,
    "unsubscribe": _unsubscribe,
}
