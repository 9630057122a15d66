# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The image that agents run from, on one agent host."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ollama_image
short_description: Bring the image of Ollama onto an agent host
version_added: 0.1.0
description:
  - Pulls the image that agents run from, or loads it from an archive.
  - An image of that name which is there already is left as it is.
author:
  - llmops.tenancy contributors (@llmops)
options:
  image:
    description: Name of the image.
    type: str
    default: docker.io/ollama/ollama:0.24.0
  state:
    description:
      - V(present) gets the image from O(source) when it is not there.
      - V(absent) removes its name. With O(record) it does so only when the record says that this module brought it.
    type: str
    choices: [present, absent]
    default: present
  source:
    description: V(registry) pulls it, V(archive) loads O(archive), V(none) only looks.
    type: str
    choices: [registry, archive, none]
    default: registry
  archive:
    description: Archive on the agent host, as C(docker save) writes it. Required with O(source=archive).
    type: path
  optional:
    description:
      - Return the reason in RV(reason), instead of failing, when the image can't be had from O(source), or can't be removed since
        containers use it. RV(present) tells.
    type: bool
    default: false
  record:
    description: A JSON file on the agent host in which to keep that this module brought the image.
    type: path
extends_documentation_fragment:
  - llmops.tenancy.docker
  - llmops.tenancy.attributes
  - llmops.tenancy.attributes.actiongroup
attributes:
  check_mode:
    support: full
    details: The image registry is asked whether it has the image; nothing is downloaded.
  diff_mode:
    support: full
  idempotent:
    support: full
"""

EXAMPLES = r"""
- name: Pull the image that agents run from
  llmops.tenancy.ollama_image:

- name: Load it on a host without a way to a registry
  llmops.tenancy.ollama_image:
    source: archive
    archive: /srv/images/ollama-0.24.0.tar
"""

RETURN = r"""
image:
  description: Name of the image.
  returned: success
  type: str
  sample: docker.io/ollama/ollama:0.24.0
image_id:
  description: Id of the image. Null when it is not there, or not yet in check mode.
  returned: success
  type: str
present:
  description: Whether the image is there after the run.
  returned: success
  type: bool
reason:
  description: Why O(state) could not be reached, with O(optional=true); empty otherwise.
  returned: success
  type: str
actions:
  description: What was done, or in check mode would be done.
  returned: success
  type: list
  elements: dict
"""

from typing import Any, Mapping

from ansible_collections.llmops.tenancy.plugins.module_utils.engine.docker_images import Images
from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.host import record
from ansible_collections.llmops.tenancy.plugins.module_utils.module import Run, run_module
from ansible_collections.llmops.tenancy.plugins.module_utils.options import docker
from ansible_collections.llmops.tenancy.plugins.module_utils.plan import Action, Plan

SPEC = {
    "image": {"type": "str", "default": "docker.io/ollama/ollama:0.24.0"},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "source": {"type": "str", "choices": ["registry", "archive", "none"], "default": "registry"},
    "archive": {"type": "path"},
    "optional": {"type": "bool", "default": False},
    "record": {"type": "path"},
}
_VERBS = {"registry": "pull", "archive": "load"}


def result(params: Mapping[str, Any], verb: str | None, before: str | None, after: str | None, present: bool) -> dict[str, Any]:
    """The result of one action, or of none."""
    name = params["image"]
    plan = Plan((Action(verb, "image", name),) if verb else (), {name: before}, {name: after})
    return {**plan.as_result(), "image": name, "image_id": after, "present": present, "reason": ""}


def ensure_present(images: Images, params: Mapping[str, Any], run: Run) -> dict[str, Any]:
    """The image is there, from the source if need be."""
    name, source = params["image"], params["source"]
    current = images.find(name)
    if current or source == "none":
        return result(params, None, current, current, bool(current))
    if params["record"] and not run.check:
        record.add(params["record"], "images", name)
    try:
        images.obtain(name, source, params["archive"], check=run.check)
    except TenancyError as error:
        if not params["optional"]:
            raise
        return {**result(params, None, None, None, False), "reason": error.cause or error.what}
    return result(params, _VERBS[source], None, None if run.check else images.find(name), True)


def ensure_absent(images: Images, params: Mapping[str, Any], run: Run) -> dict[str, Any]:
    """The image is gone, when it is ours to remove."""
    name, path = params["image"], params["record"]
    current = images.find(name)
    if not current or (path and name not in record.read(path).get("images", [])):
        return result(params, None, current, current, bool(current))
    users = images.users(current)
    if users and params["optional"]:
        return {**result(params, None, current, current, True), "reason": f"used by {', '.join(users)}"}
    if not run.check:
        images.remove(name)
        if path:
            record.discard(path, "images", name)
    return result(params, "remove", current, None, False)


def logic(params: Mapping[str, Any], run: Run) -> dict[str, Any]:
    """Present or absent; an engine that the same run would start counts as there in check mode."""
    try:
        images = Images(docker.read(params))
    except TenancyError as error:
        if not run.check or error.kind != "docker_unreachable" or params["state"] == "absent":
            raise
        run.warn(f"{error.what}: counted as one that this run would start, without the image")
        return result(params, _VERBS.get(params["source"]), None, None, params["source"] != "none")
    ensure = ensure_present if params["state"] == "present" else ensure_absent
    return ensure(images, params, run)


def main() -> None:
    """Entry point."""
    run_module(logic, SPEC, groups=(docker.GROUP,), required_if=[("source", "archive", ["archive"])])


if __name__ == "__main__":
    main()
