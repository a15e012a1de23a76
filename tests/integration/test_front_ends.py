"""nginx and Apache before uwsgi: as ``deploy-files`` sets them up, and as others do.

All before one uwsgi, which takes both HTTP and its own protocol, at https://tracker.example.org/tracker.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import secrets
import shutil
import socket
import ssl
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingTCPServer
from threading import Thread

import pytest
from click.testing import CliRunner

from ponytracker.cli.deploy_files import deploy_files
from ponytracker.db import Database, make_engine
from tests.databases import migrate
from tests.integration.client import SECONDS, Client
from tests.integration.conftest import create_superusers
from tests.integration.test_servers import copy_ini
from tests.relay import make_authority
from tests.servers import BIN, ROOT, Daemon, free_port

HOST = "tracker.example.org"
ADDRESS = f"https://{HOST}/tracker"
BROWSER = "127.0.0.2"
"""Where the browser is: not an address from which a proxy is trusted."""

ASSETS: dict[str, str] = json.loads((ROOT / "ponytracker/static/manifest.json").read_text())
MODULES = Path("/usr/lib/apache2/modules")
NEEDED = (Path("/usr/sbin/nginx"), Path("/usr/sbin/apache2"), MODULES / "mod_proxy_uwsgi.so")

DEPLOYED = ("nginx, http", "nginx, uwsgi", "apache2, http", "apache2, uwsgi")
AWAY = tuple(
    f"{program}, {how}"
    for program in ("nginx", "apache2")
    for how in ("nobody listens", "it hangs up", "no socket")
)
"""Sites as `DEPLOYED` whose tracker does not answer, and how."""

OTHERS = {
    "nginx, prefix cut off": """
server {{
    listen 127.0.0.1:{port} ssl;
    ssl_certificate {folder}/relay.pem;
    ssl_certificate_key {folder}/relay.key;
    client_max_body_size 128m;
    location /tracker/ {{
        proxy_pass http://127.0.0.1:{http}/;
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        proxy_set_header X-Forwarded-Host $host;
    }}
}}
""",
    # As in the guide of the first PonyTracker: Apache adds X-Forwarded-For and -Host by itself.
    # What browsers send by names like it is left out, as docs/install.rst says.
    "apache2, prefix cut off": """
Listen 127.0.0.1:{port}
<VirtualHost *:{port}>
    SSLEngine on
    SSLCertificateFile {folder}/relay.pem
    SSLCertificateKeyFile {folder}/relay.key
    RequestHeader unset X_Forwarded_For
    RequestHeader unset X_Forwarded-For
    RequestHeader unset X-Forwarded_For
    <Location /tracker/>
        ProxyPass http://127.0.0.1:{http}/
        ProxyPassReverse http://127.0.0.1:{http}/
    </Location>
