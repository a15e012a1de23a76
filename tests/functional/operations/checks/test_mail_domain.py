"""Against a name server of the test's own."""

from __future__ import annotations

import socket
import threading

import dns.flags
import dns.message
import dns.rcode
import dns.resolver
import dns.rrset
import pytest

from ponytracker.operations.checks import mail_domain
from ponytracker.operations.checks.mail_domain import check_mail_domain

ZONE = {
    ("good.pony.dev.", "TXT"): ['"unrelated"', '"v=spf1 a:mail.good.pony.dev " "-all"'],
    ("_dmarc.good.pony.dev.", "TXT"): ['"v=DMARC1; p=reject"'],
    ("good.pony.dev.", "MX"): ["10 mail.good.pony.dev."],
    ("twice.pony.dev.", "TXT"): ['"v=spf1 -all"', '"v=spf1 a -all"'],
    ("bare.pony.dev.", "A"): ["192.0.2.7"],
}


@pytest.fixture
def name_server(monkeypatch):
    """Let the checks ask a name server that knows `ZONE` alone."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))

        def serve():
            while True:
                packet, client = server.recvfrom(4096)
                if packet == b"end":
                    return
                asked = dns.message.from_wire(packet)
                question = asked.question[0]
                name, kind = question.name.to_text(), dns.rdatatype.to_text(question.rdtype)
                answer = dns.message.make_response(asked)
                answer.flags |= dns.flags.RA
                if records := ZONE.get((name, kind)):
                    answer.answer.append(dns.rrset.from_text(name, 60, "IN", kind, *records))
                elif name not in {known for known, _kind in ZONE}:
                    answer.set_rcode(dns.rcode.NXDOMAIN)
                server.sendto(answer.to_wire(), client)

        thread = threading.Thread(target=serve)
        thread.start()
        resolver = dns.resolver.Resolver(configure=False)
        resolver.nameservers = ["127.0.0.1"]
        resolver.port = server.getsockname()[1]
        resolver.lifetime = 20
        monkeypatch.setattr(mail_domain, "make_resolver", lambda: resolver)
        yield resolver
        server.sendto(b"end", server.getsockname())
        thread.join()


def test_a_domain_as_it_should_be(said, name_server):
    lines = said(
        check_mail_domain,
        mail_default_sender="Tracker <t@good.pony.dev>",
        reply_email="reply@good.pony.dev",
    )
    assert lines == [
        "ok DNS of good.pony.dev: v=spf1 a:mail.good.pony.dev -all",
        "ok DNS of good.pony.dev: mail for it goes to mail.good.pony.dev.",
    ]


def test_what_a_domain_may_lack(said, name_server):
    spf, dmarc, mx = said(
        check_mail_domain, mail_default_sender="t@none.pony.dev", reply_email="r@none.pony.dev"
    )
    assert spf.startswith("warn DNS of none.pony.dev: it does not say who may send mail for it")
    assert dmarc.startswith("warn DNS of none.pony.dev: there is no DMARC policy")
    assert mx.startswith("WRONG DNS of none.pony.dev: it has neither MX nor address")
    spf, _dmarc, mx = said(
        check_mail_domain, mail_default_sender="t@twice.pony.dev", reply_email="r@bare.pony.dev"
    )
    assert spf.startswith("WRONG DNS of twice.pony.dev: it has 2 records of SPF")
    assert mx == (
        "ok DNS of bare.pony.dev: mail for it goes to the machine of that name, without an MX."
    )


def test_without_a_name_server_it_is_not_known(said, name_server):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        name_server.port = silent.getsockname()[1]
        name_server.lifetime = 0.01
        (line,) = said(check_mail_domain, mail_default_sender="t@good.pony.dev")
    assert line == "? DNS of good.pony.dev: could not be asked (LifetimeTimeout)."


def test_names_that_are_nobodys_are_not_looked_up(said):
    for name in ("tracker.example.org", "mail.example", "x.test"):
        (line,) = said(check_mail_domain, reply_email=f"reply@{name}")
        assert line.startswith(f"warn DNS of {name}: it is a name for examples")


def test_names_of_this_machine_alone_are_not_looked_up(said):
    assert said(check_mail_domain, mail_default_sender="t@localhost") == []
    assert said(check_mail_domain) == []
