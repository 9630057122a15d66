#!/usr/bin/env bash
# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Installs packages of Debian that the set-up itself needs: scripts/packages.sh NAME…
# All that this adds is noted before it is there, so that `make clean-demo` can take exactly that away.
set -euo pipefail
cd "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/.."
readonly NOTES=.cache/onboard

if ! command -v apt-get >/dev/null || [ "$(id -u)" != 0 ]; then
    printf 'setup: missing: %s. Install it (on Debian, as root: apt-get install %s) and run this again.\n' "$*" "$*" >&2
    exit 1
fi
{
    # An installation that was cut off has to be finished first; apt refuses everything else.
    [ -z "$(dpkg --audit)" ] || dpkg --configure -a
    apt-get update -qq
    mkdir -p "$NOTES"
    apt-get --simulate --no-install-recommends install "$@" | sed -n 's/^Inst \([^ ]*\) [^[].*/\1/p' >>"$NOTES/packages"
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"
} >&2
