# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is wrong with the files of all tenants together: a tenant, an agent or a port that stands in two of them. Pure."""

from __future__ import annotations

from typing import Any, Iterator, Mapping, NamedTuple, Sequence

from ansible_collections.llmops.tenancy.plugins.module_utils.settings.agents import SHORT
from ansible_collections.llmops.tenancy.plugins.module_utils.settings.tenant_file import (
    Finding,
    Opaque,
    Parsed,
    Path,
    findings,
    place,
)


class _Claim(NamedTuple):
    """Something that one agent or tenant alone can have. :param what: comparable. :param path: where it is said."""

    what: tuple[Any, ...]
    title: str
    path: Path


def check(files: Sequence[Parsed], hosts: Sequence[str]) -> list[Finding]:
    """All that is wrong with these files, by file and line.

    :param hosts: names of the agent hosts. With a single one, it is the host of every agent that names none.
    """
    found = [finding for parsed in files for finding in findings(parsed, hosts)]
    found += _twice(files, hosts[0] if len(hosts) == 1 else None)
    return sorted(found, key=lambda finding: (finding.file, finding.line, finding.column))


def _twice(files: Sequence[Parsed], host: str | None) -> Iterator[Finding]:
    seen: dict[tuple[Any, ...], tuple[Parsed, _Claim]] = {}
    for parsed in files:
        for claim in _claims(parsed, host):
            first, earlier = seen.setdefault(claim.what, (parsed, claim))
            if first is parsed and earlier is claim:
                continue
            if claim.what[0] == "agent" and first.tenant == parsed.tenant:
                # Of one file, the check of its list says so; of two files of one tenant, that there are two.
                continue
            line, column = place(parsed, claim.path)
            other = f"{first.path}:{place(first, earlier.path)[0]}"
            yield Finding(
                parsed.path, line, column, f"{claim.title} stands in {other}, too. Keep one of the two.", f"duplicate_{claim.what[0]}"
            )


def _claims(parsed: Parsed, host: str | None) -> Iterator[_Claim]:
    """What a file claims. Of one that is not right, whatever can be read."""
    yield _Claim(("tenant", parsed.tenant), f"The tenant '{parsed.tenant}'", ())
    for agent, path in _agents(parsed):
        name = agent.get("agent") or parsed.tenant
        if name is not Opaque:
            yield _Claim(("agent", str(name)), f"The agent '{name}'", (*path, "agent"))
        where, port = agent.get("host") or host, agent.get("port")
        if port and where and Opaque not in (port, where):
            yield _Claim(("port", str(where), str(port)), f"Port {port} on {where}", (*path, "port"))


def _agents(parsed: Parsed) -> Iterator[tuple[Mapping[str, Any], Path]]:
    content = parsed.content if isinstance(parsed.content, Mapping) else {}
    listed = content.get("agents")
    for index, item in enumerate(listed if isinstance(listed, list) else [listed]):
        if isinstance(item, Mapping):
            yield item, ("agents", index) if isinstance(listed, list) else ("agents",)
    short = {key: content[name] for name, key in SHORT.items() if content.get(name)}
    if not listed:
        # A file that describes no agent stands for the one that is called like its tenant.
        yield short, ("agent_port",) if "port" in short else ()
