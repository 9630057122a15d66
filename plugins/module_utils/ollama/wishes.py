# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which models an agent shall have, what it has, and what follows from that."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Mapping, Sequence

from ansible_collections.llmops.tenancy.plugins.module_utils.disk import free_bytes
from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.names import DEFAULT_REGISTRY, full_model
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama import registry
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.client import Model, OllamaClient
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.files import (
    ModelFile,
    parse_checksum,
    read_model_file,
    verify,
)
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.reference import Reference, on_mirror, parse_model
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.room import check_before
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.step import Step
from ansible_collections.llmops.tenancy.plugins.module_utils.options.ollama import TransferSettings

_FROM_BLOB = re.compile(r"^FROM .*sha256-([0-9a-f]{64})\s*$", re.MULTILINE)
# The registry is asked for a prediction only, so it must not hold a run up for long.
_LOOK_UP_LIMIT = 10.0


@dataclass(frozen=True)
class Wish:
    """One model of one agent as it shall be.

    :param agent: the agent's name, may be empty. :param model: plain name with its tag.
    :param state: present, latest or absent.
    :param reference: where a registry or mirror has it.
    :param path: GGUF file that it is made of instead. :param file: what is known of that file already.
    """

    agent: str
    endpoint: str
    model: str
    state: str
    reference: Reference
    path: str = ""
    checksum: str = ""
    models_dir: str = ""
    file: ModelFile | None = None

    @property
    def label(self) -> str:
        """How to call the agent in a message."""
        return f"agent {self.agent}" if self.agent else f"the agent at {self.endpoint}"


@dataclass
class Finding:
    """What was found about a wish, and what follows.

    :param verb: pull, create, update or remove; empty when all is as it shall be.
    :param before: the model as the agent has it. :param after: as it will have it, as far as that is known.
    :param leftover: name of the mirror that a run which was killed left behind.
    :param step: what a worker has to bring.
    """

    wish: Wish
    verb: str = ""
    before: Model | None = None
    after: Model | None = None
    leftover: str = ""
    step: Step | None = None
    error: TenancyError | None = None
    warnings: list[str] = field(default_factory=list)


def read_wish(item: Mapping[str, Any]) -> Wish:
    """The wish of one entity of the options.

    :raises TenancyError: ``invalid_options``, ``invalid_model``, ``invalid_mirror`` or ``invalid_checksum``.
    """
    if not item["endpoint"]:
        raise TenancyError(
            f"Missing option: endpoint, for model {item['model']}",
            remedy="Give the agent's URL, for example http://127.0.0.1:11435",
            kind="invalid_options",
        )
    if item["path"] and item["mirror"]:
        raise TenancyError(
            f"Model {item['model']} has both a path and a mirror",
            remedy="Give the one that it shall come from",
            kind="invalid_options",
        )
    known = item["file"]
    return Wish(
        agent=item["agent"] or "",
        endpoint=item["endpoint"],
        model=full_model(item["model"]),
        state=item["state"],
        reference=_reference(item["model"], item["mirror"], bool(item["insecure"])),
        path=item["path"] or "",
        checksum=parse_checksum(item["checksum"]) if item["checksum"] else "",
        models_dir=item["models_dir"] or "",
        file=ModelFile(known["path"], known["digest"], int(known["size"])) if known else None,
    )


def _reference(model: str, mirror: str | None, insecure: bool) -> Reference:
    """Where the model comes from. Plain HTTP is for a registry that was named, never for registry.ollama.ai."""
    if mirror:
        return on_mirror(model, mirror, insecure)
    reference = parse_model(model)
    return reference.without_tls() if insecure and reference.host != DEFAULT_REGISTRY else reference


def look(wish: Wish, settings: TransferSettings, *, check: bool) -> Finding:
    """Compare a wish with what its agent has. Reads only; an error is part of the finding.

    :param check: also find out what a pull would bring, which a real run will see anyway.
    """
    finding = Finding(wish)
    client = OllamaClient(wish.endpoint, settings.timeout, wish.label)
    try:
        models = _models(client, finding, check)
        finding.before = finding.after = models.get(wish.model)
        if wish.state == "absent":
            _absent(finding)
        elif wish.path:
            _from_file(finding, client)
        else:
            _from_registry(finding, models, settings.timeout, check)
        if finding.step and wish.models_dir and free_bytes(wish.models_dir) is None:
            finding.warnings.append(f"{wish.models_dir} can't be seen from here: free space for {wish.model} unchecked")
    except TenancyError as error:
        finding.error, finding.after, finding.verb = error, finding.before, ""
    return finding


def require_room(findings: Sequence[Finding], settings: TransferSettings) -> None:
    """Have each finding fail whose model does not fit beside those that come before it. Errors are part of the findings.

    :param findings: of one agent, which gets one model after the other. Those of a real run are stopped when they don't fit.
    """
    coming: Mapping[str, int] = {}
    for finding in findings:
        wish, step = finding.wish, finding.step
        if finding.error or not step or not (wish.path or (finding.after and finding.after.digest)):
            continue
        try:
            coming = check_before(step, OllamaClient(wish.endpoint, settings.timeout, wish.label), settings, coming)
        except TenancyError as error:
            finding.error, finding.after, finding.verb = error, finding.before, ""


def _models(client: OllamaClient, finding: Finding, check: bool) -> dict[str, Model]:
    try:
        return {model.name: model for model in client.tags()}
    except TenancyError as error:
        if not check or error.kind != "agent_unreachable":
            raise
        finding.warnings.append(
            f"{finding.wish.label} does not answer yet; predicted as for an agent that the same run has just created"
        )
        return {}


def _absent(finding: Finding) -> None:
    if finding.before:
        finding.verb, finding.after = "remove", None


def _from_file(finding: Finding, client: OllamaClient) -> None:
    wish = finding.wish
    layer = _layer(client, wish.model) if finding.before else ""
    if layer and layer == wish.checksum:
        return  # no need to read gigabytes to know that nothing changed
    file = verify(wish.file or read_model_file(wish.path), wish.checksum)
    if layer == file.digest:
        return
    finding.verb = "update" if finding.before else "create"
    finding.after = Model(wish.model, "", file.size)
    finding.step = Step(wish.label, wish.endpoint, wish.model, file, wish.models_dir)


def _layer(client: OllamaClient, model: str) -> str:
    """Digest of the file that a model was made of; its Modelfile names the blob."""
    match = _FROM_BLOB.search(client.show(model).get("modelfile", ""))
    return f"sha256:{match[1]}" if match else ""


def _from_registry(finding: Finding, models: Mapping[str, Model], timeout: float, check: bool) -> None:
    wish, before = finding.wish, finding.before
    left = models.get(wish.reference.text) if wish.reference.mirror else None
    if before and left and left.digest == before.digest:
        finding.leftover = left.name
    if before and wish.state == "present":
        return
    published = None
    if before or check:
        published = registry.look_up(wish.reference, min(timeout, _LOOK_UP_LIMIT))
        if before and published and published.digest == before.digest:
            return
        if published is None and check:
            finding.warnings.append(
                f"{wish.reference.host} can't be asked from here: what a pull of {wish.model} would bring is not known"
            )
            if before:
                return
    finding.verb = "update" if before else "pull"
    finding.after = Model(wish.model, published.digest, published.size) if published else Model(wish.model, "", 0)
    finding.step = Step(wish.label, wish.endpoint, wish.model, wish.reference, wish.models_dir)
