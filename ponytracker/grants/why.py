"""The pages that answer who may do something to a project, an issue or a comment, and why."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from pyramid.traversal import find_resource, find_root, resource_path_tuple
from pyramid.view import view_config
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ponytracker.accounts.query import MAX_TYPED, find_typed_user
from ponytracker.grants.explain import explain
from ponytracker.grants.names import NAMES
from ponytracker.grants.sentences import Narrator, Sentences
from ponytracker.models import User
from ponytracker.resources import CommentResource, IssueResource, ProjectResource, Root
from ponytracker.security.holders import holds
from ponytracker.security.permissions import ON_PROJECT, Permission
from ponytracker.security.principals import ANONYMOUS, Identity, find_identities, identify
from ponytracker.text import clean_line
from ponytracker.web.pages import Page

QUESTIONS: dict[type, list[Permission]] = {
    ProjectResource: [Permission.VIEW, *(name for name in NAMES if name in ON_PROJECT)],
    IssueResource: [
        Permission.VIEW,
        Permission.CREATE_COMMENT,
        Permission.MANAGE_ISSUE,
        Permission.MANAGE_TAGS,
        Permission.MODIFY_ISSUE,
        Permission.DELETE_ISSUE,
    ],
    CommentResource: [Permission.VIEW, Permission.MODIFY_COMMENT, Permission.DELETE_COMMENT],
}
"""What can be asked about each kind of thing."""


@dataclasses.dataclass(frozen=True, slots=True)
class Asked:
    """A question as it stands in the address: what, and about whom; without a name, about all."""

    permission: Permission
    name: str

    @classmethod
    def of(cls, context: Any, request: Any) -> Asked:
        questions = {permission.value: permission for permission in QUESTIONS[type(context)]}
        name = clean_line(request.GET.get("user", "")).strip()[:MAX_TYPED]
        return cls(questions.get(request.GET.get("permission", ""), Permission.VIEW), name)


def _why_view(context: type) -> Any:
    return view_config(
        context=context,
        name="why",
        request_method="GET",
        permission=Permission.MANAGE_PROJECT_PERMISSION,
        renderer="templates/why.jinja2",
    )


@_why_view(ProjectResource)
@_why_view(IssueResource)
@_why_view(CommentResource)
def why(context: Any, request: Any) -> dict[str, Any]:
    asked = Asked.of(context, request)
    node = for_everyone(context)
    found = find_typed_user(request.dbsession, asked.name) if asked.name else None
    total = 0 if asked.name else count_holders(request.dbsession, node, asked.permission)
    page = Page.asked_for(
        request.GET.get("page"), size=request.root.settings.items_per_page, total=total
    )
    people = [] if asked.name else [ANONYMOUS]
    if found is not None:
        people.append(identify(request.dbsession, found))
    elif total:
        people += list_holders(request.dbsession, node, asked.permission, page)
    return {
        "asked": asked,
        "questions": QUESTIONS[type(context)],
        "found": found,
        "page": page,
        "answers": tell(request, node, asked.permission, people),
    }


def for_everyone(context: Any) -> Any:
    """Return *context* in a tree with everybody's grants, found by whoever found it before."""
    root = find_root(context)
    whole = Root(root.session, root.identity, everyone=True)
    return find_resource(whole, resource_path_tuple(context))


def count_holders(session: Session, node: Any, permission: Permission) -> int:
    """Return how many active users may do *permission* on *node*."""
    return session.scalars(
        select(func.count()).select_from(User).where(holds(node, permission))
    ).one()


def list_holders(
    session: Session, node: Any, permission: Permission, page: Page
) -> Sequence[Identity]:
    """Return one page of those users, by username."""
    on_page = (
        select(User.id)
        .where(holds(node, permission))
        .order_by(User.username_key)
        .offset(page.offset)
        .limit(page.size)
    )
    return find_identities(session, User.id.in_(session.scalars(on_page).all()))


def tell(
    request: Any, node: Any, permission: Permission, people: Sequence[Identity]
) -> list[Sentences]:
    whys = [explain(identity, node, permission) for identity in people]
    narrator = Narrator(request.dbsession, request.localizer, node.project, whys)
    return [narrator.tell(each) for each in whys]
