"""Signing in with a real OpenLDAP, and keeping accounts and groups as it has them."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import sys
from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from ldap.controls.libldap import SimplePagedResultsControl
from sqlalchemy import select, update

from ponytracker import make_app
from ponytracker.cli import ldap_test as test_command
from ponytracker.cli import sync_ldap as sync_command
from ponytracker.directory import sync as sync_module
from ponytracker.directory.asking import find_entry
from ponytracker.directory.checking import examine, try_user
from ponytracker.directory.connection import Connection, connect, connect_as, same_dn
from ponytracker.directory.errors import DirectoryError, Incomplete, Unreachable
from ponytracker.directory.plan import Action, Change
from ponytracker.directory.sync import sync_and_log
from ponytracker.models import AuditEntry, Group, User
from ponytracker.operations.checks.directory import check_directory
from ponytracker.operations.findings import Mark
from ponytracker.operations.site import Site
from ponytracker.settings import SettingError
from tests.servers import ROOT
from tests.site import PASSWORD, Visitor
from tests.slapd import (
    ADMIN,
    ADMIN_PASSWORD,
    BASE,
    GROUPS,
    PEER,
    PEOPLE,
    READER,
    READER_PASSWORD,
    dn_of,
    group,
    password_of,
    person,
    posix_group,
)

pytestmark = pytest.mark.integration

WRONG = "The username or the password is wrong."
AWAY = "does not answer"
ODD = "o,d+d (na\\me)*"


@pytest.fixture(scope="module")
def filled(directory):
    """The directory of most tests: people, and groups of each kind, in each other."""
    directory.reset(
        person("alice", gid=501),
        person("bob", mail=""),
        person("carol"),
        person("admin"),
        person("twin", base=f"ou=a,{PEOPLE}").replace(
            "dn: ", f"dn: ou=a,{PEOPLE}\nobjectClass: organizationalUnit\nou: a\n\ndn: ", 1
        ),
        person("twin"),
        group("dev", dn_of("alice")),
        group("staff", f"cn=dev,{GROUPS}", f"cn=loop,{GROUPS}", kind="groupOfUniqueNames"),
        group("loop", f"cn=staff,{GROUPS}"),
        group("bosses", dn_of("carol")),
        group("allowed", dn_of("alice"), dn_of("carol")),
        posix_group("primary", 501),
        posix_group("wheel", 600, "bob"),
    )
    return directory


@pytest.fixture
def browse(settings, database, filled):
    """Return a function that gives a browser before a site with a directory."""

    def browse(**fields):
        own = dataclasses.replace(settings, ldap=filled.settings(**fields))
        return Visitor(make_app(own, database))

    return browse


def sign_in(visitor, name, password=None, **kw):
    password = password_of(name) if password is None else password
    return visitor.sign_in(name, password, expect_errors=True, **kw)


def named(session, name):
    session.expire_all()
    return session.scalars(select(User).where(User.username == name)).one_or_none()


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"bind_template": f"uid={{user}},{PEOPLE}", "bind_dn": "", "bind_password": ""},
        {"bind_template": f"uid={{user}},{PEOPLE}"},
        {"first": "directory", "user_filter": "(|(uid={user})(mail={user}))"},
    ],
    ids=["search", "template", "template with a reader", "directory first"],
)
def test_an_account_comes_with_the_first_sign_in(fields, browse, session):
    visitor = browse(**fields)
    for _ in range(2):
        page = sign_in(visitor, "alice").follow()
        assert "alice" in page.html.header.text
    alice = named(session, "alice")
    assert (alice.first_name, alice.last_name, alice.email) == (
        "Alice",
        "Example",
        "alice@example.org",
    )
    assert alice.password_hash is None
    assert alice.directory_id.startswith("entryuuid:")
    assert alice.groups == []
    actions = session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)).all()
    assert actions == ["user.add", "user.sign_in", "user.sign_in"]
    if "mail" in fields.get("user_filter", ""):
        assert sign_in(visitor, "alice@example.org", password_of("alice")).status_int == 303
        assert session.scalars(select(User)).all() == [alice]


def test_who_is_not_there_learns_nothing(browse, session, caplog):
    visitor = browse()
    pages = set()
    for name, password in (
        ("alice", "wrong"),
        ("nobody", "wrong"),
        ("*", password_of("alice")),
        ("alice)(uid=*", password_of("alice")),
        (ODD, "wrong"),
        ("alice\\00", "wrong"),
        ("alice", "\x00"),
        ("alice", " "),
        ("twin", password_of("twin") + "x"),
    ):
        answer = sign_in(visitor, name, password)
        if name == "twin":
            # Two entries of one name are nobody's.
            assert (answer.status_int, AWAY in answer) == (503, True)
            continue
        assert (name, answer.status_int) == (name, 422)
        assert WRONG in answer
        pages.add(answer.text.count("alert"))
    assert len(pages) == 1
    assert session.scalars(select(User)).all() == []
    for secret in (password_of("alice"), READER_PASSWORD, ADMIN_PASSWORD):
        assert secret not in caplog.text


def test_an_empty_password_is_refused_before_anybody_is_asked(filled):
    said = []
    for dn, password in ((dn_of("alice"), ""), ("", "x")):
        with connect_as(filled.settings(), filled.uri, dn, password, said.append) as connection:
            assert connection is None
    assert said == []


def test_names_with_signs_of_filters_and_dns_are_taken_to_the_letter(browse, filled):
    for fields in ({}, {"bind_template": f"uid={{user}},{PEOPLE}"}):
        assert sign_in(browse(**fields), ODD, "wrong").status_int == 422
    said = []
    list(try_user(filled.settings(), ODD, "x"))
    with connect(filled.settings(), filled.uri, said.append) as connection:
        assert find_entry(connection, ODD) is None
    assert any("(uid=o,d+d \\28na\\5cme\\29\\2a)" in line for line in said)


def test_a_local_account_is_not_taken_over(browse, world, session):
    admin = world.user("Admin", is_superuser=True)
    imported = User(username="carol")
    session.add(imported)
    session.commit()
    for first in ("local", "directory"):
        visitor = browse(first=first)
        # By the password that the directory knows, nobody gets in.
        assert sign_in(visitor, "admin").status_int == 422
        assert sign_in(visitor, "carol").status_int == 422
        assert sign_in(visitor, "admin", PASSWORD).status_int == 303
    session.expire_all()
    assert (admin.directory_id, imported.directory_id) == (None, None)
    assert session.scalars(select(User).order_by(User.id)).all() == [admin, imported]


def test_local_accounts_sign_in_while_the_directory_is_away(browse, world):
    world.user("dave")
    for first in ("local", "directory"):
        visitor = browse(first=first, uris=("ldap://127.0.0.1:1",))
        assert sign_in(visitor, "dave", PASSWORD).status_int == 303
        # And nobody learns by it who has an account here.
        for name in ("dave", "alice"):
            answer = sign_in(browse(first=first, uris=("ldap://127.0.0.1:1",)), name, "wrong")
            assert (answer.status_int, AWAY in answer) == (503, True)


def test_an_account_of_the_directory_has_no_password_here(browse, world, session):
    world.user("root", is_superuser=True)
    visitor = browse(first_name_attribute="")
    sign_in(visitor, "alice")
    profile = visitor.get("/profile/")
    assert "password-form" not in profile.forms
    assert "email" not in profile.forms["profile-form"].fields
    profile.forms["profile-form"]["first_name"] = "Ally"
    profile.forms["profile-form"].submit("update-profile")
    assert named(session, "alice").first_name == "Ally"
    root = browse()
    root.sign_in("root")
    alice = named(session, "alice")
    page = root.get(f"/admin/users/{alice.id}/")
    assert "Set password" not in page
    assert "the directory" in page
    assert root.get(f"/admin/users/{alice.id}/edit-password/", expect_errors=True).status_int == 409
    form = root.get(f"/admin/users/{alice.id}/edit/").forms["user-form"]
    assert {"username", "email", "last_name"}.isdisjoint(form.fields)


def test_groups_are_mirrored_for_who_signs_in(browse, run, session, world):
    visitor = browse(mirror_groups=True, superuser_group=f"cn=bosses,{GROUPS}")
    ours = world.group("dev")
    sign_in(visitor, "alice")
    names = {"allowed", "loop", "primary", "staff"}
    assert {g.name for g in named(session, "alice").groups} == names
    assert ours.users == []
    # What the directory does not say of her any more is taken back; a group of ours is ours.
    alice = named(session, "alice")
    session.add(Group(name="gone", directory_id="entryuuid:gone", users=[alice]))
    ours.users.append(alice)
    session.commit()
    sign_in(visitor, "alice")
    assert {g.name for g in named(session, "alice").groups} == {*names, "dev"}
    # And that can be undone.
    last, first = run(sync_command.sync_ldap, "--runs").splitlines()
    name = last.removesuffix(" (sign-in)")
    assert "group.add_user gone" in run(sync_command.sync_ldap, "--undo", name)
    assert {g.name for g in named(session, "alice").groups} == {*names, "dev", "gone"}
    assert first.endswith(" (sign-in)")
    sign_in(browse(mirror_groups=True, superuser_group=f"cn=bosses,{GROUPS}"), "carol")
    assert named(session, "carol").is_superuser
    assert not named(session, "alice").is_superuser


def test_a_group_of_the_directory_is_not_changed_by_hand(browse, session, world):
    world.user("root", is_superuser=True)
    sign_in(browse(mirror_groups=True), "alice")
    root = browse()
    root.sign_in("root")
    staff = session.scalars(select(Group).where(Group.name == "staff")).one()
    page = root.get(f"/admin/groups/{staff.id}/")
    assert "comes from the directory" in page
    assert "Remove" not in page
    for path, fields in (
        ("edit/", {"name": "other"}),
        ("add-user/", {"user": "root"}),
        (f"remove-user/{named(session, 'alice').id}/", {}),
    ):
        root.post_form(f"/admin/groups/{staff.id}/{path}", fields, expect_errors=True)
    session.expire_all()
    assert (staff.name, [user.username for user in staff.users]) == ("staff", ["alice"])


def test_only_those_of_the_required_group_come_in(browse, session):
    visitor = browse(required_group=f"cn=allowed,{GROUPS}")
    assert sign_in(visitor, "bob").status_int == 422
    assert sign_in(visitor, "alice").status_int == 303
    missing = browse(required_group=f"cn=nothing,{GROUPS}")
    assert sign_in(missing, "carol").status_int == 503
    assert [user.username for user in session.scalars(select(User))] == ["alice"]


def test_an_entry_that_is_renamed_keeps_its_account(browse, session, filled):
    filled.change(person("erin"), add=True)
    visitor = browse()
    sign_in(visitor, "erin")
    account = named(session, "erin").id
    filled.change(f"dn: {dn_of('erin')}\nchangetype: modrdn\nnewrdn: uid=erna\ndeleteoldrdn: 1\n")
    assert sign_in(visitor, "erna", password_of("erin")).status_int == 303
    assert named(session, "erna").id == account
    assert sign_in(visitor, "erin").status_int == 422
    # Somebody else who gets that name later is somebody else.
    filled.run("ldapdelete", f"uid=erna,{PEOPLE}")
    filled.change(person("erna"), add=True)
    assert sign_in(visitor, "erna").status_int == 422
    assert named(session, "erna").id == account
    filled.run("ldapdelete", f"uid=erna,{PEOPLE}")


def test_encryption_needs_the_right_authority(filled):
    plain, tls = filled.uri, f"ldaps://127.0.0.1:{filled.tls_port}"
    for uri in (plain, tls):
        own = filled.settings(uris=(uri,), start_tls=True, ca_file=filled.folder / "ca.pem")
        assert [step.is_wrong for step in examine(own)] == [False] * 4
        with connect(own, uri) as connection:
            assert connection.uri == uri
        for path in ("other.pem", "missing.pem"):
            with (
                pytest.raises(Unreachable),
                connect(dataclasses.replace(own, ca_file=filled.folder / path), uri),
            ):
                pass
        trusting = dataclasses.replace(own, ca_file=None, check_certificate=False)
        with connect(trusting, uri):
            pass
        assert "is not checked" in next(step.text for step in examine(trusting) if step.is_wrong)
        # The name must be right as well as the authority.
        elsewhere = uri.replace("127.0.0.1", "127.0.0.2")
        with pytest.raises(Unreachable), connect(own, elsewhere):
            pass
    # Without encryption, what is said to another machine can be read on its way.
    for uri, is_risky in ((plain, False), (plain.replace("127.0.0.1", "127.0.0.2"), True)):
        own = filled.settings(uris=(uri,), start_tls=False)
        step = list(examine(own))[1]
        assert "not encrypted" in step.text
        assert (step.is_wrong, step.is_risky) == (False, is_risky)
        site = SimpleNamespace(settings=SimpleNamespace(ldap=own))
        mark = Mark.WARNING if is_risky else Mark.OK
        assert mark in [found.mark for found in check_directory(site) if "not enc" in found.text]
    certified = filled.settings(
        uris=(tls,),
        ca_file=filled.folder / "ca.pem",
        cert_file=filled.folder / "server.pem",
        key_file=filled.folder / "server.key",
        sasl_mechanism="EXTERNAL",
        bind_dn="",
        bind_password="",
    )
    # By our certificate the server knows us; without, there is nothing outside to know us by.
    for uri in (plain, tls):
        with connect(dataclasses.replace(certified, start_tls=True), uri) as connection:
            assert connection.whoami() == f"dn:{READER}"
    unknown = dataclasses.replace(certified, cert_file=None, key_file=None)
    with pytest.raises(Unreachable, match=r"(?i)authentication|mechanism"), connect(unknown, tls):
        pass


def test_the_user_of_a_process_is_known_by_a_socket_and_may_act_for_another(filled):
    own = filled.settings(sasl_mechanism="EXTERNAL", bind_dn="", bind_password="")
    with connect(own, filled.socket_uri) as connection:
        assert connection.whoami() == f"dn:{PEER}"
        assert find_entry(connection, "alice")
    for whom, is_right in ((f"dn:{READER}", True), (f"dn:{ADMIN}", False)):
        acting = dataclasses.replace(own, sasl_authorization_id=whom)
        with (
            contextlib.nullcontext() if is_right else pytest.raises(Unreachable),
            connect(acting, filled.socket_uri) as connection,
        ):
            assert connection.whoami() == whom


@pytest.fixture
def run(monkeypatch, database, settings, filled):
    """Return a function that runs one of the commands; what it says."""

    def run(command, *arguments, code=0, stdin="", **fields):
        own = dataclasses.replace(settings, ldap=filled.settings(**fields))
        ini = ROOT / "development.ini"
        for module in (sync_command, test_command):
            monkeypatch.setattr(module, "open_site", lambda ini: Site(ini, own, database))
        done = CliRunner().invoke(command, [*arguments, "--ini", str(ini)], input=stdin)
        assert done.exit_code == code, (done.output, done.exception)
        return done.output

    return run


def test_sync_tells_does_and_takes_back(run, world, session, filled):
    world.user("root", is_superuser=True)
    sync = sync_command.sync_ldap
    # Two entries that are called the same are one account and a note.
    fields = {"mirror_groups": True, "sync_creates_accounts": True, "page_size": 2}
    dry = run(sync, "--dry-run", **fields)
    assert "user.add alice" in dry
    assert "Nothing was changed." in dry
    assert named(session, "alice") is None
    done = run(sync, **fields)
    assert "twin of the directory has no account" in done
    assert dry.count("\n") == done.count("\n")
    name = done.strip().rpartition(" ")[2]
    assert {g.name for g in named(session, "alice").groups} == {
        "dev",
        "loop",
        "primary",
        "staff",
        "allowed",
    }
    assert {g.name for g in named(session, "bob").groups} == {"wheel"}
    assert "Nothing to change." in run(sync, **fields)
    assert run(sync, "--runs").split() == [name]
    undone = run(sync, "--undo", name)
    assert "note" not in undone
    assert [user.username for user in session.scalars(select(User))] == ["root"]
    assert session.scalars(select(Group)).all() == []
    assert "no run nothing" in run(sync, "--undo", "nothing", code=1)


def test_who_has_gone_is_disabled_and_comes_back(run, browse, world, session, filled):
    world.user("root", is_superuser=True)
    sync = sync_command.sync_ldap
    run(sync, sync_creates_accounts=True)
    fields = {"user_filter": "(&(uid={user})(!(uid=bob)))"}
    filled_out = run(sync, **fields)
    assert "user.disable bob" in filled_out
    assert sign_in(browse(), "bob").status_int == 303  # he is there again, and known by his id
    assert named(session, "bob").is_active
    both = {"user_filter": "(&(uid={user})(!(uid=bob))(!(uid=carol)))"}
    stopped = run(sync, code=1, **both)
    assert "2 of 5 accounts would go at once (bob, carol)" in stopped
    assert named(session, "bob").is_active
    assert "user.disable carol" in run(sync, "--allow-percent", "100", **both)
    # Whom somebody here has disabled does not come back by the directory.
    session.execute(update(User).where(User.username == "bob").values(disabled_by_directory=False))
    session.commit()
    assert "user.activate carol" in run(sync)
    assert not named(session, "bob").is_active
    assert sign_in(browse(), "bob").status_int == 422


def test_an_account_is_linked_on_purpose(run, browse, world, session):
    admin = world.user("admin", is_superuser=True)
    browser = browse()
    browser.sign_in("admin")
    said = run(sync_command.sync_ldap, "--link", "admin")
    assert "admin signs in with the directory now. Its password here has ended." in said
    session.expire_all()
    assert admin.password_hash is None
    assert browser.get("/profile/", expect_errors=True).status_int == 303  # signed out
    visitor = browse()
    assert sign_in(visitor, "admin", PASSWORD).status_int == 422
    assert sign_in(visitor, "admin").status_int == 303
    assert named(session, "admin").is_superuser
    assert "linked to this entry already" in run(sync_command.sync_ldap, "--link", "admin", code=1)
    assert "There is no nobody" in run(sync_command.sync_ldap, "--link", "nobody", code=1)
    carol = world.user("carol")
    template = {"bind_template": f"uid={{user}},{PEOPLE}", "user_base": ""}
    assert "carol signs in with" in run(sync_command.sync_ldap, "--link", "carol", **template)
    session.expire_all()
    assert carol.directory_id.startswith("entryuuid:")


def test_ldap_test_shows_each_step_and_no_password(run, world, session):
    fields = {"mirror_groups": True, "superuser_group": f"cn=bosses,{GROUPS}"}
    command = test_command.ldap_test
    said = run(command, "alice", stdin=f"{password_of('alice')}\n", **fields)
    for part in (
        "lets us in",
        "for (uid=alice)",
        f"sign in as {dn_of('alice')}",
        "account: alice",
        "groups: allowed, dev, loop, primary, staff",
        "superuser: no",
    ):
        assert part in said
    wrong = run(command, "alice", stdin="not it\n", code=1, **fields)
    assert "no: Invalid credentials" in wrong
    looked_up = run(command, "bob", "--no-password", **fields)
    assert f"found {dn_of('bob')}" in looked_up
    assert "mail: (nothing)" in looked_up
    assert "was not found" in run(command, "nobody", "--no-password", code=1)
    # Where people look up themselves, nobody else is asked.
    template = {"bind_template": f"uid={{user}},{PEOPLE}", "bind_dn": "", "bind_password": ""}
    for more in ({}, {"user_base": ""}, fields):
        as_alice = run(command, "alice", stdin=f"{password_of('alice')}\n", **template, **more)
        assert "looked up as themselves" in as_alice
        assert "account: alice" in as_alice
    assert "ask with their password" in run(command, "alice", "--no-password", code=1, **template)
    refused = run(command, "alice", code=1, bind_password="not it")
    assert "See ldap.bind_dn and ldap.bind_password." in refused
    world.user("carol")
    assert "--link carol" in run(command, "carol", stdin=f"{password_of('carol')}\n", code=1)
    for text in (said, wrong, looked_up, refused):
        for secret in (password_of("alice"), READER_PASSWORD, "not it"):
            assert secret not in text
    assert named(session, "alice") is None


def test_without_the_library_the_start_says_what_to_install(browse, run, monkeypatch):
    monkeypatch.setitem(sys.modules, "ldap", None)
    with pytest.raises(SettingError, match=r"bin/python -e '\.\[ldap\]'") as error:
        browse()
    assert "libldap2-dev libsasl2-dev" in str(error.value)
    assert "libldap2-dev" in run(sync_command.sync_ldap, code=1)
    assert "libldap2-dev" in run(test_command.ldap_test, "alice", code=1)


def test_what_is_taken_meanwhile_changes_nothing(filled, database, session, world, monkeypatch):
    world.user("root", is_superuser=True)
    group = Group(name="gone", directory_id="entryuuid:gone")
    session.add(group)
    session.commit()
    plan = sync_module.make_plan

    def meanwhile(here, told, rules):
        session.delete(group)
        session.commit()
        found = plan(here, told, rules)
        found.changes.append(
            Change(Action.EDIT_GROUP, "gone", group="entryuuid:gone", after={"name": "x"})
        )
        return found

    monkeypatch.setattr(sync_module, "make_plan", meanwhile)
    with pytest.raises(DirectoryError, match="at the same moment"):
        sync_module.sync(filled.settings(sync_creates_accounts=True), database)
    assert [user.username for user in session.scalars(select(User))] == ["root"]


def test_a_worker_logs_what_it_could_not_take_over(filled, database, caplog):
    with caplog.at_level(logging.INFO):
        sync_and_log(filled.settings(user_base=f"ou=nowhere,{BASE}"), database)
    assert "Nothing was taken over from the directory" in caplog.text
    caplog.clear()
    # Nor does it fill the log with those who never come in.
    sync_and_log(filled.settings(required_group=f"cn=allowed,{GROUPS}"), database)
    (line,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert "4 notes" in line


def test_dns_are_the_same_however_they_are_written():
    assert same_dn("UID=Alice, OU=People ,dc=x") == same_dn("uid=alice,ou=people,DC=X")
    assert same_dn("cn=a+ou=b,dc=x") == same_dn("OU=B+CN=A,dc=x")
    assert same_dn("cn=a\\,b,dc=x") != same_dn("cn=a,cn=b,dc=x")
    assert same_dn("not a dn") == "not a dn"


class ManyMembers:
    """Answers like Active Directory, which gives the members of a large group in parts."""

    def __init__(self, parts):
        self.parts = dict(parts)

    def search_ext(self, base, scope, condition, attributes, **_):
        return attributes

    def result3(self, asked, timeout):
        found = self.parts.get(asked[0], {})
        return 0, [("cn=g", found)], 0, []


class Unhurried:
    """A transport on which nothing is late."""

    def within(self, _seconds):
        return contextlib.nullcontext()


class NoEnd:
    """Promises more, page after page, and brings nothing."""

    def search_ext(self, *_, **__):
        return 1

    def result3(self, asked, timeout):
        return 0, [], 0, [SimplePagedResultsControl(False, 0, b"more")]


def test_pages_without_anything_have_an_end(filled):
    connection = Connection(filled.settings(), "ldap://x", NoEnd(), Unhurried(), print)
    with pytest.raises(Incomplete, match="empty pages"):
        connection.search("cn=g", "(cn=*)", ["cn"])


def test_a_group_does_not_come_in_parts_for_ever(filled):
    parts = {f"member;range={n}-*": {f"member;range={n}-{n}": [b"x"]} for n in range(2000)}
    parts["cn"] = {"member;range=0-0": [b"x"], "cn": [b"g"]}
    connection = Connection(filled.settings(), "ldap://x", ManyMembers(parts), Unhurried(), print)
    with pytest.raises(Incomplete, match="1,000 parts"):
        connection.search("cn=g", "(cn=*)", ["cn"])


@pytest.mark.parametrize("kept_back", [False, True])
def test_a_group_that_comes_in_parts_is_put_together(filled, kept_back):
    parts = {
        "cn": {"member;range=0-1": [b"a", b"b"], "cn": [b"g"]},
        "member;range=2-*": {} if kept_back else {"member;range=2-3": [b"c", b"d"]},
        "member;range=4-*": {"member;range=4-*": [b"e"]},
    }
    connection = Connection(filled.settings(), "ldap://x", ManyMembers(parts), Unhurried(), print)
    if kept_back:
        with pytest.raises(Incomplete, match="kept back a part of cn=g"):
            connection.search("cn=g", "(cn=*)", ["cn"])
    else:
        (entry,) = connection.search("cn=g", "(cn=*)", ["cn"])
        assert entry.texts("member") == list("abcde")
