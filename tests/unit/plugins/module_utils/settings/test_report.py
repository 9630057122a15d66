# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a person reads at the end of a run."""

from __future__ import annotations

import pytest

from ansible_collections.llmops.tenancy.plugins.module_utils.settings import report

GIB = 1024**3
CREATE = {"action": "create", "kind": "agent", "name": "chat", "impact": "in_place", "fields": {"port": {"after": 1}}}
AGENT = {
    "agent": "chat", "tenant": "acme", "host": "localhost", "port": 11435, "bind_address": "127.0.0.1", "models": ["demo"],
    "memory_limit": 2 * GIB, "memory_reservation": GIB, "cpu_limit": 500, "desired_state": "started",
}
SEEN = {"agent": "chat", "observed": {"state": "running", "health": "healthy", "models": ["demo:latest"]}}
TENANT = {"tenant": "acme", "name": "Acme", "domain": None, "users": [], "user_count": 0, "agents": [AGENT]}


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        (CREATE, "create agent chat"),
        ({"action": "stop", "kind": "container", "name": "c", "impact": "restart", "fields": {}}, "stop container c"),
        ({"action": "remove", "kind": "volume", "name": "v", "impact": "data_loss", "fields": {}}, "remove volume v (DATA IS LOST)"),
        (
            {"action": "update", "kind": "container", "name": "c", "impact": "in_place",
             "fields": {"memory_limit": {"before": GIB, "after": 2 * GIB}, "cpu_limit": {"before": 500, "after": 2000}}},
            "update container c (memory_limit 1.0 GiB -> 2.0 GiB, cpu_limit 0.5 -> 2)",
        ),
        (
            {"action": "update", "kind": "agent", "name": "c", "impact": "restart",
             "fields": {"models": {"before": [], "after": ["a", "b"]}, "domain": {"before": None, "after": "x.com"}}},
            "update agent c (models - -> a, b, domain - -> x.com; with a restart)",
        ),
    ],
)
def test_actions_in_words(action, expected):
    assert report.describe_actions([action]) == [expected]


def test_onboarding_ends_with_a_line_that_answers():
    assert report.onboarded(TENANT, [SEEN], [CREATE], seconds=2.14, check=False) == [
        "Tenant     acme  Acme",
        "Users      none yet (set_user adds some)",
        "Agent      chat on localhost: running, healthy",
        "  Endpoint http://127.0.0.1:11435",
        "  Model    demo",
        "  Limits   2.0 GiB memory (1.0 GiB reserved), 0.5 CPU",
        "Done       create agent chat",
        "Took       2.1 s",
        "",
        "Try it:",
        """curl -s http://127.0.0.1:11435/api/generate -d '{"model": "demo", "prompt": "Hello", "stream": false}'""",
    ]


@pytest.mark.parametrize(
    ("item", "users", "told"),
    [
        ({"counts": {"added": 2, "disabled": 1, "active": 7, "changed": 0}}, "5", "7 active users, 2 added, 1 disabled"),
        ({"counts": {"active": 3, "added": 0}}, "3", "3 active users, nothing new"),
        ({"skipped": True, "reason": "no credentials"}, "3", "left alone: no credentials"),
        ({"failed": True, "msg": "bad secret."}, "3", "failed: bad secret."),
    ],
)
def test_what_microsoft_365_brought(item, users, told):
    lines = report.onboarded(
        {**TENANT, "user_count": 3}, [], [], seconds=1, check=False, synchronised=[{"tenant": "acme", **item}]
    )
    assert lines[1:3] == [f"Users      {users}", f"M365       {told}"]


def test_many_actions_of_one_sort_are_counted():
    user = {"action": "create", "kind": "tenant user", "impact": "in_place", "fields": {}}
    many = [{**user, "name": f"acme/{number}"} for number in range(11)]
    assert report.describe_actions([*many, CREATE]) == ["create 11 tenant users", "create agent chat"]
    assert len(report.describe_actions(many[:10])) == 10