</VirtualHost>
""",
}

NGINX = """
daemon off;
{user}
pid {folder}/nginx.pid;
error_log {folder}/nginx-error.log;
events {{}}
http {{
    include /etc/nginx/mime.types;
    access_log {folder}/nginx-access.log;
    client_body_temp_path {folder}/nginx-body;
    proxy_temp_path {folder}/nginx-proxy;
    uwsgi_temp_path {folder}/nginx-uwsgi;
    fastcgi_temp_path {folder}/nginx-fastcgi;
    scgi_temp_path {folder}/nginx-scgi;
    include {folder}/sites/nginx*;
}}
"""

APACHE = """
ServerRoot {folder}
ServerName localhost
PidFile {folder}/apache2.pid
ErrorLog {folder}/apache2-error.log
CustomLog {folder}/apache2-access.log "%h %t \\"%r\\" %>s \\"%{{Referer}}i\\""
Mutex file:{folder} default
{user}
{modules}
TypesConfig /etc/mime.types
Include {folder}/sites/apache2*
"""

LOADED = "mpm_event authz_core alias mime headers ssl socache_shmcb proxy proxy_http proxy_uwsgi"


class FrontEnds:
    """Two web servers with their sites, each on a port, and the uwsgi behind them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ports = {name: free_port() for name in (*DEPLOYED, *AWAY, *OTHERS)}
        self.plain_ports = {name: free_port() for name in (*DEPLOYED, *AWAY)}
        self.http = free_port()
        # Not in pytest's own folder, which the web servers' workers may not enter.
        self.sockets = Path(tempfile.mkdtemp(prefix="sockets-"))
        self.sockets.chmod(0o755)
        # Each connection ends as soon as it is there.
        self.hanging_up = ThreadingTCPServer(("127.0.0.1", 0), BaseRequestHandler)
        self.backends = {
            "http": f"http-socket = 127.0.0.1:{self.http}",
            "uwsgi": f"socket = {self.sockets}/web.sock",
            "nobody listens": f"http-socket = 127.0.0.1:{free_port()}",
            "it hangs up": f"http-socket = 127.0.0.1:{self.hanging_up.server_address[1]}",
            "no socket": f"socket = {folder}/none.socket",
        }
        authority, _context = make_authority(folder, HOST)
        self.tls = ssl.create_default_context(cafile=str(authority))
        (folder / "sites").mkdir()
        for name in (*DEPLOYED, *AWAY):
            self._deploy(name)
        for name, site in OTHERS.items():
            text = site.format(port=self.ports[name], folder=folder, http=self.http)
            (folder / "sites" / _one_word(name)).write_text(text)

    def _deploy(self, name: str) -> None:
        """Write the site that the command makes of an ini file which differs in ports alone."""
        program, backend = name.split(", ")
        word = _one_word(name)
        ini = self.folder / word
        ini.mkdir()
        copy_ini(
            ini,
            self.http,
            **{
                "ponytracker.base_url": f"https://{HOST}:{self.ports[name]}/tracker",
                "ponytracker.attachments_dir": f"{self.folder}/attachments",
            },
        )
        text = (ini / "production.ini").read_text()
        text = re.sub(r"(?m)^http-socket =.*", self.backends[backend], text)
        (ini / "production.ini").write_text(text)
        done = CliRunner().invoke(
            deploy_files,
            [
                str(ini / "deployed"),
                *("--ini", str(ini / "production.ini")),
                *("--user", "www-data"),
                *("--http-port", str(self.plain_ports[name])),
                *("--certificate", str(self.folder / "relay.pem")),
                *("--certificate-key", str(self.folder / "relay.key")),
            ],
            catch_exceptions=False,
        )
        assert done.exit_code == 0, done.output
        site = (ini / "deployed" / program / "ponytracker.conf").read_text()
        site = re.sub(r"/var/log/\w+/", f"{ini}/", site)
        # What one site calls its own, two sites in one program cannot.
        site = site.replace("upstream ponytracker", f"upstream {word}")
        site = re.sub(r"(http://|uwsgi_pass )ponytracker;", rf"\1{word};", site)
        site = site.replace("shared:ponytracker:", f"shared:{word}:")
        site = site.replace("log_format ponytracker", f"log_format {word}")
        site = site.replace(".log ponytracker if", f".log {word} if")
        site = site.replace("$ponytracker_is_logged", f"${word}_is_logged")
        (self.folder / "sites" / word).write_text(site)

    def daemons(self) -> list[Daemon]:
        folder, is_root = self.folder, os.geteuid() == 0
        shutil.copy("/etc/nginx/uwsgi_params", folder)
        (folder / "nginx.conf").write_text(
            NGINX.format(folder=folder, user="user root;" if is_root else "")
        )
        modules = "\n".join(
            f"LoadModule {name}_module {MODULES}/mod_{name}.so" for name in LOADED.split()
        )
        user = "User www-data\nGroup www-data" if is_root else ""
        (folder / "apache2.conf").write_text(
            APACHE.format(folder=folder, user=user, modules=modules)
        )
        nginx = ("/usr/sbin/nginx", "-e", folder / "nginx-error.log", "-c", folder / "nginx.conf")
        apache2 = ("/usr/sbin/apache2", "-f", folder / "apache2.conf", "-DFOREGROUND")
        one_port = {name.split(",")[0]: port for name, port in self.ports.items()}
        return [
            Daemon(*nginx, folder=folder, name="nginx", port=one_port["nginx"]),
            Daemon(*apache2, folder=folder, name="apache2", port=one_port["apache2"]),
        ]

    def client(self, name: str) -> Browser:
        return Browser(self.ports[name], self.tls)


