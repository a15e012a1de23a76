"""What gunicorn reads where it is started beside this file: gunicorn --paste production.ini

It takes nothing of the section [server:main]. What stands on its command line goes over this.
"""

import os
import sys
from typing import Any

import plaster

from ponytracker import GUNICORN_FAILED
from ponytracker.settings import SettingError, Settings

bind = "127.0.0.1:" + os.environ.get("PONYTRACKER_HTTP_PORT", "6543")
workers = 2
threads = 8

# Whom to believe is for the tracker to say: ponytracker.trusted_proxies.
forwarded_allow_ips = ""
# Octets of the first line of a request: the most that gunicorn can be told.
limit_request_line = 8190
# Seconds in which what is being answered is to be done, once it is told to end.
graceful_timeout = 8
# No socket in somebody's home, where a service has none.
control_socket_disable = True


def on_starting(server: Any) -> None:
    """End by a wrong setting, which each process would find and say for itself."""
    ini = server.cfg.paste
    try:
        Settings.from_ini(plaster.get_settings(ini, "app:main"), server.cfg.paste_global_conf)
    except SettingError as error:
        sys.stderr.write(f"{ini}: {error}\n")
        raise SystemExit(GUNICORN_FAILED) from None
