"""The errors for calls that a service refused, with what to do about each."""

from __future__ import annotations

from rageval.errors import ExecutionError, ModelError
from rageval.models.refusals import Refusal
from rageval.models.wire import OutOfRoomError


class NotFoundError(ModelError):
    """A status 404 or 405: the endpoint has no such model, address, file or batch."""


class RejectedError(ExecutionError):
    """The endpoint will not have this body. `told` is all that it said; `field` is the field of the body that it
    refused, None where it refused something else.
    """

    def __init__(self, message: str, told: str, field: str | None) -> None:
        super().__init__(message)
        self.told = told
        self.field = field


class TooLongError(RejectedError):
    """The prompt, with the room asked for the reply, is longer than the model or the account takes."""


def explain(refusal: Refusal, status: int, where: str, told: str, key_name: str | None) -> ExecutionError | ModelError:
    """The error for a refusal with that status. `where` begins its message, `told` is the service's text, `key_name`
    names the variable of the key.
    """
    account = f"the account behind {key_name}" if key_name else "the server"
    match refusal.kind, refusal.reason:
        case "account", "key":
            remedy = f"check the key in the environment variable {key_name}" if key_name else "set `api_key_env`"
            return ModelError(f"{where}: {remedy}")
        case "account" | "limit", "money":
            return ModelError(f"{where}: {account} has no credit left: top it up, or use another key")
        case "account", "allowance":
            return ModelError(
                f"{where}: {account} has used up its allowance: run the same command again when it is renewed"
            )
        case "account", _:
            return ModelError(f"{where}: {account} may not use this model: check its rights")
        case "address", "setting":
            return ModelError(f"{where}: set what it asks for with `extra_body`, or use another model")
        case "address", "images":
            return ModelError(
                f"{where}: this model reads no images: choose one that does, or a pipeline without images"
            )
        case "address", _:
            kind = NotFoundError if status in (404, 405) else ModelError
            return kind(f"{where}: check `model` and `base_url` (which usually ends in /v1)")
        case "field", _:
            return RejectedError(where, told, refusal.field)
        case "input", "no_room":
            return OutOfRoomError(where)
        case "input", "too_long":
            return TooLongError(where, told, None)
        case "input", "withheld":
            return RejectedError(f"{where}: the service's filter refuses this text", told, None)
        case "input", _:
            return RejectedError(where, told, None)
        case _:
            return ExecutionError(where)
