DROP TABLE subMsgPace;
