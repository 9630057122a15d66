# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A call that waits and its worker: who knows what when one of them ends."""

from __future__ import annotations

import os

import pytest

from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.lifeline import Lifeline


@pytest.mark.parametrize(("ending", "cut"), [("waits", False), ("lets go", False), ("dies", True)])
def test_the_worker_knows_how_the_call_ended(ending, cut):
    lifeline = Lifeline()
    call = os.dup(lifeline._writer)
    lifeline.in_worker()
    assert not lifeline.cut()
    lifeline._writer = call
    if ending == "lets go":
        lifeline.let_go()
    elif ending == "dies":
        os.close(call)
    assert [lifeline.cut() for _time in range(3)] == [cut] * 3
    os.close(lifeline.reader)


def test_letting_go_of_a_worker_that_is_done_is_no_fault():
    lifeline = Lifeline()
    lifeline.in_call()
    lifeline.let_go()
