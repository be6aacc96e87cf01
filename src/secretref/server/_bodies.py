"""Bodies of requests and answers, in Orkes' field names. What a client sends is never echoed in an error."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Path
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr
from pydantic.alias_generators import to_camel

__all__ = [
    "AccessKeyBody", "ApplicationBody", "AuditBody", "AuthorizationBody", "CreatedKeyBody", "ErrorBody", "Explanation",
    "GrantBody", "GrantedTarget", "GroupBody", "GroupChange",
    "Id", "Key", "Message", "NameChange", "Names", "Outcome", "Outcomes", "Permission", "Permissions",
    "RoleBody", "RoleChange", "SecretBody", "SignIn", "SubjectBody", "Tag", "TargetBody", "TokenBody", "UserBody",
    "UserChange", "VariableBody", "VersionBody",
]  # fmt: skip


def _upper(value: Any) -> Any:
    return value.upper() if isinstance(value, str) else value


def _target_type(value: Any) -> Any:
    upper = _upper(value)
    return "SECRET_NAME" if upper == "SECRET" else upper


Key = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,255}$", description="Name of a secret or variable.")]
Id = Annotated[str, Path(min_length=1, max_length=512, pattern=r"^[^\x00-\x1f\x7f/\\]+$")]
_Word = Annotated[str, Field(min_length=1, max_length=512, pattern=r"^[^\x00-\x1f\x7f]+$")]
_Line = Annotated[str, Field(max_length=1024, pattern=r"^[^\x00-\x1f\x7f]*$")]
Access = Annotated[Literal["CREATE", "READ", "UPDATE", "DELETE", "EXECUTE"], BeforeValidator(_upper)]
Permission = Literal[
    "CREATE_SECRET", "CREATE_APPLICATION", "MANAGE_ENVIRONMENT", "CREATE_METADATA", "MANAGE_APPLICATIONS",
    "MANAGE_WORKFLOWS", "EXECUTE_TASKS", "EXECUTE_ALL_TASKS",
]  # fmt: skip
SubjectType = Annotated[Literal["USER", "ROLE", "GROUP"], BeforeValidator(_upper)]
TargetType = Annotated[
    Literal[
        "APPLICATION", "CLUSTER_CONFIG", "DOMAIN", "ENV_VARIABLE", "INTEGRATION", "INTEGRATION_PROVIDER", "PROMPT",
        "SCHEMA", "SECRET_NAME", "TAG", "TASK_DEF", "USER", "USER_FORM_TEMPLATE", "WEBHOOK", "WORKFLOW", "WORKFLOW_DEF",
        "WORKFLOW_SCHEDULE",
    ],
    BeforeValidator(_target_type),
]  # fmt: skip


class _Body(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, hide_input_in_errors=True)


class ErrorBody(_Body):
    """What went wrong, without a word of the request."""

    status: int
    message: str
    instance: str
    retryable: bool
    error: Literal["EXPIRED_TOKEN", "INVALID_TOKEN"] | None = None
    validation_errors: list[dict[str, str]] | None = None


class Message(_Body):
    """What was done."""

    message: str


class Tag(_Body):
    """A label; the SDKs send a type too, which means nothing here."""

    key: _Word
    value: _Line = ""
    type: Literal["METADATA", "RATE_LIMIT"] | None = "METADATA"


class SignIn(_Body):
    """An access key. Signing in by e-mail and password is not offered and always refused."""

    key_id: str | None = Field(None, max_length=512)
    key_secret: SecretStr | None = Field(None, max_length=1024)
    expiration: int | None = Field(None, description="Milliseconds the token shall live; the server has a limit.")


class TokenBody(_Body):
    """A token for the header ``X-Authorization``."""

    token: str
    user_id: str


class Names(_Body):
    """Names of secrets."""

    names: list[Annotated[str, Field(max_length=1024)]] = Field(max_length=1000)


class Outcome(_Body):
    """What became of one name; a value only where it was found."""

    outcome: Literal["FOUND", "NOT_FOUND", "ACCESS_DENIED", "UNREADABLE"]
    value: str | None = None


class Outcomes(_Body):
    """One outcome for each name."""

    results: dict[str, Outcome]


class SecretBody(_Body):
    """What is known of a secret besides its value. Times are in milliseconds since the epoch."""

    name: str
    tags: list[Tag]
    version: int
    create_time: int
    created_by: str
    update_time: int
    updated_by: str
    expire_time: int | None = None
    access: list[str]


class VersionBody(_Body):
    """One version of a secret."""

    version: int
    create_time: int
    created_by: str


class SubjectBody(_Body):
    """Who; an application is the user ``app:<id>``."""

    type: SubjectType
    id: _Word


class TargetBody(_Body):
    """What."""

    type: TargetType
    id: _Word


class AuthorizationBody(_Body):
    """A permission to grant or to remove."""

    subject: SubjectBody
    target: TargetBody
    access: list[Access] = Field(min_length=1, max_length=16)


class GrantedTarget(_Body):
    """What was granted."""

    type: str
    id: str


class GrantBody(_Body):
    """What somebody may do with a target."""

    target: GrantedTarget
    access: list[str]


class Explanation(_Body):
    """Why somebody may or may not."""

    allowed: bool
    reason: str
    grants: list[dict[str, Any]]


class Permissions(_Body):
    """All grants of a user or group."""

    granted_access: list[GrantBody]


class NameChange(_Body):
    """Name of an application."""

    name: _Word


class ApplicationBody(_Body):
    """An application. Times are in milliseconds since the epoch."""

    id: str
    name: str
    created_by: str
    updated_by: str
    create_time: int
    update_time: int
    tags: list[Tag]
    roles: list[str]


class AccessKeyBody(_Body):
    """An access key, without its secret."""

    id: str
    created_at: int
    status: Literal["ACTIVE", "INACTIVE"]


class CreatedKeyBody(_Body):
    """A new access key; its secret is shown this once."""

    id: str
    secret: str


class RoleChange(_Body):
    """A role of one's own."""

    name: _Word
    permissions: list[Permission] = Field(default_factory=list, max_length=100)


class RoleBody(_Body):
    """A role and what it allows besides grants."""

    name: str
    permissions: list[dict[str, str]]


class GroupChange(_Body):
    """What a group shall be; fields that mean nothing here are ignored."""

    description: _Line | None = ""
    roles: list[_Word] | None = Field(None, max_length=100)


class GroupBody(_Body):
    """A group."""

    id: str
    description: str
    roles: list[RoleBody]


class UserChange(_Body):
    """What a user shall be; fields that mean nothing here are ignored."""

    name: _Line | None = ""
    roles: list[_Word] | None = Field(None, max_length=100)
    groups: list[_Word] | None = Field(None, max_length=100)


class UserBody(_Body):
    """A user, or an application as the user it acts as."""

    id: str
    name: str
    roles: list[RoleBody]
    groups: list[GroupBody]
    uuid: str
    namespace: str
    application_user: bool
    orkes_workers_app: bool


class VariableBody(_Body):
    """An environment variable."""

    name: str
    value: str
    tags: list[Tag]


class AuditBody(_Body):
    """One line of the audit trail; the time is in milliseconds since the epoch."""

    seq: int
    time: int
    actor: str
    action: str
    target: str
    outcome: str
    details: dict[str, str]
