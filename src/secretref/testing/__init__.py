"""For tests of code that uses secrets: canaries, a fake provider, a search for leaks, a contract."""

from secretref.testing._contract import ProviderContract
from secretref.testing._fake import FakeProvider, canary
from secretref.testing._leak import assert_no_leak

__all__ = ["FakeProvider", "ProviderContract", "assert_no_leak", "canary"]
