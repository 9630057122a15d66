# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Command line of the bench: see README.md beside this file."""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from types import FrameType
from typing import NoReturn

from tests.support import namespace
from tests.support.engine import Engine
from tests.support.postgres import Postgres
from tests.support.prepare import prepare, wheels_folder
from tests.support.process import BenchError
from tests.support.registry import Registry
from tests.support.settings import ROOT, Bench, runs_folder

FOREIGN = ("PG", "DOCKER_", "OLLAMA_", "LLMOPS_CATALOG_", "LLMOPS_AUDIT_")
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(BaseException):
    """A signal told the bench to end."""


@contextlib.contextmanager
def locked(bench: Bench) -> Iterator[bool]:
    """Hold the lock of a bench, which tells others that it runs; the kernel frees it whatever ends the holder."""
    with bench.lock.open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        # Its last holder may have removed the file between the two calls: then the lock guards nothing.
        yield bench.lock.exists() and bench.lock.samefile(f"/proc/self/fd/{lock.fileno()}")


def erase(bench: Bench) -> None:
    """Take away what a bench that ended left: its folder and its control groups. Its processes and mounts are gone."""
    namespace.remove_control_groups(bench.cgroup)
    shutil.rmtree(bench.folder, ignore_errors=True)
    if bench.folder.exists():
        raise BenchError(f"{bench.folder} could not be erased")


def clean_stale() -> list[str]:
    """Erase what benches left that were killed; return their names."""
    cleaned = []
    for lock in runs_folder().glob("*.lock"):
        bench = Bench(lock.stem)
        with locked(bench) as free:
            if free:
                erase(bench)
                lock.unlink(missing_ok=True)
                cleaned.append(bench.name)
    return cleaned


def start_parts(bench: Bench) -> None:
    """Start the engine, PostgreSQL and the model registry, side by side."""
    bench.logs.mkdir()
    engine, postgres, registry = Engine(bench), Postgres(bench), Registry(bench)

    def start_engine() -> None:
        engine.start()
        engine.load_image()

    def start_postgres() -> None:
        postgres.create()
        postgres.start()

    def start_registry() -> None:
        registry.start()
        registry.push_demo_models()

    with ThreadPoolExecutor() as pool:
        for part in [pool.submit(start) for start in (start_engine, start_postgres, start_registry)]:
            part.result()


def take_environment(bench: Bench) -> None:
    """Let nothing in the environment lead to another engine or PostgreSQL than the bench's."""
    for name in [name for name in os.environ if name.startswith(FOREIGN)]:
        del os.environ[name]
    os.environ.update(bench.environment())
    # The roles install Python libraries; in the bench they find them in the cache.
    os.environ.update({"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels_folder())})
    os.environ["PATH"] += ":/usr/sbin:/sbin"


def write_environment(bench: Bench) -> None:
    """Write the coordinates where a shell can source them."""
    lines = [f"export {name}={shlex.quote(value)}\n" for name, value in bench.environment().items()]
    (bench.folder / "env").write_text("".join(lines))


def first_process(bench: Bench, command: list[str], quiet: bool) -> int:
    """Run a command on a started bench; all processes in the namespace end with this one."""

    def stop(number: int, frame: FrameType | None) -> NoReturn:
        raise Stopped(number)

    for number in STOP_SIGNALS:
        signal.signal(number, stop)
    process = None
    try:
        started = time.monotonic()
        namespace.enter(bench.folder)
        take_environment(bench)
        start_parts(bench)
        write_environment(bench)
        if not quiet:
            seconds = time.monotonic() - started
            print(f"bench {bench.name} is up after {seconds:.1f} s, folder {bench.folder}", file=sys.stderr)
        process = subprocess.Popen(command)
        return wait_for(process.pid)
    except BenchError as error:
        print(f"bench {bench.name}: {error}", file=sys.stderr)
        return 125
    except Stopped as stopped:
        for number in STOP_SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        if process:
            end_command(process.pid)
        return 128 + int(stopped.args[0])


def wait_for(pid: int) -> int:
    """Exit code of a child; orphans of the namespace are reaped meanwhile."""
    while True:
        ended, status = os.wait()
        if ended == pid:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code


def end_command(pid: int, grace: float = 10.0) -> None:
    """Ask a command to end and give it time for that; the end of the namespace does the rest."""
    end = time.monotonic() + grace
    with contextlib.suppress(ProcessLookupError, ChildProcessError):
        os.kill(pid, signal.SIGTERM)
        while time.monotonic() < end and os.waitpid(pid, os.WNOHANG) == (0, 0):
            time.sleep(0.05)


def run(name: str, command: list[str], quiet: bool) -> int:
    """Prepare, start a bench, run a command on it, end everything; return the command's exit code."""
    prepare()
    runs_folder().mkdir(exist_ok=True)
    clean_stale()
    bench = Bench(name)
    with locked(bench) as free:
        if not free:
            raise BenchError(f"a bench named {name} runs already; give another --name")
        erase(bench)
        bench.folder.mkdir()
        namespace.next_child_is_first_process()
        child = os.fork()
        if child == 0:
            code = 125
            try:
                namespace.die_with_parent()
                code = first_process(bench, command, quiet)
            except BaseException as error:
                print(f"bench {name}: {type(error).__name__}: {error}", file=sys.stderr)
            finally:
                sys.stderr.flush()
                os._exit(code)
        try:
            code = wait_for_bench(child)
        finally:
            erase(bench)
            bench.lock.unlink(missing_ok=True)
        return code


def wait_for_bench(child: int) -> int:
    """Exit code of the bench's first process; signals to end are passed on to it."""

    def pass_on(number: int, frame: FrameType | None) -> None:
        os.kill(child, number)

    for number in STOP_SIGNALS:
        signal.signal(number, pass_on)
    return wait_for(child)


def parse(arguments: list[str]) -> argparse.Namespace:
    """Options of the command line."""
    parser = argparse.ArgumentParser(prog="tests/support/bench", description="Runs a command on a bench of real parts.")
    commands = parser.add_subparsers(dest="action", required=True)
    for action, text in (
        ("run", "start a bench, run COMMAND on it, end everything"),
        ("shell", "the same with a shell"),
    ):
        command = commands.add_parser(action, help=text)
        command.add_argument("--name", default=f"b{os.getpid()}", help="name of this bench, several may run at once")
        command.add_argument("--quiet", action="store_true", help="do not tell when the bench is up")
        if action == "run":
            command.add_argument("command", nargs="+", metavar="COMMAND")
    commands.add_parser("prepare", help="only install and build what the bench needs")
    commands.add_parser("clean", help="take away what benches left that were killed")
    options = parser.parse_args(arguments)
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,20}", getattr(options, "name", "b0")):
        parser.error("--name: lower-case letters, digits and dashes, at most 21")
    return options


def main() -> int:
    """Entry point."""
    options = parse(sys.argv[1:])
    try:
        if options.action == "prepare":
            prepare()
        elif options.action == "clean":
            print("cleaned:", " ".join(clean_stale()) or "nothing")
        elif options.action == "shell":
            os.chdir(ROOT)
            return run(options.name, [os.environ.get("SHELL", "/bin/bash")], options.quiet)
        else:
            return run(options.name, options.command, options.quiet)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 125
    return 0


if __name__ == "__main__":
    sys.exit(main())
