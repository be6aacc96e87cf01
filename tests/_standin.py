"""A redactor by plain replacement, and a probe that finds a canary wherever an object keeps it."""

import gc
import types

from secretref._exceptions import redacted
from secretref._objects import rewrite
from secretref._redactor import Redactor

SECRET = "c4nary-Vq9x/Zr7+Lm2="
NUMBER = "4929471812345678"
MARK = "***"
_OPAQUE = (type, types.ModuleType, types.FunctionType, types.BuiltinFunctionType, types.MethodType)


def text(shown):
    for value in (SECRET, NUMBER):
        if value in shown:
            shown = shown.replace(value, MARK)
    return shown


def data(raw):
    for value in (SECRET.encode(), NUMBER.encode()):
        if value in raw:
            raw = raw.replace(value, MARK.encode())
    return raw


def exception(error):
    return redacted(error, text=text, data=data, mark=MARK)


def redact(value, **options):
    return rewrite(value, text=text, data=data, mark=MARK, exception=exception, **options)


def leaks(value):
    """List the types of everything reachable from *value* that holds or shows a canary; code is not followed."""
    found, seen, stack = [], {}, [value]
    while stack:
        one = stack.pop()
        if id(one) in seen or isinstance(one, _OPAQUE):
            continue
        seen[id(one)] = one
        if len(seen) < 50:
            try:
                shown = f"{one!r} {one!s}"
            except Exception:
                shown = ""
        else:
            shown = one if type(one) is str else ""
        raw = one if isinstance(one, bytes | bytearray) else b""
        shown += repr(getattr(one, "__dict__", ""))[:10_000] if len(seen) < 50 else ""
        if any(secret in shown or secret.encode() in raw for secret in (SECRET, NUMBER)):
            found.append(type(one).__name__)
        stack += gc.get_referents(one)
        if isinstance(one, BaseException):
            stack += [one.args, one.__cause__, one.__context__, getattr(one, "__dict__", None)]
    return found


def redactor(**values):
    """The real one, for the same canaries."""
    return Redactor({"secret": SECRET, "number": NUMBER, **values})
