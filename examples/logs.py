"""How do I keep a value out of my logs, whatever library writes them?"""

import io
import logging

from secretref import Redactor
from secretref.logs import install

redactor = Redactor({"api_key": "pX7-example-key-29b"})
undo = install(redactor)

lines = io.StringIO()
log = logging.getLogger("shipping")
log.addHandler(logging.StreamHandler(lines))  # added later, and covered all the same
log.warning("asking with key %s", "pX7-example-key-29b")
log.warning("half in the format, pX7-example-%s, half in the arguments", "key-29b")
try:
    int("pX7-example-key-29b")
except ValueError:
    log.exception("request failed")
undo()

print(lines.getvalue())
assert lines.getvalue().startswith("asking with key ***\nhalf in the format, ***, half in the arguments\n")
assert "ValueError: invalid literal for int() with base 10: '***'" in lines.getvalue()
assert "pX7-example-key-29b" not in lines.getvalue()
