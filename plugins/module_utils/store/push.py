# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filling a mirror: models of a store are pushed to a registry, each blob once, the manifest last."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Mapping, Sequence
from urllib.parse import urljoin

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.names import DEFAULT_REGISTRY
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.reference import Reference, on_mirror, parse_model
from ansible_collections.llmops.tenancy.plugins.module_utils.store import content, locks
from ansible_collections.llmops.tenancy.plugins.module_utils.store.content import Blob, Manifest
from ansible_collections.llmops.tenancy.plugins.module_utils.store.layout import Layout

if TYPE_CHECKING:
    import requests

_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
# A registry answers a large upload only once it has checked and moved it.
_ANSWER_LIMIT = 600.0


@dataclass(frozen=True)
class Registry:
    """Where to push to.

    :param mirror: ``[http[s]://]host[:port][/namespace]``. :param insecure: it speaks plain HTTP.
    :param username: account that may fill it; empty for none. :param ca_path: certificates to trust instead of the system's.
    """

    mirror: str
    insecure: bool = False
    username: str = ""
    password: str = field(default="", repr=False)
    ca_path: str = ""
    timeout: float = 30.0


def movable(names: Sequence[str]) -> list[str]:
    """The names that a mirror can have: those of the model registry, since a mirror stands in for it alone."""
    return [name for name in names if parse_model(name).host == DEFAULT_REGISTRY]


class Pusher:
    """Pushes to one registry.

    :raises TenancyError: ``invalid_mirror``.
    """

    def __init__(self, registry: Registry) -> None:
        import requests

        self._registry = registry
        self._session = requests.Session()
        # An account comes from the options alone, never from a ~/.netrc of whoever runs this.
        self._session.trust_env = False
        self._session.auth = (registry.username, registry.password) if registry.username else None
        self._session.verify = registry.ca_path or True

    def digest(self, name: str) -> str:
        """Digest of the manifest that the registry has under a name, in hexadecimal; empty for none."""
        reference, what = self._reference(name), f"Model {name} could not be looked up"
        answer = self._send("HEAD", reference, reference.manifest_path, what, headers={"Accept": _MANIFEST})
        if answer.status_code == 404:
            return ""
        self._check(answer, what, reference, 200)
        return answer.headers.get("Docker-Content-Digest", "").removeprefix("sha256:")

    def push(self, layout: Layout, name: str, manifest: Manifest) -> None:
        """Push a model. Run again after it was cut off it goes on with the blob that was under way.

        :raises TenancyError: why not.
        """
        reference = self._reference(name)
        with locks.shared(layout, locks.ARRIVALS):
            for blob in manifest.blobs:
                self._push_blob(layout, name, reference, blob)
        what = f"Model {name} could not be pushed"
        body, headers = manifest.body, {"Content-Type": _MANIFEST}
        self._check(self._send("PUT", reference, reference.manifest_path, what, data=body, headers=headers), what, reference, 201)

    def _push_blob(self, layout: Layout, name: str, reference: Reference, blob: Blob) -> None:
        what = f"Blob {blob.digest[:19]} of model {name} could not be pushed"
        base = f"/v2/{reference.namespace}/{reference.name}/blobs/"
        if self._send("HEAD", reference, base + blob.digest, what).status_code == 200:
            return
        begun = self._send("POST", reference, f"{base}uploads/", what)
        self._check(begun, what, reference, 202)
        place = urljoin(begun.url, begun.headers.get("Location", ""))
        place += ("&" if "?" in place else "?") + f"digest={blob.digest}"
        try:
            with open(layout.blob(blob.digest), "rb") as source:
                size = os.fstat(source.fileno()).st_size
                headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
                # requests would send an empty file in chunks, which a registry refuses.
                answer = self._send("PUT", reference, place, what, data=source if size else b"", headers=headers)
        except OSError as error:
            raise TenancyError(
                what,
                cause=f"the store's file can't be read: {error.strerror or error}",
                remedy="Heal the store with the module model_store (verify: true)",
                kind="corrupt_blob",
            ) from error
        self._check(answer, what, reference, 201)

    def _reference(self, name: str) -> Reference:
        return on_mirror(name, self._registry.mirror, self._registry.insecure)

    def _send(self, method: str, reference: Reference, path: str, what: str, **options: Any) -> requests.Response:
        import requests

        times = (self._registry.timeout, _ANSWER_LIMIT)
        url = urljoin(reference.registry_url, path)
        try:
            return self._session.request(method, url, timeout=times, allow_redirects=False, **options)
        except requests.RequestException as error:
            raise TenancyError(
                what,
                cause=f"{reference.host} can't be reached, or it cut the line: {_words(error)}",
                remedy="Check that the mirror runs (model_mirror_info) and that the disk under it has room, then run again:"
                " what was pushed is kept",
                kind="registry_unreachable",
            ) from error

    def _check(self, answer: requests.Response, what: str, reference: Reference, wanted: int) -> None:
        """Accept one status.

        :raises TenancyError: ``registry_denied``, ``digest_mismatch`` or ``registry_error``.
        """
        if answer.status_code == wanted:
            return
        said = _said(answer)
        if answer.status_code in (401, 403, 405):
            cause, kind = f"{reference.host} does not let this account fill it ({answer.status_code})", "registry_denied"
            remedy = "Give username and password of the account that may, or run on the mirror itself at its loopback port"
        elif "DIGEST_INVALID" in said:
            cause, kind = f"the store's bytes are not what their checksum says ({said})", "digest_mismatch"
            remedy = "Heal the store with the module model_store (verify: true), then run again"
        else:
            cause, kind = f"{reference.host} answers with {answer.status_code}{': ' if said else ''}{said}", "registry_error"
            remedy = "See the log of the registry and the room on its disk, then run again: what was pushed is kept"
        raise TenancyError(what, cause=cause, remedy=remedy, kind=kind)


def read_all(layout: Layout, names: Sequence[str]) -> Mapping[str, Manifest]:
    """The manifests of models of a store, by name."""
    return {name: content.read(layout.root, name) for name in names}


def _said(answer: requests.Response) -> str:
    return " ".join(answer.text.split())[:300] if "json" in answer.headers.get("Content-Type", "") else ""


def _words(error: Exception) -> str:
    """The last cause of a chain, without the URL."""
    link: BaseException = error
    while link.__context__ is not None:
        link = link.__context__
    return getattr(link, "strerror", None) or type(link).__name__
