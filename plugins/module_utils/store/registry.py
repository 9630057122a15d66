# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Client of a model registry: manifests, and ranges of blobs. Anonymous, with an account, or with a token for it."""

from __future__ import annotations

import base64
import errno
import hashlib
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Mapping
from urllib.parse import urlsplit

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama import registry as registry_hints
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.reference import Reference
from ansible_collections.llmops.tenancy.plugins.module_utils.store import challenge, content, registry_faults
from ansible_collections.llmops.tenancy.plugins.module_utils.store.session import open_session, wire_faults

if TYPE_CHECKING:
    import requests
    import urllib3

# Ollama asks for the first; a manifest's bytes, and so the model's digest, must be the same for it and for us.
_MANIFESTS = "application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json;q=0.5"
_LARGEST_MANIFEST = 4 * 1024**2


@dataclass(frozen=True)
class Access:
    """How a registry is reached.

    :param username: account; empty for none. :param ca_path: certificates to trust instead of the system's.
    :param timeout: seconds for a connection. :param stall_timeout: seconds without a byte.
    """

    username: str = ""
    password: str = field(default="", repr=False)
    ca_path: str = ""
    timeout: float = 30.0
    stall_timeout: float = 60.0


class RegistryClient:
    """One model of a registry.

    :param reference: which one. :param access: how the registry is reached.
    """

    def __init__(self, reference: Reference, access: Access) -> None:
        self.reference = reference
        self._access = access
        self._session = open_session(reference.insecure)
        self._authorization = ""
        self._renewal = threading.Lock()

    def manifest(self) -> content.Manifest:
        """The model's manifest.

        :raises TenancyError: ``model_not_in_registry``, ``bad_manifest``, or a fault of the registry.
        """
        what = f"Model {self.reference.name}:{self.reference.tag} can't be found out at {self.reference.host}"
        answer = self._get(self.reference.manifest_path, {"Accept": _MANIFESTS}, what)
        with answer:
            if answer.status_code == 404:
                raise registry_hints.not_found(self.reference, min(self._access.timeout, 5.0))
            self._check(answer, what)
            body = self._body(answer, what)
        self._check_whole(answer.headers, body, what)
        return content.parse(body, f"{self.reference.name}:{self.reference.tag}")

    def open_blob(self, digest: str, start: int, end: int, size: int) -> urllib3.HTTPResponse:
        """The bytes from ``start`` to before ``end`` of a blob, to be read and closed.

        :param size: bytes of the whole blob.
        :raises TenancyError: ``layer_not_in_registry``, ``wrong_length``, ``no_ranges`` when the registry gives a blob as
            a whole only, or a fault of the registry.
        """
        what = f"Blob {digest[:19]} of model {self.reference.name}:{self.reference.tag} could not be pulled"
        path = f"/v2/{self.reference.namespace}/{self.reference.name}/blobs/{digest}"
        whole = start == 0 and end == size
        headers = {} if whole else {"Range": f"bytes={start}-{end - 1}"}
        answer = self._get(path, {"Accept-Encoding": "identity", **headers}, what)
        try:
            if answer.status_code == 404:
                raise TenancyError(
                    what,
                    cause=f"{self.reference.host} lists it but does not have it",
                    remedy="Push the model to the registry again, as a whole",
                    kind="layer_not_in_registry",
                    lasting=True,
                )
            self._check(answer, what)
            self._check_length(answer, start, end, size, what)
        except TenancyError:
            answer.close()
            raise
        return answer.raw

    def read(self, stream: urllib3.HTTPResponse, digest: str, amount: int) -> bytes:
        """At most so many bytes of an open blob.

        :raises TenancyError: the line broke, or ended early.
        """
        try:
            chunk = stream.read(amount)
            if chunk:
                return chunk
            error: Exception = ConnectionResetError(errno.ECONNRESET, "fewer bytes than promised")
        except wire_faults() as broken:
            error = broken
        what = f"Blob {digest[:19]} of model {self.reference.name}:{self.reference.tag} could not be pulled"
        raise registry_faults.broken(what, self.reference.host, error, self._access.stall_timeout) from error

    def _check_length(self, answer: requests.Response, start: int, end: int, size: int, what: str) -> None:
        if answer.status_code == 200 and (start, end) != (0, size):
            raise TenancyError(what, cause="the registry gives no ranges", kind="no_ranges", lasting=True)
        total = answer.headers.get("Content-Range", "").rpartition("/")[2]
        length = answer.headers.get("Content-Length", "")
        if total not in ("", "*", str(size)) or length not in ("", str(end - start)):
            raise TenancyError(
                what,
                cause=f"the manifest says {size} bytes, {self.reference.host} has"
                f" {total if total not in ('', '*', str(size)) else length} for {end - start} of them",
                remedy="Run again; if it stays so, push the model to the registry again",
                kind="wrong_length",
                lasting=False,
            )

    def _check(self, answer: requests.Response, what: str) -> None:
        if answer.status_code >= 300:
            text = answer.text[:500] if "json" in answer.headers.get("Content-Type", "") else ""
            raise registry_faults.refused(
                what, self.reference.host, answer.status_code, text, answer.headers.get("Retry-After", "")
            )

    def _check_whole(self, headers: Mapping[str, str], body: bytes, what: str) -> None:
        """A manifest that was cut or changed on its way."""
        promised = headers.get("Docker-Content-Digest", "")
        if promised.startswith("sha256:") and promised != f"sha256:{hashlib.sha256(body).hexdigest()}":
            raise TenancyError(
                what,
                cause="its manifest was damaged on the way",
                remedy="Run again; if it stays so, push the model to the registry again",
                kind="digest_mismatch",
                lasting=False,
            )

    def _body(self, answer: requests.Response, what: str) -> bytes:
        try:
            return answer.raw.read(_LARGEST_MANIFEST, decode_content=True)
        except wire_faults() as error:
            raise registry_faults.broken(what, self.reference.host, error, self._access.stall_timeout) from error

    def _get(self, path: str, headers: Mapping[str, str], what: str) -> requests.Response:
        """An open answer; a challenge is met once, and again when a token has run out."""
        used = self._authorization
        answer = self._send(self.reference.registry_url + path, headers, used, what)
        # What a content network refuses after a redirect is nothing that the registry's account would open.
        if answer.status_code != 401 or answer.history:
            return answer
        answer.close()
        with self._renewal:
            if self._authorization == used:
                self._authorization = self._meet(answer.headers.get("WWW-Authenticate", ""), what)
        return self._send(self.reference.registry_url + path, headers, self._authorization, what)

    def _meet(self, header: str, what: str) -> str:
        """The Authorization that a challenge asks for."""
        known = {each.scheme: each for each in challenge.parse(header)}
        account = f"{self._access.username}:{self._access.password}" if self._access.username else ""
        basic = f"Basic {base64.b64encode(account.encode()).decode()}" if account else ""
        if "bearer" in known:
            return f"Bearer {self._token(challenge.token_url(known['bearer']), basic, what)}"
        if "basic" in known and basic:
            return basic
        raise registry_faults.refused(what, self.reference.host, 401, "" if account else "no account was given")

    def _token(self, url: str, basic: str, what: str) -> str:
        server = urlsplit(url).hostname or "its token server"
        if not url or (url.startswith("http:") and not self.reference.insecure):
            raise TenancyError(
                what,
                cause=f"{self.reference.host} names no token server that can be trusted ('{url.partition('?')[0]}')",
                remedy="Have the registry name one with https, or use a mirror",
                kind="registry_denied",
                lasting=True,
            )
        with self._send(url, {}, basic, what) as answer:
            if answer.status_code != 200:
                raise registry_faults.refused(
                    what, server, answer.status_code, "", answer.headers.get("Retry-After", "")
                )
            try:
                value = answer.json()
                return str(value.get("token") or value["access_token"])
            except (ValueError, KeyError, AttributeError, OSError) as error:
                raise registry_faults.refused(what, server, 403, "it gave no token") from error

    def _send(self, url: str, headers: Mapping[str, str], authorization: str, what: str) -> requests.Response:
        sent = {**headers, **({"Authorization": authorization} if authorization else {})}
        times = (self._access.timeout, self._access.stall_timeout)
        try:
            # Given with the request: what the environment names would beat the session's.
            return self._session.get(url, headers=sent, stream=True, timeout=times, verify=self._access.ca_path or None)
        except wire_faults() as error:
            host = urlsplit(url).hostname or self.reference.host
            raise registry_faults.broken(what, host, error, self._access.stall_timeout) from error
