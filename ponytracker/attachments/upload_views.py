"""Where a script sends a file to, while the form that it is for is still being filled in."""

from __future__ import annotations

from typing import Any

from pyramid.httpexceptions import HTTPNotFound
from pyramid.view import view_config

from ponytracker.attachments.forms import posted_files
from ponytracker.attachments.links import elements
from ponytracker.attachments.service import NotStored, TooLarge, TooMany, keep_pending, prepared
from ponytracker.errors import DomainError
from ponytracker.i18n import _
from ponytracker.models import Attachment
from ponytracker.resources import CommentResource, IssueResource, IssuesResource
from ponytracker.security.permissions import Permission

STATUS = {TooLarge: 413, TooMany: 422, NotStored: 503}
_UPLOAD = {"name": "upload", "request_method": "POST", "renderer": "json"}


@view_config(context=IssuesResource, permission=Permission.CREATE_ISSUE, **_UPLOAD)
@view_config(context=IssueResource, permission=Permission.CREATE_COMMENT, **_UPLOAD)
@view_config(context=CommentResource, permission=Permission.MODIFY_COMMENT, **_UPLOAD)
def upload(
    context: IssuesResource | IssueResource | CommentResource, request: Any
) -> dict[str, Any]:
    """Keep the file `file` for a form, and answer what the form needs to know of it."""
    store = request.registry["ponytracker.attachments"]
    if store is None:
        raise HTTPNotFound
    files = posted_files(request, "file")[:1]
    if not files:
        return _refuse(request, 422, _("Choose a file."))
    project_id, name, uploader_id = context.project.id, context.project.name, request.user.id
    request.release_database()
    try:
        with prepared(store, files) as them:
            attachment = keep_pending(request.dbsession, store, project_id, uploader_id, them)[0]
    except DomainError as error:
        return _refuse(request, STATUS.get(type(error), 422), error.args[0])
    path = request.resource_path(request.root, *elements(name, None, attachment))
    return {**_describe(attachment), "path": path}


def _describe(attachment: Attachment) -> dict[str, Any]:
    return {
        "id": attachment.id,
        "name": attachment.name,
        "size": attachment.size,
        "is_image": attachment.is_image,
    }


def _refuse(request: Any, status: int, text: str) -> dict[str, Any]:
    request.response.status_int = status
    return {"error": request.localizer.translate(text, domain="ponytracker")}
