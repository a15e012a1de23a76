"""The pages of a single comment: where it stands, editing it, deleting it."""

from __future__ import annotations

from typing import Any

from pyramid.httpexceptions import HTTPSeeOther
from pyramid.view import view_config

from ponytracker.i18n import _
from ponytracker.issues import service
from ponytracker.issues.answers import confirmation, preview, to_issue
from ponytracker.issues.editing import find_saved_meanwhile, hold_text
from ponytracker.issues.forms import CommentForm
from ponytracker.resources import CommentResource, IssueResource
from ponytracker.security.permissions import Permission


@view_config(context=CommentResource, request_method="GET")
def show_comment(context: CommentResource, request: Any) -> HTTPSeeOther:
    """Lead to the comment on the page of its issue: a link that lasts."""
    return to_issue(_issue(context), request, context.comment)


@view_config(
    context=CommentResource,
    name="edit",
    request_method=("GET", "POST"),
    permission=Permission.MODIFY_COMMENT,
    renderer="templates/comment_form.jinja2",
)
def edit_comment(context: CommentResource, request: Any) -> Any:
    session, comment = request.dbsession, context.comment
    if request.method == "POST":
        hold_text(session, comment)
    form = CommentForm(request, comment)
    if form.accepts():
        changed = service.edit_comment(session, comment, request.user, text=form.comment.data)
        if form.attachment.save(comment) or changed:
            request.session.flash(_("Comment modified successfully."), "success")
        else:
            request.session.flash(_("Comment not modified."), "info")
        return to_issue(_issue(context), request, comment)
    return {
        "form": form,
        "preview": preview(request, form.comment.data),
        "saved": find_saved_meanwhile(session, form.version, comment, "comment"),
        "cancel": request.resource_path(_issue(context), "", anchor=f"event-{comment.id}"),
    }


_DELETE = {
    "context": CommentResource,
    "name": "delete",
    "permission": Permission.DELETE_COMMENT,
}


@view_config(request_method="GET", renderer="templates/comment_delete.jinja2", **_DELETE)
def confirm_delete_comment(context: CommentResource, request: Any) -> dict[str, Any]:
    question = _(
        "Do you want to delete this comment? Its text and all versions of it are gone for good."
    )
    return confirmation(_issue(context), request, question, _("Delete this comment"))


@view_config(request_method="POST", **_DELETE)
def delete_comment(context: CommentResource, request: Any) -> HTTPSeeOther:
    service.delete_comment(request.dbsession, context.comment, request.user)
    request.session.flash(_("Comment deleted successfully."), "success")
    return to_issue(_issue(context), request, context.comment)


def _issue(context: CommentResource) -> IssueResource:
    return context.__parent__.__parent__
