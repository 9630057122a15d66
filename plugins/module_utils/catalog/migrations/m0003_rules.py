# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Migration 3: rules that no path goes around: quotas, last admin, placement of agents. Never edited once released."""

from __future__ import annotations

SQL = r"""
CREATE FUNCTION llmops.size_text(size numeric) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN size > 0 AND size % 1073741824 = 0 THEN (size / 1073741824)::bigint || 'g'
        WHEN size > 0 AND size % 1048576 = 0 THEN (size / 1048576)::bigint || 'm'
        ELSE size::bigint || 'b'
    END
$$;

CREATE FUNCTION llmops.check_quota() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    full_tenant record;
    listing text;
BEGIN
    SELECT t.*, used.* INTO full_tenant
    FROM llmops.tenants t
    CROSS JOIN LATERAL (
        SELECT count(*) AS agents, coalesce(sum(a.memory_limit), 0) AS memory, coalesce(sum(a.cpu_limit), 0) AS cpus
        FROM llmops.agents a WHERE a.tenant = t.tenant
    ) used
    WHERE t.tenant IN (SELECT n.tenant FROM new_rows n)
        AND (used.agents > t.quota_agents OR used.memory > t.quota_memory OR used.cpus > t.quota_cpus)
    ORDER BY t.tenant LIMIT 1;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    SELECT string_agg(format('%s %s %s CPUs', agent, llmops.size_text(memory_limit), (cpu_limit / 1000.0)::float), ', ')
    INTO listing
    FROM (
        SELECT * FROM llmops.agents a WHERE a.tenant = full_tenant.tenant ORDER BY memory_limit DESC, agent LIMIT 10
    ) a;
    RAISE EXCEPTION USING ERRCODE = 'LT000', CONSTRAINT = 'quota_exceeded',
        MESSAGE = format('Tenant %s would exceed its quota of ', full_tenant.tenant) || CASE
            WHEN full_tenant.agents > full_tenant.quota_agents
                THEN format('agents: %s of %s', full_tenant.agents, full_tenant.quota_agents)
            WHEN full_tenant.memory > full_tenant.quota_memory
                THEN format('memory: %s of %s', llmops.size_text(full_tenant.memory),
                    llmops.size_text(full_tenant.quota_memory))
            ELSE format('CPUs: %s of %s', (full_tenant.cpus / 1000.0)::float, (full_tenant.quota_cpus / 1000.0)::float)
        END,
        DETAIL = 'its agents would be ' || listing || CASE WHEN full_tenant.agents > 10 THEN ' and more' ELSE '' END,
        HINT = 'Raise the quota of the tenant, or ask for less';
END
$$;
CREATE TRIGGER b_check_quota_insert AFTER INSERT ON llmops.agents REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION llmops.check_quota();
CREATE TRIGGER b_check_quota_update AFTER UPDATE ON llmops.agents REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION llmops.check_quota();
CREATE TRIGGER b_check_quota_update AFTER UPDATE ON llmops.tenants REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION llmops.check_quota();

CREATE FUNCTION llmops.check_last_admin() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    lost record;
BEGIN
    SELECT o.tenant, string_agg(o.email, ', ' ORDER BY o.email) AS emails INTO lost
    FROM old_rows o
    WHERE o.active AND o.role = 'admin'
        AND o.tenant <> ALL (string_to_array(coalesce(current_setting('llmops.force', true), ''), ','))
        AND NOT EXISTS (SELECT FROM llmops.users u WHERE u.tenant = o.tenant AND u.active AND u.role = 'admin')
    GROUP BY o.tenant ORDER BY o.tenant LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'LT000', CONSTRAINT = 'last_admin',
            MESSAGE = format('Tenant %s would be left without an active admin', lost.tenant),
            DETAIL = format('%s would be removed, deactivated or demoted, and no other admin is active', lost.emails),
            HINT = 'Make another user an active admin first, or set force=true';
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER b_check_last_admin_update AFTER UPDATE ON llmops.users REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION llmops.check_last_admin();
CREATE TRIGGER b_check_last_admin_delete AFTER DELETE ON llmops.users REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION llmops.check_last_admin();

CREATE FUNCTION llmops.next_free_port(on_host text, first_port integer, last_port integer) RETURNS integer
LANGUAGE sql STABLE AS $$
    SELECT p FROM generate_series(first_port, last_port) p
    WHERE NOT EXISTS (SELECT FROM llmops.agents a WHERE a.host = on_host AND a.port = p)
    ORDER BY p LIMIT 1
$$;

-- Where an agent goes: what it asks for, else the host with room that is least full, and the next free port there.
-- Volatile on purpose: called for row after row of one INSERT it sees the rows before. The constraint is the judge.
CREATE FUNCTION llmops.place_agent(
    for_agent text, wanted_host text, wanted_port integer, needs_memory bigint, needs_cpus integer,
    agent_hosts jsonb, first_port integer, last_port integer, OUT host text, OUT port integer
) LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    holder record;
    listing text;
BEGIN
    SELECT h.name INTO host
    FROM ROWS FROM (jsonb_to_recordset(agent_hosts) AS (name text, memory bigint, cpus integer, agents integer))
        WITH ORDINALITY AS h (name, memory, cpus, agents, n)
    CROSS JOIN LATERAL (
        SELECT count(*) AS agents, coalesce(sum(a.memory_limit), 0) AS memory, coalesce(sum(a.cpu_limit), 0) AS cpus,
            count(*) FILTER (WHERE a.port BETWEEN first_port AND last_port) AS ports
        FROM llmops.agents a WHERE a.host = h.name AND a.agent <> for_agent
    ) used
    WHERE (wanted_host IS NULL OR h.name = wanted_host)
        AND (wanted_port IS NOT NULL OR used.ports <= last_port - first_port)
        AND used.agents < coalesce(h.agents, 2147483647)
        AND used.memory + needs_memory <= coalesce(h.memory, 9223372036854775807)
        AND used.cpus + needs_cpus <= coalesce(h.cpus, 2147483647)
    ORDER BY coalesce(used.memory / nullif(h.memory, 0), 0), used.agents, h.n LIMIT 1;
    IF host IS NULL THEN
        SELECT string_agg(format('%s: %s of %s agents, %s of %s memory, %s of %s CPUs, %s of %s ports', h.name,
            used.agents, coalesce(h.agents::text, 'any'),
            llmops.size_text(used.memory), coalesce(llmops.size_text(h.memory), 'any'),
            (used.cpus / 1000.0)::float, coalesce((h.cpus / 1000.0)::float::text, 'any'),
            used.ports, last_port - first_port + 1), '; ') INTO listing
        FROM (
            SELECT * FROM jsonb_to_recordset(agent_hosts) AS h (name text, memory bigint, cpus integer, agents integer)
            WHERE wanted_host IS NULL OR h.name = wanted_host LIMIT 10
        ) h
        CROSS JOIN LATERAL (
            SELECT count(*) AS agents, coalesce(sum(a.memory_limit), 0) AS memory,
                coalesce(sum(a.cpu_limit), 0) AS cpus,
                count(*) FILTER (WHERE a.port BETWEEN first_port AND last_port) AS ports
            FROM llmops.agents a WHERE a.host = h.name AND a.agent <> for_agent
        ) used;
        RAISE EXCEPTION USING ERRCODE = 'LT000', CONSTRAINT = 'no_room',
            MESSAGE = format('No agent host has room for agent %s (%s memory, %s CPUs)', for_agent,
                llmops.size_text(needs_memory), (needs_cpus / 1000.0)::float),
            DETAIL = 'in use: ' || coalesce(listing, 'no agent host is known'),
            HINT = 'Add an agent host, raise the capacity it is given, widen port_range, or ask for less';
    END IF;
    port := coalesce(wanted_port, llmops.next_free_port(host, first_port, last_port));
    SELECT a.agent, a.tenant INTO holder
    FROM llmops.agents a WHERE a.host = place_agent.host AND a.port = place_agent.port AND a.agent <> for_agent;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'LT000', CONSTRAINT = 'port_taken',
            MESSAGE = format('Port %s of host %s is taken, agent %s can''t have it', port, host, for_agent),
            DETAIL = format('agent %s of tenant %s has it', holder.agent, holder.tenant),
            HINT = coalesce(format('Choose another: the next free port is %s',
                llmops.next_free_port(host, first_port, last_port)), 'Choose another');
    END IF;
END
$$;
"""
