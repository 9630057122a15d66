# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Microsoft 365, the line: throttling, cuts, garbage, strangers, sign-in (cases 1, 7, 12, 13 and 20)."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Callable, Iterator
from email.utils import formatdate
from pathlib import Path

import pytest

from tests.support.ansible import Playbook
from tests.support.fixtures import Database
from tests.support.graph import Rule, graph_error
from tests.support.graph.proxy import Tunnel
from tests.support.graph.tls import make_client_certificate
from tests.support.m365 import CLIENT_ID, GROUP_A, SECRET, TENANT, Scene, make_scene
from tests.support.postgres import Postgres

DELTA = "/v1.0/users/delta"
TOKEN = "/oauth2/v2.0/token"
DISCOVERY = "openid-configuration"


@pytest.fixture
def scene(postgres: Postgres, make_database: Callable[..., Database], tmp_path: Path) -> Iterator[Scene]:
    """25 users, ten in a page."""
    made = make_scene(postgres, make_database, tmp_path)
    yield made
    made.close()


def throttled(status: int, header: str | None, times: int = 1) -> Rule:
    """An answer that asks for a wait."""
    headers = {} if header is None else {"Retry-After": header}
    return Rule(DELTA, after=1, times=times, status=status, headers=headers, body=graph_error("TooManyRequests"))


# Case 1


@pytest.mark.parametrize(
    ("header", "least"),
    [("1", 1.0), ("0.3", 0.3), (None, 0.25), ("soon", 0.25)],
    ids=["whole", "fraction", "absent", "garbage"],
)
def test_throttling_waits_as_long_as_asked(scene: Scene, header: str | None, least: float) -> None:
    scene.microsoft.rules(throttled(429, header))
    result = scene.sync()
    assert result["counts"]["added"] == 25
    assert least - 0.05 <= result["throttled_seconds"] <= least + 1


def test_throttling_by_a_date(scene: Scene) -> None:
    headers: dict[str, str] = {}

    def ask() -> None:
        headers["Retry-After"] = formatdate(time.time() + 3600, usegmt=True)

    scene.microsoft.rules(
        Rule(DELTA, after=1, status=429, headers=headers, body=graph_error("TooManyRequests"), call=ask)
    )
    error = scene.error(throttle_budget=3)
    # The date is of whole seconds, and the way to the client takes time, too.
    assert error["kind"] == "m365_throttled" and 3000 < float(re.search(r"asks for ([\d.]+) s", error["msg"])[1]) <= 3600


@pytest.mark.parametrize("status", [503, 504, 509])
def test_other_statuses_that_mean_throttling(scene: Scene, status: int) -> None:
    scene.microsoft.rules(throttled(status, "0.1", times=3))
    assert scene.counts() == {"added": 25}


def test_throttled_for_longer_than_the_budget(scene: Scene) -> None:
    # Longer than a test may take: it ends at once.
    scene.microsoft.rules(throttled(429, "10000", times=0))
    error = scene.error(throttle_budget=3)
    assert error["kind"] == "m365_throttled"
    assert "throttle_budget" in error["msg"] and "10000.0 s" in error["msg"]


def test_throttled_again_and_again_until_the_budget_ends(scene: Scene) -> None:
    scene.microsoft.rules(throttled(429, "0.4", times=0))
    assert scene.error(throttle_budget=1)["kind"] == "m365_throttled"


def test_sign_in_throttled(scene: Scene) -> None:
    scene.microsoft.rules(
        Rule(TOKEN, times=2, status=429, headers={"Retry-After": "0.2"}, body={"error": "temporarily_unavailable"})
    )
    result = scene.sync()
    assert result["counts"]["added"] == 25 and result["throttled_seconds"] >= 0.4


def test_no_lock_is_held_while_throttled(scene: Scene) -> None:
    """A colleague's write to the catalog goes through while the run waits."""
    answers: list[str] = []
    scene.microsoft.rules(
        Rule(
            DELTA,
            after=2,
            status=429,
            headers={"Retry-After": "0.1"},
            body=graph_error("TooManyRequests"),
            call=lambda: answers.append(
                scene.catalog.sql(
                    "SET lock_timeout = '2s'; INSERT INTO llmops.tenants (tenant, name) VALUES ('other', 'Other') RETURNING tenant;"
                    " SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE datname = current_database()"
                    " AND application_name = 'llmops.tenancy'"
                )
            ),
        )
    )
    assert scene.counts() == {"added": 25}
    assert answers == ["other\n0"]


