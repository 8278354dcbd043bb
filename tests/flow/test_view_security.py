"""Who may ask the server of `rageval view`, and what it sends along."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp import web

from rageval.web import server as module
from rageval.web.runs import RUNS
from rageval.web.security import ACCESS, WRITE_HEADER, Access
from tests.flow.judged_run import JudgedRun
from tests.flow.view_server import ViewServer

SECRET = "what only the owner of this folder knows"


async def write(request: web.Request) -> web.Response:
    return web.json_response({"written": await request.json()})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("results") / "runs"
    JudgedRun(folder / "one", 20)
    (folder.parent / "secret.txt").write_text(SECRET, encoding="utf-8")
    (folder / "manifest.txt").write_text(SECRET, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[ViewServer]:
    """With a route that writes."""
    make = module.make_app

    def with_route(folder: Path, access: Access) -> web.Application:
        app = make(folder, access)
        app.router.add_post("/api/write", write)
        return app

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "make_app", with_route)
        with ViewServer(folder) as server:
            yield server


PATHS = ["/", "/api/runs", "/run/0123456789abcdef", "/report?runs=0123456789abcdef", "/nothing"]


@pytest.mark.parametrize("path", PATHS)
def test_nothing_without_the_cookie(server: ViewServer, path: str) -> None:
    wrong = {
        "none": None,
        "empty": f"{server.access.cookie}=",
        "of another server": f"{server.access.cookie}={'A' * 43}",
        "the token is no cookie": f"{server.access.cookie}={server.access.token}",
        "under another name": f"rageval-1={server.access.session}",
        "not ASCII": f"{server.access.cookie}=\xfc\xfc",
    }
    for what, cookie in wrong.items():
        found = server.ask(path, {"Cookie": cookie})
        assert found.status == 403, what
        assert "open the address that `rageval view` printed" in found.text


@pytest.mark.parametrize("token", ["", "A" * 43, "%00", "%C3%BC", "../../secret.txt"])
def test_a_wrong_token_opens_nothing(server: ViewServer, token: str) -> None:
    for cookie in ({"Cookie": None}, {}):
        found = server.ask(f"/?token={token}", cookie)
        assert found.status == 403
        assert "set-cookie" not in found.headers


def test_the_token_becomes_a_cookie_and_leaves_the_address(server: ViewServer) -> None:
    found = server.ask(server.address.removeprefix(server.origin), {"Cookie": None})
    assert (found.status, found.headers["location"]) == (303, "/")
    cookie = found.headers["set-cookie"]
    assert {part.strip() for part in cookie.split(";")[1:]} == {"HttpOnly", "Path=/", "SameSite=Strict"}
    assert server.access.token not in cookie
    assert server.ask("/", {"Cookie": cookie.partition(";")[0]}).status == 200
    assert server.ask("/api/runs?token=" + server.access.token, {"Cookie": None}).status == 403, (
        "for the first page alone"
    )


def test_a_one_time_token_opens_once(server: ViewServer) -> None:
    token = server.access.one_time_token()
    assert server.ask(f"/?token={token}", {"Cookie": None}).status == 303
    assert server.ask(f"/?token={token}", {"Cookie": None}).status == 403
    assert server.ask(server.address.removeprefix(server.origin), {"Cookie": None}).status == 303


def test_secrets_are_long_and_differ() -> None:
    one, other = Access(1, frozenset()), Access(1, frozenset())
    secrets = [one.token, one.session, one.writing, other.token, other.session, other.writing]
    assert len({*secrets}) == 6
    assert all(len(secret) == 43 for secret in secrets)  # 32 bytes


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "127.0.0.1.evil.example:{port}",
     "0.0.0.0:{port}", "[::1]:{port}", "localhost.:{port}", "127.1:{port}", "2130706433:{port}",
     "evil.example@127.0.0.1:{port}", "", None],
)  # fmt: skip
def test_another_host_is_refused(server: ViewServer, host: str | None) -> None:
    """DNS rebinding: a name of the attacker's points to 127.0.0.1, and the browser thinks that it is his site."""
    sent = None if host is None else host.format(port=server.access.port)
    for path in ("/", "/api/runs", server.address.removeprefix(server.origin)):
        found = server.ask(path, {"Host": sent})
        assert found.status in (400, 403), path
        assert "set-cookie" not in found.headers


def test_both_names_of_this_machine_are_right(server: ViewServer) -> None:
    for host in ("127.0.0.1", "localhost", "LOCALHOST"):
        assert server.ask("/api/runs", {"Host": f"{host}:{server.access.port}"}).status == 200


