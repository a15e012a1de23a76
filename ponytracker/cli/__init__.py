"""The commands of ``ponytracker``, one module each."""

from __future__ import annotations

import pkgutil

import click

from ponytracker import logs

COMMANDS = {
    "audit": "ponytracker.cli.audit:audit",
    "backup": "ponytracker.cli.backup:backup",
    "create-superuser": "ponytracker.cli.create_superuser:create_superuser",
    "deliver-mail": "ponytracker.cli.deliver_mail:deliver_mail",
    "deploy-files": "ponytracker.cli.deploy_files:deploy_files",
    "doctor": "ponytracker.cli.doctor:doctor",
    "generate-secret": "ponytracker.cli.generate_secret:generate_secret",
    "import": "ponytracker.cli.import_archive:import_archive",
    "ldap-test": "ponytracker.cli.ldap_test:ldap_test",
    "refresh-html": "ponytracker.cli.refresh_html:refresh",
    "restore": "ponytracker.cli.restore:restore_file",
    "sync-ldap": "ponytracker.cli.sync_ldap:sync_ldap",
    "tidy-attachments": "ponytracker.cli.tidy_attachments:tidy",
    "tidy-mail": "ponytracker.cli.tidy_mail:tidy_mail",
    "why": "ponytracker.cli.why:why",
}


class Commands(click.Group):
    """The commands above; each is imported when it is asked for, so that it starts quickly."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = pkgutil.resolve_name(COMMANDS[cmd_name])
        return command


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="ponytracker")
@click.pass_context
def main(ctx: click.Context) -> None:
    """PonyTracker: a small, easy to use issue tracker."""
    ctx.with_resource(logs.context(command=ctx.invoked_subcommand))
