# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Migration 9: nothing but its move says where an agent on its way is. Never edited once released."""

from __future__ import annotations

SQL = r"""
-- A record that went back to the first host would have what is left there, the agent itself, removed with its data. The
-- switch writes the place that it leaves into the move first; any other change finds another place there.
CREATE FUNCTION llmops.check_move() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    move record;
BEGIN
    SELECT m.* INTO move FROM llmops.moves m WHERE m.agent = NEW.agent;
    IF FOUND AND NOT (move.switched AND move.host = OLD.host AND move.port = OLD.port) THEN
        RAISE EXCEPTION USING ERRCODE = 'LT000', CONSTRAINT = 'agent_moves',
            MESSAGE = format('Agent %s can''t be recorded on another host or port', NEW.agent),
            DETAIL = CASE WHEN move.switched
                THEN format('it is on its way from %s to %s', move.host, OLD.host)
                ELSE format('it is on its way from %s to %s', OLD.host, move.host)
            END,
            HINT = format('Finish its move first: ansible-playbook move_agent.yml -e tenant=%s -e agent=%s', OLD.tenant,
                NEW.agent);
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER b_check_move AFTER UPDATE ON llmops.agents FOR EACH ROW
    WHEN (OLD.host <> NEW.host OR OLD.port <> NEW.port) EXECUTE FUNCTION llmops.check_move();
REVOKE ALL ON FUNCTION llmops.check_move FROM PUBLIC;
"""
