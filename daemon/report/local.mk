# daemon/report
