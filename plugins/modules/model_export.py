#!/usr/bin/python
# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: model_export
short_description: Models of a store go to an archive or to a mirror
version_added: 0.1.0
author:
  - llmops.tenancy contributors (@llmops)
description:
  - Writes models of an agent host's model store to a directory or a tar, for a site without network, or pushes them to a
    registry such as the one of the role P(llmops.tenancy.model_mirror#role).
  - All bytes are checked on their way. An archive that is there is whole, and a registry has a model's name last.
  - A directory is laid out as Ollama's own models directory, with C(SHA256SUMS) for C(sha256sum --check) beside it.
  - M(llmops.tenancy.model_store) takes models in from there.
extends_documentation_fragment:
  - llmops.tenancy.store
  - llmops.tenancy.attributes
  - llmops.tenancy.attributes.actiongroup
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  models:
    description: Models to export; without any, all that the store has whole.
    type: list
    elements: str
  path:
    description: The archive, on the host. One with the same models is left as it is, another one is replaced.
    type: path
  format:
    description: Whether O(path) is one file or a directory.
    type: str
    choices: [tar, directory]
    default: tar
  owner:
    description: User who gets the archive, by default the one who runs the module.
    type: str
  fetch:
    description:
      - File on the controller that a tar is brought to; on the host it is then removed. The one on the controller is left as
        it is when it has the same models already.
    type: path
  known:
    description: Checksum of what O(fetch) has already, which takes no room on the host. Set by the action plugin.
    type: str
  registry:
    description:
      - Registry to push to instead, as C([http://]host[:port][/namespace]). It stands in for the model registry, so models of
        other registries can't go there; without O(models) they are left out.
    type: str
  insecure:
    description: Speak plain HTTP to the registry.
    type: bool
    default: false
  username:
    description: Account that may fill the registry.
    type: str
  password:
    description: Its password.
    type: str
  ca_path:
    description: File with the certificates to trust, instead of the host's own.
    type: path
  timeout:
    description: Seconds to wait for a connection.
    type: int
    default: 30
seealso:
  - module: llmops.tenancy.model_store
"""

EXAMPLES = r"""
- name: All models of the store, in one file on the controller
  llmops.tenancy.model_export:
    store: /var/lib/llmops/models
    path: /var/tmp/models.tar
    fetch: /srv/usb-stick/models.tar

- name: Two models, in a directory of the host
  llmops.tenancy.model_export:
    store: /var/lib/llmops/models
    models: [phi4-mini, nomic-embed-text]
    path: /srv/export
    format: directory

- name: A mirror is filled, on the mirror itself
  llmops.tenancy.model_export:
    store: /var/lib/llmops/models
    registry: http://127.0.0.1:5001
"""

RETURN = r"""
models:
  description: The models that are in the archive or the registry after the run; in check mode, that would be.
  returned: success
  type: list
  elements: dict
  sample:
    - model: phi4-mini:latest
      digest: 78fad5d182a7c33065e153a5f8ba210754207ba9d91973f57dffa7f487363753
      size: 2491876774
path:
  description: The archive, on the controller with O(fetch).
  returned: with O(path)
  type: str
checksum:
  description:
    - Checksum of the archive's index, which stands for all that is in it. Give it to M(llmops.tenancy.model_store) to be sure
      that nobody has changed the archive on its way.
  returned: with O(path)
  type: str
  sample: sha256:32ed5c581843e774653c85090bab41394ca0d9bf9331ce8fcda82e2a3ffbd95b
size:
  description: Bytes of the models, each blob once.
  returned: with O(path)
  type: int
manifests:
  description: Manifest of each model of an archive that is not there yet, for M(llmops.tenancy.model_store) to predict what it would take from it.
  returned: in check mode, with O(path)
  type: dict
actions:
  description: What was done, or in check mode would be done.
  returned: success
  type: list
  elements: dict
"""

from ansible_collections.llmops.tenancy.plugins.module_utils.module import Run, run_module
from ansible_collections.llmops.tenancy.plugins.module_utils.options import store
from ansible_collections.llmops.tenancy.plugins.module_utils.store.giving import to_archive, to_registry
from ansible_collections.llmops.tenancy.plugins.module_utils.store.layout import Layout
from ansible_collections.llmops.tenancy.plugins.module_utils.store.push import Registry

SPEC = {
    "models": {"type": "list", "elements": "str"},
    "path": {"type": "path"},
    "format": {"type": "str", "choices": ["tar", "directory"], "default": "tar"},
    "owner": {"type": "str"},
    "fetch": {"type": "path"},
    "known": {"type": "str"},
    "registry": {"type": "str"},
    "insecure": {"type": "bool", "default": False},
    "username": {"type": "str"},
    "password": {"type": "str", "no_log": True},
    "ca_path": {"type": "path"},
    "timeout": {"type": "int", "default": 30},
}


def logic(params, run: Run):
    """Export, or push."""
    layout, names = Layout(params["store"]), params["models"] or []
    if params["path"]:
        tar, owner, known = params["format"] == "tar", params["owner"] or "", params["known"] or ""
        return to_archive(layout, names, params["path"], tar, owner, known, check=run.check)
    registry = Registry(
        params["registry"], params["insecure"], params["username"] or "", params["password"] or "", params["ca_path"] or "",
        params["timeout"],
    )
    return to_registry(layout, names, registry, check=run.check, warn=run.warn)


def main() -> None:
    """Entry point."""
    run_module(
        logic, SPEC, groups=[store.GROUP],
        required_one_of=[("path", "registry")],
        mutually_exclusive=[("path", "registry"), ("registry", "fetch")],
        required_together=[("username", "password")],
    )


if __name__ == "__main__":
    main()
