# shellcheck shell=bash
# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Sourced by onboard.sh and clean_demo.sh: what a note of a tenant says, and whether the tenant is still the noted one.
# A note is no proof: it names a run, and the catalog's audit trail says whether that run made the tenant.

note_field() { # NOTE FIELD
    [ ! -e "$1" ] || sed -n "s/^$2=//p" "$1"
}

# Sets found_catalog, found_made (made or found) and found_since (empty where there is no such tenant).
identify() { # TENANT RUN [ARGUMENT…]
    local tenant=$1 run=$2 file said
    shift 2
    file=$(mktemp)
    # The last word is ours: the arguments may name another tenant.
    if ! said=$(.venv/bin/ansible-playbook scripts/tenant_identity.yml "$@" \
        -e tenant="$tenant" -e identity_run="$run" -e identity_file="$file" 2>&1); then
        rm -f "$file"
        printf '%s\n' "$said" >&2
        return 1
    fi
    found_catalog='' found_made='' found_since=''
    # The file has no end of line.
    read -r found_catalog found_made found_since <"$file" || [ -n "$found_catalog" ]
    rm -f "$file"
}

# After identify: why the tenant is not the noted one; nothing where it is. A run that was cut off noted no time.
other_than_noted() { # NOTE
    local since
    since=$(note_field "$1" since)
    if [ "$(note_field "$1" catalog)" != "$found_catalog" ]; then
        printf 'the catalog is another one than when it was onboarded'
    elif [ -z "$found_since" ]; then
        printf 'it is not there any more'
    elif [ "$found_made" != made ]; then
        printf 'make onboard did not make it'
    elif [ -n "$since" ] && [ "$since" != "$found_since" ]; then
        printf 'it was made anew since'
    fi
}
