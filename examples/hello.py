"""How does a task get a value that its record does not show?"""

from secretref import Policy, Resolver, Template
from secretref.providers.memory import MemoryProvider

definition = {"uri": "https://api.example.com/me", "headers": {"Authorization": "Bearer ${workflow.secrets.API_TOKEN}"}}


def call(inputs: dict[str, dict[str, str]]) -> str:
    """Stand in for an HTTP client: the service repeats what it was sent."""
    return f"200 OK for {inputs['headers']['Authorization']}"


resolver = Resolver(MemoryProvider({"API_TOKEN": "pinetree-4711"}), policy=Policy.allow_all())
resolved = resolver.resolve(Template.compile(definition), subject="app:orkes-workers")
reply = call(resolved.reveal())
record = resolved.record(output=reply)

assert reply == "200 OK for Bearer pinetree-4711"
assert record.input == definition
assert record.output == "200 OK for Bearer ***"
assert "pinetree" not in record.model_dump_json() + repr(resolved)
