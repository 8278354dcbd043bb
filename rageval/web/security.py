"""Who may ask the local server, from where, and what a browser may do with its replies.

A request is refused before it reaches a handler

- if its `Host` is not this server (another name may point to 127.0.0.1: DNS rebinding),
- if another site or another port made it (`Origin`, `Sec-Fetch-Site`),
- if it carries neither the cookie of this server nor, in the address, one of its tokens,
- if it writes and is not JSON, names no `Origin`, or lacks the header `X-Rageval-Token`.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass, field

from aiohttp import web
from aiohttp.typedefs import Handler

from rageval.errors import DeclarationError

WRITE_HEADER = "X-Rageval-Token"
TOKEN = "token"  # noqa: S105 (the name of a parameter)
_READS = ("GET", "HEAD")
_NOTHING = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_HEADERS = {
    "Content-Security-Policy": _NOTHING,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_REFUSED = "open the address that `rageval view` printed: this one lacks the token, or has one of another server"


def _secret() -> str:
    return secrets.token_urlsafe(32)


@dataclass(frozen=True, slots=True)
class Access:
    """The secrets of one server, and the `hosts` (`127.0.0.1:8000`) under which it answers.

    `token` is in the printed address, `session` in the cookie, `writing` in the header of requests that write. All
    users of a machine see the arguments of its programs, so that the browser is opened with a token that works once.
    """

    port: int
    hosts: frozenset[str]
    token: str = field(default_factory=_secret)
    session: str = field(default_factory=_secret)
    writing: str = field(default_factory=_secret)
    _one_time: set[str] = field(default_factory=set[str])

    @property
    def cookie(self) -> str:
        """The cookie's name. It has the port, since servers on other ports share the cookies of a host."""
        return f"rageval-{self.port}"

    def one_time_token(self) -> str:
        """Return a token that opens the pages once."""
        token = _secret()
        self._one_time.add(token)
        return token

    def opens(self, token: str) -> bool:
        """Whether the token of an address is right. A one-time token is used up."""
        used = {one for one in self._one_time if _same(one, token)}
        self._one_time.difference_update(used)
        return _same(self.token, token) or bool(used)


ACCESS = web.AppKey("access", Access)


@web.middleware
async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse what the module's text names; exchange the token of an address for the cookie."""
    access = request.app[ACCESS]
    _check_host(request, access)
    if request.method in _READS and request.path == "/" and TOKEN in request.query:
        return _exchange(request, access)
    _check_origin(request)
    if not _same(access.session, request.cookies.get(access.cookie, "")):
        raise web.HTTPForbidden(text=_REFUSED)
    if request.method not in _READS:
        _check_write(request, access)
    try:
        return await handler(request)
    except DeclarationError as error:
        return web.json_response({"error": str(error)}, status=400)


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Add the security headers, for `on_response_prepare`. A page brings the Content-Security-Policy that it needs."""
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.popall("Server", None)


def _check_host(request: web.Request, access: Access) -> None:
    found = request.headers.getall("Host", [])
    if len(found) != 1 or found[0].lower() not in access.hosts:
        raise web.HTTPForbidden(text=f"found another Host, expected one of {', '.join(sorted(access.hosts))}")


def _check_origin(request: web.Request) -> None:
    """A browser names the page that made a request; a page of this server is the only one that may."""
    origins = request.headers.getall("Origin", [])
    site = request.headers.get("Sec-Fetch-Site", "none")
    if any(origin != f"http://{request.headers['Host'].lower()}" for origin in origins) or site not in (
        "none",
        "same-origin",
    ):
        raise web.HTTPForbidden(
            text="found a request of another page, expected one of this server's: paste the address into the browser"
        )


def _check_write(request: web.Request, access: Access) -> None:
    if "Origin" not in request.headers:
        raise web.HTTPForbidden(text="found a request that writes without Origin, expected one")
    if not _same(access.writing, request.headers.get(WRITE_HEADER, "")):
        raise web.HTTPForbidden(text=f"found a request that writes without the right {WRITE_HEADER}; reload the page")
    if request.content_type != "application/json":
        raise web.HTTPUnsupportedMediaType(text=f"found {request.content_type}, expected application/json")


def _exchange(request: web.Request, access: Access) -> web.StreamResponse:
    if not access.opens(request.query[TOKEN]):
        raise web.HTTPForbidden(text=_REFUSED)
    response = web.Response(status=303, headers={"Location": "/"})
    response.set_cookie(access.cookie, access.session, httponly=True, samesite="Strict", path="/")
    return response


def _same(expected: str, found: str) -> bool:
    return hmac.compare_digest(expected.encode(), found.encode(errors="replace"))
