"""A browser without JavaScript for real servers, which can send without waiting for the answer."""

from __future__ import annotations

import dataclasses
import http.client
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

    def _named(self, selector: str) -> dict[str, Any]:
        found = BeautifulSoup(self.text, "html.parser").select(selector)
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
        headers = {
            "Host": urlsplit(self.public).netloc,
            "Cookie": "; ".join(f"{c.key}={c.coded_value}" for c in self.cookies.values()),
        }
        body = None
        if fields is not None:
            body = urlencode(fields)
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            headers["Origin"] = self.public
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
