from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from webob import Request

from ponytracker.settings import Settings
from ponytracker.settings.keys import SettingError
from ponytracker.settings.parsing import networks
from ponytracker.web.proxy import BehindProxy, find_client, is_in, parse_address

TRUSTED = networks("127.0.0.1 ::1 10.0.0.0/8 fd00::/8")

addresses = st.ip_addresses()
proxies = st.one_of(
    st.sampled_from([ipaddress.ip_address("127.0.0.1"), ipaddress.ip_address("::1")]),
    st.ip_addresses(network="10.0.0.0/8"),
    st.ip_addresses(network="fd00::/8"),
)
strangers = addresses.map(lambda address: getattr(address, "ipv4_mapped", None) or address).filter(
    lambda address: not is_in(TRUSTED, address)
)
anything = st.one_of(
    addresses.map(str), st.text(st.characters(codec="latin-1", exclude_characters=",")), st.just("")
)
WAYS = ("{}", " {} ", "[{}]", "[{}]:4711", '"{}"')


@st.composite
def spelled(draw, address):
    ways = WAYS if address.version == 6 else ("{}", " {} ", "{}:4711", '"{}"')
    return draw(st.sampled_from(ways)).format(address)


@given(st.data(), st.lists(anything, max_size=5), strangers, st.lists(proxies, max_size=5))
def test_whatever_a_client_invents_its_address_is_the_last_that_is_no_proxy(
    data, invented, client, chain
):
    told = [data.draw(spelled(address)) for address in (client, *chain[:-1])]
    peer = chain[-1] if chain else ipaddress.ip_address("127.0.0.1")
    if not chain:
        told = [str(client)]
    assert find_client(peer, ",".join([*invented, *told]), TRUSTED) == client


@given(st.lists(proxies, min_size=1, max_size=5))
def test_a_proxy_that_asks_for_itself_is_the_client(chain):
    assert find_client(chain[-1], ",".join(map(str, chain)), TRUSTED) == chain[0]


@given(proxies, proxies, st.lists(anything, max_size=3))
def test_past_what_is_no_address_nothing_is_believed(peer, proxy, invented):
    said = [*invented, "unknown", str(proxy)]
    assert find_client(peer, ",".join(said), TRUSTED) == proxy
    assert find_client(peer, ",".join([*invented, "_hidden"]), TRUSTED) == peer


@given(st.text(max_size=200))
def test_whatever_is_said_finds_an_answer(said):
    peer = ipaddress.ip_address("127.0.0.1")
    assert find_client(peer, said, TRUSTED) is not None
    assert find_client(None, "", TRUSTED) is None


