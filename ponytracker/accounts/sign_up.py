"""Signing up: an account that someone asks for, made once they have shown they read their mail."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from ponytracker.accounts.mails import send_mail
from ponytracker.accounts.recovery import find_by_email
from ponytracker.accounts.service import create_user
from ponytracker.accounts.tokens import find_token, make_token, use_token
from ponytracker.errors import Conflict
from ponytracker.i18n import _
from ponytracker.models import TokenPurpose, User
from ponytracker.security.audit import record
from ponytracker.security.principals import Identity

ASKED = ("username", "first_name", "last_name", "email")
"""What someone tells who asks for an account."""


class AddressTaken(Conflict):
    """An account with this address was made meanwhile."""

    def __init__(self) -> None:
        super().__init__(_("There is an account with your address already: sign in to it."))


def mail_invitation(registry: Any, asked: dict[str, str]) -> None:
    """Send whoever has *asked* for an account a link to make it.

    Where there is one with their address, the mail says so instead: the page must not. Run in the
    background: the request has done the same for every address.
    """
    with registry["ponytracker.database"].session(write=True) as session, session.begin():
        others = find_by_email(session, asked["email"])
        known = [(user.email, user.username) for user in others if user.is_active and user.email]
        token = "" if others else make_token(session, TokenPurpose.SIGN_UP, data=asked)
    if token:
        send_mail(registry, asked["email"], "sign_up", username=asked["username"], token=token)
    if known:
        usernames = [username for _address, username in known]
        send_mail(registry, known[0][0], "known_address", usernames=usernames)


def find_sign_up(session: Session, token: str) -> dict[str, str]:
    """Return what whoever comes with *token* has asked for; raise `UsedLink`."""
    return find_token(session, TokenPurpose.SIGN_UP, token).data


def make_account(
    session: Session, actor: Identity, *, token: str, username: str, password_hash: str
) -> User:
    """Make the account that someone asked for who comes with *token*.

    Raises `UsedLink`, `AddressTaken`, or what `create_user` raises.
    """
    asked = use_token(session, TokenPurpose.SIGN_UP, token).data
    if find_by_email(session, asked["email"]):
        raise AddressTaken
    user = create_user(
        session,
        username=username,
        password_hash=password_hash,
        first_name=asked["first_name"],
        last_name=asked["last_name"],
        email=asked["email"],
    )
    record(
        session,
        actor,
        "user.sign_up",
        user.username,
        after={"username": user.username, "email": user.email},
    )
    return user
