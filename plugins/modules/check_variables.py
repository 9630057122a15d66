# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of the action plugin of the same name, which runs on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: check_variables
short_description: Refuse misspelled variables and hosts
version_added: 0.1.0
description:
  - Fails when a variable starts with a role's name and an underscore, and the role has no option of that name. The message
    names the nearest right one.
  - Argument specs of roles check the values of known variables only; a misspelled name passes them silently.
  - Extra variables have no prefix of their own; with O(extra) one that nothing of this collection knows is refused.
  - Used in the preflight of every role of this collection. It runs on the controller and reaches no host.
author:
  - llmops.tenancy contributors (@llmops)
options:
  role:
    description: Prefix of the variables to check. Defaults to the role that the task stands in.
    type: str
  options:
    description: The names that are right. Defaults to the options in the argument specs of the role that the task stands in.
    type: list
    elements: str
  also:
    description: Further names with that prefix that are right, for example a variable of the play.
    type: list
    elements: str
    default: []
  extra:
    description:
      - Refuse extra variables, too, that neither a role nor a playbook of this collection knows. O(also) names further ones that are right.
      - Only in a playbook of this collection; what variables another one takes is for its author to know.
    type: bool
    default: false
  hosts:
    description:
      - Variables that name hosts. One that is given must be a pattern of which each part has a host or a group of the inventory, since Ansible
        does nothing at all for a host that it does not know, and calls that success.
    type: list
    elements: str
    default: []
extends_documentation_fragment:
  - llmops.tenancy.attributes
  - llmops.tenancy.attributes.actiongroup
attributes:
  check_mode:
    support: full
    details: It only reads, so it does the same in check mode.
  diff_mode:
    support: N/A
    details: It changes nothing.
  idempotent:
    support: full
    details: It changes nothing.
"""

EXAMPLES = r"""
- name: Refuse misspelled variables
  llmops.tenancy.check_variables:

- name: Check variables of a prefix outside a role
  llmops.tenancy.check_variables:
    role: proxy
    options: [proxy_port, proxy_name]

- name: Refuse hosts that the inventory does not have, and other variables of the prefix
  llmops.tenancy.check_variables:
    role: copy
    options: [copy_from, copy_to]
    hosts: [copy_from, copy_to]
"""

RETURN = r"""
role:
  description: The prefix that was checked, without the underscore.
  returned: success
  type: str
  sample: docker_host
options:
  description: The names that are right.
  returned: success
  type: list
  elements: str
  sample: [docker_host_config, docker_host_packages]
"""
