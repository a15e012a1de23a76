from __future__ import annotations

import dataclasses

import pytest

from ponytracker.settings import DEVELOPMENT_SECRET, SettingError, Settings
from tests.conftest import ROOT

OWN_SECRET = "Zk3vH0bq7mTn5yXwLr8sJc2fDp9gAe6u"
INI = {
    "sqlalchemy.url": "sqlite:////var/lib/ponytracker/db.sqlite",
    "ponytracker.base_url": "https://tracker.example.org",
    "ponytracker.secret": OWN_SECRET,
}


def read(variables=None, **ini):
    """Read a good ini file with the keys of *ini*, dots as `__`, put over it."""
    over = {name.replace("__", "."): value for name, value in ini.items()}
    return Settings.from_ini({**INI, **over}, variables)


def refusal(variables=None, **ini):
    with pytest.raises(SettingError) as error:
        read(variables, **ini)
    return str(error.value)


def test_a_minimal_file_gives_everything_else_a_default():
    settings = read()
    assert settings.database_url == INI["sqlalchemy.url"]
    assert settings.base_url == "https://tracker.example.org"
    assert settings.secret == OWN_SECRET
    assert (settings.http_port, settings.session_days) == (6543, 30)
    assert (settings.argon2_memory_kib, settings.argon2_rounds) == (65_536, 3)


def test_settings_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        read().secret = "another"


@pytest.mark.parametrize("key", INI)
@pytest.mark.parametrize("raw", ["", "   ", None])
def test_a_missing_key_is_named(key, raw):
    ini = {name: value for name, value in INI.items() if name != key or raw is not None}
    if raw is not None:
        ini[key] = raw
    with pytest.raises(SettingError, match=rf"^key '{key}' is missing: expected .+"):
        Settings.from_ini(ini)


@pytest.mark.parametrize(
    ("key", "raw"),
    [
        ("ponytracker.authserv_id", "mx example"),
        ("ponytracker.base_url", "tracker.example.org"),
        ("ponytracker.base_url", "ftp://tracker.example.org"),
        ("ponytracker.base_url", "https://" + "a" * 64 + ".example.org"),
        ("ponytracker.base_url", "https://"),
        ("ponytracker.base_url", "https://host:port"),
        ("ponytracker.base_url", "https://host:99999"),
        ("ponytracker.base_url", "https://host/?q=1"),
        ("ponytracker.base_url", "https://host/#top"),
        ("http_port", "0"),
        ("http_port", "65536"),
        ("http_port", "http"),
        ("http_port", "-1"),
        ("http_port", "6543.0"),
        ("http_port", "٦٥٤٣"),
        ("http_port", "²"),
        ("ponytracker.session_days", "0"),
        ("ponytracker.session_days", "3651"),
        ("ponytracker.session_days", "a month"),
        ("ponytracker.argon2_memory_kib", "31"),
        ("mail.port", "0"),
        ("mail.tls", "yes"),
        ("mail.default_sender", "PonyTracker"),
        ("mail.default_sender", "a@"),
        ("mail.default_sender", "@b"),
        ("mail.default_sender", "a@b@c"),
        ("mail.default_sender", "a@b\nBcc: c@d"),
        ("ponytracker.sign_up", "maybe"),
        ("ponytracker.argon2_rounds", "0"),
        ("ponytracker.argon2_rounds", "101"),
    ],
)
def test_a_bad_value_is_named_with_its_key_and_what_was_expected(key, raw):
    message = refusal(**{key: raw})
    assert message.startswith(f"key '{key}' has the value '{raw}': expected ")
    assert message.endswith(".")


@pytest.mark.parametrize(
    "raw",
    [
        "nonsense",
        "sqlite3.db",
        "mysql://u:hunter2@host/db",
        "postgresql://u:hunter2@host:port/db",
        "postgresql+asyncpg://u:hunter2@host/db",
        "sqlite+aiosqlite:///hunter2.sqlite",
    ],
)
def test_a_database_that_is_neither_kind_is_refused_without_telling_its_password(raw):
    message = refusal(sqlalchemy__url=raw)
    assert message.startswith("key 'sqlalchemy.url' has a value of ")
    assert "sqlite:///" in message
    assert raw not in message
    assert "hunter2" not in message


@pytest.mark.parametrize("raw", ["sqlite:///tracker.sqlite", "sqlite:///./data/tracker.sqlite"])
def test_a_path_of_sqlite_that_depends_on_the_folder_of_whoever_asks_is_refused(raw):
    message = refusal(sqlalchemy__url=raw)
    assert message.startswith("key 'sqlalchemy.url' has a value of ")
    assert message.endswith("(the path of the file is not a full one, as after four slashes).")


