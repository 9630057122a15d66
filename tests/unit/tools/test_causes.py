# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the end of ``make test`` tells of a failure."""

from __future__ import annotations

from xml.etree import ElementTree

import causes
import pytest

PLAYBOOK = """
    def test_x(site):
>       site.run("a").ok()
tests/e2e/test_x.py:7:
tests/support/ansible.py:130: AssertionError
E       AssertionError: ansible-playbook ended with 2:
E       TASK [Look] ****
E       ok: [localhost]
E       [ERROR]: Task failed: There is no room
E       fatal: [localhost]: FAILED! =>
E         msg: There is no room
"""
DIFFERENCE = """
tests/e2e/test_x.py:9: AssertionError
E       AssertionError: assert ['a', 'b'] == ['a']
E         Full diff: (-: missing in left side, +: extra in left side)
E           [
E             'a',
E         +   'b',
E           ]
"""
LOG = """Running first integration test role
TASK [Refuse] ****
fatal: [testhost]: FAILED! => {"msg": "on purpose"}
...ignoring
TASK [Create] ****
fatal: [testhost]: FAILED! => {"msg": "the cause"}

PLAY RECAP ****
Running second integration test role
TASK [Create] ****
failed: [testhost] => {"msg": "another cause"}
TASK [Clean up] ****
changed: [testhost]

PLAY RECAP ****
"""


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (PLAYBOOK, [
            "tests/e2e/test_x.py:7:", "AssertionError: ansible-playbook ended with 2:",
            "[ERROR]: Task failed: There is no room", "fatal: [localhost]: FAILED! =>", "msg: There is no room",
        ]),
        (DIFFERENCE, [
            "tests/e2e/test_x.py:9: AssertionError", "AssertionError: assert ['a', 'b'] == ['a']",
            "Full diff: (-: missing in left side, +: extra in left side)", "[", "+   'b',",
        ]),
        ("ansible-test found\nplugins/a.py:1:1: a mistake", ["plugins/a.py:1:1: a mistake", "ansible-test found", "plugins/a.py:1:1: a mistake"]),
        ("", []),
    ],
)
def test_of_a_test_case(text, told):
    case = ElementTree.Element("testcase")
    ElementTree.SubElement(case, "failure").text = text
    assert causes.of_case(case) == told


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("first", ["TASK [Create] ****", 'fatal: [testhost]: FAILED! => {"msg": "the cause"}']),
        ("second", ["TASK [Create] ****", 'failed: [testhost] => {"msg": "another cause"}']),
    ],
)
def test_of_a_target(target, told):
    assert causes.of_log(LOG, target) == told


@pytest.mark.parametrize(
    ("log", "told"),
    [
        ("\x1b[31m  │ TASK [A]\x1b[0m\n  │ fatal: [localhost]: FAILED! => {\"msg\":\n  │   \"x\"}\n  │ \n  │ PLAY RECAP\n",
         ["TASK [A]", 'fatal: [localhost]: FAILED! => {"msg": "x"}']),
        ("\n".join("abcdefg"), list("cdefg")),
        ("x" * 1000, ["x" * causes.WIDTH + " …"]),
        ("", []),
    ],
)
def test_of_a_log(log, told):
    assert causes.of_log(log) == told


@pytest.mark.parametrize(("failures", "lines"), [(1, 5), (3, 5), (4, 3), (9, 1), (18, 0), (100, 0)])
def test_many_failures_have_fewer_lines_each(failures, lines):
    assert causes.room_for_each(failures) == lines
