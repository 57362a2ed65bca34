-- The trace that a message belongs to: its send becomes a span of that (W3C Trace Context, traceparent). Who doesn't know which it
-- is, or inserts by a rule, says it once in the transaction, SET LOCAL submsg.traceparent = '00-…', and the default takes it from there.
-- Bounded in length only: what isn't well formed is ignored when it is read, as the standard wants. The default and outbox.Insert cut
-- what is longer; who writes the column by himself, cuts it by himself: a longer one is refused like any value that doesn't fit.

ALTER TABLE subMsgList ADD COLUMN traceparent text;
-- In a statement of its own: as part of ADD COLUMN, a default that this session has a value for would be in all rows that there are.
ALTER TABLE subMsgList ALTER COLUMN traceparent SET DEFAULT left(nullif(current_setting('submsg.traceparent', true), ''), 55);
-- NOT VALID holds for whatever is written from now on, and reads no table to say so; the rows that there are have NULL.
ALTER TABLE subMsgList ADD CONSTRAINT traceparent_is_at_most_55_characters CHECK (length(traceparent) <= 55) NOT VALID;

COMMENT ON COLUMN subMsgList.traceparent IS 'The trace that it belongs to, as W3C''s traceparent; by default the setting submsg.traceparent of the transaction';
