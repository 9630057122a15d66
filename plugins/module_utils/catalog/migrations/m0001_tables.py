# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Migration 1: tenants, users and agents, with the constraints that hold the truth. Never edited once released."""

from __future__ import annotations

SQL = r"""
CREATE TABLE llmops.tenants (
    tenant text PRIMARY KEY,
    name text NOT NULL,
    domain text,
    m365_tenant_id text,
    active boolean NOT NULL DEFAULT true,
    quota_agents integer,
    quota_memory bigint,
    quota_cpus integer,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT tenants_tenant_slug CHECK (tenant ~ '^[a-z0-9][a-z0-9-]{0,30}[a-z0-9]$'),
    CONSTRAINT tenants_name_given CHECK (name ~ '\S' AND length(name) <= 200),
    CONSTRAINT tenants_domain_valid CHECK (domain ~ '^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$' AND length(domain) <= 253),
    CONSTRAINT tenants_m365_tenant_id_valid CHECK (
        m365_tenant_id ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
        OR m365_tenant_id ~ '^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+$'
    ),
    CONSTRAINT tenants_quota_valid CHECK (quota_agents >= 0 AND quota_memory >= 0 AND quota_cpus >= 0)
);
COMMENT ON TABLE llmops.tenants IS 'Customers. Quotas: null is no limit; memory in bytes, CPUs in millicpus.';

CREATE TABLE llmops.users (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant text NOT NULL CONSTRAINT users_tenant_exists REFERENCES llmops.tenants,
    email text NOT NULL,
    name text NOT NULL DEFAULT '',
    role text NOT NULL DEFAULT 'viewer',
    active boolean NOT NULL DEFAULT true,
    source text NOT NULL DEFAULT 'manual',
    external_id text,
    department text,
    job_title text,
    user_type text,
    last_access timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT users_email_valid CHECK (email ~ '^[^@\s]+@[^@\s]+$' AND length(email) <= 320),
    CONSTRAINT users_role_known CHECK (role IN ('admin', 'analyst', 'viewer')),
    CONSTRAINT users_source_known CHECK (source IN ('manual', 'm365')),
    -- An exclusion constraint, since a unique index on an expression can't be deferred: two users who swap their
    -- addresses in one statement are fine once the statement ends.
    CONSTRAINT users_email_unique EXCLUDE USING btree (tenant WITH =, (lower(email)) WITH =) DEFERRABLE
);
CREATE UNIQUE INDEX users_external_id_unique ON llmops.users (tenant, external_id) WHERE external_id IS NOT NULL;
CREATE INDEX users_active_admins ON llmops.users (tenant) WHERE active AND role = 'admin';
COMMENT ON TABLE llmops.users IS 'People of the tenants, typed in (manual) or synchronised (m365).';

CREATE TABLE llmops.agents (
    agent text PRIMARY KEY,
    tenant text NOT NULL CONSTRAINT agents_tenant_exists REFERENCES llmops.tenants,
    host text NOT NULL,
    port integer NOT NULL,
    bind_address text NOT NULL DEFAULT '127.0.0.1',
    models text[] NOT NULL,
    memory_limit bigint NOT NULL,
    memory_reservation bigint NOT NULL,
    cpu_limit integer NOT NULL,
    context_length integer NOT NULL,
    num_parallel integer NOT NULL,
    keep_alive text NOT NULL,
    image text,
    desired_state text NOT NULL DEFAULT 'started',
    observed jsonb,
    observed_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT agents_agent_slug CHECK (agent ~ '^[a-z0-9][a-z0-9-]{0,30}[a-z0-9]$'),
    CONSTRAINT agents_host_valid CHECK (host ~ '^\S+$' AND length(host) <= 253),
    CONSTRAINT agents_port_valid CHECK (port BETWEEN 1 AND 65535),
    CONSTRAINT agents_host_port_unique UNIQUE (host, port),
    CONSTRAINT agents_bind_address_valid CHECK (bind_address ~ '^[0-9A-Fa-f.:]+$'),
    CONSTRAINT agents_memory_limit_valid CHECK (memory_limit >= 6291456),
    CONSTRAINT agents_memory_reservation_valid CHECK (memory_reservation BETWEEN 0 AND memory_limit),
    CONSTRAINT agents_cpu_limit_valid CHECK (cpu_limit BETWEEN 10 AND 1024000),
    CONSTRAINT agents_context_length_valid CHECK (context_length BETWEEN 1 AND 16777216),
    CONSTRAINT agents_num_parallel_valid CHECK (num_parallel BETWEEN 1 AND 1024),
    CONSTRAINT agents_keep_alive_valid CHECK (keep_alive ~ '^-?[0-9]+(\.[0-9]+)?(ns|us|ms|s|m|h)?([0-9]+(s|m))*$'),
    CONSTRAINT agents_desired_state_known CHECK (desired_state IN ('started', 'stopped'))
);
CREATE INDEX agents_tenant ON llmops.agents (tenant);
COMMENT ON TABLE llmops.agents IS
    'Ollama servers and where they are. Memory in bytes, CPUs in millicpus; observed is a copy, never the truth.';
"""
