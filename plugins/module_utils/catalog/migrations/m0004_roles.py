# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Migration 4: the roles llmops_operator and llmops_auditor and what they may do. Never edited once released."""

from __future__ import annotations

SQL = r"""
DO $$
DECLARE
    wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['llmops_operator', 'llmops_auditor'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
            EXCEPTION
                -- Roles belong to the whole cluster: another catalog's migration may have been faster.
                WHEN duplicate_object OR unique_violation THEN NULL;
                WHEN insufficient_privilege THEN
                    RAISE EXCEPTION USING ERRCODE = 'LT000', CONSTRAINT = 'role_missing',
                        MESSAGE = format('Database role %s is missing', wanted),
                        DETAIL = format('%s may not create roles', current_user),
                        HINT = format('Have an administrator run: CREATE ROLE %I NOLOGIN', wanted);
            END;
        END IF;
    END LOOP;
END
$$;

REVOKE ALL ON ALL TABLES IN SCHEMA llmops FROM PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA llmops FROM PUBLIC;
GRANT USAGE ON SCHEMA llmops TO llmops_operator, llmops_auditor;
GRANT SELECT ON ALL TABLES IN SCHEMA llmops TO llmops_operator, llmops_auditor;
GRANT INSERT, UPDATE, DELETE ON llmops.tenants, llmops.users, llmops.agents TO llmops_operator;
GRANT EXECUTE ON FUNCTION llmops.place_agent, llmops.next_free_port TO llmops_operator;
GRANT EXECUTE ON FUNCTION llmops.size_text, llmops.audit_context, llmops.audit_content
    TO llmops_operator, llmops_auditor;
"""