@pytest.mark.parametrize(
    "raw", ["replace-me-with-what-generate-secret-prints", "ChangeMe" * 8, "<your secret>"]
)
def test_a_placeholder_is_refused_by_name(raw):
    message = refusal(ponytracker__secret=raw)
    assert message.startswith("key 'ponytracker.secret' ")
    assert "placeholder" in message
    assert "generate-secret" in message
    assert raw not in message


def test_a_short_secret_is_refused_and_not_shown():
    message = refusal(ponytracker__secret=OWN_SECRET[:31])
    assert "it is too short" in message
    assert "a value of 31 characters" in message
    assert OWN_SECRET[:31] not in message


def test_nothing_secret_is_in_the_repr():
    settings = read(sqlalchemy__url="postgresql://u:hunter2@host/db")
    assert "hunter2" not in repr(settings)
    assert OWN_SECRET not in repr(settings)
    assert "tracker.example.org" in repr(settings)


@pytest.mark.parametrize("origin", ["http://localhost:6543", "http://127.0.0.1", "https://[::1]:1"])
def test_the_development_secret_will_do_on_localhost(origin):
    settings = read(ponytracker__secret=DEVELOPMENT_SECRET, ponytracker__base_url=origin)
    assert settings.is_local


@pytest.mark.parametrize(
    "origin", ["https://tracker.example.org", "http://localhost.example.org", "http://10.0.0.1"]
)
def test_the_development_secret_is_refused_elsewhere(origin):
    message = refusal(ponytracker__secret=DEVELOPMENT_SECRET, ponytracker__base_url=origin)
    assert message.startswith("key 'ponytracker.secret' ")
    assert origin in message
    assert DEVELOPMENT_SECRET not in message


def test_for_development_the_address_follows_the_port():
    ini = {"sqlalchemy.url": "sqlite://", "ponytracker.secret": DEVELOPMENT_SECRET}
    settings = Settings.from_ini(ini, {"http_port": "7001"})
    assert (settings.base_url, settings.http_port) == ("http://localhost:7001", 7001)


def test_an_unknown_key_is_refused_with_the_one_meant():
    message = refusal(ponytracker__sesion_days="3")
    assert message.startswith("key 'ponytracker.sesion_days' is not a key")
    assert "Did you mean 'ponytracker.session_days'?" in message


def test_an_unknown_key_like_no_other_is_refused_without_a_guess():
    message = refusal(ponytracker__zzz="3")
    assert "'ponytracker.zzz'" in message
    assert "Did you mean" not in message


def test_all_that_is_wrong_is_told_at_once():
    message = refusal(ponytracker__zzz="3", http_port="x", ponytracker__secret="short")
    lines = message.splitlines()
    assert len(lines) == 3
    for key in ("ponytracker.zzz", "http_port", "ponytracker.secret"):
        assert sum(f"'{key}'" in line for line in lines) == 1


def test_keys_of_other_programs_are_let_be():
    assert read(**{"jinja2.filters": "x", "pyramid.reload_templates": "true"})


def test_a_variable_goes_over_the_environment_which_goes_over_the_file(monkeypatch):
    assert read(http_port="1001").http_port == 1001
    monkeypatch.setenv("PONYTRACKER_HTTP_PORT", "1002")
    assert read(http_port="1001").http_port == 1002
    assert read({"http_port": "1003"}, http_port="1001").http_port == 1003


def test_what_is_empty_counts_as_not_given(monkeypatch):
    monkeypatch.setenv("PONYTRACKER_HTTP_PORT", "")
    assert read({"http_port": ""}, http_port="1001").http_port == 1001


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        ("PONYTRACKER_DATABASE_URL", "database_url", "postgresql://host/other"),
        ("PONYTRACKER_BASE_URL", "base_url", "https://other.example.org"),
        ("PONYTRACKER_SECRET", "secret", OWN_SECRET[::-1]),
    ],
)
def test_the_environment_may_hold_what_differs_between_machines(monkeypatch, name, field, value):
    monkeypatch.setenv(name, value)
    assert getattr(read(), field) == value


def test_a_database_url_whose_password_would_be_taken_for_its_host():
    """Errors of connecting name the host."""
    refused = refusal(sqlalchemy__url="postgresql://u:hunter@2@host/db")
    assert "write it %40" in refused
    assert "2" not in refused
    url = "postgresql://u:hunter%402@host/db"
    assert read(sqlalchemy__url=url).database_url == url


