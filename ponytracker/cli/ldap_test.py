"""``ponytracker ldap-test``: what the directory is asked about somebody, and what it answers."""

from __future__ import annotations

from pathlib import Path

import click

from ponytracker.accounts.service import find_user
from ponytracker.cli.lines import tell
from ponytracker.cli.site import ini_option, open_site
from ponytracker.directory.checking import Step, examine, try_user


@click.command("ldap-test")
@click.argument("username", metavar="USER")
@ini_option
@click.option("--no-password", is_flag=True, help="Ask for no password; only look USER up.")
def ldap_test(username: str, ini: Path, no_password: bool) -> None:
    """Show step by step what the directory is asked when USER signs in, and what it answers.

    Nothing is changed, and the password, which is asked for, is not shown. Ends with 1 where USER
    could not sign in.
    """
    site = open_site(ini)
    settings = site.settings.ldap
    if not settings.is_on:
        raise click.ClickException(f"{ini}: there is no directory. Set ldap.uri.")
    wrong = [_show(step) for step in examine(settings)]
    if any(wrong):
        raise click.exceptions.Exit(1)
    password = None if no_password else click.prompt("Password", hide_input=True)
    wrong = [_show(step) for step in try_user(settings, username, password)]
    with site.database.session(write=False) as session:
        user = find_user(session, username)
        if user is not None and user.directory_id is None:
            wrong.append(
                _show(
                    Step(
                        f"{user.username} is an account of our own, which the directory cannot take"
                        f" over. If it is theirs: ponytracker sync-ldap --link {user.username}",
                        is_wrong=True,
                    )
                )
            )
        elif user is not None:
            _show(Step(f"account here: {user.username}, {user.directory_id}"))
    if any(wrong):
        raise click.exceptions.Exit(1)


def _show(step: Step) -> bool:
    mark = "WRONG" if step.is_wrong else "warn" if step.is_risky else "ok"
    tell(f"{mark:5}  {step.text}")
    return step.is_wrong
