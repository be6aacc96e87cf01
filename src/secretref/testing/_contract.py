"""The tests that every provider must pass, ours and others'."""

from __future__ import annotations

import asyncio
import copy
import pickle
from concurrent.futures import ThreadPoolExecutor
from inspect import isawaitable
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from secretref.errors import ProviderError, SecretRefError
from secretref.testing._fake import canary
from secretref.testing._leak import assert_no_leak

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from secretref.providers import SecretProvider

_EXACT = (
    "x",
    " blank before and after ",
    "ends with one line feed\n",
    "ends with\r\n",
    "two\n\n",
    "\n",
    "\ttab",
    "line\r\nbreaks\rof\nall kinds",
    "\ufeffbyte order mark",
    "NUL \0 within",
    "Zoë, naïve, \u0065\u0301 decomposed, 𝔘𝔫𝔦𝔠𝔬𝔡𝔢, \u2028 and \u200b",
    "'single' \"double\" `back` \\ \\n \\1 $HOME ${HOME} $(id) %s %(x)s {0} {{ }} #hash",
    "${workflow.secrets.OTHER}",
    '{"user": "ann", "port": 5432}',
    "0042",
    "true",
    "null",
    "=a=b&c=d;e",
    "-----BEGIN KEY-----\nMIIB\n-----END KEY-----\n",
    "long " * 2_000,
)
_HOSTILE = (
    "",
    " ",
    ".",
    "..",
    "../PRESENT",
    "./PRESENT",
    "x/../PRESENT",
    "/etc/passwd",
    "..\\PRESENT",
    "%2e%2e%2fPRESENT",
    "PRESENT\0",
    "PRESENT\n",
    "PRESENT\n\n",
    " PRESENT",
    "PRESENT ",
    "PRESENT.",
    "PRESENT/",
    "PRESENT?version=1",
    "PRESENT#",
    "PRESENT;id",
    "$(id)",
    "`id`",
    "'; DROP TABLE secrets; --",
    "--help",
    "-",
    "*",
    "PRESEN?",
    "[P]RESENT",
    "https://example.org/PRESENT",
    "\ud800",
    "\u202ePRESENT",
    "PRESENТ",  # the last letter is Cyrillic
    "PRESENT\u0301",
    "__class__",
    "{name}",
    "${workflow.secrets.PRESENT}",
    "N" * 256,
    "N" * 100_000,
)