def test_an_error_names_the_place_that_the_value_came_from(monkeypatch):
    assert refusal({"http_port": "x"}).startswith("variable 'http_port' has the value 'x'")
    monkeypatch.setenv("PONYTRACKER_HTTP_PORT", "y")
    assert refusal().startswith("environment variable PONYTRACKER_HTTP_PORT has the value 'y'")


def test_the_base_url_has_no_slash_at_its_end():
    settings = read(ponytracker__base_url="https://host/tracker/")
    assert settings.base_url == "https://host/tracker"


SENDER = "PonyTracker <tracker@example.org>"
CONTRADICTIONS = {
    "sign-up without mail": (
        {"ponytracker.sign_up": "true"},
        "key 'ponytracker.sign_up' is true without 'mail.default_sender': expected who mail is",
    ),
    "sign-up with accounts from elsewhere": (
        {
            "ponytracker.sign_up": "true",
            "ponytracker.external_auth": "true",
            "mail.default_sender": SENDER,
        },
        "keys 'ponytracker.sign_up' and 'ponytracker.external_auth' are both true",
    ),
    "both kinds of TLS": (
        {"mail.tls": "true", "mail.ssl": "true"},
        "keys 'mail.tls' and 'mail.ssl' are both true",
    ),
    "a name without a password": (
        {"mail.username": "tracker"},
        "keys 'mail.username' and 'mail.password' go together",
    ),
    "a password without a name": (
        {"mail.password": "hunter2"},
        "keys 'mail.username' and 'mail.password' go together",
    ),
}


@pytest.mark.parametrize("case", CONTRADICTIONS)
def test_keys_that_contradict_each_other(case):
    ini, message = CONTRADICTIONS[case]
    refused = refusal(**ini)
    assert message in refused
    assert "hunter2" not in refused


@pytest.mark.parametrize("sender", [SENDER, "tracker@example.org", "Zoë <zoe@example.org>"])
def test_who_mail_is_from(sender):
    settings = read(**{"mail.default_sender": sender, "ponytracker.sign_up": "true"})
    assert settings.mail_default_sender == sender
    assert settings.can_reset_password
    assert settings.can_sign_up


def test_a_sender_that_mail_servers_do_not_take():
    assert "ASCII characters only" in refusal(**{"mail.default_sender": "zoë@example.org"})


def test_without_a_sender_no_password_is_reset():
    assert not read().can_reset_password
    other = read(**{"mail.default_sender": SENDER, "ponytracker.external_auth": "true"})
    assert not other.can_reset_password


def test_the_mail_password_is_secret(monkeypatch):
    settings = read(**{"mail.username": "tracker", "mail.password": "hunter2"})
    assert "hunter2" not in repr(settings)
    monkeypatch.setenv("PONYTRACKER_MAIL_PASSWORD", "other")
    assert read(**{"mail.username": "tracker"}).mail_password == "other"


def test_a_mail_key_that_is_none_is_refused():
    assert "Did you mean 'mail.password'?" in refusal(**{"mail.pasword": "x"})


def keys_of(fields):
    for field in dataclasses.fields(fields):
        if "section" in field.metadata:
            yield from keys_of(field.metadata["section"])
        else:
            yield field.metadata["key"].name


def test_every_key_stands_in_the_sample_file():
    sample = (ROOT / "production.ini").read_text()
    keys = set(keys_of(Settings))
    missing = {key for key in keys if f"\n{key} =" not in sample}
    assert missing == {"http_port"}  # which is the port of [server:main]


def test_a_secret_may_stand_in_a_file_that_the_ini_names(tmp_path):
    path = tmp_path / "secret"
    path.write_text(f"{OWN_SECRET}\n")
    assert read(ponytracker__secret="", ponytracker__secret_file=str(path)).secret == OWN_SECRET


def test_a_secret_may_stand_in_a_file_that_the_environment_names(tmp_path, monkeypatch):
    path = tmp_path / "secret"
    path.write_text("of the environment, which goes over the ini file")
    monkeypatch.setenv("PONYTRACKER_SECRET_FILE", str(path))
    assert read().secret == "of the environment, which goes over the ini file"
    monkeypatch.setenv("PONYTRACKER_SECRET", "of the environment itself, which goes first")
    assert read().secret == "of the environment itself, which goes first"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, r"cannot be read: No such file"),
        (b"", "which is empty"),
        (b"\xff" * 40, "it is no UTF-8 text"),
        (b"x" * 70_000, "which is too large"),
    ],
)
def test_a_file_that_holds_no_secret_is_named(tmp_path, content, why):
    path = tmp_path / "secret"
    if content is not None:
        path.write_bytes(content)
    text = refusal(ponytracker__secret="", ponytracker__secret_file=str(path))
    assert f"key 'ponytracker.secret_file' names the file {path}" in text
    assert why in text


