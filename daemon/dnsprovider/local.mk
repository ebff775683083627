# daemon/dnsprovider: a table of drivers, one file per DNS API
libcertd_a_SOURCES += \
	daemon/dnsprovider/cloudflare.c \
	daemon/dnsprovider/dnsprovider.c daemon/dnsprovider/dnsprovider.h \
	daemon/dnsprovider/drivers.h \
	daemon/dnsprovider/exec.c \
	daemon/dnsprovider/http_api.c daemon/dnsprovider/http_api.h daemon/dnsprovider/http_api_private.h \
	daemon/dnsprovider/http_api_paging.c daemon/dnsprovider/http_api_values.c \
	daemon/dnsprovider/ionoscloud.c \
	daemon/dnsprovider/powerdns.c \
	daemon/dnsprovider/rfc2136.c \
	daemon/dnsprovider/server.c daemon/dnsprovider/server.h