# Case 7


@pytest.mark.parametrize("server", ["stranger", "plain"])
def test_next_link_to_another_server_is_refused(scene: Scene, server: str) -> None:
    elsewhere = getattr(scene.microsoft, server).url
    scene.microsoft.rules(
        Rule(DELTA, edit=lambda body: {**body, "@odata.nextLink": f"{elsewhere}/v1.0/users/delta?$skiptoken=x"})
    )
    error = scene.error()
    assert error["kind"] == "m365_foreign_link" and elsewhere in error["msg"]
    assert scene.leaked() == []


def test_next_link_to_graph_without_tls_is_refused(scene: Scene) -> None:
    plain = scene.microsoft.graph.url.replace("https:", "http:")
    scene.microsoft.rules(
        Rule(DELTA, edit=lambda body: {**body, "@odata.nextLink": f"{plain}/v1.0/users/delta?$skiptoken=x"})
    )
    assert scene.error()["kind"] == "m365_foreign_link"


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirect_is_refused(scene: Scene, status: int) -> None:
    scene.microsoft.rules(
        Rule(DELTA, after=1, status=status, headers={"Location": f"{scene.microsoft.stranger.url}/v1.0/users"})
    )
    assert scene.error()["kind"] == "m365_redirect"
    assert scene.leaked() == []


def test_delta_link_of_another_server_is_refused(scene: Scene) -> None:
    scene.sync()
    elsewhere = f"{scene.microsoft.stranger.url}/v1.0/users/delta?$deltatoken=x"
    scene.catalog.sql(f"UPDATE llmops.m365_sync SET delta_link = '{elsewhere}'")
    assert scene.error()["kind"] == "m365_foreign_link"
    assert scene.leaked() == []


def test_reset_to_another_server_is_refused(scene: Scene) -> None:
    scene.sync()
    scene.microsoft.rules(
        Rule(DELTA, status=410, headers={"Location": f"{scene.microsoft.stranger.url}/v1.0/users/delta"})
    )
    assert scene.error()["kind"] == "m365_foreign_link"
    assert scene.leaked() == []


def test_token_endpoint_of_another_server_is_refused(scene: Scene) -> None:
    """msal would send the secret there."""
    elsewhere = scene.microsoft.stranger.url
    scene.microsoft.rules(Rule(DISCOVERY, edit=lambda body: {**body, "token_endpoint": f"{elsewhere}/token"}))
    assert scene.error()["kind"] == "m365_foreign_link"
    assert scene.leaked() == []


def test_redirect_of_the_sign_in_is_refused(scene: Scene) -> None:
    scene.microsoft.rules(Rule(TOKEN, status=307, headers={"Location": f"{scene.microsoft.stranger.url}/token"}))
    assert scene.error()["kind"] == "m365_redirect"
    assert scene.leaked() == []


@pytest.mark.parametrize("link", ["https://[::1", ["no", "link"], "https://localhost\u0000/v1.0/users"], ids=["half", "list", "nul"])
def test_next_link_that_is_none(scene: Scene, link: object) -> None:
    scene.microsoft.rules(Rule(DELTA, edit=lambda body: {**body, "@odata.nextLink": link}))
    assert scene.error()["kind"] == "m365_foreign_link"


def test_redirect_to_nowhere(scene: Scene) -> None:
    scene.microsoft.rules(Rule(DELTA, after=1, status=302, headers={"Location": "https://[::1"}))
    assert scene.error()["kind"] == "m365_bad_url"


# Case 12


def test_token_expires_between_two_pages(scene: Scene) -> None:
    scene.microsoft.rules(Rule(DELTA, after=1, revoke=True))
    assert scene.counts() == {"added": 25}
    tokens = [request for request in scene.microsoft.sign_in.log if request.path.endswith(TOKEN)]
    assert len(tokens) == 2


