"""The forms of accounts."""

import wtforms
from wtforms import validators

from ponytracker.i18n import _
from ponytracker.web.forms import Form, LineField


class LoginForm(Form):
    username = LineField(
        _("Username"), [validators.DataRequired(_("Enter your username."))]
    )
    password = wtforms.PasswordField(
        _("Password"), [validators.InputRequired(_("Enter your password."))]
    )
