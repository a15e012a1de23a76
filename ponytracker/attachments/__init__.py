"""Files attached to issues: kept in a store (store.py), named by rows (keeping.py), shown."""

from typing import Any

from ponytracker.attachments.keeping import STORE
from ponytracker.attachments.opening import make_store
from ponytracker.attachments.store import MB
from ponytracker.web.bodies import accept_larger

_FORM = r"/[^/]+/issues/(?:add|[0-9]+/(?:comment|edit|comments/[0-9]+/edit))/?"
_UPLOAD = r"/[^/]+/issues/(?:[0-9]+/(?:comments/[0-9]+/)?)?upload/?"


def includeme(config: Any) -> None:
    settings = config.registry["ponytracker.settings"]
    store = make_store(settings)
    if store is not None:
        accept_larger(config, _UPLOAD, settings.attachment_max_mb * MB)
        accept_larger(config, _FORM, settings.attachments_issue_max_mb * MB)
    config.registry["ponytracker.attachments"] = store
    config.registry["ponytracker.database"].info[STORE] = store
    config.scan("ponytracker.attachments.views")
    config.scan("ponytracker.attachments.upload_views")
