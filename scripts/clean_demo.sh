#!/usr/bin/env bash
# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# make clean-demo: takes away what make onboard added, and nothing else. Run again, it goes on where it was cut off.
#
#   scripts/clean_demo.sh [ARGUMENT…]     the arguments go to ansible-playbook
set -euo pipefail
cd "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/.."
readonly NOTES=.cache/onboard RECORDS=/var/lib/llmops-tenancy STORE=/var/lib/llmops/models
export ANSIBLE_INVENTORY=inventories/local ANSIBLE_DISPLAY_SKIPPED_HOSTS=false ANSIBLE_DISPLAY_OK_HOSTS=false

# shellcheck source=scripts/tenant_notes.sh
source scripts/tenant_notes.sh

if [ ! -d "$NOTES" ]; then
    printf 'make onboard added nothing to this machine, or it was taken away already.\n'
    exit 0
fi

# The environment that would read the arguments may be gone already, and with it all that they could change.
if [ -x .venv/bin/ansible-playbook ] && [ "$(.venv/bin/python scripts/playbook_options.py "$@")" != run ]; then
    printf 'make clean-demo is for this machine and has no check mode.\n' >&2
    exit 2
fi

offboard_tenants() {
    local note tenant reason running=
    shopt -s nullglob
    for note in "$NOTES"/tenants/*; do
        # The engine and the catalog may have ended with the last reboot.
        [ -n "$running" ] || .venv/bin/ansible-playbook playbooks/prepare_host.yml "$@"
        running=yes
        tenant=$(basename "$note")
        identify "$tenant" "$(note_field "$note" run)" "$@"
        reason=$(other_than_noted "$note")
        if [ -n "$reason" ]; then
            printf 'Tenant %s is left alone: %s.\n' "$tenant" "$reason"
            # In the catalog of the note it may still be there, for a run that reaches that one.
            [ "$(note_field "$note" catalog)" != "$found_catalog" ] || rm "$note"
            continue
        fi
        .venv/bin/ansible-playbook playbooks/offboard_tenant.yml \
            -e tenant="$tenant" -e remove_data=true -e confirm="$tenant" "$@"
        rm "$note"
    done
}

# The model store, where make onboard found none before and no agent has anything in it. The note names the folders that were missing.
remove_store() {
    local -a folders
    [ -e "$NOTES/store" ] || return 0
    if [ -n "$(ls -A "$STORE/agents" 2>/dev/null)" ]; then
        printf 'The model store %s stays: agents have models in it. Run this again when they are gone.\n' "$STORE"
        return 0
    fi
    rm -rf "$STORE"
    mapfile -t folders <"$NOTES/store"
    for folder in "${folders[@]}"; do
        [ ! -d "$folder" ] || mountpoint -q "$folder" || rmdir --ignore-fail-on-non-empty "$folder"
    done
    rm "$NOTES/store"
}

unprepare_host() {
    [ -e "$NOTES/prepared" ] || return 0
    # What stays, and why, is an "ok".
    ANSIBLE_DISPLAY_OK_HOSTS=true .venv/bin/ansible-playbook playbooks/unprepare_host.yml -e catalog_host_remove_data=without_tenants "$@"
    if compgen -G "$RECORDS/*.json" >/dev/null; then
        printf 'What is still in use stays, see above. Run this again when it is not.\n'
    else
        [ ! -d "$RECORDS" ] || mountpoint -q "$RECORDS" || rmdir --ignore-fail-on-non-empty "$RECORDS"
        rm "$NOTES/prepared"
    fi
}

undo_setup() {
    local packages
    # What still serves something else stays: a catalog with tenants, a model store with agents, or the environment of the tests.
    [ ! -e "$NOTES/prepared" ] && [ ! -e "$NOTES/store" ] && ! compgen -G "$NOTES/tenants/*" >/dev/null || return 0
    if [ -e "$NOTES/packages" ]; then
        mapfile -t packages < <(sort -u "$NOTES/packages")
        [ ${#packages[@]} = 0 ] || DEBIAN_FRONTEND=noninteractive apt-get purge -y -qq "${packages[@]}"
        rm "$NOTES/packages"
    fi
    if [ -e "$NOTES/setup" ] && [ ! -e .venv/.test-ready ]; then
        rm -rf .venv .collections
    fi
    rm -rf "$NOTES"
    rmdir --ignore-fail-on-non-empty .cache
}

offboard_tenants "$@"
remove_store
unprepare_host "$@"
undo_setup
printf 'Done.\n'
