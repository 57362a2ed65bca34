DROP TRIGGER subMsgPause_wake ON subMsgPause;
DROP TRIGGER subMsgList_wake_update ON subMsgList;
DROP TRIGGER subMsgList_wake_insert ON subMsgList;
DROP FUNCTION subMsg_wake();
DROP SEQUENCE subMsgWake;
