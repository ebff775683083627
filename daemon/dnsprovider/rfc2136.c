/*
 * RFC 2136 dynamic update, signed with TSIG (RFC 8945): BIND, Knot, PowerDNS and whatever else speaks it. The message
 * and its verification are daemon/base/dns's; both changes may be repeated by themselves (RFC 2136 s3.4.2).
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
check_server(const char *server, struct error *err)
{
	_cleanup_free_ char *host = NULL;
	int port;

	if (!server || !*server)
		return error_set_field(
			err, "server", "is missing: the address of the zone's primary DNS server");
	if (server_split(server, &host, &port) && !server_is_address(host))
		return error_set_field(
			err, "server", "'%s' is a name: write its ADDRESS or ADDRESS:PORT", server);
	if (!host)
		return error_set_field(
			err, "server", "'%s' is not ADDRESS, ADDRESS:PORT or [V6]:PORT", server);
	return 0;
}

static int
check_tsig(const struct dnsprovider *d, struct error *err)
{
	static const char *const algorithms[] = { "hmac-sha256", "hmac-sha512", "hmac-sha384", "hmac-sha224",
		"hmac-sha1", "hmac-md5" };
	bool has_name = d->tsig_name && *d->tsig_name;

	if (!has_name && d->tsig_key.len)
		return error_set_field(err, "tsigName", "is missing: the name of the TSIG key");
	if (has_name && !d->tsig_key.len)
		return error_set_field(
			err, "tsigKey", "is missing: the secret of TSIG key '%s'", d->tsig_name);
	if (has_name && d->tsig_name[strcspn(d->tsig_name, " \\\"/@")])
		return error_set_field(err, "tsigName", "'%s' is not the name of a key", d->tsig_name);
	if (!d->tsig_algorithm)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(algorithms); i++)
		if (strcmp(d->tsig_algorithm, algorithms[i]) == 0)
			return 0;
	return error_set_field(err, "tsigAlgorithm",
		"'%s' is not one of hmac-sha256, -sha512, -sha384, -sha224, -sha1, -md5", d->tsig_algorithm);
}

static int
rfc2136_check(const struct dnsprovider *d, struct error *err)
{
	if (check_server(d->server, err) < 0 || check_tsig(d, err) < 0)
		return -1;
	if (d->command && *d->command)
		return error_set_field(err, "command", "is not used by kind rfc2136");
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
rfc2136_change(const struct dnsprovider_env *env, const struct dnsprovider *d, bool remove,
	const struct dnsprovider_record *record, dnsprovider_done_fn *done, void *arg)
{
	struct dnsprovider_op *op = xcalloc(1, sizeof(*op));
	struct dns_update update = {
		.server = d->server,
		.zone = record->zone,
		.name = record->name,
		.value = record->value,
		.ttl = d->ttl > 0 && d->ttl <= INT32_MAX ? (uint32_t)d->ttl : DEFAULT_TTL,
		.remove = remove,
		.tsig_name = d->tsig_name && *d->tsig_name ? d->tsig_name : NULL,
		.tsig_algorithm = d->tsig_algorithm ? d->tsig_algorithm : "hmac-sha256",
		.tsig_key = &d->tsig_key,
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
	.kind = "rfc2136",
	.help = "DNS UPDATE with TSIG to the zone's primary server (BIND, Knot, PowerDNS)",
	.needs_zone = true,
	.check = rfc2136_check,
	.change = rfc2136_change,
	.cancel = rfc2136_cancel,
};
