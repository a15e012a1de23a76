"""The forms of accounts."""

from wtforms import validators

from ponytracker.i18n import _
from ponytracker.text import MAX_USERNAME
from ponytracker.web.forms import Form, LineField, PasswordField


class LoginForm(Form):
    username = LineField(
        _("Username"),
        [
            validators.DataRequired(_("Enter your username.")),
            validators.Length(max=MAX_USERNAME, message=_("At most ${max} characters.")),
        ],
    )
    password = PasswordField(_("Password"), [validators.InputRequired(_("Enter your password."))])
