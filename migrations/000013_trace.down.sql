ALTER TABLE subMsgList DROP COLUMN traceparent;
