"""The pages of issues."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from markupsafe import Markup
from pyramid.httpexceptions import HTTPForbidden, HTTPSeeOther
from pyramid.response import Response
from pyramid.view import view_config

from ponytracker.attachments.query import find_unshown, list_attachments
from ponytracker.i18n import _
from ponytracker.issues import service
from ponytracker.issues.answers import confirmation, preview, to_issue
from ponytracker.issues.editing import find_saved_meanwhile, hold_text
from ponytracker.issues.forms import REASONS, CloseForm, CommentForm, IssueForm
from ponytracker.issues.query import find_issue
from ponytracker.issues.reading import is_reading, mark_read_afterwards
from ponytracker.issues.subscriptions import is_subscribed
from ponytracker.issues.texts import link_texts, show_text
from ponytracker.issues.timeline import ICONS, find_comments, find_new, fold, read_timeline
from ponytracker.issues.unread import find_mark
from ponytracker.models import Attachment, Event, Issue, State
from ponytracker.projects.service import find_visible_project
from ponytracker.resources import IssueResource, IssuesResource, Root
from ponytracker.resources.issue import editable_comments
from ponytracker.security.permissions import Permission
from ponytracker.web.forms import posted_text
from ponytracker.web.paths import site_path


@view_config(context=IssueResource, request_method="GET", renderer="templates/issue_show.jinja2")
def show_issue(context: IssueResource, request: Any) -> dict[str, Any]:
    page = _issue_page(context, request, CommentForm(request))
    if page["new"] and is_reading(request):
        mark_read_afterwards(request, context.issue.id, page["timeline"][-1].events[-1].id)
    return page


@view_config(
    context=IssuesResource,
    name="add",
    request_method=("GET", "POST"),
    permission=Permission.CREATE_ISSUE,
    renderer="templates/issue_form.jinja2",
)
def add_issue(context: IssuesResource, request: Any) -> Any:
    form = IssueForm(request)
    if form.accepts():
        earlier = service.find_submission(
            request.dbsession, context.project, request.user, form.submission.data
        )
        issue = earlier.issue if earlier else _open_issue(context, request, form)
        request.session.flash(_("Issue created successfully."), "success")
        return HTTPSeeOther(request.resource_path(context, str(issue.number), ""))
    return {
        "form": form,
        "preview": preview(request, form.description.data),
        "saved": None,
        "cancel": site_path(request, "prev") or request.resource_path(context, ""),
    }


@view_config(
    context=IssueResource,
    name="edit",
    request_method=("GET", "POST"),
    permission=Permission.MODIFY_ISSUE,
    renderer="templates/issue_form.jinja2",
)
def edit_issue(context: IssueResource, request: Any) -> Any:
    session, issue = request.dbsession, context.issue
    description = service.find_description(session, issue)
    if request.method == "POST":
        hold_text(session, description)
    form = IssueForm(request, issue, description)
    if form.accepts():
        changed = service.edit_issue(
            session,
            issue,
            request.user,
            title=form.title.data,
            text=form.description.data,
            due_at=form.due_date.data,
        )
        if form.attachment.save(description) or changed:
            request.session.flash(_("Issue updated successfully."), "success")
        else:
            request.session.flash(_("Issue not modified."), "info")
        return to_issue(context, request)
    return {
        "form": form,
        "preview": preview(request, form.description.data),
        "saved": find_saved_meanwhile(session, form.version, description, "description"),
        "cancel": request.resource_path(context, ""),
    }


_DELETE = {
    "context": IssueResource,
    "name": "delete",
    "permission": Permission.DELETE_ISSUE,
}


@view_config(request_method="GET", renderer="templates/issue_delete.jinja2", **_DELETE)
def confirm_delete_issue(context: IssueResource, request: Any) -> dict[str, Any]:
    question = _("Do you want to delete this issue? There is no way back.")
    return confirmation(context, request, question, _("Delete this issue"))


@view_config(request_method="POST", **_DELETE)
def delete_issue(context: IssueResource, request: Any) -> HTTPSeeOther:
    service.delete_issue(request.dbsession, context.issue, request.identity)
    request.session.flash(_("Issue deleted successfully."), "success")
    return HTTPSeeOther(request.resource_path(context.__parent__, ""))


@view_config(
    context=IssueResource,
    name="comment",
    request_method="GET",
    permission=Permission.CREATE_COMMENT,
    renderer="templates/issue_show.jinja2",
)
def show_comment_form(context: IssueResource, request: Any) -> dict[str, Any]:
    return _issue_page(context, request, CommentForm(request))


@view_config(
    context=IssueResource,
    name="comment",
    request_method="POST",
    permission=Permission.CREATE_COMMENT,
    renderer="templates/issue_show.jinja2",
)
def add_comment(context: IssueResource, request: Any) -> Any:
    form = CommentForm(request)
    if not form.accepts():
        return _issue_page(context, request, form)
    if earlier := service.find_submission(
        request.dbsession, context.project, request.user, form.submission.data
    ):
        return to_issue(context, request, earlier)
    if "change-state" in request.POST:
        return _comment_and_change_state(context, request, form)
    event = service.comment(
        request.dbsession,
        context.issue,
        request.user,
        text=form.comment.data,
        submission=form.submission.data,
    )
    form.attachment.save(event)
    request.session.flash(_("Comment added successfully."), "success")
    return to_issue(context, request, event)


@view_config(
    context=IssueResource,
    name="close",
    request_method=("GET", "POST"),
    permission=Permission.MANAGE_ISSUE,
    renderer="templates/issue_close.jinja2",
)
def close_issue(context: IssueResource, request: Any) -> Any:
    form = CloseForm(request)
    if form.accepts():
        service.close_issue(
            request.dbsession, context.issue, request.user, reason=form.state_reason
        )
        request.session.flash(_("Issue closed."), "success")
        return HTTPSeeOther(request.resource_path(context.__parent__, ""))
    question = _("Do you want to close this issue?")
    return {"form": form, **confirmation(context, request, question, _("Close this issue"))}


@view_config(
    context=IssueResource,
    name="reopen",
    request_method="GET",
    permission=Permission.MANAGE_ISSUE,
    renderer="confirm.jinja2",
)
def confirm_reopen(context: IssueResource, request: Any) -> dict[str, Any]:
    question = _("Do you want to reopen this issue?")
    return confirmation(context, request, question, _("Reopen this issue"))


@view_config(
    context=IssueResource,
    name="reopen",
    request_method="POST",
    permission=Permission.MANAGE_ISSUE,
)
def reopen_issue(context: IssueResource, request: Any) -> HTTPSeeOther:
    service.reopen_issue(request.dbsession, context.issue, request.user)
    request.session.flash(_("Issue reopened."), "success")
    return to_issue(context, request)


@view_config(
    context=Root,
    name="markdown",
    request_method="POST",
    permission=Permission.SIGNED_IN,
)
def preview_markdown(context: Root, request: Any) -> Response:
    """Answer the HTML of the form field `data`, for the preview beside an editor.

    What it names is that of `project`, and of its `issue`; one that nobody may see is like none.
    """
    name, number = posted_text(request, "project"), posted_text(request, "issue")
    project = find_visible_project(request.dbsession, request.identity, name) if name else None
    issue = find_issue(request.dbsession, project, number) if project else None
    request.release_database()
    return Response(show_text(request, project, posted_text(request, "data"), issue))


def _issue_page(context: IssueResource, request: Any, form: CommentForm) -> dict[str, Any]:
    session, reader, issue = request.dbsession, request.identity, context.issue
    events = read_timeline(session, reader, issue)
    files = list_attachments(session, issue)
    mark = find_mark(session, reader.user_id, issue) if reader.is_signed_in else 0
    new = find_new(events, reader, mark)
    return {
        "issue": issue,
        "timeline": fold(events, frozenset(new)),
        "texts": _texts(request, context, events, files),
        "files": find_unshown(events, files),
        "icons": ICONS,
        "new": new,
        "has_been_here": mark > 0,
        "editable": editable_comments(context, find_comments(events)),
        "is_subscribed": is_subscribed(session, reader, issue),
        "reasons": REASONS,
        "form": form,
        "preview": preview(request, form.comment.data),
    }


def _texts(
    request: Any, context: IssueResource, events: Iterable[Event], files: Sequence[Attachment]
) -> dict[int, Markup]:
    """Return the HTML of each of *events* that has a text, by its id."""
    htmls = {event.id: event.html for event in events if event.html is not None}
    linked = link_texts(request, context.project, htmls.values(), context.issue, files)
    return dict(zip(htmls, linked, strict=True))


def _open_issue(context: IssuesResource, request: Any, form: IssueForm) -> Issue:
    issue = service.open_issue(
        request.dbsession,
        context.project,
        request.user,
        title=form.title.data,
        text=form.description.data,
        due_at=form.due_date.data,
        submission=form.submission.data,
    )
    form.attachment.save(service.find_description(request.dbsession, issue))
    return issue


_STATES_TO_ASK_FOR = {"close": State.CLOSED, "reopen": State.OPEN}
"""By what the button says, since another may have changed the state before it is pressed."""


def _comment_and_change_state(
    context: IssueResource, request: Any, form: CommentForm
) -> HTTPSeeOther:
    if not request.has_permission(Permission.MANAGE_ISSUE):
        raise HTTPForbidden
    event = service.comment_and_change_state(
        request.dbsession,
        context.issue,
        request.user,
        text=form.comment.data,
        state=_STATES_TO_ASK_FOR.get(request.POST["change-state"]),
        submission=form.submission.data,
    )
    form.attachment.save(event)
    if context.issue.last_event is event:  # someone else had brought it to that state already
        request.session.flash(_("Comment added successfully."), "success")
        return to_issue(context, request, event)
    if context.issue.is_open:
        request.session.flash(_("Issue reopened and comment added successfully."), "success")
        return to_issue(context, request, event)
    request.session.flash(_("Comment added successfully and issue closed."), "success")
    return HTTPSeeOther(request.resource_path(context.__parent__, ""))
