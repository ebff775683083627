/*
 * RFC 2136 dynamic update, signed with TSIG (RFC 8945): for BIND, Knot, PowerDNS and other servers. daemon/base/dns
 * makes and verifies the messages; both changes may be repeated (RFC 2136 s3.4.2).
 */
#include "common/error.h"
#include "daemon/base/dns.h"
#include "daemon/dnsprovider/drivers.h"
#include "daemon/dnsprovider/server.h"

#include <stdlib.h>
#include <string.h>

enum { TIMEOUT_MS = 15 * 1000, DEFAULT_TTL = 60 };

struct dnsprovider_op {
	struct dns_query *query;
	dnsprovider_done_fn *done;
	void *arg;
};

static int
rfc2136_check(const struct dnsprovider *d, struct error *err)
{
	const char *server = dnsprovider_server(d);
	const char *key_name = setting_text(&d->settings, "tsigName");
	bool has_key = setting_find(&d->secrets, "tsigKey");
	_cleanup_free_ char *host = NULL;
	int port;

	if (!server_split(server, &host, &port))
		return error_set_field(err, "server", "'%s' is not ADDRESS, ADDRESS:PORT or [V6]:PORT", server);
	if (!server_is_address(host))
		return error_set_field(err, "server", "'%s' is a name: set its ADDRESS or ADDRESS:PORT", server);
	if (!key_name && has_key)
		return error_set_field(err, "tsigName", "is missing: the name of the TSIG key");
	if (key_name && !has_key)
		return error_set_field(err, "tsigKey", "is missing: the secret of TSIG key '%s'", key_name);
	if (key_name && key_name[strcspn(key_name, " \\\"/@")])
		return error_set_field(err, "tsigName", "'%s' is not a valid key name", key_name);
	return 0;
}

static void
rfc2136_on_answer(const struct dns_answer *answer _unused_, const struct error *err, void *arg)
{
	struct dnsprovider_op *op = arg;

	op->done(err, op->arg);
	free(op);
}

static struct dnsprovider_op *
rfc2136_change(const struct dnsprovider_env *env, const struct dnsprovider *d, bool is_removal,
	const struct dnsprovider_record *record, dnsprovider_done_fn *done, void *arg)
{
	struct dnsprovider_op *op = xcalloc(1, sizeof(*op));
	const char *algorithm = setting_text(&d->settings, "tsigAlgorithm");
	const struct setting *key = setting_find(&d->secrets, "tsigKey");
	struct dns_update update = {
		.server = dnsprovider_server(d),
		.zone = record->zone,
		.name = record->name,
		.value = record->value,
		.ttl = d->ttl > 0 && d->ttl <= INT32_MAX ? (uint32_t)d->ttl : DEFAULT_TTL,
		.is_removal = is_removal,
		.tsig_name = setting_text(&d->settings, "tsigName"),
		.tsig_algorithm = algorithm ? algorithm : tsig_algorithms[0],
		.tsig_key = key ? &key->secret : NULL,
	};

	op->done = done;
	op->arg = arg;
	op->query = dns_send_update(env->dns, &update, TIMEOUT_MS, rfc2136_on_answer, op);
	return op;
}

static void
rfc2136_cancel(struct dnsprovider_op *op)
{
	dns_cancel(op->query);
	free(op);
}

const struct dnsprovider_driver dnsprovider_rfc2136 = {
	.needs_zone = true,
	.check = rfc2136_check,
	.change = rfc2136_change,
	.cancel = rfc2136_cancel,
};
