# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a mirror is: whether it answers, what it has, how long its certificate is good, and the room on its disk."""

from __future__ import annotations

import os
import socket
import ssl
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.store import content

if TYPE_CHECKING:
    import requests

_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
_PAGE = 1000


@dataclass(frozen=True)
class Mirror:
    """Where a mirror is.

    :param url: with its port. :param username: account that may read; empty for none.
    :param ca_path: certificates to trust instead of the system's. :param storage: its folder of models, on this machine.
    """

    url: str
    username: str = ""
    password: str = field(default="", repr=False)
    ca_path: str = ""
    storage: str = ""
    timeout: float = 30.0


def inspect(mirror: Mirror) -> dict[str, Any]:
    """The mirror as it is now. One that does not answer is a finding and no error."""
    found: dict[str, Any] = {"url": mirror.url, "answers": False, "error": None, "models": [], "certificate_expires": None}
    try:
        found["models"] = _models(mirror)
        found["certificate_expires"] = _expiry(mirror)
        found["answers"] = True
    except TenancyError as error:
        found["error"] = str(error)
    return {**found, "disk": _disk(mirror.storage)}


def _models(mirror: Mirror) -> list[dict[str, Any]]:
    """All models, by name."""
    import requests

    session = requests.Session()
    session.trust_env = False
    session.verify = mirror.ca_path or True
    session.auth = (mirror.username, mirror.password) if mirror.username else None
    found = []
    for name in _listed(mirror, session, f"/v2/_catalog?n={_PAGE}", "repositories"):
        for tag in _listed(mirror, session, f"/v2/{name}/tags/list", "tags"):
            body = _get(mirror, session, f"/v2/{name}/manifests/{tag}").content
            manifest = content.parse(body, f"{name}:{tag}")
            found.append({"model": f"{name}:{tag}", "digest": manifest.digest, "size": manifest.size})
    return sorted(found, key=lambda model: str(model["model"]))


def _listed(mirror: Mirror, session: "requests.Session", path: str, key: str) -> list[str]:
    """A list of the registry, all pages of it."""
    names: list[str] = []
    while path:
        answer = _get(mirror, session, path)
        try:
            names += answer.json().get(key) or []
        except (ValueError, AttributeError) as error:
            raise _fault(mirror, f"it gives no list of {key}") from error
        path = answer.links.get("next", {}).get("url", "")
    return names


def _get(mirror: Mirror, session: "requests.Session", path: str) -> "requests.Response":
    import requests

    try:
        answer = session.get(urljoin(mirror.url, path), headers={"Accept": _MANIFEST}, timeout=mirror.timeout)
    except requests.RequestException as error:
        raise _fault(mirror, type(error).__name__) from error
    if answer.status_code != 200:
        raise _fault(mirror, f"it answers {urlsplit(path).path} with {answer.status_code}")
    return answer


def _expiry(mirror: Mirror) -> str | None:
    """When the certificate ends, RFC 3339; None without TLS."""
    parts = urlsplit(mirror.url)
    if parts.scheme != "https":
        return None
    context = ssl.create_default_context(cafile=mirror.ca_path or None)
    try:
        with socket.create_connection((parts.hostname or "", parts.port or 443), mirror.timeout) as plain:
            with context.wrap_socket(plain, server_hostname=parts.hostname) as secure:
                ends = ssl.cert_time_to_seconds(str((secure.getpeercert() or {})["notAfter"]))
    except (OSError, KeyError, ValueError) as error:
        raise _fault(mirror, str(error)) from error
    return datetime.fromtimestamp(ends, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def _disk(storage: str) -> dict[str, Any] | None:
    """Room on the disk of the models; None when there is no such folder here."""
    if not storage or not os.path.isdir(storage):
        return None
    volume = os.statvfs(storage)
    used = 0
    for folder, _folders, files in os.walk(storage):
        used += sum(os.lstat(os.path.join(folder, name)).st_size for name in files if os.path.lexists(os.path.join(folder, name)))
    size, free = volume.f_blocks * volume.f_frsize, volume.f_bavail * volume.f_frsize
    return {"path": storage, "models_bytes": used, "size": size, "free": free}


def _fault(mirror: Mirror, cause: str) -> TenancyError:
    return TenancyError(
        f"The mirror at {mirror.url} can't be asked",
        cause=cause,
        remedy="Check that it runs, the account, and ca_path; prepare_mirror.yml starts it again",
        kind="mirror_unreachable",
    )
