"""The forms of signing in, of passwords, of signing up and of one's own profile."""

from __future__ import annotations

from typing import Any

import wtforms
from wtforms import validators

from ponytracker.accounts.fields import (
    EmailField,
    name_field,
    notifications_field,
    time_zone_field,
    username_field,
)
from ponytracker.accounts.service import NameTaken, UnfitName, check_username
from ponytracker.i18n import _
from ponytracker.models import User
from ponytracker.security.passwords import complaint
from ponytracker.settings.ldap import Ldap
from ponytracker.text import MAX_USERNAME
from ponytracker.web.forms import Form, LineField, PasswordField


def directory_fields(ldap: Ldap, user: User) -> list[str]:
    """Return the fields of *user* that a directory fills in."""
    if user.directory_id is None or not ldap.is_on:
        return []
    taken = {
        "first_name": ldap.first_name_attribute,
        "last_name": ldap.last_name_attribute,
        "email": ldap.email_attribute,
    }
    return [name for name, attribute in taken.items() if attribute]


class LoginForm(Form):
    username = LineField(
        _("Username"),
        [
            validators.DataRequired(_("Enter your username.")),
            validators.Length(max=MAX_USERNAME, message=_("At most ${max} characters.")),
        ],
    )
    password = PasswordField(_("Password"), [validators.InputRequired(_("Enter your password."))])
    stay = wtforms.BooleanField(_("Stay signed in"))


class NewPasswordForm(Form):
    """A new password, typed twice, for the account of that name and address."""

    new1 = PasswordField(_("New password"), [validators.InputRequired(_("Enter a password."))])
    new2 = PasswordField(
        _("New password, again"), [validators.InputRequired(_("Enter it a second time."))]
    )

    def __init__(self, request: Any, *, username: str, email: str | None) -> None:
        self.owner_name = username
        self.owner_email = email
        super().__init__(request)

    def validate_new1(self, field: wtforms.Field) -> None:
        if found := complaint(field.data, username=self.owner_name, email=self.owner_email):
            raise validators.ValidationError(found)

    def validate_new2(self, field: wtforms.Field) -> None:
        if field.data != self.new1.data:
            raise validators.ValidationError(_("This is not the same as above."))


class UpdatePasswordForm(NewPasswordForm):
    """Another password for whoever is signed in, who must know the present one."""

    button = "update-password"

    old = PasswordField(_("Old password"), [validators.InputRequired(_("Enter your password."))])


class ResetForm(Form):
    email = EmailField(
        _("Email address"), [validators.DataRequired(_("Enter your email address."))]
    )


class SignUpForm(Form):
    username = username_field()
    first_name = name_field(_("First name"))
    last_name = name_field(_("Last name"))
    email = EmailField(
        _("Email address"), [validators.DataRequired(_("Enter your email address."))]
    )

    def has_free_name(self) -> bool:
        """Return whether nobody has this name; to be asked only as often as one may try."""
        try:
            check_username(self.request.dbsession, self.username.data)
        except (NameTaken, UnfitName) as error:
            self.username.errors = [error.args[0]]
            self.request.response.status_int = 422
            return False
        return True


class MakeAccountForm(NewPasswordForm):
    """The end of signing up: a password, and another name where that one was taken meanwhile."""

    username = username_field()

    def __init__(self, request: Any, *, username: str, email: str | None) -> None:
        super().__init__(request, username=username, email=email)
        if not self.is_posted:
            self.username.data = username
        self.owner_name = self.username.data

    def validate_username(self, field: wtforms.Field) -> None:
        try:
            check_username(self.request.dbsession, field.data)
        except (NameTaken, UnfitName) as error:
            raise validators.ValidationError(error.args[0]) from None


class UpdateProfileForm(Form):
    """What *user* says of themselves."""

    button = "update-profile"

    first_name = name_field(_("First name"))
    last_name = name_field(_("Last name"))
    email = EmailField(_("Email address"))
    notifications = notifications_field()
    time_zone = time_zone_field()
    # To another address one can have another password sent: a session left open is not enough.
    password = PasswordField(_("Password"))

    def __init__(self, request: Any, user: User) -> None:
        self.email_before = user.email
        super().__init__(request, obj=user)
        if request.settings.external_auth or not user.password_hash:
            del self.password
        for name in directory_fields(request.settings.ldap, user):
            del self[name]

    @property
    def facts(self) -> dict[str, Any]:
        """What was typed, by the names of the model.

        An address that stays is left out: nobody may take back another's change without a password.
        """
        names = {"first_name", "last_name", "notifications", "time_zone"}
        if self.changes_email:
            names.add("email")
        return {name: value for name, value in self.data.items() if name in names}

    @property
    def changes_email(self) -> bool:
        return "email" in self and bool((self.email.data or None) != (self.email_before or None))

    @property
    def needs_password(self) -> bool:
        return "password" in self and self.changes_email

    def validate_password(self, field: wtforms.Field) -> None:
        if self.needs_password and not field.data:
            raise validators.ValidationError(_("Enter your password to change the email address."))