@pytest.mark.parametrize(
    "origin",
    ["http://evil.example", "null", "http://127.0.0.1", "http://127.0.0.1:1", "https://127.0.0.1:{port}", "file://", "",
     "http://localhost:{port}", "http://127.0.0.1:{port}.evil.example"],
)  # fmt: skip
def test_another_origin_is_refused(server: ViewServer, origin: str) -> None:
    sent = {"Origin": origin.format(port=server.access.port)}
    assert server.ask("/api/runs", sent).status == 403
    assert server.ask("/api/write", {**write_headers(server), **sent}, post="{}").status == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_pages_of_other_sites_and_ports_are_refused(server: ViewServer, site: str) -> None:
    """A server on another port of this machine gets the cookie sent along, so that the cookie is not enough."""
    assert server.ask("/api/runs", {"Sec-Fetch-Site": site}).status == 403
    for mine in ("same-origin", "none"):
        assert server.ask("/api/runs", {"Sec-Fetch-Site": mine}).status == 200


def write_headers(server: ViewServer) -> dict[str, str | None]:
    return {"Origin": server.origin, "Content-Type": "application/json", WRITE_HEADER: server.access.writing}


def test_writes_need_all_of_it(server: ViewServer) -> None:
    right = write_headers(server)
    assert server.ask("/api/write", right, post='{"a": 1}').text == '{"written": {"a": 1}}'
    assert (
        server.ask("/api/write", {**right, "Content-Type": "application/json; charset=utf-8"}, post="{}").status == 200
    )
    wrong: list[tuple[str, dict[str, str | None], int]] = [
        ("no cookie", {"Cookie": None}, 403),
        ("no origin", {"Origin": None}, 403),
        ("no header", {WRITE_HEADER: None}, 403),
        ("wrong header", {WRITE_HEADER: "A" * 43}, 403),
        ("the token of the address", {WRITE_HEADER: server.access.token}, 403),
        ("the cookie's value", {WRITE_HEADER: server.access.session}, 403),
        ("a form", {"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ("a form's file", {"Content-Type": "multipart/form-data"}, 415),
        ("text", {"Content-Type": "text/plain"}, 415),
        ("no type", {"Content-Type": None}, 415),
    ]
    for what, changed, status in wrong:
        assert server.ask("/api/write", {**right, **changed}, post="{}").status == status, what


def test_methods(server: ViewServer) -> None:
    for path in ("/", "/api/runs"):
        assert server.ask(path, write_headers(server), post="{}").status == 405


@pytest.mark.parametrize(
    "path",
    ["/../secret.txt", "/%2e%2e/secret.txt", "/run/../../secret.txt", "/run/..%2f..%2fsecret.txt", "/run/one",
     "/run/%2e%2e%2fsecret.txt", "/api/run/..", "/api/run/one/../../secret.txt", "/report?runs=../secret.txt",
     "/report?runs=one", "/report?runs=%2fetc%2fpasswd", "/static/../manifest.txt", "/manifest.txt", "//etc/passwd",
     "/run/manifest.txt%00", "/report?runs=" + "a" * 5000, "/report?runs=", "/report"],
)  # fmt: skip
def test_no_path_reaches_the_file_system(server: ViewServer, path: str) -> None:
    found = server.ask(path)
    assert found.status in (400, 404), found.text
    assert SECRET not in found.text


def test_headers_of_every_reply(server: ViewServer) -> None:
    run = next(iter(json.loads(server.ask("/api/runs").text)["runs"]))["id"]
    for path in ("/", "/api/runs", "/nothing", f"/report?runs={run}", "/report?runs=0123456789abcdef", "/?token=wrong"):
        headers = server.ask(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cross-origin-opener-policy"] == "same-origin"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert headers["cache-control"] == "no-store"
        assert "server" not in headers
        assert not [name for name in headers if name.startswith("access-control-")]


def test_pages_hold_no_secret_that_opens_or_writes(server: ViewServer) -> None:
    text = server.ask("/").text
    assert not [one for one in (server.access.token, server.access.session) if one in text]


def test_it_listens_on_the_loopback_interface_alone(server: ViewServer) -> None:
    """Other addresses of this machine refuse: 127.0.0.2 is as far from 127.0.0.1 as the network."""
    for family, place in ((socket.AF_INET, "127.0.0.2"), (socket.AF_INET6, "::1")):
        with socket.socket(family) as other:
            other.settimeout(5)
            assert other.connect_ex((place, server.access.port)) != 0


def test_ipv6_where_it_is_asked_for(folder: Path) -> None:
    try:
        with socket.socket(socket.AF_INET6) as tried:
            tried.bind(("::1", 0))
    except OSError:
        pytest.skip("this machine has no ::1")
    with ViewServer(folder, ipv6=True) as server:
        for server.host in ("::1", "127.0.0.1"):
            assert server.ask("/api/runs", {"Host": f"[::1]:{server.access.port}"}).status == 200


def test_handlers_find_runs_and_access(folder: Path) -> None:
    access = Access(1, frozenset({"127.0.0.1:1"}))
    app = module.make_app(folder, access)
    assert app[RUNS].folder == folder
    assert app[ACCESS] is access


def test_no_option_binds_elsewhere() -> None:
    """The addresses are in the code, and no parameter reaches them."""
    source = Path(module.__file__).read_text(encoding="utf-8")
    assert re.findall(r'"(\d+\.\d+\.\d+\.\d+)"', source) == ["127.0.0.1", "127.0.0.1"]
    assert "0.0.0.0" not in source
