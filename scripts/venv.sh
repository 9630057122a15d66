#!/usr/bin/env bash
# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Makes the checkout's virtual environment: scripts/venv.sh PYTHON FOLDER. Run again, it completes one that is half made.
set -euo pipefail
cd "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/.."
python=$1
folder=$2

# Debian keeps what `python3 -m venv` needs in a package of its own.
install_venv_module() {
    local package=python3-venv
    if ! command -v apt-get >/dev/null || [ "$(id -u)" != 0 ]; then
        printf 'setup: %s has no venv module. Install it (on Debian, as root: apt-get install %s) and run this again.\n' \
            "$python" "$package" >&2
        exit 1
    fi
    [ -z "$(dpkg --audit)" ] || dpkg --configure -a
    apt-get update -qq
    # What `make clean-demo` may take away again; noted before it is there.
    mkdir -p .cache/onboard
    apt-get --simulate --no-install-recommends install "$package" |
        sed -n 's/^Inst \([^ ]*\) [^[].*/\1/p' >>.cache/onboard/packages
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$package"
}

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    printf 'setup: Python 3.11 or newer is needed; %s is %s. Name another one: make setup PYTHON=python3.12\n' \
        "$python" "$("$python" --version)" >&2
    exit 1
}
"$python" -c 'import ensurepip, venv' 2>/dev/null || install_venv_module
"$python" -m venv "$folder"
"$folder/bin/python" -m pip install --quiet --disable-pip-version-check 'ansible-core>=2.19' -r requirements.txt
