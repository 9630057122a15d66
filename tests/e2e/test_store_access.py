# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Registries with accounts, token servers, certificates and content networks, which real HAProxy puts before the registry."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.process import Server
from tests.support.registry import BACKEND_PORT, Registry
from tests.support.settings import ADDRESS, Bench
from tests.support.stores import StoreFolder

BASIC, BEARER, TOKENS, REDIRECT, NETWORK, TLS, DOWNGRADE = range(5201, 5208)
SECRET = "correct-horse-battery"
CHALLENGE = f'Bearer realm="http://{ADDRESS}:{TOKENS}/token",service="bench",scope="repository:library/demo:pull"'
# The content network answers those alone who come without an account, as a signed URL does.
CONFIG = """
global
    maxconn 100
defaults
    mode http
    timeout connect 5s
    timeout client 1m
    timeout server 1m
    default_backend registry
userlist people
    user reader insecure-password {secret}
frontend basic
    bind {address}:{basic}
    http-request auth realm models if !{{ http_auth(people) }}
frontend bearer
    bind {address}:{bearer}
    acl known req.hdr(Authorization) -m str "Bearer good"
    http-request return status 401 hdr WWW-Authenticate '{challenge}' if !known
frontend tokens
    bind {address}:{tokens}
    http-request auth realm tokens if !{{ http_auth(people) }}
    acl asked url_param(scope),url_dec repository:library/demo:pull
    http-request return status 200 content-type application/json string '{{"token":"good"}}' if asked {{ url_param(service) bench }}
    http-request deny
frontend redirect
    bind {address}:{redirect}
    http-request auth realm models if !{{ http_auth(people) }}
    http-request redirect code 307 location http://127.0.0.1:{network}%[path] if {{ path_sub /blobs/ }}
frontend network
    bind 127.0.0.1:{network}
    http-request deny deny_status 400 if {{ req.hdr(Authorization) -m found }}
frontend tls
    bind {address}:{tls} ssl crt {certificate}
frontend downgrade
    bind {address}:{downgrade} ssl crt {certificate}
    http-request redirect code 307 location http://127.0.0.1:{network}%[path] if {{ path_sub /blobs/ }}
backend registry
    http-request del-header Authorization
    server registry 127.0.0.1:{backend}
"""


@pytest.fixture(scope="module", name="certificate")
def _certificate(bench: Bench, registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The servers run; gives the certificate to trust."""
    folder = tmp_path_factory.mktemp("access")
    key, certificate, both = folder / "key.pem", folder / "cert.pem", folder / "both.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=bench",
         "-addext", f"subjectAltName=IP:{ADDRESS}", "-keyout", str(key), "-out", str(certificate)],
        check=True, capture_output=True,
    )
    both.write_text(certificate.read_text() + key.read_text())
    config = folder / "haproxy.cfg"
    ports = {"basic": BASIC, "bearer": BEARER, "tokens": TOKENS, "redirect": REDIRECT, "network": NETWORK, "tls": TLS,
             "downgrade": DOWNGRADE}
    config.write_text(CONFIG.format(address=ADDRESS, challenge=CHALLENGE, secret=SECRET, certificate=both, backend=BACKEND_PORT, **ports))
    server = Server("haproxy-access", folder)
    server.start(["haproxy", "-db", "-f", str(config)])
    server.wait_ready(lambda: all(answers(port) for port in ports.values()))
    try:
        yield certificate
    finally:
        server.stop()


def answers(port: int) -> bool:
    """Whether something listens at a port of the servers."""
    with socket.create_connection(("127.0.0.1" if port == NETWORK else ADDRESS, port)):
        return True


@pytest.fixture
def store(tmp_path: Path) -> StoreFolder:
    return StoreFolder(tmp_path / "models")


@pytest.mark.parametrize("port", [BASIC, BEARER, REDIRECT], ids=["basic", "bearer", "redirect"])
def test_an_account_opens_and_stays_with_the_registry(certificate, store, run_module, port):
    params = store.params(f"{ADDRESS}:{port}", model="demo", retries=0)
    for wrong in ({}, {"username": "reader", "password": "wrong-horse"}):
        denied = run_module("model_store", {**params, **wrong})
        assert denied.result["error"]["kind"] == "registry_denied" and "wrong-horse" not in denied.stdout
    right = {"username": "reader", "password": SECRET}
    predicted = run_module("model_store", {**params, **right}, check=True).ok()
    done = run_module("model_store", {**params, **right}).ok()
    assert done["actions"][-1]["action"] == "pull" and predicted["downloaded"] == done["downloaded"]
    assert SECRET not in str(done)
    store.assert_sound()


def test_a_certificate_of_the_sites_own(certificate, store, run_module):
    params = {**store.params(f"{ADDRESS}:{TLS}", model="demo", retries=0), "insecure": False}
    assert run_module("model_store", params).result["error"]["kind"] == "registry_untrusted"
    run_module("model_store", {**params, "ca_path": str(certificate)}).ok()
    store.assert_sound()


def test_a_registry_with_https_sends_nobody_on_to_plain_http(certificate, store, run_module):
    params = {**store.params(f"{ADDRESS}:{DOWNGRADE}", model="demo", retries=0), "insecure": False}
    failed = run_module("model_store", {**params, "ca_path": str(certificate)})
    assert failed.result["error"]["kind"] == "insecure_redirect"
    assert store.models() == {}


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({"username": "reader"}, "invalid_options"),
        ({"mirror": f"reader:{SECRET}@mirror.example.com"}, "invalid_mirror"),
        ({"store": "/srv/my models"}, "invalid_store"),
        ({"store": "relative"}, "invalid_store"),
        ({"model": "../../etc/passwd"}, "invalid_model"),
    ],
)
def test_options_that_make_no_sense_are_refused_without_a_secret(certificate, store, run_module, options, kind):
    refused = run_module("model_store", {**store.params(f"{ADDRESS}:{TLS}", model="demo"), **options})
    assert refused.result["error"]["kind"] == kind
    assert SECRET not in refused.stdout
