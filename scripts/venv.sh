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

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    printf 'setup: Python 3.11 or newer is needed; %s is %s. Name another one: make setup PYTHON=python3.12\n' \
        "$python" "$("$python" --version)" >&2
    exit 1
}
# Debian keeps what `python3 -m venv` needs in a package of its own.
"$python" -c 'import ensurepip, venv' 2>/dev/null || scripts/packages.sh python3-venv
"$python" -m venv "$folder"
"$folder/bin/python" -m pip install --quiet --disable-pip-version-check 'ansible-core>=2.19' -r requirements.txt
