# daemon/base
