# daemon/acme
