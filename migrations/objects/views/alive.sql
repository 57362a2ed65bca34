-- Which processes of submsg serve are alive: subMsgLivingReplica. For how long one is that says nothing stands here, and nowhere else.
-- objects/views/failures.sql says how views are made. This one has a single column, because whoever reads a view needs a right to
-- every column that it reads; join it to subMsgReplica for the others.

-- Each says so every half minute at least: one that has missed three times was killed, or can't reach the database.
CREATE OR REPLACE VIEW SUBMSG_SCHEMA.subMsgLivingReplica AS
SELECT replica FROM SUBMSG_SCHEMA.subMsgReplica WHERE seen > now() - interval '90 seconds';

COMMENT ON VIEW SUBMSG_SCHEMA.subMsgLivingReplica IS 'The processes of submsg serve that are alive; others in subMsgReplica were killed';
COMMENT ON COLUMN SUBMSG_SCHEMA.subMsgLivingReplica.replica IS 'As in subMsgReplica';

DO $$ BEGIN
    IF current_setting('server_version_num')::int >= 150000 THEN
        ALTER VIEW SUBMSG_SCHEMA.subMsgLivingReplica SET (security_invoker = true);
    END IF;
END $$;
