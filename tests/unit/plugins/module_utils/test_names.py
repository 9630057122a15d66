# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Slugs, emails and model references: what is accepted, and how a refusal helps."""

from __future__ import annotations

import pytest

from ansible_collections.llmops.tenancy.plugins.module_utils import names
from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError


@pytest.mark.parametrize("slug", ["empresa-corp", "a1", "0a", "a" * 32, "a--b"])
def test_slug_is_accepted(slug):
    assert names.check_slug(slug) == slug


@pytest.mark.parametrize(
    ("slug", "hint"),
    [
        ("Empresa Corp", "empresa-corp"), ("-empresa", "empresa"), ("empresa_corp", "empresa-corp"), ("a" * 33, "a" * 32),
        ("a", None), ("", None), ("ñ", None), ("empresa\n", "empresa"), ("../etc", "etc"), ("x'; drop", "x-drop"),
    ],
)
def test_bad_slug_is_refused_with_the_nearest_good_one(slug, hint):
    with pytest.raises(TenancyError) as caught:
        names.check_slug(slug)
    assert caught.value.kind == "invalid_slug"
    assert (f"'{hint}'" in caught.value.remedy) if hint else ("for example" not in caught.value.remedy)


@pytest.mark.parametrize("email", ["ana@empresa.com", "a+b@x.co.uk", "o'neil@x.org", "ana@intranet", "ñ@empresa.es"])
def test_email_is_accepted(email):
    assert names.check_email(email) == email


@pytest.mark.parametrize("email", ["", "ana", "ana@", "@x.com", "a b@x.com", "a@@x.com", "a@x..com", "<a@x.com>", "a@x.com,b@x.com", "a" * 320 + "@x.com"])
def test_bad_email_is_refused(email):
    with pytest.raises(TenancyError) as caught:
        names.check_email(email)
    assert caught.value.kind == "invalid_email"


@pytest.mark.parametrize("email", ["a\x1b[31m@x.com", "a\u202e@x.com", "a\x00@x.com", "a\u200b@x.com", "a\ud800@x.com"])
def test_email_with_characters_that_can_not_be_seen_is_refused_and_not_printed(email):
    with pytest.raises(TenancyError, match="can't be seen") as caught:
        names.check_email(email)
    assert caught.value.kind == "invalid_email"
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("email", "better"), [("İ@x.de", "i̇@x.de"), ("ΟΔΟΣ@x.de", "οδος@x.de"), ("Ñ@empresa.es", "ñ@empresa.es")]
)
def test_email_whose_lower_case_is_not_the_same_everywhere_is_refused(email, better):
    with pytest.raises(TenancyError) as caught:
        names.check_email(email)
    assert caught.value.kind == "invalid_email"
    assert better in caught.value.remedy
    assert names.check_email(better) == better


@pytest.mark.parametrize(
    ("reference", "full"),
    [
        ("phi4-mini", "phi4-mini:latest"), ("phi4-mini:3.8b", "phi4-mini:3.8b"), ("acme/tuned", "acme/tuned:latest"),
        ("mirror.local:5000/library/demo", "mirror.local:5000/library/demo:latest"), ("hf.co/x/y:Q4_K_M", "hf.co/x/y:Q4_K_M"),
        ("library/demo2", "demo2:latest"), ("library/demo2:v1", "demo2:v1"), ("registry.ollama.ai/library/demo2", "demo2:latest"),
        ("registry.ollama.ai/acme/tuned:v1", "acme/tuned:v1"), ("registry.ollama.ai/demo", "registry.ollama.ai/demo:latest"),
        ("registry.ollama.ai:443/library/demo", "registry.ollama.ai:443/library/demo:latest"),
    ],
)
def test_model_reference_is_completed_as_ollama_lists_it(reference, full):
    assert names.full_model(reference) == full


@pytest.mark.parametrize("reference", ["", ":latest", "a:b:c", "a b", "/x", "a/b/c/d", "-x", "a:"])
def test_bad_model_reference_is_refused(reference):
    with pytest.raises(TenancyError) as caught:
        names.full_model(reference)
    assert caught.value.kind == "invalid_model"


def test_models_each_once_as_they_were_spelled_first():
    given = ["library/demo", "demo", "demo:latest", "demo:v1", "registry.ollama.ai/acme/x:1", "acme/x:1"]
    assert names.each_once(given) == {"demo:latest": "library/demo", "demo:v1": "demo:v1", "acme/x:1": "registry.ollama.ai/acme/x:1"}


def test_docker_objects_are_called_after_agent_and_tenant():
    assert names.container_name("empresa-corp") == "ollama-agent-empresa-corp"
    assert names.network_name("empresa-corp") == "ollama-tenant-empresa-corp"


@pytest.mark.parametrize(
    ("address", "url"),
    [("192.0.2.1", "http://192.0.2.1:80"), ("0.0.0.0", "http://127.0.0.1:80"), ("::", "http://[::1]:80"), ("fd00::2", "http://[fd00::2]:80")],
)
def test_url_of_what_is_bound_to_an_address(address, url):
    assert names.local_url(address, 80) == url


@pytest.mark.parametrize(("word", "said"), [("tenant_nmae", "Did you mean 'tenant_name'?"), ("zzz", "")])
def test_nearest_known_word(word, said):
    assert names.nearest(word, ["tenant", "tenant_name", "model"]) == said


@pytest.mark.parametrize(("given", "told"), [([], ""), (["a"], "a"), (["a", "b"], "a, b"), (["a", "b", "c", "d"], "a, b and 2 more")])
def test_the_first_of_many_names(given, told):
    assert names.some(given, 2) == told