def test_check_mode_says_so_and_offers_nothing_to_try():
    lines = report.onboarded(TENANT, [SEEN], [], seconds=1, check=True)
    assert "Would do   nothing: all is as it should be" in lines
    assert lines[-1] == "Took       1.0 s (check mode: nothing was changed)"


def test_another_host_a_missing_model_and_a_stopped_agent_are_said():
    far = {**AGENT, "host": "gpu-01", "models": ["demo", "phi4-mini"]}
    lines = report.onboarded({**TENANT, "agents": [far]}, [SEEN], [], seconds=1, check=False)
    assert "  Model    demo, phi4-mini (missing)" in lines
    assert "Try it on gpu-01:" in lines
    resting = {**AGENT, "desired_state": "stopped"}
    stopped = {"agent": "chat", "observed": {"state": "exited", "health": "stopped", "models": []}}
    lines = report.onboarded({**TENANT, "agents": [resting]}, [stopped], [], seconds=1, check=False)
    assert "Agent      chat on localhost: stopped (start_agent starts it)" in lines
    assert not [line for line in lines if line.startswith("curl")]


def test_an_agent_whose_host_did_not_answer():
    assert "Agent      chat on localhost: not seen" in report.onboarded(TENANT, [], [], seconds=1, check=False)


@pytest.mark.parametrize(
    ("users", "count", "expected"),
    [
        ([], 0, "none yet (set_user adds some)"),
        ([], 3, "3"),
        ([{"role": "admin", "active": True}], 3, "3"),
        ([{"role": "admin", "active": True}], 1, "1: 1 admin"),
        ([{"role": "viewer", "active": True}] * 2 + [{"role": "admin", "active": False}], 3, "3: 2 viewers, 1 not active"),
    ],
)
def test_users_are_counted(users, count, expected):
    lines = report.onboarded({**TENANT, "users": users, "user_count": count}, [], [], seconds=1, check=False)
    assert lines[1] == f"Users      {expected}"


def test_offboarding_says_where_data_is():
    kept = [{"agent": "chat", "host": "gpu-01", "volume": "v", "path": "/v/_data"}]
    lines = report.offboarded("acme", kept, [], known=True, remove_data=False, seconds=1, check=False)
    assert lines[1:3] == ["Data kept  volume v on gpu-01 (/v/_data)", "           onboarding acme again takes it up"]


def test_offboarding_of_what_only_the_hosts_know():
    gone = {"action": "remove", "kind": "volume", "name": "v", "impact": "data_loss"}
    erased = [{"host": "gpu-01", "path": "/s/agents/a/upper", "bytes": 2 * GIB, "models": ["mine:latest"]}]
    lines = report.offboarded("acme", [], [gone], known=False, remove_data=True, seconds=1, check=False, erased=erased)
    assert lines[:3] == [
        "Tenant     acme is not in the catalog", "Data       removed", "           /s/agents/a/upper on gpu-01: 2.0 GiB, mine:latest"
    ]


@pytest.mark.parametrize(
    ("known", "remove", "check", "expected"),
    [
        (False, False, False, ["Tenant     acme is not in the catalog: nothing to do"]),
        (False, True, False, ["Tenant     acme is not in the catalog: nothing to do"]),
        (True, True, False, ["Tenant     acme", "Data       removed"]),
        (True, True, True, ["Tenant     acme", "Data       would be removed"]),
        (True, False, False, ["Tenant     acme"]),
    ],
)
def test_offboarding_without_kept_data(known, remove, check, expected):
    lines = report.offboarded("acme", [], [], known=known, remove_data=remove, seconds=1, check=check)
    assert lines[:-2] == expected


def test_users_as_they_are_now():
    users = [
        {"email": "ana@acme.com", "name": "Ana", "role": "admin", "active": True, "state": "present"},
        {"email": "leo@acme.com", "name": "", "role": "viewer", "active": False, "state": "present"},
        {"email": "old@acme.com", "state": "absent"},
    ]
    assert report.user_set("acme", users, [], seconds=1, check=False)[1:4] == [
        "User       ana@acme.com  Ana  admin   active",
        "User       leo@acme.com  -    viewer  not active",
        "User       old@acme.com  -    -       removed",
    ]


