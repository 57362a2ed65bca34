-- The original's table of orders, with its rule: an order that is updated with isSendMsg = true notifies its user.
-- It is an example, and a shop's own table becomes such a table by a rule of its own. submsg demo and docker-compose.yml make it, and so
-- does submsg migrate up --orders. Applied again, it leaves the table, its rows and its rule as they are.

CREATE TABLE IF NOT EXISTS SUBMSG_SCHEMA.orders (
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

COMMENT ON TABLE  SUBMSG_SCHEMA.orders IS 'Example of a business table with a rule: see subMsgRule';
COMMENT ON COLUMN SUBMSG_SCHEMA.orders.id         IS 'The order';
COMMENT ON COLUMN SUBMSG_SCHEMA.orders.openid     IS 'Whose it is';
COMMENT ON COLUMN SUBMSG_SCHEMA.orders.name       IS 'First parameter of the message';
COMMENT ON COLUMN SUBMSG_SCHEMA.orders.cardNumber IS 'Second parameter';
COMMENT ON COLUMN SUBMSG_SCHEMA.orders.payMoney   IS 'Third parameter';
COMMENT ON COLUMN SUBMSG_SCHEMA.orders.balance    IS 'Fourth parameter';
COMMENT ON COLUMN SUBMSG_SCHEMA.orders.remark     IS 'Fifth parameter';
COMMENT ON COLUMN SUBMSG_SCHEMA.orders.status     IS 'As the shop likes; in no message';
COMMENT ON COLUMN SUBMSG_SCHEMA.orders.isSendMsg  IS 'Set it in an update to notify the user; the update resets it';

SELECT SUBMSG_SCHEMA.submsg_watch('SUBMSG_SCHEMA.orders', template => 'AcxnCbDhMKA0bunvuvBa5RJT-OkxmfZfDPB_mTvirxw', openid => 'openid',
    params => ARRAY['name', 'cardNumber', 'payMoney', 'balance', 'remark'], flag => 'isSendMsg', name => 'orders')
WHERE NOT EXISTS (SELECT FROM SUBMSG_SCHEMA.subMsgRule WHERE name = 'orders');
