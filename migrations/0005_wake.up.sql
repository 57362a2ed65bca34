-- The flag that says whether a consumer sleeps and wants to be woken: 1 means yes; 2, or never set, means no.
-- It is a sequence because sequences are not transactional: no snapshot, not even one of REPEATABLE READ, hides its value.
-- objects/wake.sql says who reads it, and why.

CREATE SEQUENCE subMsgWake MINVALUE 1 MAXVALUE 2;
GRANT SELECT ON SEQUENCE subMsgWake TO PUBLIC; -- the trigger reads it with the rights of whoever inserts; it tells nothing

COMMENT ON SEQUENCE subMsgWake IS 'Flag: 1 = a consumer of subMsgList sleeps and wants a NOTIFY; kept by submsg';