def test_changed_agents():
    lines = report.changed("acme", [AGENT], [SEEN], [CREATE], seconds=1, check=False)
    assert lines[:2] == ["Tenant     acme", "Agent      chat on localhost: running, healthy"]


def test_what_became_of_the_model_store():
    use = {"host": "gpu-01", "agents": 1, "shared_bytes": GIB, "downloaded": 0, "added": GIB, "seconds": 0.12}
    to = {"agent": "chat", "names": ["a:latest"], "models": "shared", "shared_bytes": GIB, "freed_bytes": 2 * GIB, "own_bytes": 5}
    back = {"agent": "code", "names": [], "models": "private", "copied_bytes": 0, "own_bytes": 0}
    lines = report.changed("acme", [], [], [], seconds=1, check=False, store_use=[{**use, "migrated": [to, back]}])
    assert lines[1:4] == [
        "Store      gpu-01: 1.0 GiB shared by 1 agent, 0 B came over the wire, 1.0 GiB more on its disk, in 0.12 s",
        "  Moved    chat to shared models: 1.0 GiB shared, 2.0 GiB of its volume freed, 5 B its own (a:latest)",
        "  Moved    code to private models: 0 B copied, 0 B its own (-)",
    ]
    [line] = [line for line in report.changed("acme", [], [], [], seconds=1, check=True, store_use=[{**use, "agents": 2, "migrated": []}])
              if line.startswith("Store")]
    assert line.endswith("by 2 agents, 0 B would come over the wire, 1.0 GiB more on its disk")
    # Where nothing had to be asked of the store, it took no time.
    [_tenant, line, *_done] = report.changed("acme", [], [], [], seconds=1, check=False, store_use=[{**use, "seconds": None, "migrated": []}])
    assert line.endswith("more on its disk")


def test_status_is_an_aligned_table():
    live = {"state": "running", "health": {"status": "healthy"}, "models": [{"name": "demo:latest"}, {"name": "mine"}], "usage": {"memory": GIB},
            "store": {"models": "shared", "shared": ["demo:latest"], "pending": True}}
    gone = {"state": "exited", "health": "stopped", "models": []}
    code = {**AGENT, "agent": "code", "port": 11436, "observed": gone, "desired_state": "stopped"}
    lost = {**AGENT, "agent": "lost", "port": 11437, "observed": gone}
    own = {**live, "models": [], "store": {"models": "private"}}
    bare = {**AGENT, "agent": "bare", "port": 11438, "live": own, "models": ["demo", "phi4-mini"]}
    tenants = [
        {"tenant": "acme", "name": "Acme", "active": True, "user_count": 3, "agents": [{**AGENT, "live": live}, code, lost, bare]},
        {"tenant": "zeta", "name": None, "active": False, "user_count": 0, "agents": []},
    ]
    assert report.status(tenants) == [
        "TENANT           NAME  USERS  AGENT  HOST       PORT   STATE                HEALTH   MEMORY              CPU"
        "  STORE                             MODELS",
        "acme             Acme  3      chat   localhost  11435  running              healthy  1.0 GiB of 2.0 GiB  0.5  shared (older until it restarts)"
        "  demo:latest, mine (own)",
        "                              code   localhost  11436  exited               stopped  2.0 GiB             0.5  -                                 -",
        "                              lost   localhost  11437  exited (should run)  stopped  2.0 GiB             0.5  -                                 -",
        "                              bare   localhost  11438  running              healthy  1.0 GiB of 2.0 GiB  0.5  private                         "
        "  demo (missing), phi4-mini (missing)",
        "zeta (inactive)  -     0      -      -          -      -                    -        -                   -    -                                 -",
    ]
    assert report.status([]) == ["No tenant."]
