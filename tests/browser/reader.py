"""Someone with a browser, who looks at each page they come to as strictly as nobody else would."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, Locator, Response, ViewportSize

HERE = Path(__file__).parent
AUDIT = (HERE / "audit.js").read_text()
CONTRAST = (HERE / "contrast.js").read_text()

PHONE: ViewportSize = {"width": 390, "height": 844}
DESKTOP: ViewportSize = {"width": 1280, "height": 900}

# A picture, style or script that the policy has stopped is said on the console too, but not by
# every version of the browser; this event comes where JavaScript is on.
SAY_VIOLATIONS = """
document.addEventListener('securitypolicyviolation', event =>
  console.error('violates the policy:', event.violatedDirective, event.blockedURI))
"""


class Reader:
    """A page of a browser, and all that went wrong on it: see `look`."""

    def __init__(self, context: BrowserContext, url: str, *, scripts: bool) -> None:
        self.url = url
        self.scripts = scripts
        self.problems: list[str] = []
        self.posts: list[str] = []
        context.add_init_script(SAY_VIOLATIONS)
        self.page = context.new_page()
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.problems.append(f"script error: {error}"))
        self.page.on("dialog", lambda dialog: self.problems.append(f"dialog: {dialog.message}"))
        self.page.on("request", self._asked)
        self.page.on("response", self._answered)

    def _heard(self, message) -> None:  # type: ignore[no-untyped-def]
        # Of an answer with an error status we hear anyway, and some of them are wanted.
        if message.type in ("error", "warning") and not message.text.startswith("Failed to load"):
            self.problems.append(f"console: {message.text}")

    def _asked(self, request) -> None:  # type: ignore[no-untyped-def]
        if not request.url.startswith((f"{self.url}/", "data:")):
            self.problems.append(f"a request to {request.url}")
        if request.method == "POST":
            self.posts.append(urlsplit(request.url).path)

    def _answered(self, response: Response) -> None:
        if response.status >= 400 and not response.request.is_navigation_request():
            self.problems.append(f"{response.status} for {response.url}")

    def go(self, path: str, *, status: int = 200) -> None:
        """Go to *path* of the site, and look at it."""
        response = self.page.goto(self.url + path)
        self.look(response, status)

    def press(self, what: str | Locator, *, within: str = "body", status: int = 200) -> None:
        """Press the button or link called *what*, which leads to a page, and look at that."""
        if isinstance(what, str):
            place = self.page.locator(within)
            named = place.get_by_role("button", name=what, exact=True)
            what = named.or_(place.get_by_role("link", name=what, exact=True)).first
        with self.page.expect_navigation() as navigation:
            what.click()
        self.look(navigation.value, status)

    def look(self, response: Response | None, status: int = 200) -> None:
        """Check that the page at hand is sound, on a phone and on a desk, and well answered."""
        path = urlsplit(self.page.url).path
        if response is not None:
            assert response.status == status, f"{path}: {response.status}"
        self.problems += self.page.evaluate(AUDIT)
        own = self.page.viewport_size
        for viewport in (PHONE, DESKTOP) if own == DESKTOP else (DESKTOP, PHONE):
            self.page.set_viewport_size(viewport)
            wide = self.page.evaluate("document.documentElement.scrollWidth")
            if wide > viewport["width"]:
                self.problems.append(f"{wide} pixels wide on a screen of {viewport['width']}")
        assert not self.problems, (path, self.problems)

    def has(self, text: str) -> bool:
        """Return whether *text* is shown on the page."""
        return self.page.get_by_text(text).first.is_visible()

    def sign_in(self, username: str, password: str) -> None:
        self.go("/login")
        self.page.get_by_label("Username").fill(username)
        self.page.get_by_label("Password").fill(password)
        self.press("Sign in", within="main")
