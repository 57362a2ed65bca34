DROP TRIGGER subMsgList_by_hand ON subMsgList;
DROP TRIGGER subMsgList_touch ON subMsgList;
DROP FUNCTION subMsgList_by_hand();
DROP FUNCTION subMsgList_touch();