def _one_word(name: str) -> str:
    return re.sub(r"\W+", "_", name)


class Browser(Client):
    """A browser that is led to a port of this machine, and checks who answers there.

    `said` are headers that it sends with each request: what somebody may have forged.
    """

    def __init__(self, port: int, tls: ssl.SSLContext) -> None:
        super().__init__(ADDRESS, ADDRESS)
        self.connection = http.client.HTTPSConnection(
            HOST, port, timeout=SECONDS, context=tls, source_address=(BROWSER, 0)
        )
        self.connection._create_connection = (  # type: ignore[attr-defined]
            lambda _address, *rest: socket.create_connection(("127.0.0.1", port), *rest)
        )
        self.said: dict[str, str] = {}
        self._request = self.connection.request
        self.connection.request = self._ask  # type: ignore[method-assign]

    def _ask(self, method: str, path: str, body: object, headers: dict[str, str]) -> None:
        path = path if path.startswith("/tracker") else f"/tracker{path}"
        origin = {"Origin": f"https://{HOST}"} if body is not None else {}
        self._request(method, path, body, {**headers, **origin, **self.said})


@pytest.fixture(scope="module")
def front_ends(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FrontEnds]:
    for path in NEEDED:
        if not path.exists():
            pytest.skip("missing: apt-get install nginx-light apache2 libapache2-mod-proxy-uwsgi")
    folder = tmp_path_factory.mktemp("front-ends")
    found = FrontEnds(folder)
    url = f"sqlite:///{folder}/ponytracker.sqlite"
    engine = make_engine(url)
    with engine.execution_options(sqlite_begin="IMMEDIATE").begin() as connection:
        migrate(connection)
    create_superusers(Database(engine), "admin")
    engine.dispose()
    copy_ini(folder, found.http, **{"ponytracker.base_url": ADDRESS})
    arguments = ["--uwsgi-socket", found.sockets / "web.sock", "--ini-paste-logged"]
    if os.geteuid() == 0:
        arguments[:0] = ["--chown-socket", ":www-data"]
    tracker = Daemon(
        *(BIN / "uwsgi", *arguments, "production.ini"),
        folder=folder,
        name="uwsgi",
        port=found.http,
        PONYTRACKER_DATABASE_URL=url,
        PONYTRACKER_ATTACHMENTS_DIR=f"{folder}/attachments",
    )
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, found.sockets)
        stack.enter_context(found.hanging_up)
        Thread(target=found.hanging_up.serve_forever, daemon=True).start()
        stack.callback(found.hanging_up.shutdown)
        for daemon in (tracker, *found.daemons()):
            stack.callback(daemon.stop)
            daemon.start()
        yield found


@pytest.fixture(params=(*DEPLOYED, *OTHERS))
def client(request: pytest.FixtureRequest, front_ends: FrontEnds) -> Browser:
    return front_ends.client(request.param)


FORGED = {
    "X-Forwarded-For": "203.0.113.7",
    "X-Forwarded-Prefix": "/elsewhere",
    "X-Forwarded-Proto": "http",
    "X-Real-IP": "203.0.113.7",
    # Python knows a header with underscores by the same name as the one with hyphens.
    **{
        f"X{one}Forwarded{other}{name}": value
        for one, other in ("__", "_-", "-_")
        for name, value in (
            ("For", "203.0.113.7"),
            ("Host", "evil.example"),
            ("Prefix", "/tracker"),
        )
    },
    "Forwarded": "for=203.0.113.7;proto=http;host=evil.example",
    "SCRIPT_NAME": "/elsewhere",
    "REMOTE_ADDR": "203.0.113.7",
}


