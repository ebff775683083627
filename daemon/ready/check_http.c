/* http-01 and tls-alpn-01: the name has an address, and port 80 answers with what certd publishes. */
#include "daemon/challenge/http_check.h"
#include "daemon/dnsprovider/server.h"
#include "daemon/ready/ready_private.h"

#include <string.h>

static bool
is_method(const struct ready_step *s, const char *word)
{
	return s->method && strcmp(s->method, word) == 0;
}

static void
address_v6(struct ready_step *s, const struct dns_answer *answer, const struct error *err)
{
	if (err)
		ready_add(s, READY_NOTE, "%s", err->message);
	else if (ready_is_answer(answer) && !answer->values.count)
		ready_add(s, READY_WARNING, "%s has neither an A nor an AAAA record, so the CA cannot reach it for %s",
			s->base, s->method);
	ready_next(s);
}

static void
address_v4(struct ready_step *s, const struct dns_answer *answer, const struct error *err)
{
	if (!err && answer->values.count)
		ready_next(s);
	else
		ready_ask(s, NULL, s->base, DNS_AAAA, address_v6);
}

static void
address_start(struct ready_step *s)
{
	if (server_is_address(s->base) || !(is_method(s, "http-01") || is_method(s, "tls-alpn-01")))
		ready_next(s);
	else
		ready_ask(s, NULL, s->base, DNS_A, address_v4);
}

const struct ready_check ready_check_address = { .word = "address", .is_of_name = true, .start = address_start };

/* --- the answer of port 80 --- */

static void
answer_cancel(struct ready_step *s)
{
	http_check_cancel(s->data);
}

/*
 * No answer within the time, and a certificate that only certd looks at, say little: many networks do not let a host
 * reach its own public address.
 */
static void
answer_checked(const struct error *err, void *arg)
{
	struct ready_step *s = arg;

	s->cancel = NULL;
	if (err)
		ready_add(s, err->code == ERROR_TIMEOUT || err->code == ERROR_TLS ? READY_NOTE : READY_WARNING, "%s%s",
			err->message,
			err->code == ERROR_VALIDATION ? "" : " (from this host; the CA may have another way)");
	ready_next(s);
}

static void
answer_start(struct ready_step *s)
{
	_cleanup_provider_ struct provider p = { 0 };

	if (server_is_address(s->base) || !is_method(s, "http-01")) {
		ready_next(s);
		return;
	}
	object_peek(s->run->ready->store, &provider_class, s->run->a.provider, &p, NULL);
	if (s->run->ready->config.conf->is_http_stateless && !p.account_thumbprint) {
		ready_next(s); /* the check of the account reports it */
		return;
	}
	s->cancel = answer_cancel;
	s->data = http_check_start(s->run->ready->config.env->solver, s->base, p.account_thumbprint, answer_checked, s);
}

const struct ready_check ready_check_answer = { .word = "answer", .is_of_name = true, .start = answer_start };
