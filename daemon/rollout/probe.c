/*
 * A run: the addresses of each endpoint, a connection to each of them, and the answers in order. Behind one name one
 * node of several may be the stale one, so every address is asked, all at the same time.
 */
#include "daemon/rollout/probe_private.h"

#include "common/api/endpoint.h"
#include "daemon/base/dns.h"

#include <stdlib.h>
#include <string.h>

enum { LOOKUP_MS = 5 * 1000 };

/* One address of an endpoint. */
struct probe_place {
	struct probe_target *target;
	char *address;
	struct probe_conn *conn;
	bool is_routed;
	struct probe_answer answer;
};

/* One endpoint. */
struct probe_target {
	struct probe_run *run;
	struct prober_slot slot; /* of the lookup */
	struct dns_query *query;
	char *host, *protocol;
	int port;
	char *sni;
	struct buf alpn;
	struct strlist addresses; /* declared ones, then all that are asked */
	struct probe_place *places;
	size_t place_count;
	size_t left; /* places without an answer */
	struct probe_result result;
};

struct probe_run {
	struct prober *prober;
	struct probe_expected expected;
	struct probe_target *targets;
	struct probe_result *results; /* only for the call of done */
	size_t count;
	size_t left; /* targets without a result */
	probe_done_fn *done;
	void *arg;
};

void
probe_answer_clear(struct probe_answer *answer)
{
	free(answer->address);
	free(answer->sha256);
	free(answer->serial);
	free(answer->issuer);
	strlist_clear(&answer->names);
	error_clear(&answer->error);
}

static void
probe_target_clear(struct probe_target *t)
{
	dns_cancel(t->query);
	prober_leave(t->run->prober, &t->slot);
	for (size_t i = 0; i < t->place_count; i++) {
		probe_conn_free(t->places[i].conn);
		probe_answer_clear(&t->places[i].answer);
	}
	for (size_t i = 0; i < t->result.count; i++)
		probe_answer_clear(&t->result.answers[i]);
	free(t->places);
	free(t->result.answers);
	free(t->result.endpoint);
	strlist_clear(&t->addresses);
	buf_clear(&t->alpn);
	free(t->host);
	free(t->protocol);
	free(t->sni);
}

void
probe_cancel(struct probe_run *run)
{
	if (!run)
		return;
	for (size_t i = 0; i < run->count; i++)
		probe_target_clear(&run->targets[i]);
	probe_expected_clear(&run->expected);
	free(run->targets);
	free(run->results);
	free(run);
}

const struct probe_answer *
probe_worst(const struct probe_result *result)
{
	const struct probe_answer *worst = &result->answers[0];

	/* A wrong certificate is worse news than no answer: nothing else would show it. */
	for (size_t i = 1; i < result->count; i++) {
		const struct probe_answer *a = &result->answers[i];
		bool is_wrong = a->state != PROBE_SERVED && a->state != PROBE_UNREACHABLE;
		bool was_wrong = worst->state != PROBE_SERVED && worst->state != PROBE_UNREACHABLE;

		if (is_wrong == was_wrong ? a->state > worst->state : is_wrong)
			worst = a;
	}
	return worst;
}

static void
probe_run_end(struct probe_run *run)
{
	for (size_t i = 0; i < run->count; i++)
		run->results[i] = run->targets[i].result;
	run->done(run->results, run->count, run->arg);
	probe_cancel(run);
}

/* --- the result of an endpoint --- */

/* Names endpoint and address. @answer: moved out of. */
static void
probe_target_add(struct probe_target *t, const char *address, struct probe_answer *answer)
{
	struct probe_answer *added = &t->result.answers[t->result.count++];
	bool is_itself = !address || strcmp(address, t->host) == 0;

	*added = *answer;
	*answer = (struct probe_answer){ .state = PROBE_UNREACHABLE };
	added->address = xstrdup_null(address);
	if (!error_is_set(&added->error))
		return;
	error_wrap(&added->error, "%s%s%s", t->result.endpoint, is_itself ? "" : " at ", is_itself ? "" : address);
}

