#!/usr/bin/env bash
# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# make onboard: prepares this machine and onboards a tenant. It notes what it adds, before it adds it, so that
# make clean-demo can take exactly that away.
#
#   scripts/onboard.sh TENANT MODEL [ARGUMENT…]     MODEL may be empty; the arguments go to ansible-playbook
set -euo pipefail
cd "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/.."
readonly NOTES=.cache/onboard RECORDS=/var/lib/llmops-tenancy STORE=/var/lib/llmops/models
export ANSIBLE_INVENTORY=inventories/local
tenant=$1
model=$2
shift 2
readonly note=$NOTES/tenants/$tenant
run=
# shellcheck source=scripts/tenant_notes.sh
source scripts/tenant_notes.sh

meaning=$(.venv/bin/python scripts/playbook_options.py "$@")
check_mode=
case $meaning in
    help) exit 0 ;;
    dry) check_mode=yes ;;
    inventory)
        printf 'make onboard is for this machine. With an inventory of your own, run playbooks/prepare_host.yml and %s\n' \
            'playbooks/onboard_tenant.yml with ansible-playbook.' >&2
        exit 2
        ;;
esac

onboard() {
    .venv/bin/ansible-playbook playbooks/onboard_tenant.yml -e tenant="$tenant" ${model:+-e model="$model"} ${run:+-e audit_run="$run"} "$@"
}

# A tenant that was there before is not ours to remove, and keeps its model unless another is asked for.
note_tenant() {
    mkdir -p "$NOTES/tenants"
    identify "$tenant" "$(note_field "$note" run)" "$@"
    if [ -z "$found_since" ]; then
        run=make-onboard-$(</proc/sys/kernel/random/uuid)
        model=${model:-demo}
        printf '%s=%s\n' model "$model" run "$run" catalog "$found_catalog" >"$note"
    elif [ -n "$(other_than_noted "$note")" ]; then
        rm -f "$note"
    else
        model=${model:-$(note_field "$note" model)}
        sed -i '/^model=/d' "$note"
        printf 'model=%s\n' "$model" >>"$note"
    fi
}

# The folders that the first run makes for the model store; a later one finds them, and the note with them.
note_store() {
    local folder=$STORE
    [ ! -e "$STORE" ] || return 0
    mkdir -p "$NOTES"
    while [ ! -e "$folder" ]; do
        printf '%s\n' "$folder"
        folder=$(dirname "$folder")
    done >"$NOTES/store"
}

# The note of a run that did not make the tenant goes; that of one that did gets the time that tells it from a later one.
complete_note() {
    [ -n "$run" ] && identify "$tenant" "$run" "$@" || return 0
    if [ -n "$found_since" ] && [ -z "$(other_than_noted "$note")" ]; then
        printf 'since=%s\n' "$found_since" >>"$note"
    else
        rm -f "$note"
    fi
}

# The playbook says best what is wrong with a name; nothing is prepared for one that can't be.
[[ $tenant =~ ^[a-z0-9-]+$ ]] || { onboard "$@" && exit 0 || exit $?; }

[ -n "$check_mode" ] || note_store
[ -n "$check_mode" ] || compgen -G "$RECORDS/*.json" >/dev/null || { mkdir -p "$NOTES" && touch "$NOTES/prepared"; }
# Ansible's apt module would install it by itself, and nothing would note that.
if [ -z "$check_mode" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null && [ ! -d /usr/lib/python3/dist-packages/apt ]; then
    scripts/packages.sh python3-apt
fi
printf 'Preparing this machine …\n'
ANSIBLE_DISPLAY_OK_HOSTS=false ANSIBLE_DISPLAY_SKIPPED_HOSTS=false \
    .venv/bin/ansible-playbook playbooks/prepare_host.yml "$@"
if [ -n "$check_mode" ]; then
    model=${model:-demo}
    if ! identify "$tenant" '' "$@" >/dev/null 2>&1; then
        printf 'The catalog is not there yet: what onboarding %s would do shows once this machine is prepared.\n' "$tenant"
        exit 0
    fi
else
    note_tenant "$@"
fi
code=0
onboard "$@" || code=$?
complete_note "$@"
exit "$code"
