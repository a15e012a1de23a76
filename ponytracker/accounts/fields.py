"""The fields of an account, as every form that has them: names, address, mail, time zone."""

from __future__ import annotations

import re
import zoneinfo
from functools import cache
from typing import Any

import wtforms
from wtforms import validators
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # stubs lag

from ponytracker.i18n import _
from ponytracker.models import Notifications, User
from ponytracker.web.forms import LineField

MAX_NAME: int = User.first_name.type.length
MAX_EMAIL: int = User.email.type.length

# What would make two addresses of one in the head of a mail is refused too.
_EMAIL = re.compile(r'[^\s@<>(),;:"\\\[\]]+@[^\s@<>(),;:"\\\[\]]+')

_CHOOSE = _("Choose one of these.")

NOTIFICATIONS = [
    SelectChoice(Notifications.NEVER.value, _("Never")),
    SelectChoice(Notifications.OTHERS.value, _("When someone else does something")),
    SelectChoice(Notifications.ALWAYS.value, _("Always, also about my own actions")),
]


def is_email(text: str) -> bool:
    """Return whether *text* is one address of mail, and nothing besides."""
    return bool(_EMAIL.fullmatch(text))


def username_field() -> Any:
    """Return the field of a new name; `service.check_username` says which will do."""
    return LineField(_("Username"), [validators.DataRequired(_("Enter a username."))])


def name_field(label: str) -> Any:
    return LineField(
        label, [validators.Length(max=MAX_NAME, message=_("At most ${max} characters."))]
    )


class EmailField(LineField):
    """The address of someone's mail; `data` is nothing where none was typed."""

    widget = wtforms.widgets.EmailInput()
    data: Any  # str | None

    def process_formdata(self, valuelist: list[str]) -> None:
        super().process_formdata(valuelist)
        self.data = self.data or None

    def pre_validate(self, form: Any) -> None:
        if self.data and len(self.data) > MAX_EMAIL:
            raise validators.StopValidation(
                _("At most ${max} characters.", mapping={"max": MAX_EMAIL})
            )
        if self.data and not is_email(self.data):
            raise validators.StopValidation(_("Enter one mail address, such as alice@example.org."))


def notifications_field() -> Any:
    return wtforms.SelectField(
        _("Mail about issues"),
        choices=NOTIFICATIONS,
        coerce=Notifications,
        default=Notifications.OTHERS,
        invalid_value_message=_CHOOSE,  # type: ignore[call-arg]  # stubs lag
    )


def time_zone_field() -> Any:
    return wtforms.SelectField(
        _("Time zone"),
        choices=time_zones,
        default="UTC",
        invalid_choice_message=_CHOOSE,  # type: ignore[call-arg]  # stubs lag
    )


@cache
def time_zones() -> list[Any]:
    """Return the names of the time zones there are; UTC comes first."""
    names = sorted(zoneinfo.available_timezones() - {"UTC", "localtime", "Factory"})
    return [SelectChoice(name) for name in ("UTC", *names)]
