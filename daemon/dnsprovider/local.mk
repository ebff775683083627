# daemon/dnsprovider: a table of drivers, one file per DNS API
libcertd_a_SOURCES += \
	daemon/dnsprovider/acmedns.c \
	daemon/dnsprovider/azure.c \
	daemon/dnsprovider/bunny.c \
	daemon/dnsprovider/cloudflare.c \
	daemon/dnsprovider/desec.c \
	daemon/dnsprovider/digitalocean.c \
	daemon/dnsprovider/dnsimple.c \
	daemon/dnsprovider/dnsprovider.c daemon/dnsprovider/dnsprovider.h \
	daemon/dnsprovider/drivers.h \
	daemon/dnsprovider/exec.c \
	daemon/dnsprovider/gandi.c \
	daemon/dnsprovider/godaddy.c \
	daemon/dnsprovider/google.c \
	daemon/dnsprovider/hetzner.c \
	daemon/dnsprovider/hetznerdns.c \
	daemon/dnsprovider/http_api.c daemon/dnsprovider/http_api.h daemon/dnsprovider/http_api_private.h \
	daemon/dnsprovider/http_api_change.c daemon/dnsprovider/http_api_paging.c \
	daemon/dnsprovider/http_api_template.c daemon/dnsprovider/http_api_values.c \
	daemon/dnsprovider/httpreq.c \
	daemon/dnsprovider/inwx.c \
	daemon/dnsprovider/ionos.c \
	daemon/dnsprovider/ionoscloud.c \
	daemon/dnsprovider/linode.c \
	daemon/dnsprovider/namecheap.c \
	daemon/dnsprovider/netcup.c \
	daemon/dnsprovider/ovh.c \
	daemon/dnsprovider/powerdns.c \
	daemon/dnsprovider/rfc2136.c \
	daemon/dnsprovider/route53.c \
	daemon/dnsprovider/scaleway.c \
	daemon/dnsprovider/server.c daemon/dnsprovider/server.h \
	daemon/dnsprovider/vultr.c