class ProviderContract:
    """What every provider promises, as tests; pytest finds them in a subclass whose name starts with ``Test``.

    Override ``provider``. Override ``can_hold`` when some values cannot be kept where the provider looks, and
    ``broken`` to prove that failures are silent.
    """

    def provider(self, values: Mapping[str, str], tmp_path: Path) -> SecretProvider:
        """Build a provider that has exactly *values*; *tmp_path* is an empty folder of its own.

        Args:
            values: Names of 1 to 255 of ``A-Z a-z 0-9 _ -``, and their values.
            tmp_path: For providers that read files.
        """
        raise NotImplementedError

    def can_hold(self, value: str) -> bool:
        """Tell whether *value* can be kept there at all; an environment variable, say, cannot hold a NUL."""
        del value
        return True

    def broken(self, values: Mapping[str, str], tmp_path: Path) -> SecretProvider | None:
        """Build a provider that has *values* near but cannot be asked, or return None if that cannot be arranged."""
        del values, tmp_path
        return None

    def test_a_missing_name_is_absent(self, tmp_path: Path) -> None:
        """Absent, not None, not empty, and no exception."""
        provider = self.provider({"PRESENT": canary()}, tmp_path)
        assert set(_fetch(provider, "PRESENT", "MISSING")) == {"PRESENT"}
        assert _fetch(provider, "MISSING") == {}

    def test_no_names_no_values(self, tmp_path: Path) -> None:
        """Asked for nothing, a provider answers nothing."""
        assert _fetch(self.provider({"PRESENT": canary()}, tmp_path)) == {}

    def test_nothing_unasked_is_returned(self, tmp_path: Path) -> None:
        """Neighbours stay where they are, similar names included."""
        names = ("A", "a", "AB", "A_B", "A-B", "B")
        values = {name: canary() for name in names}
        provider = self.provider(values, tmp_path)
        for name in names:
            assert _fetch(provider, name) == {name: SecretStr(values[name])}

    def test_values_are_sealed(self, tmp_path: Path) -> None:
        """Values are ``SecretStr``, so that printing an answer shows none."""
        value = canary("special")
        answer = _fetch(self.provider({"PRESENT": value if self.can_hold(value) else canary()}, tmp_path), "PRESENT")
        assert [type(found) for found in answer.values()] == [SecretStr]

    def test_values_are_exact(self, tmp_path: Path) -> None:
        """No character changes: line ends, blanks, NUL, byte order marks and quotes included."""
        candidates = (*_EXACT, *(canary(kind) for kind in ("alphanumeric", "special", "multiline")))
        values = {f"V{number}": value for number, value in enumerate(candidates) if self.can_hold(value)}
        answer = _fetch(self.provider(values, tmp_path), *values)
        changed = [name for name, value in values.items() if answer.get(name) != SecretStr(value)]
        assert not changed, f"changed or missing: {changed}"

    def test_many_names_at_once(self, tmp_path: Path) -> None:
        """A document may refer to many secrets; each gets its own value, and the missing ones are absent."""
        values = {f"NAME_{number}": canary() for number in range(40)}
        answer = _fetch(self.provider(values, tmp_path), *values, *(f"OTHER_{number}" for number in range(40)))
        assert answer.keys() == values.keys()
        assert all(answer[name] == SecretStr(value) for name, value in values.items())

    def test_hostile_names_find_nothing(self, tmp_path: Path) -> None:
        """A name is a name: no path, pattern, option, address or statement."""
        value = canary()
        provider = self.provider({"PRESENT": value}, tmp_path)
        for number, name in enumerate(_HOSTILE):
            try:
                answer = dict(_fetch(provider, name))
            except SecretRefError as error:
                assert_no_leak(error, value)
                answer = {}
            assert answer == {}, f"hostile name {number} was found"
        assert set(_fetch(provider, "PRESENT")) == {"PRESENT"}

    def test_it_shows_no_value(self, tmp_path: Path) -> None:
        """``repr``, ``str``, ``format`` and attributes are silent, before and after a fetch."""
        value = canary()
        provider = self.provider({"PRESENT": value}, tmp_path)
        for _ in range(2):
            assert_no_leak([repr(provider), str(provider), f"{provider}", f"{provider!a:>80}"], value)
            assert_no_leak(provider, value)
            _fetch(provider, "PRESENT")

    def test_it_cannot_carry_values_away(self, tmp_path: Path) -> None:
        """Pickling or copying is refused, or takes the configuration only."""
        value = canary()
        provider = self.provider({"PRESENT": value}, tmp_path)
        _fetch(provider, "PRESENT")
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            try:
                pickled = pickle.dumps(provider, protocol)
            except Exception as error:  # noqa: BLE001 - any refusal will do
                pickled = str(error).encode()
            assert_no_leak(pickled, value)
        for copied in (copy.copy, copy.deepcopy):
            try:
                assert_no_leak(repr(copied(provider)), value)
            except TypeError as error:
                assert_no_leak(error, value)

    def test_async_and_sync_agree(self, tmp_path: Path) -> None:
        """Whatever twins there are give one answer, on an event loop and off it."""
        values = {"A": canary(), "B": canary()}
        provider = self.provider(values, tmp_path)
        expected = {name: SecretStr(value) for name, value in values.items()}
        for method in ("fetch", "afetch", "refetch", "arefetch"):
            if hasattr(provider, method):
                assert _call(provider, method, "A", "B", "MISSING") == expected
                assert asyncio.run(_acall(provider, method, "A", "B", "MISSING")) == expected

    def test_exists_tells_names_only(self, tmp_path: Path) -> None:
        """If it can look names up without values, it finds what ``fetch`` finds."""
        provider = self.provider({"A": canary(), "B": canary()}, tmp_path)
        if hasattr(provider, "exists"):
            assert provider.exists(frozenset({"A", "MISSING", "../A", ""})) == {"A"}

    def test_threads_get_their_own_answers(self, tmp_path: Path) -> None:
        """No value crosses from one thread's answer into another's."""
        values = {f"NAME_{number}": canary() for number in range(8)}
        provider = self.provider(values, tmp_path)
        asked = list(values) * 8
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda name: dict(_fetch(provider, name)), asked, timeout=60))
        for name, answer in zip(asked, answers, strict=True):
            assert answer == {name: SecretStr(values[name])}, "a value crossed over"

    def test_failing_is_loud_and_silent(self, tmp_path: Path) -> None:
        """A provider that cannot be asked raises ``ProviderError``, and nothing of that holds a value."""
        value = canary()
        provider = self.broken({"PRESENT": value}, tmp_path)
        if provider is None:
            return
        failure = None
        try:
            _fetch(provider, "PRESENT", "MISSING")
        except ProviderError as error:
            failure = error
        assert failure is not None, "no ProviderError was raised"
        assert failure.__cause__ is None
        assert failure.__context__ is None
        assert_no_leak(failure, value)


def _fetch(provider: SecretProvider, *names: str) -> Mapping[str, SecretStr]:
    return _call(provider, "fetch", *names)


def _call(provider: object, method: str, *names: str) -> Mapping[str, SecretStr]:
    answer: Any = getattr(provider, method)(frozenset(names))
    if isawaitable(answer):

        async def wait() -> Any:
            return await answer

        answer = asyncio.run(wait())
    found: Mapping[str, SecretStr] = answer
    return found


async def _acall(provider: object, method: str, *names: str) -> Mapping[str, SecretStr]:
    answer: Any = getattr(provider, method)(frozenset(names))
    found: Mapping[str, SecretStr] = await answer if isawaitable(answer) else answer
    return found
