"""A browser without JavaScript for real servers, which can send without waiting for the answer."""

from __future__ import annotations

import dataclasses
import http.client
import secrets
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlencode, urlsplit

from bs4 import BeautifulSoup

PASSWORD = "correct horse battery staple"
SECONDS = 60
"""After this long without an answer, a server counts as hanging."""


@dataclasses.dataclass(frozen=True)
class Reply:
    """What a server has answered."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    def fields(self, form: str) -> dict[str, Any]:
        """Return the hidden fields of the form with this id, by their names."""
        return self._named(f"#{form} input[type=hidden]")

    def button(self, form: str, name: str) -> dict[str, Any]:
        """Return what pressing the button *name* of the form with this id sends."""
        return self._named(f"#{form} button[name={name}]")

    def select(self, selector: str) -> Any:
        """Return the elements of the page that a CSS *selector* finds."""
        return BeautifulSoup(self.text, "html.parser").select(selector)

    def _named(self, selector: str) -> dict[str, Any]:
        found = self.select(selector)
        assert found, self.text
        return {str(field["name"]): str(field.get("value", "")) for field in found}


class Client:
    """Keeps one connection and its cookies.

    With the address *public* it asks as a proxy does that serves the site there.
    """

    def __init__(self, url: str, public: str = "") -> None:
        self.url = url
        self.public = public or url
        self.cookies: SimpleCookie = SimpleCookie()
        self.connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=SECONDS)

    def another(self) -> Client:
        """Return a client of the same person, with a connection of its own."""
        twin = Client(self.url, self.public)
        twin.cookies.load(self.cookies.output(header="", sep=";"))
        return twin

    def send(self, method: str, path: str, fields: dict[str, Any] | None = None) -> None:
        """Send a request; `receive` waits for what comes back."""
        if fields is None:
            self._send(method, path)
        else:
            kind = "application/x-www-form-urlencoded"
            self._send(method, path, urlencode(fields).encode(), kind)

    def _send(self, method: str, path: str, body: bytes | None = None, kind: str = "") -> None:
        headers = {
            "Host": urlsplit(self.public).netloc,
            "Cookie": "; ".join(f"{c.key}={c.coded_value}" for c in self.cookies.values()),
        }
        if body is not None:
            headers |= {"Content-Type": kind, "Origin": self.public}
        self.connection.request(method, path, body, headers)

    def receive(self) -> Reply:
        response = self.connection.getresponse()
        for cookie in response.headers.get_all("Set-Cookie", []):
            self.cookies.load(cookie)
        return Reply(response.status, response.headers, response.read())

    def get(self, path: str) -> Reply:
        self.send("GET", path)
        return self.receive()

    def head(self, path: str) -> Reply:
        self.send("HEAD", path)
        return self.receive()

    def post(self, path: str, fields: dict[str, Any]) -> Reply:
        self.send("POST", path, fields)
        return self.receive()

    def attach(self, path: str, fields: dict[str, Any], name: str, content: bytes) -> Reply:
        """Post a form with a file, chosen in its field ``files``."""
        boundary = secrets.token_hex(16)
        parts = [
            f'--{boundary}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'
            for key, value in fields.items()
        ]
        parts.append(
            f'--{boundary}\r\nContent-Disposition: form-data; name="files";'
            f' filename="{name}"\r\nContent-Type: application/octet-stream\r\n\r\n'
        )
        body = "".join(parts).encode() + content + f"\r\n--{boundary}--\r\n".encode()
        self._send("POST", path, body, f"multipart/form-data; boundary={boundary}")
        return self.receive()

    def sign_in(self, username: str, password: str = PASSWORD) -> Reply:
        """Sign in, and return the page that this leads to."""
        fields = self.get("/login").fields("login-form")
        reply = self.post("/login", {**fields, "username": username, "password": password})
        assert reply.status == 303, reply.text
        while reply.status == 303:
            reply = self.get(urlsplit(reply.headers["Location"]).path)
        return reply

    def add_project(self, name: str) -> None:
        fields = self.get("/add/").fields("project-form")
        fields |= {"name": name, "display_name": name, "access": "public"}
        assert self.post("/add/", fields).status == 303
