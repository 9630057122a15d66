# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The edge to Docker's Python SDK: connecting, and every fault of it as one TenancyError.

The low-level client is used: the high-level one inspects each object of a listing again. Only the files ``docker_*``
import the SDK, and only inside functions, since it costs 0.1 s and is not there everywhere.
"""

from __future__ import annotations

import getpass
from contextlib import contextmanager
from typing import Any, Iterator

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.options.docker import DockerSettings

# Docker Engine 20.10, the oldest that current distributions ship.
MINIMUM_API = (1, 41)


def connect(settings: DockerSettings) -> Any:
    """A client that has spoken to the engine.

    :raises TenancyError: ``docker_unreachable``, ``docker_permission``, ``docker_tls``, ``docker_timeout`` or
        ``docker_too_old``.
    """
    import docker
    from docker.tls import TLSConfig

    try:
        tls: Any = False
        if settings.tls:
            pair = (settings.client_cert, settings.client_key) if settings.client_cert else None
            tls = TLSConfig(client_cert=pair, ca_cert=settings.ca_path, verify=True)
        client = docker.APIClient(base_url=settings.host, version="auto", timeout=settings.timeout, tls=tls)
    except Exception as error:
        # The SDK wraps what went wrong in a DockerException with the text of requests, of urllib3, of the socket.
        raise connection_error(settings.host, error) from error
    if tuple(int(part) for part in client.api_version.split(".")) < MINIMUM_API:
        raise TenancyError(
            f"The Docker Engine at {settings.host} is too old",
            cause=f"it speaks API {client.api_version}; agents need {'.'.join(map(str, MINIMUM_API))} (Engine 20.10)",
            remedy="Upgrade it, or run playbooks/prepare_host.yml",
            kind="docker_too_old",
        )
    return client


def connection_error(host: str, error: BaseException) -> TenancyError:
    """Why an engine can't be reached, out of the chain of exceptions that says so."""
    chain = _chain(error)
    text = " ".join(str(link) for link in chain)
    what = f"The Docker Engine at {host} can't be reached"
    if any(isinstance(link, PermissionError) for link in chain) or "Permission denied" in text:
        return TenancyError(
            f"The Docker Engine at {host} may not be used",
            cause=f"user '{_user()}' has no permission on its socket",
            remedy="Run the task with become: true, or add the user to the group that owns the socket (usually docker)",
            kind="docker_permission",
        )
    if any(type(link).__name__ in ("SSLError", "TLSParameterError", "SSLCertVerificationError") for link in chain):
        return TenancyError(
            f"TLS with the Docker Engine at {host} failed", cause=_last(chain),
            remedy="Check ca_path, client_cert and client_key, and that the URL names the certificate's host",
            kind="docker_tls",
        )
    if any("Timeout" in type(link).__name__ for link in chain) or "timed out" in text:
        return TenancyError(
            f"The Docker Engine at {host} does not answer", cause="it took longer than docker_timeout",
            remedy="Check the load of the host and the state of its engine, or raise docker_timeout", kind="docker_timeout",
        )
    if "FileNotFoundError" in text or "No such file" in text:
        cause = "its socket is not there: Docker is not installed or not running"
    elif "refused" in text:
        cause = "nothing listens there: Docker is not running"
    else:
        cause = _last(chain)
    return TenancyError(
        what, cause=cause, remedy="Start it, run playbooks/prepare_host.yml, or set docker_host to where it is",
        kind="docker_unreachable",
    )


@contextmanager
def translated(host: str, what: str) -> Iterator[None]:
    """Turn faults of the SDK inside the block into TenancyError.

    :param what: what is being done, named: "Container x could not be created".
    """
    import docker
    import requests

    try:
        yield
    except docker.errors.APIError as error:
        raise api_error(what, int(error.status_code or 0), str(error.explanation or error)) from error
    except (requests.exceptions.RequestException, docker.errors.DockerException) as error:
        fault = connection_error(host, error)
        raise TenancyError(what, cause=f"{fault.what}: {fault.cause}", remedy=fault.remedy, kind=fault.kind) from error


def api_error(what: str, status: int, text: str) -> TenancyError:
    """What the engine refused, in the operator's words. Texts are those of Engine 20.10 to 29."""
    for needles, kind, cause, remedy in _REFUSALS:
        if any(needle in text.lower() for needle in needles):
            return TenancyError(what, cause=f"{cause}: {text}" if cause else text, remedy=remedy, kind=kind)
    kind = {404: "docker_missing", 409: "docker_conflict"}.get(status, "docker_error")
    return TenancyError(
        what, cause=text, remedy="Look into the log of the Docker Engine; run again once its cause is gone", kind=kind
    )


_REFUSALS = (
    (
        ("failed to mount local volume",),
        "models_unmountable", "its models can't be mounted",
        "Look at the model store (model_store_info) and its disk; module ollama_agent makes what is missing of the agent's view",
    ),
    (
        ("port is already allocated", "address already in use", "ports are not available"),
        "port_in_use", "its port is in use", "Give the agent another port, or stop what holds it",
    ),
    (
        ("pool overlaps with other one", "could not find an available, non-overlapping", "networks have same bridge name", "networks have overlapping"),
        "subnet_taken", "its subnet or interface is in use",
        "Run again, or give another network_pool. If no network or route has them (docker network ls, ip route), restart the Docker "
        "Engine: it keeps a network that it could not write to a full disk",
    ),
    (
        ("current usage:", "device or resource busy", "unable to set memory limit", "unable to freeze"),
        "memory_in_use", "the agent uses more memory than the new limit",
        "Choose a higher memory_limit, or stop the agent first",
    ),
    (
        ("exec format error",),
        "bad_image", "the image is built for another processor", "Give an image for this host's architecture",
    ),
    (
        ("executable file not found", "no such file or directory", "no command specified"),
        "bad_image", "the image is no Ollama image: it has no such program", "Give an image of Ollama, see role ollama_image",
    ),
    (
        ("no space left on device",),
        "disk_full", "the host's disk is full", "Free space on the file system of Docker's data folder",
    ),
)


def _chain(error: BaseException) -> list[BaseException]:
    """The error, its causes, and the exceptions that its arguments carry (urllib3 and requests nest them there)."""
    found: list[BaseException] = []
    queue: list[Any] = [error]
    while queue:
        item = queue.pop(0)
        if isinstance(item, BaseException) and item not in found:
            found.append(item)
            queue += [item.__cause__, item.__context__, getattr(item, "reason", None), *item.args]
    return found


def _last(chain: list[BaseException]) -> str:
    return next((str(link) for link in reversed(chain) if str(link)), "unknown")


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
