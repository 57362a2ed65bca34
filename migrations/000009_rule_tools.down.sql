DROP FUNCTION submsg_replay, subMsgRule_replay, submsg_test, subMsgRule_read, submsg_rules, subMsgRule_problem, subMsgRule_list, subMsgRule_written,
    subMsgRule_time_written, subMsgRule_text_written;