def test_scheme_host_prefix_and_client_are_right_whatever_somebody_forges(client):
    client.said = FORGED
    asked = client.get("/admin/")
    assert (asked.status, asked.headers["Location"].partition("?")[0]) == (303, f"{ADDRESS}/login")
    page = client.sign_in("admin")
    assert page.headers["Strict-Transport-Security"]
    for cookie in client.cookies.values():
        assert (cookie["secure"], cookie["httponly"], cookie["path"]) == (True, True, "/tracker")
    page = client.get("/profile/")
    assert BROWSER in page.text
    assert "203.0.113.7" not in page.text
    addresses = re.findall(r'(?:href|action|src)="([^"#]+)', page.text)
    assert addresses
    assert all(address.startswith("/tracker/") for address in addresses)
    form = client.get("/add/").fields("project-form")
    name = f"p{secrets.token_hex(4)}"
    fields = {**form, "name": name, "display_name": name, "access": "public"}
    added = client.post("/add/", fields)
    assert added.headers["Location"].startswith(f"{ADDRESS}/{name}/")
    assert name in client.get(f"/{name}/issues/?q=is%3Aopen+a%2Fb").text


def test_static_files_are_kept_for_a_year(client):
    asset = client.get(f"/static/{ASSETS['ponytracker.css']}")
    assert asset.status == 200
    assert asset.body == (ROOT / "ponytracker/static" / ASSETS["ponytracker.css"]).read_bytes()
    assert asset.headers["Content-Type"].startswith("text/css")
    assert "max-age=31536000" in asset.headers["Cache-Control"]
    assert asset.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("name", DEPLOYED)
def test_logs_hold_nothing_that_proves_who_somebody_is(front_ends, name):
    secret, marker = secrets.token_hex(8), f"/{secrets.token_hex(8)}"
    client = front_ends.client(name)
    client.said = {"Referer": f"{ADDRESS}/reset/?key={secret}"}
    for path in (f"/login?key={secret}", f"/unsubscribe/{secret}", f"/unsubscribe/{secret}/"):
        client.get(path)
    client.get(marker)
    (log,) = (front_ends.folder / _one_word(name)).glob("*access*.log")
    deadline = time.monotonic() + SECONDS
    while marker not in log.read_text():
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)
    assert "/tracker/login" in log.read_text()
    assert secret not in log.read_text()


def test_no_log_of_a_front_end_tells_them_while_the_tracker_is_away(front_ends):
    secret = secrets.token_hex(8)
    paths = [f"/tracker/login/reset?token={secret}", f"/tracker/unsubscribe/{secret}/"]
    for name in AWAY:
        client = front_ends.client(name)
        client.said = {"Referer": f"https://{HOST}{paths[0]}"}
        for path in paths:
            client.connection.close()  # Apache hangs up too, on all but the first request
            assert client.get(path).status in (502, 503)
            # And where http is led to https.
            plain = http.client.HTTPConnection("127.0.0.1", front_ends.plain_ports[name], SECONDS)
            plain.request("GET", path, headers={"Host": HOST, **client.said})
            assert plain.getresponse().status == 301
            plain.close()
    logs = [path for path in front_ends.folder.rglob("*.log") if path.stat().st_size]
    assert {"nginx", "apache2"} <= {path.parent.name.partition("_")[0] for path in logs}
    assert [str(path) for path in logs if secret in path.read_text()] == []


def test_another_name_and_what_is_too_large_are_refused(client):
    large = client.post("/login", {"username": "x" * 5_000_000})
    assert large.status == 413
    assert "larger than 4 MiB" in large.text
    client.connection.close()
    client.said = {"Host": "evil.example"}
    assert client.get("/").status == 400
