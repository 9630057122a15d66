# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Images of a Docker Engine: is one there, pull it, load it from an archive, remove it."""

from __future__ import annotations

import re
from typing import Any

from ansible_collections.llmops.tenancy.plugins.module_utils.engine.docker_client import connect, translated
from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.options.docker import DockerSettings

_LOADED = re.compile(r"Loaded image(?: ID)?: (?P<name>\S+)")


class Images:
    """The images of one engine.

    :param settings: the engine; ``settings.timeout`` is how long a registry may be silent too.
    :raises TenancyError: of ``docker_client.connect``.
    """

    def __init__(self, settings: DockerSettings) -> None:
        self._host = settings.host
        self._client: Any = connect(settings)

    def find(self, name: str) -> str | None:
        """Id of the image that ``name`` stands for, None when there is none."""
        import docker

        with translated(self._host, f"Image {name} could not be looked up"):
            try:
                return str(self._client.inspect_image(name)["Id"])
            except docker.errors.ImageNotFound:
                return None

    def obtain(self, name: str, source: str, archive: str | None, *, check: bool) -> None:
        """Get an image from ``source``, ``registry`` or ``archive``; in check mode find out whether it can be had.

        :raises TenancyError: why it can't.
        """
        if source == "registry":
            (self.in_registry if check else self.pull)(name)
        elif not check:
            # In check mode an archive that is not there yet is one that the same run would copy there.
            self.load(str(archive), name)

    def in_registry(self, name: str) -> None:
        """Return when the image registry has ``name``; nothing is downloaded.

        :raises TenancyError: why it can't be had from there.
        """
        with translated(self._host, f"Image {name} can't be had from its registry"):
            self._client.inspect_distribution(name)

    def pull(self, name: str) -> None:
        """Download ``name`` from its image registry.

        :raises TenancyError: ``image_not_pulled`` and those of the engine.
        """
        repository, tag = _split(name)
        with translated(self._host, f"Image {name} could not be pulled"):
            for line in self._client.pull(repository, tag=tag, stream=True, decode=True):
                if "error" in line:
                    raise TenancyError(
                        f"Image {name} could not be pulled",
                        cause=line["error"],
                        remedy="Check the name and the way to its registry",
                        kind="image_not_pulled",
                    )

    def load(self, path: str, name: str) -> None:
        """Load the image of an archive that ``docker save`` wrote and call it ``name``.

        :raises TenancyError: ``bad_archive`` and those of the engine.
        """
        what = f"Image {name} could not be loaded from {path}"
        text = ""
        try:
            with open(path, "rb") as archive, translated(self._host, what):
                for line in self._client.load_image(archive):
                    text += line.get("stream") or line.get("error") or ""
        except OSError as error:
            raise TenancyError(what, cause=str(error), remedy="Check the path of the archive", kind="bad_archive") from error
        found = _LOADED.search(text)
        if not found:
            raise TenancyError(
                what, cause=text.strip() or "it holds no image", remedy="Make it with 'docker save'", kind="bad_archive"
            )
        repository, tag = _split(name)
        with translated(self._host, what):
            self._client.tag(found["name"], repository, tag)

    def users(self, image_id: str) -> list[str]:
        """Names of the containers, running or not, that were made from an image."""
        with translated(self._host, f"Containers of image {image_id} could not be listed"):
            found = self._client.containers(all=True, filters={"ancestor": image_id})
        return sorted(name.lstrip("/") for container in found for name in container["Names"][:1])

    def remove(self, name: str) -> None:
        """Remove the name, and the image when it has no other.

        :raises TenancyError: ``docker_conflict`` when a container uses it.
        """
        with translated(self._host, f"Image {name} could not be removed"):
            self._client.remove_image(name)


def _split(name: str) -> tuple[str, str]:
    """Repository and tag; a digest stays with its name, as the engine's API takes it as a tag."""
    if "@" in name:
        repository, _at, digest = name.partition("@")
        return repository, digest
    repository, colon, tag = name.rpartition(":")
    return (repository, tag) if colon and "/" not in tag else (name, "latest")


class ImageEdge:
    """Whatever goes wrong with getting an image ends in one error that says where images come from."""

    def __init__(self, image: str) -> None:
        self.image = image

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        from docker.errors import DockerException

        if isinstance(error, DockerException):
            raise missing_image(self.image, str(getattr(error, "explanation", None) or error)) from error


def missing_image(image: str, cause: str) -> TenancyError:
    """The one error for an image that can't be had."""
    return TenancyError(
        f"Image {image} is not on this host and can't be pulled",
        cause=cause,
        remedy="Check its name and the image registry, or bring it with role llmops.tenancy.ollama_image (archive or build)",
        kind="image_missing",
        image=image,
    )