@pytest.mark.parametrize(
    ("said", "address"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("192.0.2.7:80", "192.0.2.7"),
        ("2001:db8::1", "2001:db8::1"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
    ],
)
def test_an_address_in_its_many_spellings(said, address):
    assert str(parse_address(said)) == address


@pytest.mark.parametrize(
    "said", ["", "localhost", "unix:", "unknown", "1.2.3", "1.2.3.4.5", "١.1.1.1"]
)
def test_what_is_no_address(said):
    assert parse_address(said) is None


def read(**ini):
    secret = {"sqlalchemy.url": "sqlite://", "ponytracker.secret": "x" * 32}
    base_url = {"ponytracker.base_url": "https://a.example"}
    return Settings.from_ini(
        {**secret, **base_url, **{f"ponytracker.{k}": v for k, v in ini.items()}}
    )


def test_which_proxies_are_trusted_can_be_said():
    assert list(map(str, read().trusted_proxies)) == ["127.0.0.1/32", "::1/128"]
    assert read(trusted_proxies="none").trusted_proxies == ()
    two = read(trusted_proxies="10.1.2.3 10.2.0.0/16").trusted_proxies
    assert list(map(str, two)) == ["10.1.2.3/32", "10.2.0.0/16"]


@pytest.mark.parametrize(
    "said", ["everyone", "10.0.0.1/8", "10.0.0.0/33", "1.2.3.4,5.6.7.8", "0.0.0.0/0"]
)
def test_what_no_proxy_can_be(said):
    with pytest.raises(
        SettingError, match=r"trusted_proxies' has the value .*: expected addresses"
    ):
        read(trusted_proxies=said)


@pytest.mark.parametrize(
    ("said", "prefix"),
    [
        ("https://a.example/", ""),
        ("https://a.example/tracker/", "/tracker"),
        ("http://a.example:8080/our/tracker", "/our/tracker"),
    ],
)
def test_the_address_of_the_site_may_have_a_path(said, prefix):
    settings = read(base_url=said)
    assert settings.prefix == prefix
    assert settings.base_url == said.rstrip("/")


@pytest.mark.parametrize(
    "said",
    [
        "https://a.example//x",
        "https://a.example/a/../b",
        "https://a.example/%41",
        "https://u:p@a.example",
    ],
)
def test_a_path_that_browsers_would_change(said):
    with pytest.raises(SettingError, match=r"base_url"):
        read(base_url=said)


class Answering:
    """Stands for the tracker: tells what it was asked."""

    registry, max_body = None, 0

    def __call__(self, environ, start_response):
        self.environ = environ
        start_response("200 OK", [])
        return [b""]


def ask(base_url="https://tracker.example.org", trusted="127.0.0.1 ::1", path="/", **headers):
    """Return the status of the answer, and the request as the tracker sees it."""
    settings = Settings(
        database_url="", secret="", base_url=base_url, trusted_proxies=networks(trusted)
    )
    answering = Answering()
    peer = headers.pop("peer", "127.0.0.1")
    request = Request.blank(path, headers={"Host": "tracker.example.org"})
    for name, value in headers.items():
        request.headers[name.replace("_", "-")] = value
        if value is None:
            del request.environ[f"HTTP_{name.upper()}"]
    request.environ["REMOTE_ADDR"] = peer
    answer = request.get_response(BehindProxy(answering, settings))
    return answer, Request(answering.environ) if answer.status_int == 200 else None


STRANGER, PROXY, UNIX = "203.0.113.9", "127.0.0.1", ""


@pytest.mark.parametrize("peer", [PROXY, STRANGER, UNIX])
@pytest.mark.parametrize("host", ["tracker.example.org", "TRACKER.example.org:8443", None])
def test_the_name_of_the_site_is_taken_from_everyone(peer, host):
    _answer, request = ask(peer=peer, Host=host)
    assert request.host_url == "https://tracker.example.org"


FOREIGN = [
    "evil.example",
    "tracker.example.org.evil.example",
    "tracker.example.org@evil.example",
    "evil.example/tracker.example.org",
    "tracker.example.org:evil",
    "tracker.example.org, evil.example",
    "a b",
    "[::1",
    "_",
]


@pytest.mark.parametrize("peer", [PROXY, STRANGER, UNIX])
@pytest.mark.parametrize("host", FOREIGN)
def test_another_name_is_refused_in_words(peer, host):
    answer, _request = ask(peer=peer, Host=host)
    assert answer.status_int == 400
    assert answer.content_type == "text/plain"
    assert "This site is at https://tracker.example.org" in answer.text
    assert "ponytracker.base_url" in answer.text
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Strict-Transport-Security"]


@pytest.mark.parametrize("host", ["127.0.0.1:6543", "[::1]:6543", "localhost", "10.0.0.7"])
def test_a_proxy_that_hands_on_no_name_asks_by_address(host):
    _answer, request = ask(Host=host)
    assert request.host_url == "https://tracker.example.org"
    assert ask(Host=host, peer=STRANGER)[0].status_int == 400


def test_the_name_that_a_trusted_proxy_was_asked_for_counts():
    inner = "backend.internal:8000"
    assert ask(Host=inner)[0].status_int == 400
    assert ask(Host=inner, X_Forwarded_Host="tracker.example.org")[0].status_int == 200
    assert ask(Host=inner, X_Forwarded_Host="x.example, tracker.example.org")[0].status_int == 200
    assert ask(Host=inner, X_Forwarded_Host="tracker.example.org, x.example")[0].status_int == 400
    assert ask(X_Forwarded_Host="evil.example")[0].status_int == 400
    forged = {"Host": "evil.example", "X_Forwarded_Host": "tracker.example.org"}
    assert ask(peer=STRANGER, **forged)[0].status_int == 400
    assert ask(peer=STRANGER, X_Forwarded_Host="evil.example")[0].status_int == 200


@pytest.mark.parametrize("path", ["/health", "/health/", "/health/ready", "/metrics"])
def test_whoever_looks_after_the_machine_may_call_it_what_they_like(path):
    assert ask(path=path, Host="10.0.0.7:8000", peer=STRANGER)[0].status_int == 200
    assert ask(path=f"{path}/x", Host="10.0.0.7:8000", peer=STRANGER)[0].status_int == 400


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "[::1]"])
def test_at_home_all_names_of_this_machine_are_one(name):
    for host in ("localhost:7001", "127.0.0.1:6543", "[::1]:80"):
        _answer, request = ask(base_url=f"http://{name}:6543", Host=host)
        assert request.host == host
    assert ask(base_url=f"http://{name}:6543", Host="evil.example")[0].status_int == 400


def test_a_name_with_other_letters_is_asked_for_as_browsers_write_it():
    _answer, request = ask(base_url="https://bücher.example", Host="xn--bcher-kva.example")
    assert request.host_url == "https://xn--bcher-kva.example"


def test_the_address_of_the_client_is_believed_of_trusted_proxies_alone():
    def seen(**said):
        return ask(**said)[1].remote_addr

    said = {"X_Forwarded_For": f"10.6.6.6, {STRANGER}"}
    assert seen(peer=PROXY, **said) == STRANGER
    assert seen(peer=UNIX, **said) == STRANGER
    assert seen(peer="localhost", **said) == STRANGER
    assert seen(peer="::ffff:127.0.0.1", **said) == STRANGER
    assert seen(peer="198.51.100.1", **said) == "198.51.100.1"
    assert seen(peer=PROXY, trusted="none", **said) == PROXY
    assert seen(peer=PROXY, trusted="127.0.0.1 203.0.113.0/24", **said) == "10.6.6.6"
    assert seen(peer=UNIX) is None or seen(peer=UNIX) == ""
    assert seen(peer=PROXY) == PROXY


@pytest.mark.parametrize(
    ("path", "within"),
    [
        ("/tracker/web/", "/web/"),
        ("/web/", "/web/"),
        ("/tracker", "/"),
        ("/trackers/", "/trackers/"),
        ("/tracker/tracker/x", "/tracker/x"),
    ],
)
def test_the_prefix_is_found_whether_it_is_cut_off_or_not(path, within):
    _answer, request = ask(base_url="https://tracker.example.org/tracker", path=path)
    assert (request.script_name, request.path_info) == ("/tracker", within)


def test_a_proxy_can_say_that_it_has_cut_the_prefix_off():
    site, said = "https://tracker.example.org/tracker", "/tracker/"
    cut = ask(base_url=site, path="/tracker/x", X_Forwarded_Prefix=said)[1]
    assert cut.path_info == "/tracker/x"
    forged = ask(base_url=site, path="/tracker/x", X_Forwarded_Prefix=said, peer=STRANGER)[1]
    assert forged.path_info == "/x"
