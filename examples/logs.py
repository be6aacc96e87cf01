"""How do values stay out of the log, whoever writes it?"""

import io
import logging
from urllib.parse import quote

from secretref import Redactor
from secretref.logs import install

screen = io.StringIO()
logging.basicConfig(stream=screen, format="%(levelname)s %(message)s", force=True)
value = "pine/tree+4711"

undo = install(Redactor({"post_office_username": value}))
try:
    logging.getLogger("some.library").warning("GET /ShippingAPI.dll?USERID=%s", quote(value, safe=""))
    try:
        raise ConnectionError(f"refused for {value}")
    except ConnectionError:
        logging.getLogger("another").exception("retrying")
finally:
    undo()

shown = screen.getvalue()
assert shown.startswith("WARNING GET /ShippingAPI.dll?USERID=***\nERROR retrying\n")
assert "ConnectionError: refused for ***" in shown
assert "pine" not in shown.replace('f"refused for {value}"', "")
