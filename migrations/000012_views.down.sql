DROP VIEW subMsgHealth, subMsgPaused, subMsgFailures, subMsgCause, subMsgRecent;
COMMENT ON COLUMN subMsgList.id IS NULL;
COMMENT ON COLUMN subMsgClaim.claimId IS NULL;
COMMENT ON COLUMN subMsgHeld.ruleId IS NULL;
COMMENT ON COLUMN subMsgHeld.rowKey IS NULL;
COMMENT ON COLUMN subMsgHeld.messageId IS NULL;
COMMENT ON COLUMN subMsgHeld.due IS NULL;
COMMENT ON COLUMN subMsgRule.id IS NULL;
COMMENT ON COLUMN subMsgRule.name IS NULL;
COMMENT ON COLUMN subMsgRule.createTime IS NULL;
COMMENT ON COLUMN subMsgRuleError.id IS NULL;
COMMENT ON COLUMN subMsgRuleError.ruleId IS NULL;
COMMENT ON COLUMN subMsgRuleError.createTime IS NULL;
COMMENT ON COLUMN subMsgTemplate.templateId IS NULL;
COMMENT ON COLUMN subMsgTemplate.name IS NULL;
COMMENT ON COLUMN subMsgTemplate.title IS NULL;

DO $do$ BEGIN
    IF pg_catalog.to_regclass('orders') IS NOT NULL THEN
        COMMENT ON COLUMN orders.id IS NULL;
        COMMENT ON COLUMN orders.openid IS NULL;
        COMMENT ON COLUMN orders.name IS NULL;
        COMMENT ON COLUMN orders.cardNumber IS NULL;
        COMMENT ON COLUMN orders.payMoney IS NULL;
        COMMENT ON COLUMN orders.balance IS NULL;
        COMMENT ON COLUMN orders.remark IS NULL;
        COMMENT ON COLUMN orders.status IS NULL;
    END IF;
    IF pg_catalog.to_regclass('subMsgPace') IS NOT NULL THEN
        COMMENT ON COLUMN subMsgPace.id IS NULL;
    END IF;
END $do$;
