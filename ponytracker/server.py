"""Serves the tracker with waitress: ``use = egg:ponytracker#waitress`` in an ini file."""

from __future__ import annotations

import errno
import os
import sys
from typing import Any, NoReturn

from waitress import serve_paste


def serve(app: Any, global_conf: dict[str, str], **options: str) -> None:
    """Run until stopped. The options are waitress' own, as in its documentation.

    The port may also come from the command line (``http_port=7001``) or the environment.
    """
    # Whom to believe is for the tracker to say, alike under every server (web/proxy.py).
    options.setdefault("clear_untrusted_proxy_headers", "false")
    options.setdefault("max_request_body_size", str(app.max_body))
    port = global_conf.get("http_port") or os.environ.get("PONYTRACKER_HTTP_PORT")
    if port:
        options["port"] = port
    try:
        serve_paste(app, global_conf, **options)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        _end(
            f"Port {options.get('port')} is in use by another program. Name a free one:"
            " pserve INI http_port=7001, or make serve PORT=7001."
        )


def _end(why: str) -> NoReturn:
    """Say *why* and end with status 1: pserve would make 0 of a `SystemExit`."""
    sys.stderr.write(f"{why}\n")
    sys.stderr.flush()
    os._exit(1)