def test_token_that_is_never_accepted(scene: Scene) -> None:
    scene.microsoft.rules(Rule(DELTA, times=0, revoke=True))
    error = scene.error()
    assert (
        error["kind"] == "m365_token_refused" and error["code"] == "InvalidAuthenticationToken" and error["request_id"]
    )


# Case 13

HTML = "<html><body>Please sign in to the proxy</body></html>"
BROKEN = {
    "cut": {"cut": 300},
    "truncated": {"truncate": 300},
    "html": {"status": 200, "headers": {"Content-Type": "text/html"}, "body": HTML},
    "error-in-200": {"status": 200, "body": graph_error("UnknownError")},
    "server-fault": {"status": 500, "body": graph_error("InternalServerError")},
}
KINDS = {
    "cut": "m365_unreachable",
    "truncated": "m365_not_json",
    "html": "m365_not_json",
    "error-in-200": "m365_refused",
    "server-fault": "m365_server",
}


@pytest.mark.parametrize("fault", BROKEN)
def test_broken_answer_is_asked_for_again(scene: Scene, fault: str) -> None:
    scene.microsoft.rules(Rule(DELTA, after=1, **BROKEN[fault]))
    assert scene.counts() == {"added": 25}


@pytest.mark.parametrize("fault", BROKEN)
def test_line_that_stays_broken(scene: Scene, fault: str) -> None:
    scene.microsoft.rules(Rule(DELTA, after=1, times=0, **BROKEN[fault]))
    error = scene.error(throttle_budget=1)
    assert error["kind"] == KINDS[fault]
    assert HTML not in error["msg"]


@pytest.mark.parametrize("place", [DISCOVERY, TOKEN])
def test_html_instead_of_a_sign_in(scene: Scene, place: str) -> None:
    """msal logs such a body with a traceback; nobody sees it."""
    scene.microsoft.rules(Rule(place, times=0, status=200, headers={"Content-Type": "text/html"}, body=HTML))
    error = scene.error(throttle_budget=1)
    assert error["kind"] == "m365_not_json" and "HTTPS_PROXY" in error["remedy"]
    assert scene.run(throttle_budget=0).stderr == ""


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/members|transitiveMembers", {"value": [{"@odata.type": "#microsoft.graph.user", "id": "no-guid"}]}),
        ("transitiveMembers", {"value": ["text"]}),
        ("servicePrincipals", {"appRoles": ["text"]}),
        ("appRoleAssignedTo", {"value": [{"appRoleId": "a", "principalType": "User", "principalId": 5}]}),
    ],
    ids=["member", "members", "app-roles", "assignment"],
)
def test_answers_about_groups_that_make_no_sense(scene: Scene, path: str, body: dict) -> None:
    scene.directory.group(GROUP_A, [scene.id(1)])
    scene.directory.applications[CLIENT_ID].app_roles = {"a": "LLM.Admin"}
    scene.microsoft.rules(Rule(path, times=0, status=200, body=body))
    error = scene.error(role_mapping={GROUP_A: "analyst", "LLM.Admin": "admin"})
    assert error["kind"] in ("m365_bad_answer", "m365_group_missing")


def test_page_without_a_list(scene: Scene) -> None:
    scene.microsoft.rules(Rule(DELTA, after=1, edit=lambda body: {"@odata.context": "x"}))
    assert scene.error()["kind"] == "m365_bad_answer"


def test_round_without_a_delta_link(scene: Scene) -> None:
    scene.microsoft.rules(Rule(DELTA, after=2, edit=lambda body: {"value": body["value"]}))
    assert scene.error()["kind"] == "m365_bad_answer"


def test_links_in_a_circle(scene: Scene) -> None:
    first: list[str] = []

    def again(body: dict) -> dict:
        first.append(body["@odata.nextLink"])
        return {**body, "@odata.nextLink": first[0]}

    scene.microsoft.rules(Rule(DELTA, times=2, edit=again))
    assert scene.error()["kind"] == "m365_bad_answer"


# Case 20


