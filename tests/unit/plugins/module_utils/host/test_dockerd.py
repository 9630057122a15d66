# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether an engine has read its configuration, told by the age of its process to a few hundredths of a second."""

from __future__ import annotations

import subprocess
import time

from ansible_collections.llmops.tenancy.plugins.module_utils.host.dockerd import started_before

# More than the clock ticks that the kernel tells the start of a process in, and less than a second by far.
MOMENT = 0.2


def test_process_that_started_after_its_configuration_was_written(tmp_path):
    before, after = tmp_path / "before", tmp_path / "after"
    before.write_text("{}")
    time.sleep(MOMENT)
    with subprocess.Popen(["sleep", "5"]) as process:
        time.sleep(MOMENT)
        after.write_text("{}")
        assert not started_before(process.pid, str(before))
        assert started_before(process.pid, str(after))
        assert not started_before(process.pid, str(tmp_path / "missing"))
        process.kill()
    assert not started_before(process.pid, str(after))
