"""The acts of ``secretref demo``, played with the example's own files, and the search of all they wrote."""

from __future__ import annotations

import io
import logging
import secrets
import traceback
from collections import Counter
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from secretref._encodings import forms
from secretref._policy import Policy
from secretref._redactor import Redactor
from secretref._resolver import Resolver
from secretref.cli._example import FOLDER, example
from secretref.errors import SecretRefError
from secretref.testing import FakeProvider
from secretref.testing._leak import find_leaks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["NAME", "SMUGGLED", "Act", "Searched", "Stage"]

NAME = "post_office_username"
GRANTED, UNGRANTED = "app:orkes-workers", "app:mailroom"
SMUGGLED = f"${{workflow.secrets.{NAME}}}"  # sent by a caller who would like to be told the user id
ADDRESS = {"recipient": "Pines & Needles", "street": "475 Main St", "city": "Clinton", "state": "WA", "zip": "98260"}


@dataclass(frozen=True, slots=True)
class Act:
    """One run of the workflow, and what came of it.

    Attributes:
        key: A word for programs.
        outputs: Outputs of the tasks by reference name; empty when the run failed.
        error: The error's own text.
        wire: Requests as the post office got them; they hold the value, and are never shown.
        fetches: How often the provider was asked.
        events: Audit events by kind.
    """

    key: str
    outputs: dict[str, Any]
    error: str
    wire: tuple[str, ...]
    fetches: int
    events: dict[str, int]

    @property
    def price(self) -> str:
        """The price, once the last task took it out of the answer."""
        return str(self.outputs.get("price", {}).get("result", ""))


@dataclass(frozen=True, slots=True)
class Searched:
    """One place that was searched for the user ids."""

    where: str
    texts: int
    bytes: int
    literal: int  # occurrences of a literal form
    decoded: int  # texts in which decoding, layer by layer, lays eight characters of a value bare

    @property
    def hits(self) -> int:
        """Finds of both searches; they share no code."""
        return self.literal + self.decoded


@dataclass(slots=True)
class Stage:
    """Plays the acts. The user ids are made up for this run and shown nowhere.

    Args:
        folder: Where records and the log are written.
    """

    folder: Path
    printed: io.StringIO = field(default_factory=io.StringIO)
    raised: list[str] = field(default_factory=list)
    _right: str = field(default_factory=lambda: f"421PINE/{secrets.token_hex(6)}+A", repr=False)
    _wrong: str = field(default_factory=lambda: f"421PINE/{secrets.token_hex(6)}+B", repr=False)

    def play(self) -> list[Act]:
        """Run the workflow as it should be, with a wrong user id, for a caller who pries, and without a grant."""
        post_office = example("post_office")
        with self._captured(), post_office.PostOffice(self._right) as office:
            return [
                self._act("delivered", office, user_id=self._right),
                self._act("wrong-user-id", office, user_id=self._wrong),
                self._act("reference-in-data", office, user_id=self._right, street=SMUGGLED),
                self._act("denied", office, user_id=self._right, subject=UNGRANTED),
            ]

    def _act(self, key: str, office: Any, *, user_id: str, subject: str = GRANTED, **changed: str) -> Act:
        provider, events, before = FakeProvider({NAME: user_id}), Counter[str](), len(office.wire)
        policy = Policy.load(FOLDER / "policy.json")
        resolver = Resolver(provider, policy=policy, audit=lambda event: events.update([event.kind]))
        orchestrator = example("orchestrator")
        engine = orchestrator.Orchestrator(
            resolver, subject=subject, records=self.folder / key, environment={"POST_OFFICE": office.url}
        )
        outputs: dict[str, Any] = {}
        error = ""
        try:
            outputs = engine.run(orchestrator.load(FOLDER / "workflow.json"), {**ADDRESS, **changed})
        except (orchestrator.WorkflowError, SecretRefError) as fault:
            error = str(fault)
            self.raised.append("".join(traceback.format_exception(fault)))
        return Act(key, outputs, error, tuple(office.wire[before:]), len(provider.calls), dict(events))

    @property
    def forms(self) -> int:
        """How many literal forms of the two user ids are searched for."""
        return len(self._literals())

    def search(self, acts: list[Act], screen: str) -> list[Searched]:
        """Search what was written, printed and raised; and, to see that the search finds, what went over the wire."""
        files = {str(path): path.read_bytes() for path in sorted(self.folder.rglob("*")) if path.is_file()}
        log = {name: data for name, data in files.items() if name.endswith(".log")}
        records = [data for name, data in files.items() if name not in log]
        wire = [request.encode() for act in acts for request in act.wire]
        return [
            self.searched("records", records),
            self.searched("names of files", [name.encode() for name in files]),
            self.searched("log, all levels", list(log.values())),
            self.searched("tracebacks", [text.encode() for text in self.raised]),
            self.searched("stdout and stderr", [self.printed.getvalue().encode()]),
            self.searched(
                "this screen", [screen.encode(), "".join(screen.split()).encode()]
            ),  # also as if never wrapped
            self.searched("the wire", wire),
        ]

    def searched(self, where: str, texts: list[bytes]) -> Searched:
        """Search *texts* twice: for literal forms, and by decoding."""
        literals = self._literals()
        literal = sum((text.lower() if low else text).count(form) for text in texts for form, low in literals)
        decoded = len(find_leaks(tuple(texts), self._right, self._wrong)) if texts else 0
        return Searched(where, len(texts), sum(map(len, texts)), literal, decoded)

    def _literals(self) -> set[tuple[bytes, bool]]:
        found = (form for value in (self._right, self._wrong) for form in forms(value))
        return {(form.literal.lower() if form.caseless else form.literal, form.caseless) for form in found}

    def definition(self) -> dict[str, Any]:
        """Return the workflow definition."""
        return dict(example("orchestrator").load(FOLDER / "workflow.json"))

    def masked(self, text: str) -> str:
        """Return *text* with the user ids hidden."""
        return str(Redactor({NAME: self._right, f"wrong_{NAME}": self._wrong}).text(text))

    @contextmanager
    def _captured(self) -> Iterator[None]:
        """Send everything logged, at any level, to a file in the folder, and keep what is printed."""
        self.folder.mkdir(parents=True, exist_ok=True)
        root, handler = logging.getLogger(), logging.FileHandler(self.folder / "engine.log", encoding="utf-8")
        level = root.level
        root.addHandler(handler)
        root.setLevel(logging.DEBUG)
        try:
            with redirect_stdout(self.printed), redirect_stderr(self.printed):
                yield
        finally:
            root.setLevel(level)
            root.removeHandler(handler)
            handler.close()
