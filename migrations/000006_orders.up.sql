-- The order of the original, and the first rule: an order updated with isSendMsg = true notifies its user.

CREATE TABLE orders (
    id         bigint  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    openid     text    NOT NULL,
    name       text    NOT NULL,
    cardNumber text    NOT NULL,
    payMoney   numeric NOT NULL,
    balance    numeric NOT NULL,
    remark     text    NOT NULL DEFAULT '',
    status     text    NOT NULL DEFAULT '',
    isSendMsg  boolean NOT NULL DEFAULT false
);
COMMENT ON TABLE  orders IS 'Example of a business table with a rule: see subMsgRule';
COMMENT ON COLUMN orders.isSendMsg IS 'Set it in an update to notify the user; the update resets it';

INSERT INTO subMsgRule (tableName, templateId, openidColumn, paramColumns, flagColumn)
VALUES ('orders', 'AcxnCbDhMKA0bunvuvBa5RJT-OkxmfZfDPB_mTvirxw', 'openid',
        '{name,cardnumber,paymoney,balance,remark}', 'issendmsg');

-- zz: after the table's own BEFORE triggers, so that the message says what is stored.
CREATE TRIGGER zz_subMsgRule BEFORE UPDATE ON orders FOR EACH ROW
WHEN (NEW.isSendMsg)
EXECUTE FUNCTION subMsgRule_fire();
