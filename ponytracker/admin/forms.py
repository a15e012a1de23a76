"""The forms of the administration."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Sequence
from typing import Any

import wtforms
from wtforms import validators
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # stubs lag

from ponytracker.accounts import fields, groups, query, service, teams
from ponytracker.accounts.forms import directory_fields
from ponytracker.errors import DomainError
from ponytracker.i18n import _
from ponytracker.models import EditPolicy, Group, SiteSettings, Team, User
from ponytracker.security.passwords import complaint
from ponytracker.text import clean_line
from ponytracker.web.forms import (
    Form,
    LineField,
    PasswordField,
    VersionField,
    WholeNumberField,
    version_of,
)


def refuse(check: Callable[..., None], *arguments: Any, **named: Any) -> None:
    """Call *check*; what it does not let pass is an error of the field that is being validated."""
    try:
        check(*arguments, **named)
    except DomainError as error:
        raise validators.ValidationError(error.args[0]) from None


class UserForm(Form):
    """An account to add, or *user* to edit.

    Only a superuser makes one. Where people are known from elsewhere, they have no password here,
    and their names do not change. What a directory says of its own is changed there.
    """

    username = fields.username_field()
    first_name = fields.name_field(_("First name"))
    last_name = fields.name_field(_("Last name"))
    email = fields.EmailField(_("Email"))
    notifications = fields.notifications_field()
    time_zone = fields.time_zone_field()
    is_superuser = wtforms.BooleanField(_("Superuser: may do everything"))
    password = PasswordField(_("Password"))

    version = VersionField()

    FACTS = ("username", "first_name", "last_name", "email", "notifications", "time_zone")

    def __init__(self, request: Any, user: User | None = None) -> None:
        self.user = user
        version = user and version_of(
            user.is_superuser, *(getattr(user, name) for name in self.FACTS)
        )
        super().__init__(request, obj=user, version=version)
        if user is not None or request.settings.external_auth:
            del self.password
        if user is not None and request.settings.external_auth:
            del self.username
        ldap = request.settings.ldap
        by_directory = user is not None and user.directory_id is not None and ldap.is_on
        if not request.identity.is_superuser or (by_directory and ldap.superuser_group):
            del self.is_superuser
        if user is not None and by_directory:
            for name in directory_fields(ldap, user):
                del self[name]
            if "username" in self:
                del self.username

    @property
    def facts(self) -> dict[str, Any]:
        """What was typed about the account, by the names of the model."""
        names = (*self.FACTS, "is_superuser")
        return {name: value for name, value in self.data.items() if name in names}

    @property
    def typed_password(self) -> str:
        """The password of the new account, empty where it gets none here."""
        return self.data.get("password", "")

    def validate_username(self, field: wtforms.Field) -> None:
        refuse(service.check_username, self.request.dbsession, field.data, besides=self.user)

    def validate_is_superuser(self, field: wtforms.Field) -> None:
        if self.user and self.user.is_superuser and not field.data:
            refuse(service.check_not_last_superuser, self.request.dbsession, self.user)

    def validate_password(self, field: wtforms.Field) -> None:
        if field.data:
            _check_password(field.data, self.username.data, self.email.data)


class UserPasswordForm(Form):
    """Another password for *user*."""

    password = PasswordField(
        _("New password"), [validators.InputRequired(_("Enter the new password."))]
    )
    again = PasswordField(
        _("New password again"),
        [validators.EqualTo("password", _("The two passwords are not the same."))],
    )

    def __init__(self, request: Any, user: User) -> None:
        self.user = user
        super().__init__(request)

    def validate_password(self, field: wtforms.Field) -> None:
        _check_password(field.data, self.user.username, self.user.email)


def _check_password(password: str, username: str, email: str | None) -> None:
    why = complaint(password, username=username, email=email)
    if why is not None:
        raise validators.ValidationError(why)


class GroupForm(Form):
    """A group to add, or *group* to edit."""

    name = LineField(
        _("Name"),
        [
            validators.DataRequired(_("Give the group a name.")),
            validators.Length(max=groups.MAX_NAME, message=_("At most ${max} characters.")),
        ],
    )
    version = VersionField()

    def __init__(self, request: Any, group: Group | None = None) -> None:
        self.group = group
        super().__init__(request, obj=group, version=group and version_of(group.name))

    def validate_name(self, field: wtforms.Field) -> None:
        refuse(groups.check_name, self.request.dbsession, field.data, besides=self.group)


class TeamForm(Form):
    """A team to add, or *team* to edit."""

    name = LineField(
        _("Name"),
        [
            validators.DataRequired(_("Give the team a name.")),
            validators.Length(max=teams.MAX_NAME, message=_("At most ${max} characters.")),
        ],
    )
    version = VersionField()

    def __init__(self, request: Any, team: Team | None = None) -> None:
        self.team = team
        super().__init__(request, obj=team, version=team and version_of(team.name))

    def validate_name(self, field: wtforms.Field) -> None:
        refuse(teams.check_name, self.request.dbsession, field.data, besides=self.team)


class AdditionForm(Form):
    """Someone or something to add, by the name that is typed; *check* says whether it may be."""

    def __init__(self, request: Any, check: Callable[[Any], None]) -> None:
        self.check = check
        super().__init__(request)


class AddUserForm(AdditionForm):
    user = LineField(
        _("User"),
        [
            validators.DataRequired(_("Enter the name of a user.")),
            validators.Length(max=query.MAX_TYPED, message=_("User not found.")),
        ],
    )
    found: User

    def validate_user(self, field: wtforms.Field) -> None:
        found = query.find_typed_user(self.request.dbsession, field.data)
        if found is None:
            raise validators.ValidationError(_("User not found."))
        refuse(self.check, found)
        self.found = found


class AddGroupForm(AdditionForm):
    group = LineField(
        _("Group"),
        [
            validators.DataRequired(_("Enter the name of a group.")),
            validators.Length(max=groups.MAX_NAME, message=_("Group not found.")),
        ],
    )
    found: Group

    def validate_group(self, field: wtforms.Field) -> None:
        found = groups.find_group(self.request.dbsession, field.data)
        if found is None:
            raise validators.ValidationError(_("Group not found."))
        refuse(self.check, found)
        self.found = found


class AddTeamForm(AdditionForm):
    team = LineField(
        _("Team"),
        [
            validators.DataRequired(_("Enter the name of a team.")),
            validators.Length(max=teams.MAX_NAME, message=_("Team not found.")),
        ],
    )
    found: Team

    def validate_team(self, field: wtforms.Field) -> None:
        found = teams.find_team(self.request.dbsession, field.data)
        if found is None:
            raise validators.ValidationError(_("Team not found."))
        refuse(self.check, found)
        self.found = found


ONE_YEAR = 525_600
"""Minutes: a longer limit is none."""

EDIT_POLICIES = [
    SelectChoice(EditPolicy.ALWAYS.value, _("Without a limit")),
    SelectChoice(EditPolicy.MINUTES.value, _("For some minutes")),
    SelectChoice(EditPolicy.UNTIL_NEXT_COMMENT.value, _("Until the next comment")),
]


class SettingsForm(Form):
    items_per_page = WholeNumberField(_("Items per page"), low=1, high=500)
    edit_policy = wtforms.RadioField(
        _("How long people may edit what they wrote"),
        choices=EDIT_POLICIES,
        coerce=EditPolicy,
        invalid_value_message=_("Choose one of these."),  # type: ignore[call-arg]  # stubs lag
    )
    edit_policy_minutes = WholeNumberField(_("Minutes"), low=1, high=ONE_YEAR)

    version = VersionField()

    FACTS = ("items_per_page", "edit_policy", "edit_policy_minutes")

    def __init__(self, request: Any, settings: SiteSettings) -> None:
        version = version_of(*(getattr(settings, name) for name in self.FACTS))
        super().__init__(request, obj=settings, version=version)

    @property
    def facts(self) -> dict[str, Any]:
        """What was typed, by the names of the model."""
        return {name: value for name, value in self.data.items() if name in self.FACTS}


class DayField(wtforms.Field):
    """A day; `data` is nothing where none was typed."""

    widget = wtforms.widgets.DateInput()
    PATTERN = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
    # Every zone can show them: the first and last days of what Python counts, some cannot.
    YEARS = range(1900, 9999)

    typed = ""

    def process_formdata(self, valuelist: list[str]) -> None:
        self.typed = clean_line(valuelist[0]).strip() if valuelist else ""
        self.data = self._parse(self.typed) if self.typed else None

    def _value(self) -> str:
        return self.typed

    def _parse(self, typed: str) -> dt.date:
        try:
            if self.PATTERN.fullmatch(typed) and int(typed[:4]) in self.YEARS:
                return dt.date.fromisoformat(typed)
        except ValueError:  # such as the 30th of February
            pass
        raise ValueError(_("Write the day like 2026-12-31."))


_SHORT = validators.Length(max=255, message=_("At most ${max} characters."))


class AuditForm(wtforms.Form):
    """What the reader of the audit log asks for, in the address."""

    action = wtforms.SelectField(
        _("Action"),
        default="",
        invalid_choice_message=_("There is no such action in the log."),  # type: ignore[call-arg]
    )
    actor = LineField(_("Who"), [_SHORT])
    target = LineField(_("What it was done to"), [_SHORT])
    first_day = DayField(_("From"))
    last_day = DayField(_("To"))

    def __init__(self, request: Any, actions: Sequence[str]) -> None:
        self.asked = request.GET
        super().__init__(request.GET)
        self.action.choices = [
            SelectChoice("", _("All actions")),
            *(SelectChoice(action) for action in actions),
        ]
        self.validate()

    @property
    def facts(self) -> dict[str, Any]:
        """What is asked for, as far as it is right."""
        return {name: field.data for name, field in self._fields.items() if not field.errors}

    @property
    def typed(self) -> dict[str, str]:
        """What the address asks for, to be asked for again."""
        return {name: value for name, value in self.asked.items() if name in self._fields}

    def validate_last_day(self, field: wtforms.Field) -> None:
        if field.data and self.first_day.data and field.data < self.first_day.data:
            raise validators.ValidationError(_("This day is before the first one."))
