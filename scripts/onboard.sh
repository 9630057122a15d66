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
readonly NOTES=.cache/onboard RECORDS=/var/lib/llmops-tenancy
export ANSIBLE_INVENTORY=inventories/local
tenant=$1
model=$2
shift 2

check_mode=
for argument in "$@"; do
    case $argument in
        --check | -C) check_mode=yes ;;
        -i | -i* | --inventory*)
            printf 'make onboard is for this machine. With an inventory of your own, run playbooks/prepare_host.yml and %s\n' \
                'playbooks/onboard_tenant.yml with ansible-playbook.' >&2
            exit 2
            ;;
    esac
done

onboard() {
    exec .venv/bin/ansible-playbook playbooks/onboard_tenant.yml -e tenant="$tenant" ${model:+-e model="$model"} "$@"
}

tenants_found() {
    ANSIBLE_CALLBACK_RESULT_FORMAT=json .venv/bin/ansible localhost -m llmops.tenancy.tenant_info \
        -a "{\"tenant\": \"$tenant\", \"catalog_dsn\": \"{{ catalog_dsn }}\"}"
}

# A tenant that was there before is not ours to remove, and keeps its model unless another is asked for.
note_tenant() {
    local note=$NOTES/tenants/$tenant found
    mkdir -p "$NOTES/tenants"
    if [ ! -e "$note" ]; then
        found=$(tenants_found)
        case $found in *'"tenants": []'*) ;; *) return 0 ;; esac
    fi
    [ -n "$model" ] || model=$(cat "$note" 2>/dev/null || printf demo)
    printf '%s\n' "$model" >"$note"
}

# The playbook says best what is wrong with a name; nothing is prepared for one that can't be.
[[ $tenant =~ ^[a-z0-9-]+$ ]] || onboard "$@"

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
    if ! tenants_found >/dev/null 2>&1; then
        printf 'The catalog is not there yet: what onboarding %s would do shows once this machine is prepared.\n' "$tenant"
        exit 0
    fi
else
    note_tenant
fi
onboard "$@"
