# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every fault of a connection is one error. The server here answers what no Ollama would, byte for byte."""

from __future__ import annotations

import socket
import threading
from contextlib import closing, contextmanager

import pytest

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.client import OllamaClient
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.ndjson import Event
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.transport import Endpoint, error_message

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


def whole(body: bytes, head: bytes = OK) -> bytes:
    return head + b"Content-Length: %d\r\n\r\n" % len(body) + body


def chunked(*pieces: bytes, end: bool = True) -> bytes:
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
    return OK + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + (b"0\r\n\r\n" if end else b"")


@contextmanager
def server(answer: bytes | None, *, reset: bool = False):
    """One connection: reads the request, sends ``answer`` and closes; with None it says nothing."""
    listener = socket.create_server(("127.0.0.1", 0))
    done = threading.Event()

    def serve() -> None:
        connection, _peer = listener.accept()
        with closing(connection):
            connection.recv(65536)
            if answer is None:
                done.wait()
                return
            connection.sendall(answer)
            if reset:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        done.set()
        thread.join(5)
        listener.close()


@pytest.mark.parametrize(
    ("answer", "kind", "cause"),
    [
        (whole(b'{"error":"boom"}', b"HTTP/1.1 500 Internal Server Error\r\n"), "agent_error", "boom"),
        (whole(b"<html><body>Bad gateway</body></html>", b"HTTP/1.1 502 Bad Gateway\r\n"), "agent_broken_answer", "502"),
        (whole(b"<html>hello</html>"), "agent_broken_answer", "<html>hello</html>"),
        (whole(b"[1, 2]"), "agent_broken_answer", "not a JSON object"),
        (whole(b'{"models": 7}'), "agent_broken_answer", "no list of models"),
        (whole(b'{"models": [{"na'), "agent_broken_answer", "not JSON"),
        (OK + b"Content-Length: 100\r\n\r\n{", "agent_disconnected", "cut"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "agent_broken_answer", "not HTTP"),
        (b"", "agent_disconnected", "cut"),
        (None, "agent_timeout", "nothing came for 0.3 s"),
        (whole(b"404 page not found", b"HTTP/1.1 404 Not Found\r\n"), "model_missing", "404 page not found"),
    ],
)
def test_a_bad_answer_is_one_error(answer, kind, cause):
    with server(answer) as url, pytest.raises(TenancyError) as caught:
        OllamaClient(url, timeout=60 if answer is not None else 0.3, label="agent a").tags()
    error = caught.value
    assert error.kind == kind
    assert cause in error.cause
    assert f"agent a at {url}" in error.what and error.remedy


def test_a_long_page_is_cut_short():
    with server(whole(b"<p>" + b"x " * 10_000)) as url, pytest.raises(TenancyError) as caught:
        OllamaClient(url).tags()
    assert len(str(caught.value)) < 700


def test_nothing_listens():
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    with pytest.raises(TenancyError) as caught:
        OllamaClient(f"http://127.0.0.1:{port}").version()
    assert (caught.value.kind, "refused" in caught.value.cause) == ("agent_unreachable", True)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://127.0.0.1:11435", "http://127.0.0.1:11435"),
        ("127.0.0.1:11435", "http://127.0.0.1:11435"),
        ("http://gpu-01", "http://gpu-01:11434"),
        ("https://gw.example.com/agents/a/", "https://gw.example.com:443/agents/a"),
        ("http://[::1]:11435", "http://[::1]:11435"),
    ],
)
def test_endpoint(url, shown):
    assert Endpoint(url).url == shown


@pytest.mark.parametrize("url", ["http://u:secret@gpu-01:1", "ftp://gpu-01", "http://", "http://gpu-01:port", "http://a:99999"])
def test_bad_endpoint(url):
    with pytest.raises(TenancyError) as caught:
        Endpoint(url)
    assert caught.value.kind == "invalid_endpoint"
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"error":"boom"}', "boom"), ("", "no reason given"), ("<html>", None), ("[]", None), ('{"x":1}', None),
        ("404 page not found", "404 page not found"),
    ],
)
def test_error_message(text, expected):
    assert error_message(text) == expected


def pull(url: str, timeout: float = 60) -> list[Event]:
    with OllamaClient(url, timeout=timeout).pull("demo") as stream:
        return [event for event in stream.events() if event]


def test_a_stream_is_read_to_its_success():
    with server(chunked(b'{"status":"pulling manifest"}\n{"sta', b'tus":"success"}\n')) as url:
        assert pull(url) == [Event("pulling manifest"), Event("success")]


def test_an_error_in_a_stream_of_status_200_ends_it():
    with server(chunked(b'{"status":"pulling manifest"}\n', b'{"error":"no space left on device"}\n')) as url:
        assert pull(url)[-1] == Event(error="no space left on device")


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        # It ends as if all were well, without success.
        (chunked(b'{"status":"pulling manifest"}\n'), "agent_disconnected"),
        # The connection ends in the middle: between lines, and in one.
        (chunked(b'{"status":"pulling manifest"}\n', end=False), "agent_disconnected"),
        (chunked(b'{"status":"pulling manifest"}\n{"status":"pul', end=False), "agent_disconnected"),
        (chunked(b'{"status":"pulling manifest"}\n{"status":"pul'), "agent_disconnected"),
        # Somebody else's words.
        (chunked(b"<html>\n<body>\n"), "agent_broken_answer"),
        (whole(b'{"error":"boom"}', b"HTTP/1.1 500 Internal Server Error\r\n"), "agent_error"),
    ],
)
def test_a_bad_stream_is_one_error(answer, kind):
    with server(answer) as url, pytest.raises(TenancyError) as caught:
        pull(url)
    assert caught.value.kind == kind


def test_a_stream_that_is_reset():
    with server(chunked(b'{"status":"pulling manifest"}\n', end=False), reset=True) as url:
        with pytest.raises(TenancyError) as caught:
            pull(url)
    assert caught.value.kind == "agent_disconnected"


def test_a_silent_stream_ticks():
    with server(None) as url, pytest.raises(TenancyError) as caught:
        pull(url, timeout=1)
    assert caught.value.kind == "agent_timeout"
