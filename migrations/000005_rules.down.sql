DROP FUNCTION subMsgRule_fire();
DROP TABLE subMsgRuleError;
DROP TABLE subMsgRule;
