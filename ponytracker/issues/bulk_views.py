"""Changing many issues of a list at once, and undoing it from the message that reports it."""

from __future__ import annotations

import re
from typing import Any

from pyramid.httpexceptions import HTTPForbidden, HTTPSeeOther
from pyramid.view import view_config

from ponytracker.errors import DomainError
from ponytracker.i18n import _
from ponytracker.issues import bulk
from ponytracker.issues.assignees import find_assignee
from ponytracker.issues.list_views import issue_list
from ponytracker.models import Label, Milestone
from ponytracker.resources import IssuesResource
from ponytracker.security.permissions import Permission
from ponytracker.text import clean_line
from ponytracker.web.forms import posted_text
from ponytracker.web.paths import site_path

MAX_BACK = 1000
"""Characters of an address that the cookie which holds the messages has room for."""

MAX_SHOWN = 60
"""Characters of a wrong name that are said back."""

_NUMBER = re.compile(r"[0-9]{1,9}", re.ASCII)


class UnfitChange(DomainError):
    """What was asked for cannot be done to any issue; the text says why."""


@view_config(
    context=IssuesResource,
    name="change",
    request_method="GET",
    permission=Permission.SIGNED_IN,
    renderer="templates/issue_list.jinja2",
)
def choose_issues(context: IssuesResource, request: Any) -> Any:
    """Show the list, where issues and a change are chosen."""
    return issue_list(context, request)


@view_config(
    context=IssuesResource,
    name="change",
    request_method="POST",
    permission=Permission.SIGNED_IN,
)
def change_issues(context: IssuesResource, request: Any) -> HTTPSeeOther:
    """Do to each `issue` (a number) what `change` says: see `_read_change`."""
    back = HTTPSeeOther(_back(context, request))
    try:
        change = _read_change(context, request)
        numbers = _read_numbers(request)
    except UnfitChange as unfit:
        request.session.flash(request.localizer.translate(unfit.args[0]), "error")
        return back
    outcome = bulk.change_issues(request.dbsession, context.project, request.user, numbers, change)
    _report(context, request, outcome)
    return back


@view_config(
    context=IssuesResource,
    name="undo",
    request_method="GET",
    permission=Permission.SIGNED_IN,
    renderer="confirm.jinja2",
)
def confirm_undo(context: IssuesResource, request: Any) -> dict[str, Any]:
    return {
        "title": _("Undo"),
        "question": _("Do you want to undo your change to these issues?"),
        "button": _("Undo"),
        "cancel": request.resource_path(context, ""),
    }


@view_config(
    context=IssuesResource,
    name="undo",
    request_method="POST",
    permission=Permission.SIGNED_IN,
)
def undo(context: IssuesResource, request: Any) -> HTTPSeeOther:
    """Undo the change whose `batch` the address names."""
    batch = clean_line(request.GET.get("batch", ""))[:36]
    events = bulk.find_batch(request.dbsession, context.project, request.user, batch)
    _check(request, *{bulk.needed_for(event.kind) for event in events})
    outcome = bulk.undo(request.dbsession, context.project, request.user, batch)
    _report(context, request, outcome, undone=True)
    return HTTPSeeOther(_back(context, request))


def _read_change(context: IssuesResource, request: Any) -> bulk.Change:
    """Return what the field `change` asks for; raise `UnfitChange`, or `HTTPForbidden`.

    It is "close", "reopen", "label-ID", "unlabel-ID", "milestone-ID", "no-milestone", or "assign",
    then to whom the field `assignee` names, or to nobody.
    """
    verb, _dash, number = posted_text(request, "change").partition("-")
    id_ = int(number) if _NUMBER.fullmatch(number) else 0
    match verb:
        case "close" | "reopen":
            _check(request, Permission.MANAGE_ISSUE)
            return bulk.close() if verb == "close" else bulk.reopen()
        case "label" | "unlabel":
            _check(request, Permission.MANAGE_TAGS)
            label = _find(context, request, Label, id_)
            return bulk.label(label) if verb == "label" else bulk.unlabel(label)
        case "milestone":
            _check(request, Permission.MANAGE_TAGS)
            return bulk.milestone(_find(context, request, Milestone, id_))
        case "no" if number == "milestone":
            _check(request, Permission.MANAGE_TAGS)
            return bulk.milestone(None)
        case "assign":
            _check(request, Permission.MANAGE_ISSUE)
            return bulk.assign(_read_assignee(context, request))
    raise UnfitChange(_("Choose what to do with the issues."))


def _check(request: Any, *permissions: Permission) -> None:
    if not all(request.has_permission(permission) for permission in permissions):
        raise HTTPForbidden


def _find(context: IssuesResource, request: Any, model: Any, id_: int) -> Any:
    row = request.dbsession.get(model, id_)
    if row is None or row.deleted or row.project_id != context.project.id:
        raise UnfitChange(_("That label or milestone is not there any more."))
    return row


def _read_assignee(context: IssuesResource, request: Any) -> Any:
    username = posted_text(request, "assignee").strip().removeprefix("@")
    if not username:
        return None
    user = find_assignee(request.dbsession, context.project, username)
    if user is None:
        raise UnfitChange(
            _("User '${name}' does not exist.", mapping={"name": clean_line(username)[:MAX_SHOWN]})
        )
    return user


def _read_numbers(request: Any) -> list[int]:
    raw = [value for value in request.POST.getall("issue") if isinstance(value, str)]
    numbers = [int(value) for value in raw if _NUMBER.fullmatch(value)]
    if not numbers:
        raise UnfitChange(_("Select some issues first."))
    if len(numbers) > bulk.MAX_ISSUES:
        limit = {"max": bulk.MAX_ISSUES}
        raise UnfitChange(_("At most ${max} issues can be changed at once.", mapping=limit))
    return numbers


def _report(
    context: IssuesResource, request: Any, outcome: bulk.Outcome, *, undone: bool = False
) -> None:
    """Say what became of it, with a button that undoes it."""
    say = request.localizer.pluralize
    count = {"count": outcome.changed}
    if undone:
        texts = "Undone for ${count} issue.", "Undone for ${count} issues."
    else:
        texts = "${count} issue changed.", "${count} issues changed."
    message = say(*texts, outcome.changed, domain="ponytracker", mapping=count)
    if outcome.unchanged:
        rest = {"count": outcome.unchanged}
        left = (
            "${count} stays as it is: it was changed meanwhile, or needed no change.",
            "${count} stay as they are: they were changed meanwhile, or needed no change.",
        )
        message += " " + say(*left, outcome.unchanged, domain="ponytracker", mapping=rest)
    request.session.flash(message, "success" if outcome.changed else "info")
    if outcome.changed:
        back = _back(context, request)
        query = {"batch": outcome.batch, **({"next": back} if len(back) <= MAX_BACK else {})}
        request.session.flash(request.resource_path(context, "undo", "", query=query), "undo")


def _back(context: IssuesResource, request: Any) -> str:
    """Return the list as it was when the issues were chosen."""
    path: str = site_path(request, "next") or request.resource_path(context, "")
    return path
