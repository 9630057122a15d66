# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files of the controller that models of a store are made of: what the module has to know of them, and bringing them."""

from __future__ import annotations

import os
from typing import Any, Callable, Sequence

from ansible.errors import AnsibleError

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.files import read_model_file
from ansible_collections.llmops.tenancy.plugins.module_utils.store import modelfile
from ansible_collections.llmops.tenancy.plugins.module_utils.store.recipe import read_text
from ansible_collections.llmops.tenancy.plugins.module_utils.store.unpack import listed, manifest_of

Find = Callable[[str], str]


def locate(path: str, folders: Sequence[str], find: Find) -> str:
    """The path of a file of the controller.

    :param path: as an operator wrote it. :param folders: where a relative one is looked for first. :param find: Ansible's own search.
    :raises TenancyError: ``no_model_file``.
    """
    wanted = os.path.expanduser(path)
    for folder in folders:
        there = os.path.join(folder, wanted)
        if os.path.exists(there):
            return there
    try:
        return find(wanted)
    except AnsibleError as error:
        looked = "there is nothing at that path"
        if not os.path.isabs(wanted):
            looked = f"it is neither in {', nor in '.join(folders)}, nor in files beside the playbook or role"
        raise TenancyError(
            f"File '{path}' is not on the controller",
            cause=looked,
            remedy="Correct the path; with remote_src=true it is a path on the agent's host",
            kind="no_model_file",
        ) from error


def describe(args: dict[str, Any], find: Find, *, remote: bool) -> None:
    """Put into the options of model_store where the controller's files are, and what is in them.

    :param args: the task's options; changed. :param find: path on the controller of a file that the task names.
    :param remote: the host does not see the controller's files, so it is told what it has to know.
    :raises TenancyError: what is wrong with a file.
    """
    models = args.get("models")
    if isinstance(models, list):
        args["models"] = [dict(item) for item in models]
    elif args.get("archive") and not args.get("model") and remote:
        archive = find(str(args["archive"]))
        args["models"] = [{"model": model.name} for model in listed(archive, (), args.get("checksum") or "")]
    for item in args["models"] if isinstance(args.get("models"), list) else [args]:
        _describe(item, args, find, remote)


def paths_of(args: dict[str, Any], needed: list[str]) -> dict[str, list[dict[str, Any]]]:
    """What has to be told the new place of each file that is needed, by its path on the controller."""
    wanted: dict[str, list[dict[str, Any]]] = {path: [] for path in needed}
    for item in args["models"] if isinstance(args.get("models"), list) else [args]:
        file = item.get("file") or {}
        for place in (file, *(file.get("files") or {}).values()):
            if place.get("here") in wanted:
                wanted[place["here"]].append(place)
    return wanted


def _describe(item: dict[str, Any], args: dict[str, Any], find: Find, remote: bool) -> None:
    if item.get("agent") or item.get("file"):
        return  # what holds for all yields to what one of them names itself; what is foretold is not there to be read
    if item.get("path"):
        item["path"] = find(str(item["path"]))
        if remote:
            file = read_model_file(item["path"])
            item["file"] = {"here": item["path"], "path": "", "digest": file.digest, "size": file.size}
    elif item.get("modelfile"):
        item["modelfile"] = find(str(item["modelfile"]))
        if remote:
            item["file"] = _of_modelfile(item["modelfile"], item.get("files") or [])
    elif item.get("archive") or args.get("archive") and not item.get("mirror"):
        item["archive"] = find(str(item.get("archive") or args["archive"]))
        if remote and item.get("model"):
            checksum = item.get("checksum") or args.get("checksum") or ""
            body = manifest_of(item["archive"], str(item["model"]), checksum).body.decode()
            item["file"] = {"here": item["archive"], "path": "", "manifest": body}


def _of_modelfile(path: str, allowed: list[str]) -> dict[str, Any]:
    """The text of a Modelfile, and the files that it names."""
    text = read_text(path)
    files = {}
    for source in modelfile.sources(text):
        there = modelfile.locate(source, os.path.dirname(path), allowed)
        if there:
            file = read_model_file(there)
            files[source.text] = {"here": there, "path": "", "digest": file.digest, "size": file.size}
    return {"path": "", "text": text, "files": files}
