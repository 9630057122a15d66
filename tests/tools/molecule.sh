#!/usr/bin/env bash
# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# molecule.sh ARGUMENTS…: molecule on the scenarios of extensions/molecule, with the working tree as the collection.
set -euo pipefail
root=$(cd "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/../.." && pwd)
export PATH=$root/.venv/bin:$PATH
export ANSIBLE_CONFIG=$root/ansible.cfg
# Relative paths of ansible.cfg are its own; molecule writes a configuration of its own, so they go by the environment.
export ANSIBLE_COLLECTIONS_PATH=$root/.collections
cd "$root/extensions"
exec molecule "$@"
