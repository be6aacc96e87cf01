"""Every secret, authorization, application and token call of conductor-python, one JSON line each.

Runs in an environment that holds nothing but that client: ``python python_calls.py URL`` with the access key in
the two variables the client itself reads.
"""

import json
import logging
import os
import sys

from conductor.client.configuration.configuration import Configuration
from conductor.client.configuration.settings.authentication_settings import AuthenticationSettings
from conductor.client.http.models.create_or_update_application_request import CreateOrUpdateApplicationRequest
from conductor.client.http.models.subject_ref import SubjectRef, SubjectType
from conductor.client.http.models.target_ref import TargetRef, TargetType
from conductor.client.http.models.upsert_group_request import UpsertGroupRequest
from conductor.client.http.models.upsert_user_request import UpsertUserRequest
from conductor.client.orkes.models.access_type import AccessType
from conductor.client.orkes.models.metadata_tag import MetadataTag
from conductor.client.orkes_clients import OrkesClients

logging.disable(logging.CRITICAL)
URL, KEY, SECRET = sys.argv[1], os.environ["CONDUCTOR_AUTH_KEY"], os.environ["CONDUCTOR_AUTH_SECRET"]
clients = OrkesClients(Configuration(server_api_url=URL, authentication_settings=AuthenticationSettings(KEY, SECRET)))
secrets, authorization = clients.get_secret_client(), clients.get_authorization_client()
made = {}


def call(name, client, method, *args, expect=lambda result: True, keep=None, raises=None):
    if not hasattr(client, method):
        outcome = "absent"
    else:
        try:
            result = (
                getattr(client, method)(*args() if callable(args[0]) else args) if args else getattr(client, method)()
            )
            if keep:
                made[keep] = result
            outcome = "ok" if raises is None and expect(result) else f"unexpected {type(result).__name__}"
        except Exception as error:
            outcome = "ok" if raises and type(error).__name__ in raises else f"{type(error).__name__}: {error}"[:300]
    sys.stdout.write(json.dumps({"call": name, "outcome": outcome}) + "\n")
    sys.stdout.flush()


def plain(values):
    return sorted((tag["key"], tag["value"]) if isinstance(tag, dict) else (tag.key, tag.value) for tag in values)


# --- secrets
for key, value in {"needles": "pinetree", "digits": "0042", "word": "true", "object": "12.50", "empty": ""}.items():
    call(f"put_secret ({value or 'empty'})", secrets, "put_secret", key, value)
    call(f"get_secret ({value or 'empty'})", secrets, "get_secret", key, expect=lambda got, value=value: got == value)
call("get_secret (absent)", secrets, "get_secret", "absent", raises=("ApiException",))
call("secret_exists (present)", secrets, "secret_exists", "needles", expect=lambda got: got is True)
call("secret_exists (absent)", secrets, "secret_exists", "nowhere", expect=lambda got: got is False)
call("list_all_secret_names", secrets, "list_all_secret_names", expect=lambda got: {"needles", "digits"} <= set(got))
call("list_secrets_that_user_can_grant_access_to", secrets, "list_secrets_that_user_can_grant_access_to",
     expect=lambda got: "needles" in got)  # fmt: skip
tags = [MetadataTag("org", "sales"), MetadataTag("tier", "gold")]
call("set_secret_tags", secrets, "set_secret_tags", tags, "needles")
call("get_secret_tags", secrets, "get_secret_tags", "needles",
     expect=lambda got: plain(got) == [("org", "sales"), ("tier", "gold")])  # fmt: skip
call("delete_secret_tags", secrets, "delete_secret_tags", tags[:1], "needles")
call(
    "get_secret_tags (after)",
    secrets,
    "get_secret_tags",
    "needles",
    expect=lambda got: plain(got) == [("tier", "gold")],
)
call("delete_secret", secrets, "delete_secret", "empty")
call("secret_exists (deleted)", secrets, "secret_exists", "empty", expect=lambda got: got is False)

# --- applications
request = CreateOrUpdateApplicationRequest(name="shipping")
call(
    "create_application",
    authorization,
    "create_application",
    request,
    keep="application",
    expect=lambda got: got.name == "shipping",
)
app = made["application"].id
call("get_application", authorization, "get_application", app, expect=lambda got: got.id == app)
call("list_applications", authorization, "list_applications",
     expect=lambda got: app in [one["id"] if isinstance(one, dict) else one.id for one in got])  # fmt: skip
call("update_application", authorization, "update_application", CreateOrUpdateApplicationRequest(name="post"), app,
     expect=lambda got: got.name == "post")  # fmt: skip
call("set_application_tags", authorization, "set_application_tags", tags, app)
call("get_application_tags", authorization, "get_application_tags", app, expect=lambda got: len(got) == 2)
call("delete_application_tags", authorization, "delete_application_tags", tags, app)
call("add_role_to_application_user", authorization, "add_role_to_application_user", app, "WORKER")
call("get_user (app:<id>)", authorization, "get_user", f"app:{app}",
     expect=lambda got: [role.name for role in got.roles] == ["WORKER"] and got.application_user)  # fmt: skip
call("remove_role_from_application_user", authorization, "remove_role_from_application_user", app, "WORKER")
call("create_access_key", authorization, "create_access_key", app, keep="key", expect=lambda got: len(got.secret) > 20)
key = made["key"].id
call("get_access_keys", authorization, "get_access_keys", app,
     expect=lambda got: got[0].id == key and "ACTIVE" in repr(got[0].status))  # fmt: skip
