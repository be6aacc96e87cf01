"""Keep values out of logs: of the standard library, structlog, loguru, OpenTelemetry and Sentry, and of the hooks.

``install`` works on the finished line, whatever logger, handler or formatter makes it. The processors of the other
libraries stand in modules of their own: ``secretref.logs.structlog``, ``.loguru``, ``.opentelemetry``, ``.sentry``.
"""

from secretref.logs._guard import Guard, Scope, copy_scope, derive, guarded
from secretref.logs._hooks import install_hooks
from secretref.logs._install import install

__all__ = ["Guard", "Scope", "copy_scope", "derive", "guarded", "install", "install_hooks"]
