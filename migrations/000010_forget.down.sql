DROP FUNCTION subMsg_forget(bigint, integer, text[], interval[]);
