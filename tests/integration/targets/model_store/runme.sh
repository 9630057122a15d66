#!/usr/bin/env bash
# A script and not a role: the collection has a role of this name, which would be run in the target's place.
set -euo pipefail

ansible-playbook -i "${INVENTORY_PATH}" -e @../../integration_config.yml run.yml "$@"
