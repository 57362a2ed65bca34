DELETE FROM subMsgRule WHERE tableName = 'orders'::regclass;
DROP TABLE orders;
