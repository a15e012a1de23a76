"""Against the application, served by a thread of the test's own, with a proxy before it."""

from __future__ import annotations

import dataclasses
import socket
import threading
from contextlib import contextmanager
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest

from ponytracker.operations.checks import address
from ponytracker.operations.checks.address import Answer, check_address
from ponytracker.settings.parsing import networks
from tests.functional.conftest import make_test_app
from tests.functional.operations.checks.conftest import GOOD
from tests.servers import free_port


class Quiet(WSGIRequestHandler):
    def log_message(self, *_arguments):
        pass


@contextmanager
def serving(app):
    """Serve *app* until the block ends; its address."""
    with make_server("127.0.0.1", 0, app, handler_class=Quiet) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def tracker(settings):
    """The tracker, which trusts proxies at 10.0.0.1 alone."""
    own = {"secret": GOOD, "trusted_proxies": networks("10.0.0.1"), "base_url": "http://127.0.0.1"}
    return make_test_app(dataclasses.replace(settings, **own))


def comes(app, peer, forwarded=None):
    """Return *app* as it is asked by *peer*, with this header or the one that was sent."""

    def proxied(environ, start_response):
        environ["REMOTE_ADDR"] = peer
        if forwarded is not None:
            environ["HTTP_X_FORWARDED_FOR"] = forwarded
        return app(environ, start_response)

    return proxied


def ask(said, app, **over):
    with serving(app) as url:
        over = {"trusted_proxies": networks("10.0.0.1"), **over}
        return said(check_address, base_url=url, **over)


def test_the_tracker_itself(said, tracker):
    first, proxy = ask(said, tracker)
    assert first.startswith("ok Address: this tracker answers at http://127.0.0.1:")
    assert proxy == "ok Proxy: visitors are told apart; we came from 127.0.0.1."


def test_a_proxy_that_tells_who_asks(said, tracker):
    app = comes(tracker, "10.0.0.1", "192.0.2.1, 127.0.0.1")
    assert ask(said, app)[1] == "ok Proxy: visitors are told apart; we came from 127.0.0.1."


def test_a_proxy_that_says_nothing(said, tracker):
    line = ask(said, comes(tracker, "10.0.0.1", ""))[1]
    assert line.startswith("WRONG Proxy: to the tracker all visitors come from the proxy")


def test_a_proxy_that_believes_visitors(said, tracker):
    line = ask(said, comes(tracker, "10.0.0.1"))[1]
    assert line.startswith("WRONG Proxy: it hands on what visitors themselves say")


def test_a_proxy_that_is_not_trusted(said, tracker):
    line = ask(said, comes(tracker, "10.0.0.2"))[1]
    assert line.startswith("WRONG Proxy: to the tracker we came from 10.0.0.2, which is a proxy")


def test_from_a_machine_that_is_trusted_it_cannot_be_told(said, tracker):
    line = ask(said, tracker, trusted_proxies=networks("127.0.0.1"))[1]
    assert line.startswith("ok Proxy: whether it says who asks cannot be told from here")


def test_another_tracker_is_not_this_one(said, tracker):
    (line,) = ask(said, tracker, secret="another-secret-0123456789-abcdefgh")
    assert line.startswith("WRONG Address: at http://127.0.0.1:")
    assert "something else answers (200)" in line


def answering(status, *headers, body=b""):
    def app(_environ, start_response):
        start_response(status, list(headers))
        return [body]

    return app


@pytest.mark.parametrize(
    ("app", "said_of_it"),
    [
        (
            answering("301 x", ("Location", "https://x.example/")),
            "leads on to 'https://x.example/'",
        ),
        (answering("400 x"), "is refused by the name it is asked by"),
        (answering("502 x"), "answers 502: the web server in front does not reach the tracker"),
        (answering("200 x", body=b"<html>"), "something else answers (200)"),
        (answering("200 x", body=b'{"proof": 1}'), "something else answers (200)"),
        (answering("200 x", body=b"[1]"), "something else answers (200)"),
    ],
    ids=["redirect", "other name", "no tracker", "page", "no proof", "no object"],
)
def test_what_else_may_answer(said, app, said_of_it):
    (line,) = ask(said, app)
    assert line.startswith("WRONG Address: ")
    assert said_of_it in line


def test_nobody_answers(said):
    (line,) = said(check_address, base_url=f"http://127.0.0.1:{free_port()}")
    assert "does not answer (ConnectionRefusedError)" in line


def test_somebody_who_speaks_otherwise(said, monkeypatch):
    monkeypatch.setattr(address, "SECONDS", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        (line,) = said(check_address, base_url=f"http://127.0.0.1:{port}")
        assert "does not answer within 0.05 s" in line
    with serving(answering("200 x")) as url:
        monkeypatch.setattr(address, "SECONDS", 20)
        (line,) = said(check_address, base_url=url.replace("http:", "https:"))
        assert "does not speak TLS" in line


def test_a_certificate_that_is_not_trusted(said, certificate):
    _path, context = certificate("127.0.0.1")
    with make_server("127.0.0.1", 0, answering("200 x"), handler_class=Quiet) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        (line,) = said(check_address, base_url=f"https://127.0.0.1:{server.server_port}")
        thread.join()
    assert "has a certificate that this machine does not trust" in line


def test_a_name_that_nobody_knows(said, monkeypatch):
    def fail(*_arguments):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    plain, line = said(check_address, base_url="http://tracker.example.org")
    assert plain.startswith("warn Address: http://tracker.example.org is not https")
    assert "there is no machine named tracker.example.org" in line


def test_what_became_of_the_request_is_told_to_the_doctor_alone(visitor):
    for given in ("", "x", "1.2", f"{'9' * 40}.x", "1234567890." + "0" * 64):
        answer = visitor.get("/health/seen", headers={"X-PonyTracker-Doctor": given})
        assert answer.json == {"status": "ok"}


def test_an_answer_from_far_away(settings):
    seen = Answer(200, "", b"", "9.9.9.9")
    own = dataclasses.replace(settings, trusted_proxies=networks("10.0.0.1"))
    found = address._client(own, seen.source, "8.8.8.8")
    assert found.text == "Proxy: visitors are told apart; we came from 8.8.8.8."