/* May end the run, which then is freed. */
static void
probe_target_end(struct probe_target *t)
{
	struct probe_run *run = t->run;
	struct probe_place *unrouted = NULL;

	for (size_t i = 0; i < t->place_count; i++) {
		if (t->places[i].is_routed)
			probe_target_add(t, t->places[i].address, &t->places[i].answer);
		else
			unrouted = &t->places[i];
	}
	if (!t->result.count && unrouted)
		probe_target_add(t, NULL, &unrouted->answer);
	if (--run->left == 0)
		probe_run_end(run);
}

static void
probe_target_fail(struct probe_target *t, const struct error *err)
{
	struct probe_answer answer = { .state = PROBE_UNREACHABLE };

	error_copy(&answer.error, err);
	t->result.answers = xcalloc(1, sizeof(*t->result.answers));
	probe_target_add(t, NULL, &answer);
	probe_target_end(t);
}

static void
probe_place_done(bool is_routed, struct probe_answer *answer, void *arg)
{
	struct probe_place *place = arg;

	place->conn = NULL;
	place->is_routed = is_routed;
	place->answer = *answer;
	if (--place->target->left == 0)
		probe_target_end(place->target);
}

/* --- its addresses --- */

static void
probe_target_connect(struct probe_target *t)
{
	t->place_count = t->addresses.count;
	t->left = t->place_count;
	t->places = xcalloc(t->place_count, sizeof(*t->places));
	t->result.answers = xcalloc(t->place_count, sizeof(*t->result.answers));
	for (size_t i = 0; i < t->place_count; i++) {
		struct probe_place *place = &t->places[i];

		*place = (struct probe_place){ .target = t, .address = t->addresses.items[i] };
		place->conn = probe_conn_new(&(struct probe_conn_config){ .prober = t->run->prober,
			.expected = &t->run->expected,
			.address = place->address,
			.port = t->port,
			.protocol = t->protocol,
			.sni = t->sni,
			.host = t->sni ? t->sni : t->host,
			.alpn = &t->alpn,
			.done = probe_place_done,
			.arg = place });
	}
}

static void
probe_resolved(const struct dns_answer *answer, const struct error *err, void *arg)
{
	struct probe_target *t = arg;
	_cleanup_error_ struct error none = ERROR_INIT;

	t->query = NULL;
	prober_leave(t->run->prober, &t->slot);
	if (err) {
		probe_target_fail(t, err);
		return;
	}
	for (size_t i = 0; i < answer->values.count && i < PROBE_ADDRESSES_MAX; i++)
		strlist_add(&t->addresses, answer->values.items[i]);
	if (t->addresses.count) {
		probe_target_connect(t);
		return;
	}
	error_set(&none, ERROR_DNS, "the name has no address");
	probe_target_fail(t, &none);
}

static void
probe_target_start(void *arg)
{
	struct probe_target *t = arg;

	if (!t->addresses.count) {
		t->query = dns_resolve(t->run->prober->dns, t->host, LOOKUP_MS, probe_resolved, t);
		return;
	}
	prober_leave(t->run->prober, &t->slot);
	probe_target_connect(t);
}

struct probe_run *
probe_start(struct prober *prober, const struct record_list *endpoints, const struct certificate *expected,
	probe_done_fn *done, void *arg)
{
	struct probe_run *run = xcalloc(1, sizeof(*run));

	run->prober = prober;
	run->done = done;
	run->arg = arg;
	run->count = run->left = endpoints->count;
	run->targets = xcalloc(run->count, sizeof(*run->targets));
	run->results = xcalloc(run->count, sizeof(*run->results));
	probe_expect(&run->expected, expected, prober->seen);
	for (size_t i = 0; i < run->count; i++) {
		const struct probe *p = (const struct probe *)endpoints->items + i;
		struct probe_target *t = &run->targets[i];

		t->run = run;
		t->host = xstrdup(p->host);
		t->port = (int)p->port;
		t->protocol = xstrdup_null(p->protocol);
		t->sni = probe_sni(p, expected);
		t->result.endpoint = endpoint_text(p->protocol, p->host, p->port);
		t->result.sni = t->sni;
		strlist_copy(&t->addresses, &p->addresses);
		for (size_t k = 0; k < p->alpn.count; k++) {
			buf_add_char(&t->alpn, (char)strlen(p->alpn.items[k]));
			buf_add_str(&t->alpn, p->alpn.items[k]);
		}
		prober_wait(prober, &t->slot, false, probe_target_start, t);
	}
	return run;
}
