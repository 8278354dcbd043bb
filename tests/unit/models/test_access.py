"""Addresses, keys, headers and certificates, and what of them is in an identity."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from pathlib import Path

import pytest
from aiohttp import web

from rageval.errors import DeclarationError, ModelError
from rageval.models.access import check_address, endpoint_identity
from rageval.models.base import ChatRequest, Message
from rageval.models.openai_compatible import OpenAIChat
from tests.flow.fake_server import FakeServer, completion
from tests.flow.imitation import KEY, Imitation, profiles

AZURE = "https://name.openai.azure.com"
REQUEST = ChatRequest((Message("user", "hello"),), "test@1", 16)


def ask(model: OpenAIChat) -> str:
    async def run() -> str:
        try:
            return (await model.complete(REQUEST)).text
        finally:
            await model.close()

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("address", "version", "url"),
    [
        (f"{AZURE}/openai/v1", None, f"{AZURE}/openai/v1/chat/completions"),
        (AZURE, "2024-10-21", f"{AZURE}/openai/deployments/a%20b/chat/completions?api-version=2024-10-21"),
        (f"{AZURE}/openai/", "1", f"{AZURE}/openai/deployments/a%20b/chat/completions?api-version=1"),
        (f"{AZURE}/openai/deployments/x", "1", f"{AZURE}/openai/deployments/x/chat/completions?api-version=1"),
        (f"{AZURE}/x?api-version=1", None, f"{AZURE}/x/chat/completions?api-version=1"),
        ("https://open.bigmodel.cn/api/paas/v4/", None, "https://open.bigmodel.cn/api/paas/v4/chat/completions"),
        ("http://[::1]:80", None, "http://[::1]:80/chat/completions"),
    ],
)  # fmt: skip
def test_the_address_is_taken_as_it_is_written(address: str, version: str | None, url: str) -> None:
    assert check_address(address, "a b", version).path("/chat/completions") == url


@pytest.mark.parametrize(
    "address",
    ["http://h:99999/v1", "http://h:0/v1", "http://h:x/v1", "http://h:-1", "http://h/v1\nX: y", "http://h /v1"],
)
def test_a_bad_port_or_blank_is_told_in_one_line(address: str) -> None:
    with pytest.raises(DeclarationError) as caught:
        OpenAIChat(address, "fake")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("key", ["sk-a\nb", "sk-a\r\nHost: x", "sk a", "sk-\u200b1", "ｓｋ"])
def test_a_key_that_no_header_can_hold_is_told_and_not_repeated(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAGEVAL_TEST_KEY", key)
    with pytest.raises(DeclarationError, match="RAGEVAL_TEST_KEY holds a line break") as caught:
        OpenAIChat("https://models.example/v1", "fake", "RAGEVAL_TEST_KEY")
    assert "\n" not in str(caught.value)
    assert key not in str(caught.value)


@pytest.mark.parametrize(
    "host", ["192.168.1.20:8000", "10.0.0.5", "[fd00::1]:8000", "host.docker.internal", "box.local"]
)
def test_a_server_near_by_needs_no_key(host: str) -> None:
    OpenAIChat(f"http://{host}/v1", "fake", "RAGEVAL_NO_SUCH_KEY")


def test_no_key_is_sent_where_none_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    OpenAIChat("https://models.example/v1", "fake", None)
    with FakeServer() as server:
        ask(OpenAIChat(server.base_url, "fake", None))
        assert server.received[0].authorization == ""


def test_azure_gets_its_version_and_key_header(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAGEVAL_TEST_KEY", KEY)
    azure = profiles()["azure"]
    with Imitation(azure, key=KEY) as server:
        root = server.base_url.removesuffix("/openai/deployments/fake")
        model = OpenAIChat(root, "fake", "RAGEVAL_TEST_KEY", api_version="2024-10-21")
        assert ask(model)
        assert server.received[0].path == "/openai/deployments/fake/chat/completions"
    with Imitation(azure, key=KEY) as server, pytest.raises(ModelError, match="check the key"):
        ask(OpenAIChat(server.base_url, "fake", "RAGEVAL_TEST_KEY", api_version="2024-10-21", auth="bearer"))
    with Imitation(azure, key=KEY) as server, pytest.raises(ModelError, match="Resource not found"):
        ask(OpenAIChat(server.base_url, "fake", "RAGEVAL_TEST_KEY", auth="api-key"))


def test_extra_headers_and_fields_are_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAGEVAL_TEST_TOKEN", "tk-hush")
    seen: list[web.Request] = []

    class Listening(FakeServer):
        async def _handle(self, request: web.Request) -> web.Response:
            seen.append(request)
            return await super()._handle(request)

    with Listening(lambda _: completion("tk-hush?")) as server:
        model = OpenAIChat(
            server.base_url,
            "fake",
            extra_body={"chat_template_kwargs": {"enable_thinking": False}},
            extra_headers={"X-Team": "red", "X-Token": {"env": "RAGEVAL_TEST_TOKEN"}},
        )
        ask(model)
        sent = server.received[0].payload
    assert (seen[0].headers["X-Team"], seen[0].headers["X-Token"]) == ("red", "tk-hush")
    assert sent["chat_template_kwargs"] == {"enable_thinking": False}
    assert "enable_thinking" in model.identity
    assert "red" in model.identity
    assert "tk-hush" not in model.identity


@pytest.mark.parametrize(
    ("headers", "problem"),
    [
        ({"X-Api-Key": "sk-1"}, "a file must not contain a secret"),
        ({"X-Team": {"env": "RAGEVAL_NO_SUCH"}}, "no value in the environment variable RAGEVAL_NO_SUCH"),
        ({"X-Team": "a\nb"}, "no header can hold"),
        ({"Bad name": "x"}, "cannot be set"),
        ({"Host": "x"}, "cannot be set"),
    ],
)
def test_bad_headers_are_told(headers: dict[str, str | dict[str, str]], problem: str) -> None:
    with pytest.raises(DeclarationError, match=problem) as caught:
        OpenAIChat("http://127.0.0.1/v1", "fake", extra_headers=headers)
    assert "sk-1" not in str(caught.value)


def test_the_identity_has_what_changes_a_reply_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAGEVAL_TEST_TOKEN", "tk")
    plain = OpenAIChat("http://127.0.0.1/v1", "fake").identity
    same = (
        {"concurrency": 2, "auth": "bearer", "reasoning": {"max_tokens": 9}, "extra_body": {}},
        {"extra_headers": {"X-Token": {"env": "RAGEVAL_TEST_TOKEN"}}},
    )
    other = (
        {"extra_body": {"thinking": {"type": "disabled"}}},
        {"reasoning": {"effort": "low"}},
        {"api_version": "1"},
        {"extra_headers": {"X-Beta": "on"}},
    )
    assert {OpenAIChat("http://127.0.0.1/v1", "fake", **more).identity for more in same} == {plain}  # type: ignore[arg-type]
    assert len({plain, *(OpenAIChat("http://127.0.0.1/v1", "fake", **more).identity for more in other)}) == 5  # type: ignore[arg-type]
    assert plain == endpoint_identity("http://127.0.0.1/v1/", "fake")


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"reasoning": {"efort": "low"}}, "reasoning: found .*efort.*, expected effort"),
        ({"reasoning": {"max_tokens": 0}}, "a whole number above 0"),
        ({"extra_body": {"model": "x"}}, "extra_body: found model, which rageval sets itself"),
        ({"verify": Path("/no/such.pem")}, "verify: /no/such.pem: cannot be read"),
    ],
)
def test_bad_settings_are_told(settings: dict[str, object], problem: str) -> None:
    with pytest.raises(DeclarationError, match=problem):
        OpenAIChat("http://127.0.0.1/v1", "fake", **settings)  # type: ignore[arg-type]


def test_a_file_of_certificates_is_trusted(tmp_path: Path) -> None:
    """A server with a certificate of its own is refused without it, and answers with it."""
    certificate, key = tmp_path / "own.pem", tmp_path / "own.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"],
        check=True,
        capture_output=True,
    )  # fmt: skip
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    with FakeServer(ssl_context=context) as server:
        address = server.base_url.replace("http://127.0.0.1", "https://localhost")
        with pytest.raises(ModelError, match=r"no secure connection .* with `verify`"):
            ask(OpenAIChat(address, "fake", max_retries=0))
        assert ask(OpenAIChat(address, "fake", verify=certificate)) == "ok"


def test_a_proxy_of_the_environment_is_used_for_other_machines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAGEVAL_TEST_KEY", KEY)
    with FakeServer() as proxy:
        for name in ("http_proxy", "HTTP_PROXY"):
            monkeypatch.setenv(name, proxy.base_url.removesuffix("/v1"))
        for name in ("no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        assert ask(OpenAIChat("http://models.invalid/v1", "fake", "RAGEVAL_TEST_KEY")) == "ok"
        assert proxy.received[0].authorization == f"Bearer {KEY}"
