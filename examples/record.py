"""What is kept of a task, and how does it run again after a failure?"""

from secretref import ExecutionRecord, Policy, Resolver, Template
from secretref.providers.memory import MemoryProvider

template = Template.compile({"url": "postgresql://app:${workflow.secrets.DB_PASSWORD}@db/orders"})
resolver = Resolver(MemoryProvider({"DB_PASSWORD": "s3cr3t/with+odd=bytes"}), policy=Policy.allow_all())


def connect(inputs: dict[str, str]) -> None:
    """Fail as clients do: with the whole URL in the message."""
    raise ConnectionError(f"cannot connect to {inputs['url']}")


resolved = resolver.resolve(template, subject="app:orkes-workers")
try:
    connect(resolved.reveal())
except ConnectionError as error:
    stored = resolved.record(error=error).model_dump_json()

assert "s3cr3t" not in stored
assert "cannot connect to postgresql://app:***@db/orders" in stored

# Later, elsewhere: the record holds the reference, so it needs no value to be run again.
record = ExecutionRecord.model_validate_json(stored)
again = resolver.resolve(Template.compile(record.input), subject="app:orkes-workers")
assert again.reveal() == {"url": "postgresql://app:s3cr3t/with+odd=bytes@db/orders"}
