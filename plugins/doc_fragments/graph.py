# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of module_utils/options/graph.py."""

from __future__ import annotations


class ModuleDocFragment:
    """Options of every module that reaches Microsoft Graph."""

    DOCUMENTATION = r"""
options:
  m365_tenant_id:
    description:
      - The Microsoft 365 tenant (directory) id. Needed only where the catalog does not know it yet.
      - An id that differs from the one in the catalog is refused.
    type: str
  client_id:
    description:
      - Application (client) id of the app registration, or of a user-assigned managed identity.
      - If not set, the environment variable E(AZURE_CLIENT_ID) is used.
    type: str
  client_secret:
    description:
      - Secret of the app registration.
      - If no credential is given at all, the environment variable E(AZURE_CLIENT_SECRET) is used.
    type: str
  client_certificate:
    description:
      - PEM file, on the machine where the module runs, with the certificate of the app registration. It may hold the key, too.
      - If no credential is given at all, the environment variable E(AZURE_CLIENT_CERTIFICATE_PATH) is used.
    type: path
  client_certificate_key:
    description: PEM file with the private key, when it does not stand in the file of the certificate.
    type: path
  client_certificate_passphrase:
    description:
      - Passphrase of the private key.
      - If not set, the environment variable E(AZURE_CLIENT_CERTIFICATE_PASSWORD) is used.
    type: str
  client_assertion_file:
    description:
      - File with the token of a federated identity (workload identity of Kubernetes, GitHub or GitLab). It is read
        anew each time, since such tokens are short-lived.
      - If no credential is given at all, the environment variable E(AZURE_FEDERATED_TOKEN_FILE) is used.
    type: path
  managed_identity:
    description:
      - Sign in with the managed identity of the Azure machine, container or function where the module runs.
      - Taken as V(false) when not given.
    type: bool
  cloud:
    description:
      - The national cloud that the tenant lives in; sets the sign-in service and Graph together.
      - Taken as V(global) when not given.
    type: str
    choices: [global, usgov, usgov_dod, china]
  authority_url:
    description:
      - Address of the sign-in service, instead of that of O(cloud).
      - If not set, the environment variable E(AZURE_AUTHORITY_HOST) is used.
    type: str
  graph_url:
    description: Address of Microsoft Graph, instead of that of O(cloud).
    type: str
  ca_path:
    description:
      - PEM file with the certificate authorities to trust, for a proxy that inspects TLS or for tests.
      - When given, it alone counts, whatever E(REQUESTS_CA_BUNDLE) says.
    type: path
  request_timeout:
    description:
      - Seconds without an answer after which one request is given up.
      - Taken as V(30) when not given.
    type: int
  throttle_budget:
    description:
      - Seconds that one synchronisation may wait in all because Microsoft Graph throttles it.
      - Taken as V(600) when not given.
    type: int
requirements:
  - msal >= 1.31
  - requests >= 2.32
"""
