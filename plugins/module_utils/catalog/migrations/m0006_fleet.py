# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Migration 6: placement by all that a host has, and more quotas. Never edited once released."""

from __future__ import annotations

SQL = r"""
ALTER TABLE llmops.tenants
    ADD COLUMN quota_disk bigint,
    ADD COLUMN quota_agents_per_hour integer,
    ADD CONSTRAINT tenants_more_quota_valid CHECK (quota_disk >= 0 AND quota_agents_per_hour >= 0);
ALTER TABLE llmops.agents
    ADD COLUMN disk_limit bigint NOT NULL DEFAULT 10737418240,
    ADD COLUMN gpus integer NOT NULL DEFAULT 0,
    ADD COLUMN affinity text[] NOT NULL DEFAULT '{}',
    ADD COLUMN anti_affinity boolean NOT NULL DEFAULT false,
    ADD CONSTRAINT agents_disk_limit_valid CHECK (disk_limit >= 0),
    ADD CONSTRAINT agents_gpus_valid CHECK (gpus BETWEEN 0 AND 1024),
    ADD CONSTRAINT agents_affinity_valid CHECK (array_to_string(affinity, '', ' ') ~ '^\S*$');
COMMENT ON COLUMN llmops.agents.disk_limit IS
    'Bytes that its own data may take on the host. The catalog counts them; what fills the disk is another''s to watch.';
COMMENT ON COLUMN llmops.agents.affinity IS 'Labels that its host must have.';
COMMENT ON COLUMN llmops.agents.anti_affinity IS 'Never on a host with another agent of its tenant.';

-- An agent that moves has two places until it has left the first. The second one is here: where it goes to, and from the
-- switch on, where it still has to be removed from.
CREATE TABLE llmops.moves (
    agent text PRIMARY KEY CONSTRAINT moves_agent_exists REFERENCES llmops.agents ON DELETE CASCADE,
    host text NOT NULL,
    port integer NOT NULL,
    switched boolean NOT NULL DEFAULT false,
    begun_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT moves_host_port_unique UNIQUE (host, port)
);
CREATE TRIGGER a_begin_write BEFORE INSERT OR UPDATE OR DELETE ON llmops.moves
    FOR EACH STATEMENT EXECUTE FUNCTION llmops.begin_write();
CREATE VIEW llmops.places AS
    SELECT a.agent, a.tenant, a.host, a.port, a.memory_limit, a.cpu_limit, a.disk_limit, a.gpus, a.anti_affinity
    FROM llmops.agents a
    UNION ALL
    SELECT a.agent, a.tenant, m.host, m.port, a.memory_limit, a.cpu_limit, a.disk_limit, a.gpus, a.anti_affinity
    FROM llmops.moves m JOIN llmops.agents a USING (agent);
COMMENT ON VIEW llmops.places IS 'Where agents take room: where they are, and where moving ones are, too.';

CREATE OR REPLACE FUNCTION llmops.next_free_port(on_host text, first_port integer, last_port integer) RETURNS integer
LANGUAGE sql STABLE AS $$
    SELECT p FROM generate_series(first_port, last_port) p
    WHERE NOT EXISTS (SELECT FROM llmops.agents a WHERE a.host = on_host AND a.port = p)
        AND NOT EXISTS (SELECT FROM llmops.moves m WHERE m.host = on_host AND m.port = p)
    ORDER BY p LIMIT 1
$$;

CREATE OR REPLACE FUNCTION llmops.check_quota() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    full_tenant record;
    listing text;
BEGIN
    SELECT t.*, used.* INTO full_tenant
    FROM llmops.tenants t
    CROSS JOIN LATERAL (
        SELECT count(*) AS agents, coalesce(sum(a.memory_limit), 0) AS memory, coalesce(sum(a.cpu_limit), 0) AS cpus,
            coalesce(sum(a.disk_limit), 0) AS disk
        FROM llmops.agents a WHERE a.tenant = t.tenant
    ) used
    WHERE t.tenant IN (SELECT n.tenant FROM new_rows n)
        AND (used.agents > t.quota_agents OR used.memory > t.quota_memory OR used.cpus > t.quota_cpus
            OR used.disk > t.quota_disk)
    ORDER BY t.tenant LIMIT 1;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    SELECT string_agg(format('%s %s %s CPUs %s disk', agent, llmops.size_text(memory_limit),
        (cpu_limit / 1000.0)::float, llmops.size_text(disk_limit)), ', ')
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
            WHEN full_tenant.cpus > full_tenant.quota_cpus
                THEN format('CPUs: %s of %s', (full_tenant.cpus / 1000.0)::float,
                    (full_tenant.quota_cpus / 1000.0)::float)
            ELSE format('disk: %s of %s', llmops.size_text(full_tenant.disk), llmops.size_text(full_tenant.quota_disk))
        END,
        DETAIL = 'its agents would be ' || listing || CASE WHEN full_tenant.agents > 10 THEN ' and more' ELSE '' END,
        HINT = 'Raise the quota of the tenant, or ask for less';
END
$$;

-- Counted in the audit, which no role can shorten: an agent that was made and removed again counts, and so does one of
-- a tenant that was removed and made again.
CREATE INDEX audit_agents_made ON llmops.audit (tenant, at) WHERE entity = 'agents' AND operation = 'insert';
CREATE FUNCTION llmops.agents_made(by_tenant text, OUT made bigint, OUT since timestamptz)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT count(*), min(a.at) FROM llmops.audit a
    WHERE a.entity = 'agents' AND a.operation = 'insert' AND a.tenant = by_tenant AND a.at > now() - interval '1 hour'
$$;
CREATE FUNCTION llmops.check_rate() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    hasty record;
BEGIN
    -- The audit of this statement is written after this check, hence its own rows are added.
    SELECT t.tenant, t.quota_agents_per_hour AS quota, n.asked, m.made, m.since INTO hasty
    FROM (SELECT tenant, count(*) AS asked FROM new_rows GROUP BY tenant) n
    JOIN llmops.tenants t ON t.tenant = n.tenant AND t.quota_agents_per_hour IS NOT NULL
    CROSS JOIN LATERAL llmops.agents_made(t.tenant) m
    WHERE m.made + n.asked > t.quota_agents_per_hour
    ORDER BY t.tenant LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'LT000', CONSTRAINT = 'rate_exceeded',
            MESSAGE = format('Tenant %s would make %s agents within an hour, and may make %s', hasty.tenant,
                hasty.made + hasty.asked, hasty.quota),
            DETAIL = format('%s made in the last hour + %s asked > %s; those removed since count, too', hasty.made,
                hasty.asked, hasty.quota),
            HINT = CASE WHEN hasty.asked <= hasty.quota THEN format('Wait until %s UTC, when it may make one more, or',
                to_char((hasty.since + interval '1 hour') AT TIME ZONE 'UTC', 'HH24:MI')) ELSE 'Ask for fewer, or' END
                || ' raise quota_agents_per_hour of the tenant';
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER b_check_rate_insert AFTER INSERT ON llmops.agents REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION llmops.check_rate();

CREATE FUNCTION llmops.sum_text(what text, used text, asked text, capacity text, overcommit numeric) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT format('%s %s used + %s asked > %s', what, used, asked, capacity)
        || CASE WHEN overcommit <> 1 THEN ' x ' || overcommit::float ELSE '' END
$$;

-- For each candidate: how full it is, and why the agent can't go there. Volatile on purpose, as place_agent() is.
CREATE FUNCTION llmops.host_room(wanted llmops.agents, agent_hosts jsonb, first_port integer, last_port integer)
RETURNS TABLE (n bigint, name text, share numeric, agents bigint, first integer, last integer, refusal text)
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT h.n, h.name,
        coalesce(greatest(used.memory / nullif(h.memory * h.memory_overcommit, 0),
            used.cpus / nullif(h.cpus * h.cpus_overcommit, 0), used.gpus::numeric / nullif(h.gpus, 0),
            used.disk / nullif(h.disk, 0)), 0),
        used.agents, ports.first, ports.last,
        nullif(concat_ws(', ',
            CASE WHEN used.agents + 1 > h.agents
                THEN llmops.sum_text('agents', used.agents::text, '1', h.agents::text, 1) END,
            CASE WHEN used.memory + wanted.memory_limit > h.memory * h.memory_overcommit
                THEN llmops.sum_text('memory', llmops.size_text(used.memory), llmops.size_text(wanted.memory_limit),
                    llmops.size_text(h.memory), h.memory_overcommit) END,
            CASE WHEN used.cpus + wanted.cpu_limit > h.cpus * h.cpus_overcommit
                THEN llmops.sum_text('CPUs', (used.cpus / 1000.0)::float::text, (wanted.cpu_limit / 1000.0)::float::text,
                    (h.cpus / 1000.0)::float::text, h.cpus_overcommit) END,
            CASE WHEN used.gpus + wanted.gpus > h.gpus
                THEN llmops.sum_text('GPUs', used.gpus::text, wanted.gpus::text, h.gpus::text, 1) END,
            CASE WHEN used.disk + wanted.disk_limit > h.disk
                THEN llmops.sum_text('disk', llmops.size_text(used.disk), llmops.size_text(wanted.disk_limit),
                    llmops.size_text(h.disk), 1) END,
            CASE WHEN used.networks + 1 > h.networks
                THEN llmops.sum_text('networks', used.networks::text, '1', h.networks::text, 1) END,
            CASE WHEN wanted.port IS NULL AND used.ports > ports.last - ports.first
                THEN llmops.sum_text('ports', used.ports::text, '1', (ports.last - ports.first + 1)::text, 1) END,
            (SELECT 'it lacks the label ' || string_agg(label, ', ') FROM unnest(wanted.affinity) label
                WHERE NOT coalesce(h.labels, '[]') ? label),
            'it has the tenant''s agent ' || used.near), '')
    FROM ROWS FROM (jsonb_to_recordset(agent_hosts) AS (
        name text, memory bigint, cpus integer, agents integer, gpus integer, disk bigint, networks integer,
        first integer, last integer, memory_overcommit numeric, cpus_overcommit numeric, labels jsonb
    )) WITH ORDINALITY AS h (name, memory, cpus, agents, gpus, disk, networks, first, last, memory_overcommit,
        cpus_overcommit, labels, n)
    CROSS JOIN LATERAL (SELECT coalesce(h.first, first_port) AS first, coalesce(h.last, last_port) AS last) ports
    CROSS JOIN LATERAL (
        SELECT count(*) AS agents, coalesce(sum(a.memory_limit), 0) AS memory, coalesce(sum(a.cpu_limit), 0) AS cpus,
            coalesce(sum(a.gpus), 0) AS gpus, coalesce(sum(a.disk_limit), 0) AS disk,
            count(DISTINCT a.tenant) FILTER (WHERE a.tenant <> wanted.tenant) AS networks,
            count(*) FILTER (WHERE a.port BETWEEN ports.first AND ports.last) AS ports,
            min(a.agent) FILTER (WHERE a.tenant = wanted.tenant AND (a.anti_affinity OR wanted.anti_affinity)) AS near
        FROM llmops.places a WHERE a.host = h.name AND a.agent <> wanted.agent
    ) used
    WHERE wanted.host IS NULL OR h.name = wanted.host;
END
$$;

-- Where an agent goes: what it asks for, else by strategy the host with room that is least ('spread') or most
-- ('packed') full, and the next free port there. Called for row after row of one INSERT it sees the rows before.
DROP FUNCTION llmops.place_agent;
CREATE FUNCTION llmops.place_agent(
    wanted llmops.agents, agent_hosts jsonb, strategy text, first_port integer, last_port integer,
    OUT host text, OUT port integer
) LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    chosen record;
    holder record;
    listing text;
BEGIN
    SELECT r.* INTO chosen FROM llmops.host_room(wanted, agent_hosts, first_port, last_port) r
    WHERE r.refusal IS NULL
    ORDER BY CASE strategy WHEN 'packed' THEN -r.share ELSE r.share END,
        CASE strategy WHEN 'packed' THEN -r.agents ELSE r.agents END, r.n
    LIMIT 1;
    IF chosen.name IS NULL THEN
        SELECT string_agg(format('%s: %s', r.name, r.refusal), '; ' ORDER BY r.n) FILTER (WHERE r.n <= 20)
            || CASE WHEN count(*) > 20 THEN format('; and %s more', count(*) - 20) ELSE '' END
        INTO listing FROM llmops.host_room(wanted, agent_hosts, first_port, last_port) r;
        RAISE EXCEPTION USING ERRCODE = 'LT000', CONSTRAINT = 'no_room',
            MESSAGE = format('No agent host has room for agent %s (%s memory, %s CPUs, %s disk%s%s)', wanted.agent,
                llmops.size_text(wanted.memory_limit), (wanted.cpu_limit / 1000.0)::float,
                llmops.size_text(wanted.disk_limit), CASE WHEN wanted.gpus > 0 THEN format(', %s GPUs', wanted.gpus) END,
                CASE WHEN wanted.affinity <> '{}' THEN ', ' || array_to_string(wanted.affinity, ', ') END),
            DETAIL = coalesce(listing, 'no agent host is known'),
            HINT = 'Add an agent host, raise the capacity or overcommit it is given, widen its ports, or ask for less';
    END IF;
    host := chosen.name;
    port := coalesce(wanted.port, llmops.next_free_port(host, chosen.first, chosen.last));
    SELECT a.agent, a.tenant INTO holder
    FROM llmops.places a WHERE a.host = place_agent.host AND a.port = place_agent.port AND a.agent <> wanted.agent;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'LT000', CONSTRAINT = 'port_taken',
            MESSAGE = format('Port %s of host %s is taken, agent %s can''t have it', port, host, wanted.agent),
            DETAIL = format('agent %s of tenant %s has it', holder.agent, holder.tenant),
            HINT = coalesce(format('Choose another: the next free port is %s',
                llmops.next_free_port(host, chosen.first, chosen.last)), 'Choose another');
    END IF;
END
$$;

REVOKE ALL ON llmops.moves, llmops.places FROM PUBLIC;
GRANT SELECT ON llmops.moves, llmops.places TO llmops_operator, llmops_auditor;
GRANT INSERT, UPDATE, DELETE ON llmops.moves TO llmops_operator;
REVOKE ALL ON FUNCTION llmops.agents_made, llmops.check_rate, llmops.sum_text, llmops.host_room, llmops.place_agent
    FROM PUBLIC;
GRANT EXECUTE ON FUNCTION llmops.sum_text, llmops.host_room, llmops.place_agent TO llmops_operator;
GRANT EXECUTE ON FUNCTION llmops.agents_made TO llmops_operator, llmops_auditor;
"""
