"""The pages of issues."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup
from pyramid.httpexceptions import HTTPForbidden, HTTPSeeOther
from pyramid.response import Response
from pyramid.view import view_config

from ponytracker.i18n import _
from ponytracker.issues import query, service
from ponytracker.issues.forms import CommentForm, IssueForm
from ponytracker.issues.timeline import ICONS, read_timeline
from ponytracker.markup import render
from ponytracker.models import Event, State
from ponytracker.resources import IssueResource, IssuesResource, Root
from ponytracker.security.permissions import Permission
from ponytracker.text import MAX_TEXT
from ponytracker.web.forms import posted_text, version_of
from ponytracker.web.pages import Page
from ponytracker.web.paths import site_path


@view_config(context=IssuesResource, request_method="GET", renderer="templates/issue_list.jinja2")
def issue_list(context: IssuesResource, request: Any) -> dict[str, Any]:
    asked = query.parse_query(request.GET.get("q"), request.GET.get("sort"))
    total = query.count_issues(context.project, asked.state)
    page = Page.asked_for(
        request.GET.get("page"), size=request.root.settings.items_per_page, total=total
    )
    issues = query.list_issues(request.dbsession, context.project, asked, page)
    return {"query": asked, "sorts": query.SORTS, "page": page, "issues": issues}


@view_config(context=IssueResource, request_method="GET", renderer="templates/issue_show.jinja2")
def show_issue(context: IssueResource, request: Any) -> dict[str, Any]:
    return _issue_page(context, request, CommentForm(request))


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
        issue = (
            earlier.issue
            if earlier
            else service.open_issue(
                request.dbsession,
                context.project,
                request.user,
                title=form.title.data,
                text=form.description.data,
                due_at=form.due_date.data,
                submission=form.submission.data,
            )
        )
        request.session.flash(_("Issue created successfully."), "success")
        return HTTPSeeOther(request.resource_path(context, str(issue.number), ""))
    return {
        "form": form,
        "preview": _preview(request, form.description.data),
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
    issue = context.issue
    text = service.find_description(request.dbsession, issue).text
    form = IssueForm(
        request,
        title=issue.title,
        due_date=issue.due_at,
        description=text,
        version=version_of(issue.title, issue.due_at, text),
    )
    if form.accepts():
        changed = service.edit_issue(
            request.dbsession,
            issue,
            request.user,
            title=form.title.data,
            text=form.description.data,
            due_at=form.due_date.data,
        )
        if changed:
            request.session.flash(_("Issue updated successfully."), "success")
        else:
            request.session.flash(_("Issue not modified."), "info")
        return HTTPSeeOther(request.resource_path(context, ""))
    return {
        "form": form,
        "preview": _preview(request, form.description.data),
        "cancel": request.resource_path(context, ""),
    }


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
    if service.find_submission(
        request.dbsession, context.project, request.user, form.submission.data
    ):
        return HTTPSeeOther(request.resource_path(context, ""))
    if "change-state" in request.POST:
        return _comment_and_change_state(context, request, form)
    event = service.comment(
        request.dbsession,
        context.issue,
        request.user,
        text=form.comment.data,
        submission=form.submission.data,
    )
    request.session.flash(_("Comment added successfully."), "success")
    return _to_event(context, request, event)


@view_config(
    context=IssueResource,
    name="close",
    request_method="GET",
    permission=Permission.MANAGE_ISSUE,
    renderer="confirm.jinja2",
)
def confirm_close(context: IssueResource, request: Any) -> dict[str, Any]:
    return _confirm(context, request, _("Do you want to close this issue?"), _("Close this issue"))


@view_config(
    context=IssueResource,
    name="close",
    request_method="POST",
    permission=Permission.MANAGE_ISSUE,
)
def close_issue(context: IssueResource, request: Any) -> HTTPSeeOther:
    service.close_issue(request.dbsession, context.issue, request.user)
    request.session.flash(_("Issue closed."), "success")
    return HTTPSeeOther(request.resource_path(context.__parent__, ""))


@view_config(
    context=IssueResource,
    name="reopen",
    request_method="GET",
    permission=Permission.MANAGE_ISSUE,
    renderer="confirm.jinja2",
)
def confirm_reopen(context: IssueResource, request: Any) -> dict[str, Any]:
    return _confirm(
        context, request, _("Do you want to reopen this issue?"), _("Reopen this issue")
    )


@view_config(
    context=IssueResource,
    name="reopen",
    request_method="POST",
    permission=Permission.MANAGE_ISSUE,
)
def reopen_issue(context: IssueResource, request: Any) -> HTTPSeeOther:
    service.reopen_issue(request.dbsession, context.issue, request.user)
    request.session.flash(_("Issue reopened."), "success")
    return HTTPSeeOther(request.resource_path(context, ""))


@view_config(
    context=Root,
    name="markdown",
    request_method="POST",
    permission=Permission.SIGNED_IN,
)
def preview_markdown(context: Root, request: Any) -> Response:
    """Answer the HTML of the form field `data`, for the preview beside an editor."""
    request.release_database()
    return Response(render(posted_text(request, "data")[:MAX_TEXT]))


def _issue_page(context: IssueResource, request: Any, form: CommentForm) -> dict[str, Any]:
    return {
        "issue": context.issue,
        "timeline": read_timeline(request.dbsession, context.issue),
        "icons": ICONS,
        "form": form,
        "preview": _preview(request, form.comment.data),
    }


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
    if context.issue.last_event is event:  # someone else had brought it to that state already
        request.session.flash(_("Comment added successfully."), "success")
        return _to_event(context, request, event)
    if context.issue.is_open:
        request.session.flash(_("Issue reopened and comment added successfully."), "success")
        return _to_event(context, request, event)
    request.session.flash(_("Comment added successfully and issue closed."), "success")
    return HTTPSeeOther(request.resource_path(context.__parent__, ""))


def _to_event(context: IssueResource, request: Any, event: Event) -> HTTPSeeOther:
    request.dbsession.flush()
    return HTTPSeeOther(request.resource_path(context, "", anchor=f"event-{event.id}"))


def _confirm(context: IssueResource, request: Any, question: str, button: str) -> dict[str, Any]:
    return {
        "title": context.issue.title,
        "question": question,
        "button": button,
        "cancel": request.resource_path(context, ""),
    }


def _preview(request: Any, text: str | None) -> Markup | None:
    """Return *text* as it would look, where the button "Preview" was pressed."""
    return render((text or "")[:MAX_TEXT]) if "preview" in request.POST else None
