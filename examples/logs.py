"""How do values stay out of the log, whoever writes it?"""

import io
import logging
from urllib.parse import quote

from secretref import Redactor
from secretref.logs import install

screen = io.StringIO()
log = logging.getLogger("some.library")
log.addHandler(logging.StreamHandler(screen))
value = "pine/tree+4711"


def connect() -> None:
    """Fail as clients do: with the value in the message."""
    raise ConnectionError(f"refused for {value}")


undo = install(Redactor({"post_office_username": value}))
log.warning("GET /ShippingAPI.dll?USERID=%s", quote(value, safe=""))
try:
    connect()
except ConnectionError:
    log.exception("retrying")
undo()

shown = screen.getvalue()
assert shown.startswith("GET /ShippingAPI.dll?USERID=***\nretrying\nTraceback")
assert shown.endswith("ConnectionError: refused for ***\n")
assert "tree" not in shown
