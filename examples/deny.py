"""What happens when a subject asks for a secret that nobody granted?"""

from secretref import Grant, Policy, Resolver, Template
from secretref.errors import AccessDeniedError
from secretref.testing import FakeProvider

policy = Policy(grants=[Grant("app:orkes-workers", "post_office_username")])
provider = FakeProvider({"post_office_username": "pinetree-4711"})
resolver = Resolver(provider, policy=policy)
template = Template.compile("${workflow.secrets.post_office_username} ${workflow.secrets.no_such_secret}")

try:
    resolver.resolve(template, subject="app:mailroom")
except AccessDeniedError as error:
    denied = error.names

assert denied == {"post_office_username", "no_such_secret"}  # all of them; it is not told which exist
assert provider.calls == []  # nothing was fetched before everything was granted
assert not policy.explain("app:mailroom", "post_office_username").allowed