@pytest.mark.parametrize(
    ("changed", "kind", "code"),
    [
        ({"client_secret": "wrong-secret"}, "m365_bad_secret", "AADSTS7000215"),
        ({"client_secret": "expired-secret"}, "m365_expired_secret", "AADSTS7000222"),
        ({"client_id": "00000000-0000-0000-0000-00000000beef"}, "m365_unknown_app", "AADSTS700016"),
    ],
    ids=["wrong-secret", "expired-secret", "unknown-app"],
)
def test_refused_sign_in(scene: Scene, changed: dict[str, str], kind: str, code: str) -> None:
    scene.directory.applications[CLIENT_ID].expired_secret = "expired-secret"
    error = scene.error(**changed)
    assert (error["kind"], error["code"]) == (kind, code)
    assert error["request_id"] and error["remedy"] and "secret" not in str(changed.get("client_id"))
    assert "client_secret" not in changed or changed["client_secret"] not in error["msg"]


def test_unknown_tenant(scene: Scene) -> None:
    scene.catalog.ok("tenant", tenant=TENANT, m365_tenant_id="00000000-0000-0000-0000-000000000bad")
    error = scene.error()
    assert (error["kind"], error["code"]) == ("m365_unknown_tenant", "AADSTS90002")


def test_no_consent_names_the_permission(scene: Scene) -> None:
    scene.directory.applications[CLIENT_ID].permissions.clear()
    error = scene.error()
    assert (error["kind"], error["code"], error["permission"]) == (
        "m365_no_consent",
        "Authorization_RequestDenied",
        "User.Read.All",
    )
    assert "admin consent" in error["remedy"] and error["request_id"]


def test_no_consent_for_groups(scene: Scene) -> None:
    scene.directory.applications[CLIENT_ID].permissions.remove("GroupMember.Read.All")
    scene.directory.group("aaaaaaaa-0000-4000-8000-00000000000a", [])
    error = scene.error(scope_groups=["aaaaaaaa-0000-4000-8000-00000000000a"])
    assert error["permission"] == "GroupMember.Read.All"


def test_wrong_audience_at_the_sign_in(scene: Scene) -> None:
    error = scene.error(graph_url=scene.microsoft.stranger.url)
    assert (error["kind"], error["code"]) == ("m365_wrong_audience", "AADSTS500011")
    assert scene.leaked() == []


def test_wrong_audience_at_graph(scene: Scene) -> None:
    scene.microsoft.rules(
        Rule(
            DELTA,
            status=401,
            body=graph_error("InvalidAuthenticationToken", "Access token validation failure. Invalid audience."),
        )
    )
    assert scene.error()["kind"] == "m365_wrong_audience"


def test_authority_without_tls(scene: Scene) -> None:
    assert scene.error(authority_url=scene.microsoft.plain.url)["kind"] == "m365_bad_url"
    assert scene.error(authority_url=scene.microsoft.plain.url.replace("http:", "https:"))["kind"] == "m365_tls"
    assert scene.leaked() == []


def test_untrusted_certificate(scene: Scene) -> None:
    error = scene.error(ca_path="/etc/ssl/certs/ca-certificates.crt")
    assert error["kind"] == "m365_tls" and "ca_path" in error["remedy"]
    assert scene.microsoft.sign_in.log == []


def test_ca_path_beats_the_environment(scene: Scene) -> None:
    """REQUESTS_CA_BUNDLE neither makes a stranger trusted nor the configured authority untrusted."""
    system = {"REQUESTS_CA_BUNDLE": "/etc/ssl/certs/ca-certificates.crt"}
    assert scene.run(env=system).ok()["tenants"][0]["counts"]["added"] == 25
    everything = {"REQUESTS_CA_BUNDLE": str(scene.microsoft.ca_path)}
    refused = scene.run(env=everything, ca_path="/etc/ssl/certs/ca-certificates.crt")
    assert refused.result["error"]["kind"] == "m365_tls"


def test_missing_ca_file(scene: Scene) -> None:
    assert "no-such.pem" in scene.error(ca_path="/no-such.pem")["msg"]
    run = scene.run(env={"REQUESTS_CA_BUNDLE": "/no-such.pem"}, ca_path=None)
    assert run.result["error"]["kind"] == "m365_tls" and "REQUESTS_CA_BUNDLE" in run.msg


