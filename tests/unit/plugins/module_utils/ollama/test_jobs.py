# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Jobs: what their directory says about a worker."""

from __future__ import annotations

import fcntl
import os
import tempfile
import time

import pytest

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama import jobs


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_a_job_belongs_to_its_owner_alone():
    job = jobs.create({"outcomes": []})
    assert os.stat(job.path).st_mode & 0o077 == 0
    assert os.stat(jobs.root()).st_mode & 0o077 == 0
    assert job.context() == {"outcomes": []}
    assert jobs.find(job.name) == job


def test_the_lock_tells_whether_the_worker_lives():
    job = jobs.create({})
    assert not job.alive()
    descriptor = job.lock()
    assert job.alive()
    os.close(descriptor)
    assert not job.alive()


def test_who_asks_is_not_taken_for_the_worker():
    job = jobs.create({})
    with open(job.file("lock"), "w", encoding="ascii") as asking:
        fcntl.flock(asking, fcntl.LOCK_SH)
        assert not job.alive()
    descriptor = job.lock()
    assert job.alive()
    os.close(descriptor)


def test_a_status_is_replaced_as_a_whole():
    job = jobs.create({})
    assert job.status() == {}
    for number in range(3):
        job.write("status.json", {"finished": False, "number": number})
        assert job.status()["number"] == number
    assert not [name for name in os.listdir(job.path) if name.endswith(".new")]


def test_a_lease_is_renewed():
    job = jobs.create({})
    os.utime(job.file("lease"), (time.time() - 100,) * 2)
    assert job.silence() > 99
    job.renew()
    assert job.silence() < 5


def test_a_job_is_cancelled_by_a_file_or_by_taking_it_away():
    job = jobs.create({})
    assert not job.cancelled()
    job.cancel()
    assert job.cancelled()
    other = jobs.create({})
    other.remove()
    assert other.cancelled() and not other.alive() and other.status() == {}


@pytest.mark.parametrize("name", ["", "..", "../../etc", "0" * 16, "no-such-job"])
def test_an_unknown_job_is_one_error(name):
    with pytest.raises(TenancyError) as caught:
        jobs.find(name)
    assert caught.value.kind == "no_such_job"


@pytest.mark.parametrize(
    ("age", "finished", "locked", "kept"),
    [
        (10, False, False, True), (400, False, False, False), (400, False, True, True), (400, True, False, True),
        (90_000, True, False, False),
    ],
)
def test_old_jobs_are_forgotten(age, finished, locked, kept):
    job = jobs.create({})
    job.write("status.json", {"finished": finished})
    descriptor = job.lock() if locked else None
    os.utime(job.path, (time.time() - age,) * 2)
    jobs.tidy()
    assert (job in list(jobs.every())) is kept
    if descriptor is not None:
        os.close(descriptor)


@pytest.mark.parametrize("content", ["", '{"finished": tr', "[]", "null", "\udcff"])
def test_a_damaged_file_counts_as_empty(content):
    job, whole = jobs.create({"outcomes": []}), jobs.create({"outcomes": []})
    for name in ("status.json", "context.json"):
        with open(job.file(name), "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(content)
    assert job.status() == job.context() == {}
    with pytest.raises(TenancyError) as caught:
        jobs.find(job.name)
    assert caught.value.kind == "no_such_job"
    jobs.tidy()
    assert set(jobs.every()) == {job, whole}
    os.utime(job.path, (time.time() - 400,) * 2)
    jobs.tidy()
    assert list(jobs.every()) == [whole]


@pytest.mark.parametrize("how", ["open", "link", "file"])
def test_a_state_directory_of_others_is_refused(state, how):
    path = state / f"llmops-tenancy-{os.geteuid()}"
    if how == "open":
        path.mkdir(mode=0o755)
        path.chmod(0o755)
    elif how == "link":
        (state / "elsewhere").mkdir(mode=0o700)
        path.symlink_to(state / "elsewhere")
    else:
        path.write_text("")
    with pytest.raises(TenancyError) as caught:
        jobs.root()
    assert caught.value.kind == "unsafe_state_directory"
