-- What is paused: a template, or everything ('*'). The messages of a paused template keep waiting. At probeAt submsg tries one of
-- them, and its success lifts the pause; a pause whose probeAt is infinity waits for a person. A person lifts any pause by DELETE.

CREATE TABLE subMsgPause (
    templateId text        PRIMARY KEY,
    reason     text        NOT NULL,
    errCode    integer,
    errKind    text,
    pausedAt   timestamptz NOT NULL DEFAULT now(),
    probeAt    timestamptz NOT NULL,
    probes     integer     NOT NULL DEFAULT 0,
    spellings  text[]
);

COMMENT ON TABLE  subMsgPause IS 'What is paused: its messages wait. DELETE a row to lift its pause';
COMMENT ON COLUMN subMsgPause.templateId IS 'As written in subMsgList; * is everything, *shopA the account shopA';
COMMENT ON COLUMN subMsgPause.reason     IS 'What WeChat or submsg said, for people';
COMMENT ON COLUMN subMsgPause.errCode    IS 'WeChat''s errcode, explained in subMsgCause';
COMMENT ON COLUMN subMsgPause.errKind    IS 'submsg''s own word for the reason where WeChat gave no errcode, explained in subMsgCause';
COMMENT ON COLUMN subMsgPause.pausedAt   IS 'Since when';
COMMENT ON COLUMN subMsgPause.probeAt    IS 'When one message is tried next; infinity: never, until a person lifts the pause';
COMMENT ON COLUMN subMsgPause.probes     IS 'Tries since pausedAt';
COMMENT ON COLUMN subMsgPause.spellings  IS
    'Every templateId of the same template that was paused with it: they end together; null: it stands alone';