def test_proxy_that_is_not_there(scene: Scene) -> None:
    run = scene.run(env={"HTTPS_PROXY": "http://127.0.0.1:9", "NO_PROXY": ""}, throttle_budget=1)
    assert (
        run.result["error"]["kind"] in ("m365_proxy", "m365_unreachable")
        and "HTTPS_PROXY" in run.result["error"]["remedy"]
    )


@pytest.mark.parametrize(
    ("proxy", "kind"),
    [
        ("http://user:pass-of-proxy@127.0.0.1:9", "m365_proxy"),
        ("http://user:pass-of-proxy@127.0.0.1:99999", "m365_bad_url"),
        ("http://user:pass-of-proxy@[::1", "m365_bad_url"),
    ],
    ids=["away", "port", "half"],
)
def test_password_of_a_proxy_is_not_shown(scene: Scene, proxy: str, kind: str) -> None:
    run = scene.run(env={"HTTPS_PROXY": proxy, "NO_PROXY": ""}, throttle_budget=0)
    assert run.result["error"]["kind"] == kind and "HTTPS_PROXY" in run.msg
    assert "pass-of-proxy" not in run.stdout + run.stderr


def test_proxy_that_demands_a_sign_in(scene: Scene) -> None:
    with Tunnel(sign_in=True) as proxy:
        run = scene.run(env={"HTTPS_PROXY": proxy.url, "NO_PROXY": ""}, throttle_budget=0)
    assert run.result["error"]["kind"] == "m365_proxy" and "407" in run.msg
    assert scene.microsoft.sign_in.log == []


def test_proxy_on_the_way(scene: Scene) -> None:
    """All goes through it, encrypted from end to end, and what NO_PROXY names goes past it."""
    servers = [scene.microsoft.sign_in.url.removeprefix("https://"), scene.microsoft.graph.url.removeprefix("https://")]
    with Tunnel() as proxy:
        assert scene.run(env={"HTTPS_PROXY": proxy.url, "NO_PROXY": ""}).ok()["tenants"][0]["counts"]["added"] == 25
        assert proxy.hosts == servers
        scene.run(env={"HTTPS_PROXY": proxy.url, "NO_PROXY": "localhost"}).ok()
        assert proxy.hosts == servers


def test_clock_that_is_wrong_is_named(scene: Scene) -> None:
    """The answers' own Date tells that this machine's clock is off, when a sign-in fails."""
    headers: dict[str, str] = {}
    body = {
        "error": "invalid_client",
        "error_description": "AADSTS700024: Client assertion is not within its valid time range.",
    }
    scene.microsoft.rules(
        Rule(
            TOKEN, times=0, status=401, headers=headers, body=body,
            call=lambda: headers.update(Date=formatdate(time.time() - 3600, usegmt=True)),
        )
    )
    error = scene.error()
    assert error["kind"] == "m365_clock" and "60 minutes ahead" in error["remedy"]


def test_no_credentials(scene: Scene) -> None:
    assert scene.error(client_id=None, client_secret=None)["kind"] == "m365_no_credentials"
    result = scene.sync(client_id=None, client_secret=None, optional=True)
    assert result["skipped"] and "credentials" in result["reason"]
    assert any("not synchronised" in text for text in scene.warnings)


# Credentials


@pytest.mark.parametrize("passphrase", ["", "pass phrase"])
def test_certificate(scene: Scene, passphrase: str) -> None:
    certificate, key = make_client_certificate(scene.folder, passphrase=passphrase)
    scene.directory.applications[CLIENT_ID].certificate = certificate.read_text()
    given = {"client_certificate": str(certificate), "client_certificate_key": str(key), "client_secret": None}
    assert scene.counts(**given, client_certificate_passphrase=passphrase or None) == {"added": 25}


