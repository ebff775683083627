# daemon/renew
