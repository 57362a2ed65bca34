DROP TABLE subMsgHome;

COMMENT ON TABLE  subMsgPause IS 'Templates that WeChat has stopped: their messages wait. DELETE a row to lift its pause';
COMMENT ON COLUMN subMsgPause.reason  IS 'What WeChat said, for people';
COMMENT ON COLUMN subMsgPause.probeAt IS 'When one message is tried next';
COMMENT ON VIEW   subMsgPaused IS 'What WeChat has stopped, why, and how to let it go on; it goes on by itself when a probe succeeds';
COMMENT ON COLUMN subMsgPaused.why       IS 'What WeChat said, for people';
COMMENT ON COLUMN subMsgPaused.nextProbe IS 'When one message is tried next';