def test_certificate_of_another(scene: Scene) -> None:
    certificate, key = make_client_certificate(scene.folder, "right")
    scene.directory.applications[CLIENT_ID].certificate = certificate.read_text()
    other, other_key = make_client_certificate(scene.folder, "wrong")
    error = scene.error(client_certificate=str(other), client_certificate_key=str(other_key), client_secret=None)
    assert error["kind"] == "m365_bad_certificate"
    broken = scene.folder / "broken.pem"
    broken.write_text("-----BEGIN PRIVATE KEY-----\nnot-really-a-key\n-----END PRIVATE KEY-----\n")
    error = scene.error(client_certificate=str(certificate), client_certificate_key=str(broken), client_secret=None)
    assert error["kind"] == "m365_bad_credential" and "not-really-a-key" not in str(error)


def test_federated_assertion(scene: Scene) -> None:
    token = scene.folder / "token"
    token.write_text("federated-token\n")
    assert scene.error(client_assertion_file=str(token), client_secret=None)["kind"] == "m365_bad_assertion"
    scene.directory.applications[CLIENT_ID].assertion = "federated-token"
    assert scene.counts(client_assertion_file=str(token), client_secret=None) == {"added": 25}
    assert "cannot be read" in scene.error(client_assertion_file="/no-such-token", client_secret=None)["msg"]


def test_managed_identity(scene: Scene) -> None:
    machine = {"IDENTITY_ENDPOINT": f"{scene.microsoft.sign_in.url}/msi/token", "IDENTITY_HEADER": "identity-header"}
    given = {"managed_identity": True, "client_id": None, "client_secret": None}
    assert scene.run(env=machine, **given).ok()["tenants"][0]["counts"]["added"] == 25


def test_credentials_of_the_environment(scene: Scene) -> None:
    known = {"AZURE_CLIENT_ID": CLIENT_ID, "AZURE_CLIENT_SECRET": SECRET}
    assert scene.run(env=known, client_id=None, client_secret=None).ok()["tenants"][0]["counts"]["added"] == 25
    certificate, _key = make_client_certificate(scene.folder)
    # What is given is not mixed with what the environment has for another.
    other = {"AZURE_CLIENT_ID": "another", "AZURE_CLIENT_CERTIFICATE_PATH": str(certificate)}
    assert scene.run(env=other).ok()["tenants"][0]["mode"] == "delta"
    listed = [{"tenant": TENANT, "client_secret": SECRET}]
    top = {"tenant": None, "client_secret": None, "client_certificate": str(certificate), "tenants": listed}
    assert not scene.run(env=other, **top).ok()["failed_tenants"]


# Secrets


def test_secrets_are_nowhere(scene: Scene, run_playbook: Callable, tmp_path: Path) -> None:
    """Neither with -vvv nor in the process list, in a left-over file, in the audit or in PostgreSQL's log."""
    play = tmp_path / "play.yml"
    options = {name: value for name, value in scene.options().items() if name not in ("client_secret", "catalog_dsn")}
    lines = "".join(f"        {name}: {value}\n" for name, value in options.items())
    play.write_text("- hosts: localhost\n  gather_facts: false\n  tasks:\n    - llmops.tenancy.m365_sync:\n" + lines)
    scene.microsoft.rules(Rule(DELTA, after=1, delay=0.5))
    known = {"AZURE_CLIENT_SECRET": SECRET, "LLMOPS_CATALOG_DSN": scene.catalog.database.dsn}
    run = Playbook([str(play), "-vvv", "--diff"], env=known)
    seen = []
    while run.process.poll() is None:
        seen.append(subprocess.run(["ps", "axww", "-o", "args"], capture_output=True, text=True, check=True).stdout)
        time.sleep(0.05)
    done = run.wait().ok()
    tokens = [
        request.headers["Authorization"] for request in scene.microsoft.graph.log if "Authorization" in request.headers
    ]
    assert tokens and len(seen) > 3
    link = scene.catalog.sql("SELECT delta_link FROM llmops.m365_sync").partition("deltatoken=")[2]
    log = scene.catalog.database.postgres.log.read_text(errors="replace")
    audit = scene.catalog.sql("SELECT json_agg(a) FROM llmops.audit a")
    for secret in (SECRET, tokens[0].removeprefix("Bearer "), link):
        assert secret
        for place, text in {"output": done.output, "processes": "".join(seen), "audit": audit}.items():
            assert secret not in text, place
    for secret in (SECRET, tokens[0].removeprefix("Bearer ")):
        assert secret not in log
