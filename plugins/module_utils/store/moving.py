# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An agent's models on their way: from a volume of its own under the store, back, and from one store to another.

What arrives is built aside and renamed, and its source is left alone until then, so a run that is killed in between
begins again from the same source. The agent does not run meanwhile.
"""

from __future__ import annotations

import os
import stat
from typing import Iterable, Iterator

from ansible_collections.llmops.tenancy.plugins.module_utils.disk import allocated
from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.store import content, views
from ansible_collections.llmops.tenancy.plugins.module_utils.store.carrying import Target, require_room
from ansible_collections.llmops.tenancy.plugins.module_utils.store.layout import blob_name, manifest_path
from ansible_collections.llmops.tenancy.plugins.module_utils.store.places import ASIDE, manifests_of
from ansible_collections.llmops.tenancy.plugins.module_utils.store.whiteouts import hidden
from ansible_collections.llmops.tenancy.plugins.module_utils.tenant_tree import Entry, at, remove, walk

# What no path can name has no place in another tree either.
_LONGEST = 4096


def take(folder: str, upper: str, view: str) -> None:
    """Make an agent's own directory of what its volume has and the view has not.

    A model is the view's when its manifest is, byte for byte; anything else is the tenant's own.

    :param folder: of the plain volume. :param upper: the directory to make. :param view: directory of its view.
    :raises TenancyError: ``disk_full``.
    """
    shared = {model.name: model.digest for model in content.list_models(view)}
    own = {name: found for name, found in manifests_of(folder).items() if shared.get(name) != found.digest}
    wanted = {os.path.join("manifests", manifest_path(name)) for name in own}
    wanted |= {
        path for found in own.values() for blob in found.blobs
        if not os.path.exists(os.path.join(view, path := os.path.join("blobs", blob_name(blob.digest))))
    }
    _renamed((entry for path in sorted(wanted) for entry in at(folder, path.split(os.sep))), upper)


def follow(old: str, upper: str, *, stays: bool = False) -> None:
    """Bring an agent's own directory from one place to another, with what it notes of deleted models.

    :param stays: whether the old one stays as it is, so that the agent may write to none of its files.
    :raises TenancyError: ``disk_full``, ``tree_too_deep``.
    """
    _renamed(_all(old), upper, copies=stays)


def give(view: str, upper: str, folder: str) -> None:
    """Fill a plain volume with all that an agent sees: its own models, and copies of those that it shares.

    :raises TenancyError: ``disk_full``, ``tree_too_deep``, ``link_in_the_way``.
    """
    _complete(upper)
    models = {model.name: model for model in content.list_models(view)}
    own = manifests_of(upper)
    # What its own models are made of may be shared, too.
    blobs = {blob.digest for found in own.values() for blob in found.blobs}
    shared = set(models) - set(hidden(upper, view, models)) - set(own)
    blobs |= {blob.digest for name in shared for blob in models[name].blobs}
    paths = [os.path.join("blobs", blob_name(digest)) for digest in sorted(blobs)]
    paths += [os.path.join("manifests", manifest_path(name)) for name in sorted(shared)]

    def missing() -> Iterator[Entry]:
        yield from (each for each in _all(upper) if stat.S_ISREG(each.found.st_mode) and target.size(each) != each.found.st_size)
        for path in paths:
            yield from (each for each in at(view, path.split(os.sep)) if target.size(each) != each.found.st_size)

    with Target(folder) as target:
        try:
            for entry in missing():
                target.tidy(entry)
            require_room(folder, sum(allocated(entry.found) for entry in missing()))
            for entry in missing():
                # Never a link: a tenant writes where this goes.
                target.copy(entry)
        except NotADirectoryError as error:
            raise _in_the_way(folder, error) from error


def require_names(upper: str, agent: str) -> None:
    """Nothing, when all that an agent wrote can be moved.

    :raises TenancyError: ``tree_too_deep``.
    """
    try:
        for _entry in _all(upper):
            pass
    except TenancyError as error:
        error.details["agent"] = agent
        raise


def _renamed(entries: Iterable[Entry], upper: str, *, copies: bool = False) -> None:
    _complete(upper)
    aside, made = (upper + end for end in ASIDE)
    remove(aside)
    os.makedirs(aside, mode=0o755)
    with Target(aside, known=upper, copies=copies) as target:
        for entry in entries:
            target.bring(entry)
    # What the agent has there from before stays its own: its volume may have been made anew by hand.
    with Target(aside) as target:
        for entry in _all(upper):
            target.bring(entry)
    for part in ("blobs", "manifests"):
        if not os.path.lexists(os.path.join(aside, part)):
            os.mkdir(os.path.join(aside, part), mode=0o755)
    views.sync(aside)
    os.rename(aside, made)
    views.sync(os.path.dirname(upper))
    _complete(upper)


def _complete(upper: str) -> None:
    """Put what was built in its place, if anything was: also what a killed run had together, whose place is half erased by now."""
    made = upper + ASIDE[1]
    if os.path.lexists(made):
        remove(upper)
        os.rename(made, upper)
        views.sync(os.path.dirname(upper))


def _all(folder: str) -> Iterator[Entry]:
    """All that is in a directory. What no tenant can bring about ends it: what is passed over here is lost."""
    for entry in walk(folder, strict=True):
        if len(os.fsencode(entry.path)) > _LONGEST:
            raise TenancyError(
                f"The models in {folder} can't be moved",
                cause=f"below {'/'.join(entry.parents)[:60]!r} are directories in directories that no path can name",
                remedy="Have its tenant remove them, then run again", kind="tree_too_deep", lasting=True,
            )
        yield entry


def _in_the_way(folder: str, error: NotADirectoryError) -> TenancyError:
    return TenancyError(
        f"Models can't be copied into {folder}",
        cause=f"there is a link or a file where a directory has to be, {error.filename!r}",
        remedy="Have its tenant remove it, or remove it there, then run again", kind="link_in_the_way", lasting=True,
    )
