# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of module_utils/options/docker.py."""

from __future__ import annotations


class ModuleDocFragment:
    """Options of every module that reaches a Docker Engine."""

    DOCUMENTATION = r"""
options:
  docker_host:
    description:
      - URL of the Docker Engine, for example C(unix:///var/run/docker.sock) or C(tcp://gpu-01:2376).
      - If not set, the environment variable E(DOCKER_HOST) is used.
    type: str
    default: unix:///var/run/docker.sock
  tls:
    description:
      - Speak TLS to the engine and verify its certificate.
      - If not set, the environment variable E(DOCKER_TLS_VERIFY) is used.
    type: bool
    default: false
  ca_path:
    description: Certificate authority of the engine's certificate, as a PEM file. Used with O(tls=true).
    type: path
  client_cert:
    description: Client certificate, as a PEM file. Used with O(tls=true).
    type: path
  client_key:
    description: Key of the client certificate, as a PEM file. Used with O(tls=true).
    type: path
  docker_timeout:
    description: Seconds that one call of the engine's API may take.
    type: int
    default: 60
requirements:
  - docker >= 7.1 (Python library)
"""
