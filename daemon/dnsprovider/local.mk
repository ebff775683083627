# daemon/dnsprovider