def test_a_file_that_holds_a_secret_is_named_by_its_full_path(tmp_path, monkeypatch):
    (tmp_path / "secret").write_text(OWN_SECRET)
    monkeypatch.chdir(tmp_path)
    why = " names the file secret: expected its full path, which begins with /."
    text = refusal(ponytracker__secret="", ponytracker__secret_file="secret")
    assert text == f"key 'ponytracker.secret_file'{why}"
    monkeypatch.setenv("PONYTRACKER_SECRET_FILE", "secret")
    assert refusal() == f"environment variable PONYTRACKER_SECRET_FILE{why}"


def test_what_a_file_holds_is_not_shown(tmp_path):
    path = tmp_path / "secret"
    path.write_text("replace-me-with-something-secret")
    text = refusal(ponytracker__secret="", ponytracker__secret_file=str(path))
    assert text.startswith("key 'ponytracker.secret_file', the file ")
    assert "replace-me" not in text


def test_a_secret_is_in_the_ini_or_in_a_file(tmp_path):
    text = refusal(ponytracker__secret_file="/run/secret")
    assert "keys 'ponytracker.secret' and 'ponytracker.secret_file' are both set" in text


def secrets_of(fields):
    for field in dataclasses.fields(fields):
        if "section" in field.metadata:
            yield from secrets_of(field.metadata["section"])
        elif field.metadata["key"].secret:
            yield field


def test_every_secret_may_come_from_the_environment_and_is_in_no_repr():
    sample = (ROOT / "production.ini").read_text().partition("[app:main]")[0]
    secrets = list(secrets_of(Settings))
    assert len(secrets) >= 9
    for field in secrets:
        key = field.metadata["key"]
        assert key.env, key.name
        assert f"#   {key.env} " in sample, key.env
        assert not field.repr, key.name


EXTRA = ".venv/bin/uv pip install --python .venv/bin/python -e '.[%s]'"


@pytest.mark.parametrize("extra", ["ldap", "s3"])
def test_the_sample_file_says_how_an_extra_is_installed(extra):
    assert f"# {EXTRA % extra}\n" in (ROOT / "production.ini").read_text()


def test_attachments_in_s3(monkeypatch):
    keys = {"ponytracker__s3_access_key": "a", "ponytracker__s3_secret_key": "very secret"}
    url = {"ponytracker__attachments_url": "s3://our-bucket/a/b/"}
    settings = read(**url, **keys, ponytracker__s3_endpoint="https://s3.example.org:9000/")
    assert settings.s3.place == ("our-bucket", "a/b/")
    assert settings.s3.endpoint == "https://s3.example.org:9000"
    assert read(ponytracker__attachments_url="s3://our-bucket").s3.place.prefix == ""
    assert "very secret" not in repr(settings)
    assert "both or neither" in refusal(**url, ponytracker__s3_access_key="a")
    both = refusal(**url, ponytracker__attachments_dir="/var/lib/files")
    assert "are both set: expected at most one of them" in both
    with monkeypatch.context() as patch:
        patch.setattr("importlib.util.find_spec", lambda _name: None)
        assert f"checkout: {EXTRA % 's3'}" in refusal(**url)
        assert read().s3.place is None


@pytest.mark.parametrize(
    ("key", "raw"),
    [
        ("attachments_url", "https://bucket/"),
        ("attachments_url", "s3://"),
        ("attachments_url", "s3://Bucket_1/"),
        ("attachments_url", "s3://bucket/a?b"),
        ("attachments_url", "s3://bucket/a//b"),
        ("attachments_url", "s3://bucket/" + "a" * 201),
        ("s3_endpoint", "s3.example.org"),
        ("s3_endpoint", "https://user@s3.example.org"),
        ("s3_endpoint", "https://s3.example.org:x"),
        ("s3_region", "eu central"),
    ],
)
def test_bad_keys_of_s3(key, raw):
    assert f"key 'ponytracker.{key}' has the value '{raw}': expected " in refusal(
        **{f"ponytracker__{key}": raw}
    )
