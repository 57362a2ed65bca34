DROP TABLE subMsgList;
