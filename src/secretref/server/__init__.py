"""The secrets service: Conductor's REST API over an encrypted store (extra ``server``)."""

from secretref.errors import MissingExtraError

try:
    import fastapi  # noqa: F401 - asked for here, so that the error names the extra
    import uvicorn  # noqa: F401
except ImportError:
    raise MissingExtraError("server") from None

from secretref.server._app import create_app
from secretref.server._bootstrap import bootstrap
from secretref.server._run import serve
from secretref.server._service import Settings

__all__ = ["Settings", "bootstrap", "create_app", "serve"]
