"""Two hosts behind a proxy, which share database, broker and files, and are killed in turn."""

from __future__ import annotations

import json
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from ponytracker.cli.deploy_files import deploy_files
from ponytracker.web.static import ONE_YEAR
from tests.integration.client import Client
from tests.integration.production import (
    Crowd,
    Tracker,
    all_mail_has_come,
    everything_is_there,
    mail_goes_on,
    wait_for,
)
from tests.integration.test_front_ends import NGINX
from tests.servers import ROOT, Daemon, free_port, fresh_postgresql, redis, running

CLIENTS = 6
PACE = 0.2
SECONDS = 1.0
"""For so long everybody posts between two faults."""

CONTENT = secrets.token_bytes(50_000)


class Host:
    """A machine with a web server and a worker, which has a folder and an ini file of its own."""

    def __init__(self, tracker: Tracker, name: str) -> None:
        folder = tracker.folder / name
        folder.mkdir()
        self.port = free_port()
        self.ini = ini = tracker.write_ini(folder, **{"http-socket": f"127.0.0.1:{self.port}"})
        self.web = tracker.uwsgi(ini, self.port)
        self.worker = tracker.worker(ini)
        self.public = tracker.url

    def client(self) -> Client:
        """Return a browser that this host answers, as the proxy asks it."""
        return Client(f"http://127.0.0.1:{self.port}", self.public)


def site(folder: Path, hosts: tuple[Host, Host]) -> str:
    """Return the site of the first host, changed as the page says for a proxy by itself."""
    arguments = (str(folder / "deploy"), "--ini", str(hosts[0].ini), "--user", "www-data")
    done = CliRunner().invoke(deploy_files, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    text = (folder / "deploy/nginx/ponytracker.conf").read_text()
    page = (ROOT / "docs/scaling.rst").read_text()
    upstream = re.findall(r"(?ms)^    (upstream ponytracker \{.*?\})$", page)[0]
    for name, host in zip(("10.0.0.11:6543", "10.0.0.12:6543"), hosts, strict=True):
        assert name in upstream
        upstream = upstream.replace(name, f"127.0.0.1:{host.port}")
    text = re.sub(r"(?ms)^upstream ponytracker \{.*?^\}", upstream, text)
    (removed,) = re.findall(r"``(location \^~ \S+)``", page)
    text, count = re.subn(rf"(?ms)^    {re.escape(removed)} \{{.*?^    \}}\n", "", text)
    assert count == 1
    # Nothing is left that is on the hosts alone.
    assert str(ROOT) not in text
    return text.replace("/var/log/nginx/", f"{folder}/")


def nginx(folder: Path, port: int, hosts: tuple[Host, Host]) -> Daemon:
    if not Path("/usr/sbin/nginx").exists():
        pytest.skip("nginx is missing: apt-get install nginx-light")
    (folder / "sites").mkdir()
    (folder / "sites" / "nginx").write_text(site(folder, hosts))
    user = "user root;" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(NGINX.format(folder=folder, user=user))
    log = folder / "nginx-error.log"
    return Daemon(
        "/usr/sbin/nginx", "-e", log, "-c", folder / "nginx.conf",
        folder=folder, name="nginx", port=port,
    )  # fmt: skip


def test_two_hosts(relay_and_port, postgresql_url, tmp_path):
    relay, relay_port = relay_and_port
    broker = redis(tmp_path)
    with fresh_postgresql(postgresql_url, f"scaling_{secrets.token_hex(6)}") as database_url:
        tracker = Tracker(
            tmp_path, database_url, relay_port, subscribers=2,
            **{
                "celery.enabled": "true",
                "celery.broker_url": f"redis://localhost:{broker.port}/0",
                "ponytracker.attachments_dir": f"{tmp_path}/shared",
                "ponytracker.argon2_memory_kib": "32",
            },
        )  # fmt: skip
        one, other = hosts = Host(tracker, "one"), Host(tracker, "other")
        proxy = nginx(tmp_path, tracker.port, hosts)
        with running(broker, one.web, other.web, one.worker, other.worker, proxy):
            signed_in_on_one_and_acting_on_the_other(one, other)
            stylesheet_and_script_come(Client(tracker.url))
            crowd = Crowd(tracker, CLIENTS, pace=PACE)
            crowd.start(issues=True)
            for host in hosts:
                with killed(host.web, crowd):
                    crowd.go_on(SECONDS)
                answered = host.web.output.count(" status=303 ")
                wait_for(
                    lambda host=host, before=answered: (
                        host.web.output.count(" status=303 ") > before
                    ),
                    "the proxy asks it again",
                )
                with killed(host.worker, crowd):
                    crowd.go_on(SECONDS)
                    mail_goes_on(tracker, relay)
            crowd.stop()
            everything_is_there(tracker, crowd, besides=2)
            # Of what a host was about to answer when it was killed, the proxy says 502.
            assert {failure.status for failure in crowd.failures} <= {502}
            assert len(crowd.failures) <= 2 * CLIENTS
            for client in crowd.clients:
                assert client.another().get("/profile/").status == 200
            all_mail_has_come(tracker, relay, twice=2)
            assert len({mail.event_id for mail in relay.taken}) > 4 * CLIENTS
        for host in hosts:
            assert "Traceback" not in host.web.output
        tracker.database.bind.dispose()


def signed_in_on_one_and_acting_on_the_other(one: Host, other: Host) -> None:
    here, there = one.client(), other.client()
    here.sign_in("author0")
    there.cookies.load(here.cookies.output(header="", sep=";"))
    form = here.get("/web/issues/1/").fields("comment-form")
    reply = there.attach(
        "/web/issues/1/comment/", {**form, "comment": "with a file"}, "some.bin", CONTENT
    )
    assert reply.status == 303, reply.text
    page = here.get("/web/issues/1/")
    assert "with a file" in page.text
    (link,) = {
        str(link["href"]) for link in page.select("a[href*='/attachments/']")
    }  # the name and the icon
    assert here.get(link).body == CONTENT
    # What was sent to one host is the same sent again to the other.
    assert here.post("/web/issues/1/comment/", {**form, "comment": "again"}).status == 303
    assert here.get("/web/issues/1/").text.count("with a file") == 1
    for host in (one, other):
        ready = host.client().get("/health/ready")
        assert (ready.status, json.loads(ready.body)["status"]) == (200, "ok")


def stylesheet_and_script_come(client: Client) -> None:
    page = client.get("/login")
    linked = {tag["href"] for tag in page.select("link[rel=stylesheet]")}
    linked |= {tag["src"] for tag in page.select("script[src]")}
    assert len(linked) >= 2
    for link in linked:
        asset = client.get(link.removeprefix(client.public))
        assert asset.status == 200, link
        assert f"max-age={ONE_YEAR}" in asset.headers["Cache-Control"]


@contextmanager
def killed(daemon: Daemon, crowd: Crowd) -> Iterator[None]:
    """Kill *daemon* while the crowd posts, and start it again after the block."""
    before = len(crowd.posted)
    daemon.kill()
    yield
    assert len(crowd.posted) > before
    daemon.start()
