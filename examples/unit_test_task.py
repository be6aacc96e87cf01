"""How do I test a task definition without a secret?"""

from secretref import Policy, Resolver, Template
from secretref.errors import ProviderUnavailableError, SecretNotFoundError
from secretref.testing import FakeProvider, assert_no_leak

task = Template.compile(
    {"uri": "https://api.example.org/rates", "headers": {"Authorization": "Bearer ${workflow.secrets.TOKEN}"}}
)

# A canary is a value made for this run. Wherever it turns up, it has leaked there.
provider = FakeProvider()
value = provider.canary("TOKEN", kind="special")
resolver = Resolver(provider, policy=Policy.allow_all())

# The task gets the value; what is recorded does not hold it, in whatever form the answer repeats it.
resolved = resolver.resolve(task, subject="app:orkes-workers")
assert resolved.reveal()["headers"]["Authorization"] == f"Bearer {value}"
record = resolved.record(output={"status": 401, "body": f"bad token: {value.encode().hex()}"})
assert_no_leak([record, record.model_dump_json(), repr(resolved)], value)

# One question for all names of the definition, and no other names.
assert provider.calls == [frozenset({"TOKEN"})]

# What if the secret is not there, or its place does not answer?
outcomes = []
for trouble in (FakeProvider(), FakeProvider(fail_with=TimeoutError("text of others"))):
    try:
        Resolver(trouble, policy=Policy.allow_all()).resolve(task, subject="app:orkes-workers")
    except (SecretNotFoundError, ProviderUnavailableError) as error:
        outcomes.append(error.code)
assert outcomes == ["missing", "unavailable"]
