"""The keys of a directory."""

from __future__ import annotations

import re
from configparser import ConfigParser
from textwrap import dedent

import pytest

from tests.conftest import ROOT
from tests.unit.test_settings import read, refusal

ON = {"ldap.uri": "ldaps://one.example.org ldap://two.example.org:1389", "ldap.user_base": "dc=x"}


def test_without_an_address_there_is_no_directory():
    assert not read().ldap.is_on
    assert not read(**{"ldap.user_base": "dc=x"}).ldap.can_list


def test_the_servers_are_in_order_and_encrypted_unless_that_is_switched_off():
    ldap = read(**ON).ldap
    assert ldap.uris == ("ldaps://one.example.org", "ldap://two.example.org:1389")
    assert (ldap.start_tls, ldap.check_certificate, ldap.can_list) == (True, True, True)
    assert read(**ON, **{"ldap.email_attribute": "-"}).ldap.email_attribute == ""


@pytest.mark.parametrize(
    ("key", "raw"),
    [
        ("ldap.uri", "ldap.example.org"),
        ("ldap.uri", "https://ldap.example.org"),
        ("ldap.uri", "ldap://"),
        ("ldap.uri", "ldap://host:port"),
        ("ldap.uri", "ldap://host/dc=x"),
        ("ldap.user_base", "people"),
        ("ldap.user_filter", "uid={user}"),
        ("ldap.user_filter", "(uid=alice)"),
        ("ldap.user_filter", "(&(uid={user})"),
        ("ldap.user_filter", "(uid={user}))((x=y)"),
        ("ldap.bind_template", "EXAMPLE\\{user}"),
        ("ldap.bind_template", "uid=alice,dc=x"),
        ("ldap.email_attribute", "the mail"),
        ("ldap.sasl_mechanism", "PLAIN"),
        ("ldap.first", "both"),
        ("ldap.max_disable_percent", "101"),
        ("ldap.ca_file", "ca.pem"),
    ],
)
def test_a_bad_value_is_named(key, raw):
    assert refusal(**{**ON, key: raw}).startswith(f"key '{key}' has the value '{raw}': expected ")


@pytest.mark.parametrize(
    ("ini", "said"),
    [
        ({"ldap.user_base": ""}, "'ldap.user_base' and 'ldap.bind_template'"),
        ({"ldap.mirror_groups": "true"}, "'ldap.group_base' is missing"),
        ({"ldap.bind_dn": "cn=x"}, "'ldap.bind_dn' and 'ldap.bind_password' go together"),
        (
            {
                "ldap.bind_dn": "cn=x",
                "ldap.bind_password": "hunter2",
                "ldap.sasl_mechanism": "gssapi",
            },
            "at most one",
        ),
        ({"ldap.sasl_mechanism": "gssapi"}, "expected 'ldap.uri' to have no ldaps://"),
        ({"ldap.cert_file": "/x"}, "'ldap.cert_file' and 'ldap.key_file' go together"),
    ],
)
def test_keys_that_do_not_go_together_are_named(ini, said):
    message = refusal(**{**ON, **ini})
    assert said in message
    assert "hunter2" not in message


def test_the_password_is_secret(monkeypatch):
    monkeypatch.setenv("PONYTRACKER_LDAP_PASSWORD", "hunter2")
    settings = read(**ON, **{"ldap.bind_dn": "cn=x"})
    assert settings.ldap.bind_password == "hunter2"
    assert "hunter2" not in repr(settings)


SAMPLES = re.findall(
    r"^(\w[\w ]+)\n~+\n\n::\n\n((?:    .*\n)+)",
    (ROOT / "docs/install/ldap.rst").read_text(),
    re.MULTILINE,
)


@pytest.mark.parametrize(("name", "sample"), SAMPLES, ids=[name for name, _sample in SAMPLES])
def test_the_samples_of_the_guide_are_understood(name, sample):
    assert name in ("OpenLDAP", "Active Directory", "FreeIPA")
    parser = ConfigParser()
    parser.read_string(f"[app:main]\n{dedent(sample)}")
    ldap = read(**parser["app:main"]).ldap
    assert ldap.can_list
    assert ldap.needs_groups


def test_the_guide_has_a_sample_for_each_directory():
    assert len(SAMPLES) == 3
