-- What WeChat has stopped: a template, or everything ('*'). Rows of a paused template keep waiting;
-- one of them is tried at probeAt, and its success lifts the pause. A person lifts it by DELETE.

CREATE TABLE subMsgPause (
    templateId text        PRIMARY KEY,
    reason     text        NOT NULL,
    errCode    integer,
    pausedAt   timestamptz NOT NULL DEFAULT now(),
    probeAt    timestamptz NOT NULL,
    probes     integer     NOT NULL DEFAULT 0
);

COMMENT ON TABLE  subMsgPause IS 'Templates that WeChat has stopped: their messages wait. DELETE a row to lift its pause';
COMMENT ON COLUMN subMsgPause.templateId IS 'As written in subMsgList; * is every template';
COMMENT ON COLUMN subMsgPause.reason     IS 'What WeChat said, for people';
COMMENT ON COLUMN subMsgPause.errCode    IS 'WeChat''s errcode';
COMMENT ON COLUMN subMsgPause.pausedAt   IS 'Since when';
COMMENT ON COLUMN subMsgPause.probeAt    IS 'When one message is tried next';
COMMENT ON COLUMN subMsgPause.probes     IS 'Tries since pausedAt';
