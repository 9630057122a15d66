# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Migration 2: the audit trail, written by triggers and chained by hashes. Never edited once released."""

from __future__ import annotations

SQL = r"""
CREATE TABLE llmops.audit (
    seq bigint PRIMARY KEY,
    at timestamptz NOT NULL,
    txid text NOT NULL,
    entity text NOT NULL,
    operation text NOT NULL,
    tenant text,
    key text NOT NULL,
    before jsonb,
    after jsonb,
    db_role text NOT NULL,
    acting_role text,
    os_user text,
    os_login text,
    os_host text,
    actor text,
    run text,
    application text,
    client_address text,
    hash bytea NOT NULL,
    CONSTRAINT audit_operation_known CHECK (operation IN ('insert', 'update', 'delete'))
);
CREATE INDEX audit_tenant ON llmops.audit (tenant, seq);
COMMENT ON TABLE llmops.audit IS
    'Append-only. db_role is what PostgreSQL authenticated; os_* and actor, run are what the client said.';

-- What a row's hash covers besides the hash of the row before. One definition of it, for writing and for verifying. It
-- comes in two parts, since the first is the same for all rows of a statement.
CREATE FUNCTION llmops.audit_context(
    at timestamptz, txid text, entity text, operation text, db_role text, acting_role text, os_user text, os_login text,
    os_host text, actor text, run text, application text, client_address text
) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_array(
        extract(epoch FROM at), txid, entity, operation, db_role, acting_role, os_user, os_login, os_host, actor, run,
        application, client_address
    )::text
$$;
CREATE FUNCTION llmops.audit_content(context text, seq bigint, tenant text, key text, before jsonb, after jsonb)
RETURNS text LANGUAGE sql STABLE AS $$
    SELECT concat(context, seq, to_json(tenant), to_json(key), before, '>', after)
$$;

CREATE FUNCTION llmops.audit_chain_step(state bytea, head bytea, content text) RETURNS bytea
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN sha256(coalesce(state, head) || convert_to(content, 'UTF8'));
END
$$;

-- As a window function it hashes any number of rows of one statement in one pass, each over the one before.
CREATE AGGREGATE llmops.audit_chain(head bytea, content text) (sfunc = llmops.audit_chain_step, stype = bytea);

-- Writers queue here, before they lock any row: the chain has one order and no two writers can deadlock.
CREATE FUNCTION llmops.begin_write() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(1819045231, 1);
    RETURN NULL;
END
$$;

-- Arguments: columns of a row's name, column of its identity, columns that are never audited.
CREATE FUNCTION llmops.write_audit() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    ignored text[] := string_to_array(TG_ARGV[2], ',');
    row_key text;
    same text;
    audited integer;
    source text;
    last llmops.audit;
    entry llmops.audit;
BEGIN
    SELECT * INTO last FROM llmops.audit ORDER BY seq DESC LIMIT 1;
    entry.at := now();
    entry.txid := pg_current_xact_id();
    entry.entity := TG_TABLE_NAME;
    entry.operation := lower(TG_OP);
    entry.db_role := session_user;
    entry.acting_role := nullif(current_setting('role'), 'none');
    entry.os_user := nullif(current_setting('llmops.os_user', true), '');
    entry.os_login := nullif(current_setting('llmops.os_login', true), '');
    entry.os_host := nullif(current_setting('llmops.os_host', true), '');
    entry.actor := nullif(current_setting('llmops.actor', true), '');
    entry.run := nullif(current_setting('llmops.run', true), '');
    entry.application := nullif(current_setting('application_name'), '');
    entry.client_address := host(inet_client_addr());

    SELECT 'concat_ws(''/'', ' || string_agg(
        format(CASE TG_OP WHEN 'UPDATE' THEN 'coalesce(n.%1$I, o.%1$I)' ELSE 'x.%I' END, c), ', ') || ')'
    INTO row_key FROM unnest(string_to_array(TG_ARGV[0], ',')) c;
    IF TG_OP = 'UPDATE' THEN
        -- Columns are compared as what they are and only then made JSON: five times faster than comparing JSON.
        SELECT string_agg(format('CASE WHEN o.%1$I IS NOT DISTINCT FROM n.%1$I THEN %1$L END', attname), ', '), count(*)
        INTO same, audited
        FROM pg_attribute
        WHERE attrelid = TG_RELID AND attnum > 0 AND NOT attisdropped AND attname <> ALL (ignored);
        source := format(
            'SELECT coalesce(n.tenant, o.tenant) AS tenant, %1$s AS key,
                 to_jsonb(o) - $3 - kept.names AS before, to_jsonb(n) - $3 - kept.names AS after
             FROM old_rows o FULL JOIN new_rows n ON n.%2$I = o.%2$I
             CROSS JOIN LATERAL (SELECT CASE WHEN o.%2$I IS NULL OR n.%2$I IS NULL THEN ''{}''::text[]
                 ELSE array_remove(ARRAY[%3$s], NULL) END AS names OFFSET 0) kept
             WHERE cardinality(kept.names) < %4$s', row_key, TG_ARGV[1], same, audited);
    ELSE
        source := format(
            'SELECT x.tenant, %s AS key, %s AS before, %s AS after FROM %s x', row_key,
            CASE TG_OP WHEN 'DELETE' THEN 'to_jsonb(x) - $3' ELSE 'NULL::jsonb' END,
            CASE TG_OP WHEN 'INSERT' THEN 'to_jsonb(x) - $3' ELSE 'NULL::jsonb' END,
            CASE TG_OP WHEN 'DELETE' THEN 'old_rows' ELSE 'new_rows' END);
    END IF;
    EXECUTE format($query$
        INSERT INTO llmops.audit
        SELECT r.seq, $4.at, $4.txid, $4.entity, $4.operation, r.tenant, r.key, r.before, r.after, $4.db_role,
            $4.acting_role, $4.os_user, $4.os_login, $4.os_host, $4.actor, $4.run, $4.application, $4.client_address,
            llmops.audit_chain($2, llmops.audit_content($5, r.seq, r.tenant, r.key, r.before, r.after))
                OVER (ROWS UNBOUNDED PRECEDING)
        FROM (SELECT $1 + row_number() OVER () AS seq, s.* FROM (%s) s) r
    $query$, source)
    USING coalesce(last.seq, 0), coalesce(last.hash, '\x'), ignored, entry,
        llmops.audit_context(entry.at, entry.txid, entry.entity, entry.operation, entry.db_role, entry.acting_role,
            entry.os_user, entry.os_login, entry.os_host, entry.actor, entry.run, entry.application,
            entry.client_address);
    RETURN NULL;
END
$$;

CREATE FUNCTION llmops.guard_audit() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    -- Depth 1 is this very trigger: somebody inserts by hand. Depth 2 is write_audit() at work.
    IF TG_OP = 'INSERT' AND pg_trigger_depth() > 1 THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION USING ERRCODE = 'LT000', CONSTRAINT = 'audit_append_only',
        MESSAGE = format('%s of audit rows is refused', TG_OP),
        DETAIL = 'the audit trail is append-only and written by triggers alone';
END
$$;
CREATE TRIGGER guard BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON llmops.audit
    FOR EACH STATEMENT EXECUTE FUNCTION llmops.guard_audit();

CREATE FUNCTION llmops.refuse_truncate() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'LT000', CONSTRAINT = 'truncate_refused',
        MESSAGE = format('TRUNCATE of llmops.%s is refused', TG_TABLE_NAME),
        DETAIL = 'the rows would vanish from the audit trail', HINT = 'Use DELETE';
END
$$;

DO $$
DECLARE
    audited record;
BEGIN
    FOR audited IN VALUES
        ('tenants', 'tenant', 'tenant', 'created_at'),
        ('users', 'tenant,email', 'id', 'created_at'),
        ('agents', 'agent', 'agent', 'created_at,observed_at')
    LOOP
        EXECUTE format(
            'CREATE TRIGGER a_begin_write BEFORE INSERT OR UPDATE OR DELETE ON llmops.%1$I
                 FOR EACH STATEMENT EXECUTE FUNCTION llmops.begin_write();
             CREATE TRIGGER a_refuse_truncate BEFORE TRUNCATE ON llmops.%1$I
                 FOR EACH STATEMENT EXECUTE FUNCTION llmops.refuse_truncate();
             CREATE TRIGGER z_audit_insert AFTER INSERT ON llmops.%1$I REFERENCING NEW TABLE AS new_rows
                 FOR EACH STATEMENT EXECUTE FUNCTION llmops.write_audit(%2$L, %3$L, %4$L);
             CREATE TRIGGER z_audit_update AFTER UPDATE ON llmops.%1$I
                 REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
                 FOR EACH STATEMENT EXECUTE FUNCTION llmops.write_audit(%2$L, %3$L, %4$L);
             CREATE TRIGGER z_audit_delete AFTER DELETE ON llmops.%1$I REFERENCING OLD TABLE AS old_rows
                 FOR EACH STATEMENT EXECUTE FUNCTION llmops.write_audit(%2$L, %3$L, %4$L)',
            audited.column1, audited.column2, audited.column3, audited.column4);
    END LOOP;
END
$$;
"""
