# daemon/control
