"""How an endpoint is reached: its address, its key, headers and certificates, each checked before the first call."""

from __future__ import annotations

import json
import os
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Literal, TypeAlias
from urllib.parse import parse_qsl, quote, urlsplit

from rageval.errors import DeclarationError
from rageval.types import Json

Header: TypeAlias = str | Mapping[str, str]
"""A header's value, or `{"env": NAME}` for one that the environment variable holds."""

_SECRET_NAME = re.compile(r"auth|key|token|secret|cookie|password|signature", re.IGNORECASE)
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_OWN_HEADERS = frozenset({"content-length", "content-type", "host", "transfer-encoding", "connection"})
_HOSTS_HERE = ("localhost", "host.docker.internal", "host.containers.internal")


@dataclass(frozen=True, slots=True)
class Access:
    """What is sent beside each call.

    `auth` says where the key goes: `Authorization: Bearer`, or the header `api-key`, which is the default where there
    is an `api_version`. `api_version` is Azure's, added to every address. `verify` is a file of certificates (PEM) to
    trust instead of the system's. The values of `extra_headers` that hold secrets are `{"env": NAME}`.
    """

    auth: Literal["bearer", "api-key"] | None = None
    api_version: str | None = None
    extra_headers: Mapping[str, Header] = field(default_factory=dict[str, Header])
    verify: Path | None = None

    @property
    def settings(self) -> dict[str, Json]:
        """What of it can change a reply, for the identity of a model: never a secret."""
        plain: dict[str, Json] = {
            name.lower(): value for name, value in sorted(self.extra_headers.items()) if isinstance(value, str)
        }
        return {"api_version": self.api_version, "extra_headers": plain}

    def headers(self, key: str, base_url: str) -> dict[str, str]:
        """The headers of every call. Raises DeclarationError for one that cannot be sent, or holds a secret itself."""
        found: dict[str, str] = {}
        for name, value in self.extra_headers.items():
            where = f"{base_url}: extra_headers.{name}"
            if not _HEADER_NAME.fullmatch(name) or name.lower() in _OWN_HEADERS:
                raise DeclarationError(f"{where}: found a header that cannot be set, expected one such as X-Team")
            found[name] = _header_value(where, name, value)
        if key and not {name.lower() for name in found} & {"authorization", "api-key"}:
            by_name = self.auth == "api-key" or (self.auth is None and self.api_version is not None)
            found |= {"api-key": key} if by_name else {"Authorization": f"Bearer {key}"}
        return found

    def ssl_context(self, base_url: str) -> ssl.SSLContext | None:
        """For the certificates of `verify`, None without it. Raises DeclarationError where they cannot be read."""
        if self.verify is None:
            return None
        try:
            return ssl.create_default_context(cafile=str(self.verify))
        except (OSError, ssl.SSLError) as error:
            raise DeclarationError(
                f"{base_url}: verify: {self.verify}: cannot be read ({error.strerror or error}), expected a file of "
                "certificates (PEM)"
            ) from None


@dataclass(frozen=True, slots=True)
class Address:
    """A checked address: `url` without a slash at its end, and whether it is on this machine, or near it (a private
    network), where servers often want no key.
    """

    url: str
    api_version: str | None
    is_loopback: bool
    is_near: bool

    def path(self, route: str) -> str:
        """The whole address of a route such as `/chat/completions`."""
        if self.api_version is None:
            return self.url + route
        return f"{self.url}{route}{'&' if '?' in route else '?'}api-version={quote(self.api_version, safe='')}"


def check_address(base_url: str, model: str, api_version: str | None = None) -> Address:
    """Check an address. With an `api_version`, which may also stand in the address (`?api-version=`), an address
    without the path of Azure's deployment gets it: `/openai/deployments/MODEL`.

    Raises DeclarationError for what is no address, and for anything secret in it, which it does not repeat: the address
    becomes part of names and logs.
    """
    try:
        parts = urlsplit(base_url)
        host, query = parts.hostname or "", parse_qsl(parts.query, keep_blank_values=True)
    except ValueError:
        raise _no_address(base_url) from None
    if parts.username or parts.password or parts.fragment or any(name != "api-version" for name, _ in query):
        raise DeclarationError(
            f"base_url for {host}: has a user, password, query or fragment; give the plain address and put the key "
            "into the environment variable that `api_key_env` names"
        )
    try:
        port = parts.port
    except ValueError:
        raise DeclarationError(f"base_url {base_url!r}: found no port from 1 to 65535 behind the colon") from None
    if parts.scheme not in ("http", "https") or not host or port == 0 or re.search(r"[\s\x00-\x1f]", base_url):
        raise _no_address(base_url)
    version = api_version or (query[0][1] if query else None)
    path = parts.path.rstrip("/")
    if version and path in ("", "/openai"):
        path = f"/openai/deployments/{quote(model, safe='')}"
    loopback = _is_ip(host, "is_loopback") or host == "localhost" or host.endswith(".localhost")
    near = loopback or _is_ip(host, "is_private") or host in _HOSTS_HERE or host.endswith(".local")
    return Address(f"{parts.scheme}://{parts.netloc}{path}", version or None, loopback, near)


def endpoint_identity(base_url: str, model: str, settings: Mapping[str, Json] | None = None) -> str:
    """The identity of a model at an address: part of every cache key, so it has all `settings` that can change a reply
    (those that are None or empty are left out). Raises DeclarationError for a bad address.
    """
    given = {name: value for name, value in (settings or {}).items() if value not in (None, {}, "")}
    version = given.get("api_version")
    address = check_address(base_url, model, version if isinstance(version, str) else None)
    if address.api_version is not None:
        given["api_version"] = address.api_version
    told = f" {json.dumps(given, sort_keys=True, ensure_ascii=False)}" if given else ""
    return f"{model} @ {address.url}{told}"


def read_key(name: str | None, address: Address) -> str:
    """The key in the environment variable, empty where `name` is None or a server near by needs none.

    Raises DeclarationError for a missing key, and for one that no header can hold.
    """
    if name is None:
        return ""
    key = os.environ.get(name, "").strip()
    if not key and not address.is_near:
        raise DeclarationError(
            f"{address.url}: no key in the environment variable {name}: set it, name another one with `api_key_env`, "
            "or give `api_key_env: null` for a server that needs none"
        )
    if not key.isascii() or not key.isprintable() or " " in key:
        raise DeclarationError(
            f"{address.url}: the environment variable {name} holds a line break, blank or other character that no key "
            "has: set it to the key alone"
        )
    return key


def _no_address(base_url: str) -> DeclarationError:
    return DeclarationError(f"base_url {base_url!r}: expected an address such as http://127.0.0.1:8000/v1")


def _is_ip(host: str, kind: Literal["is_loopback", "is_private"]) -> bool:
    try:
        return bool(getattr(ip_address(host), kind))
    except ValueError:
        return False


def _header_value(where: str, name: str, value: Header) -> str:
    if isinstance(value, str):
        if _SECRET_NAME.search(name):
            raise DeclarationError(
                f"{where}: found its value, expected {{env: NAME}}: a file must not contain a secret"
            )
        told = value
    else:
        variable = value.get("env", "")
        told = os.environ.get(variable, "").strip()
        if [*value] != ["env"] or not told:
            raise DeclarationError(f"{where}: no value in the environment variable {variable or '(none named)'}")
    if not told.isascii() or not told.isprintable():
        raise DeclarationError(f"{where}: holds a line break or another character that no header can hold")
    return told