call("get_app_by_access_key_id", authorization, "get_app_by_access_key_id", key, expect=lambda got: app in str(got))
call("generate_token", authorization, "generate_token", key, made["key"].secret, expect=lambda got: "token" in got)
call("toggle_access_key_status", authorization, "toggle_access_key_status", app, key,
     expect=lambda got: "INACTIVE" in repr(got.status))  # fmt: skip
call("delete_access_key", authorization, "delete_access_key", app, key)
call(
    "get_user_info_from_token",
    authorization,
    "get_user_info_from_token",
    expect=lambda got: got["id"].startswith("app:"),
)

# --- users and groups
user = UpsertUserRequest("Ann", ["USER"])
call("upsert_user", authorization, "upsert_user", user, "ann@example.com", expect=lambda got: got.name == "Ann")
call("get_user", authorization, "get_user", "ann@example.com", expect=lambda got: got.roles[0].name == "USER")
call("list_users", authorization, "list_users", expect=lambda got: len(got) == 1)
call("list_users (with applications)", authorization, "list_users", *(True,), expect=lambda got: len(got) > 2)
call("upsert_group", authorization, "upsert_group", UpsertGroupRequest("Finance", ["USER"]), "finance",
     expect=lambda got: got.id == "finance")  # fmt: skip
call("get_group", authorization, "get_group", "finance", expect=lambda got: got.description == "Finance")
call("list_groups", authorization, "list_groups", expect=lambda got: len(got) == 1)
call("add_user_to_group", authorization, "add_user_to_group", "finance", "ann@example.com")
call("add_users_to_group", authorization, "add_users_to_group", "finance", [f"app:{app}"])
call("get_users_in_group", authorization, "get_users_in_group", "finance",
     expect=lambda got: "ann@example.com" in [one.id for one in got])  # fmt: skip

# --- permissions
subject = SubjectRef(SubjectType.USER, f"app:{app}")
group = SubjectRef(SubjectType.GROUP, "finance")
for kind in ("SECRET_NAME", "SECRET"):
    if kind not in TargetType.__members__:  # the oldest client knows SECRET only
        call(f"grant_permissions ({kind})", authorization, "absent")
        call(f"get_permissions ({kind})", authorization, "absent")
        continue
    target = TargetRef(TargetType[kind], "needles")
    call(f"grant_permissions ({kind})", authorization, "grant_permissions", subject, target, [AccessType.READ])
    call(f"get_permissions ({kind})", authorization, "get_permissions", target,
         expect=lambda got: [one.id for one in got["READ"]] == [f"app:{app}"])  # fmt: skip
call(
    "grant_permissions (group)", authorization, "grant_permissions", group, target, [AccessType.READ, AccessType.UPDATE]
)
call(
    "grant_permissions (tag)",
    authorization,
    "grant_permissions",
    group,
    TargetRef(TargetType.TAG, "org:sales"),
    [AccessType.READ],
)
call("get_granted_permissions_for_user", authorization, "get_granted_permissions_for_user", f"app:{app}",
     expect=lambda got: got[0].target.id == "needles" and got[0].access == ["READ"])  # fmt: skip
call("get_granted_permissions_for_group", authorization, "get_granted_permissions_for_group", "finance",
     expect=lambda got: len(got) == 2)  # fmt: skip
call("check_permissions", authorization, "check_permissions", f"app:{app}", "SECRET_NAME", "needles",
     expect=lambda got: got["READ"] is True and got["DELETE"] is False)  # fmt: skip
call("remove_permissions", authorization, "remove_permissions", subject, target, [AccessType.READ])
call("get_permissions (after)", authorization, "get_permissions", target,
     expect=lambda got: [one.id for one in got.get("READ", [])] == ["finance"])  # fmt: skip

# --- roles
if hasattr(authorization, "create_role"):
    from conductor.client.http.models.create_or_update_role_request import CreateOrUpdateRoleRequest

    role = lambda *permissions: (CreateOrUpdateRoleRequest(name="keeper", permissions=list(permissions)),)  # noqa: E731
    call("create_role", authorization, "create_role", *role("CREATE_SECRET"))
    call("update_role", authorization, "update_role", "keeper", *role("CREATE_SECRET", "CREATE_APPLICATION"))
else:
    call("create_role", authorization, "create_role")
    call("update_role", authorization, "update_role")
call("get_role", authorization, "get_role", "keeper", expect=lambda got: "keeper" in str(got))
call("list_all_roles", authorization, "list_all_roles", expect=lambda got: len(got) > 5)
call("list_system_roles", authorization, "list_system_roles", expect=lambda got: "ADMIN" in got)
call("list_custom_roles", authorization, "list_custom_roles", expect=lambda got: "keeper" in str(got))
call(
    "list_available_permissions", authorization, "list_available_permissions", expect=lambda got: "CREATE_SECRET" in got
)
call("delete_role", authorization, "delete_role", "keeper")

# --- and away with it
call("remove_user_from_group", authorization, "remove_user_from_group", "finance", "ann@example.com")
call("remove_users_from_group", authorization, "remove_users_from_group", "finance", [f"app:{app}"])
call("delete_group", authorization, "delete_group", "finance")
call("delete_user", authorization, "delete_user", "ann@example.com")
call("delete_application", authorization, "delete_application", app)
call("get_application (deleted)", authorization, "get_application", app, raises=("ApiException",))
