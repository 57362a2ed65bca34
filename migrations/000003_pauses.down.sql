DROP TABLE subMsgPause;
