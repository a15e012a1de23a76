"""The form of a grant: to whom, and what."""

from __future__ import annotations

from typing import Any

import wtforms
from wtforms import validators
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # stubs lag

from ponytracker.accounts.query import MAX_TYPED
from ponytracker.grants import service
from ponytracker.grants.grantees import (
    Grantee,
    GranteeType,
    find_grantee,
    grantee_of,
    type_of,
    typed_name,
)
from ponytracker.grants.names import NAMES
from ponytracker.i18n import _
from ponytracker.models import Grant
from ponytracker.resources import GrantsResource
from ponytracker.security.permissions import Permission
from ponytracker.web.forms import Form, LineField, VersionField, version_of

GRANTEE_TYPES = [
    SelectChoice(GranteeType.USER.value, _("User")),
    SelectChoice(GranteeType.GROUP.value, _("Group")),
    SelectChoice(GranteeType.TEAM.value, _("Team")),
    SelectChoice(GranteeType.ANYONE.value, _("Anyone signed in")),
]

ABSENT = {
    GranteeType.USER: _("User '${name}' does not exists."),
    GranteeType.GROUP: _("Group '${name}' does not exists."),
    GranteeType.TEAM: _("Team '${name}' does not exists."),
}


class GrantForm(Form):
    """A grant to add at *place*, or *grant* to edit.

    Once it is valid, `grantee` is whom it names. `existing` is the grant they have here already.
    """

    grantee_type = wtforms.SelectField(
        _("To"), [validators.InputRequired(_("Choose one of these."))], choices=GRANTEE_TYPES
    )
    grantee_name = LineField(
        _("Name"), [validators.Length(max=MAX_TYPED, message=_("At most ${max} characters."))]
    )
    permissions = wtforms.SelectMultipleField(_("May"))
    version = VersionField()

    def __init__(self, request: Any, place: GrantsResource, grant: Grant | None = None) -> None:
        self.place = place
        self.grant = grant
        self.grantee: Grantee = None
        self.existing: Grant | None = None
        initial: dict[str, Any] = {}
        if grant is not None:
            grantee, permissions = grantee_of(grant), sorted(service.permissions_of(grant))
            initial = {
                "grantee_type": type_of(grantee).value,
                "grantee_name": typed_name(grantee),
                "permissions": permissions,
                "version": version_of(typed_name(grantee), permissions),
            }
        super().__init__(request, **initial)
        self.permissions.choices = [
            SelectChoice(permission.value, label)
            for permission, label in NAMES.items()
            if permission in place.grantable
        ]

    def chosen(self) -> list[Permission]:
        """Return the permissions that were ticked."""
        return [Permission(name) for name in self.permissions.data or ()]

    def validate_grantee_name(self, field: wtforms.Field) -> None:
        if self.grantee_type.errors or field.errors:
            return
        grantee_type = GranteeType(self.grantee_type.data)
        self.grantee = find_grantee(self.request.dbsession, grantee_type, field.data)
        if self.grantee is None and grantee_type is not GranteeType.ANYONE:
            raise validators.ValidationError(_(ABSENT[grantee_type], mapping={"name": field.data}))
        project = self.place.project
        self.existing = service.find_grant(self.request.dbsession, project, self.grantee)
        if self.existing not in (None, self.grant):
            raise validators.ValidationError(_("There are permissions for this one already."))

    def validate_permissions(self, field: wtforms.Field) -> None:
        if self.grantee_type.errors or self.grantee_name.errors or field.errors:
            return
        beyond = service.beyond_own_rights(
            self.request.identity, self.place, self.grantee, self.chosen(), grant=self.grant
        )
        if beyond:
            raise validators.ValidationError(service.refusal(beyond))
