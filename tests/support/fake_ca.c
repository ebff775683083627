/*
 * The fake CA's front: requests arrive, are counted, verified and carried out at once; the answer leaves after the
 * scripted latency. What the objects do is in fake_ca_objects.c.
 */
#include "tests/support/fake_ca.h"

#include "common/json.h"
#include "common/retry.h"
#include "daemon/base/clock.h"
#include "daemon/base/loop.h"
#include "tests/support/fake_ca_objects.h"

#include <stdlib.h>
#include <string.h>

/* A request whose answer is on its way. */
struct fake_exchange {
	struct fake_exchange *prev, *next;
	struct fake_ca *ca;
	enum fake_ca_kind kind;
	struct fake_ca_answer answer;
	struct loop_timer timer;
	http_done_fn *done;
	void *arg;
};

static const struct {
	const char *path; /* behind the base URL; '#' is a number */
	enum fake_ca_kind kind;
} routes[] = {
	{ "/directory", FAKE_CA_DIRECTORY },
	{ "/nonce", FAKE_CA_NONCE },
	{ "/account", FAKE_CA_ACCOUNT },
	{ "/account/#", FAKE_CA_ACCOUNT_UPDATE },
	{ "/key", FAKE_CA_KEY_CHANGE },
	{ "/order", FAKE_CA_NEW_ORDER },
	{ "/order/#", FAKE_CA_ORDER },
	{ "/order/#/finalize", FAKE_CA_FINALIZE },
	{ "/authz/#", FAKE_CA_AUTHORIZATION },
	{ "/challenge/#/#", FAKE_CA_CHALLENGE },
	{ "/cert/#", FAKE_CA_CERTIFICATE },
	{ "/cert/#/#", FAKE_CA_CERTIFICATE },
	{ "/revoke", FAKE_CA_REVOKE },
};

/* Does @path look like @pattern? Its numbers are written to @ret. */
static bool
path_matches(const char *path, const char *pattern, size_t ret[2])
{
	size_t n = 0;

	while (*pattern) {
		if (*pattern == '#') {
			char *end;

			if (*path < '0' || *path > '9')
				return false;
			ret[n++] = strtoul(path, &end, 10);
			path = end;
			pattern++;
		} else if (*path++ != *pattern++) {
			return false;
		}
	}
	return *path == '\0';
}

static const char renewal_path[] = "/renewal/";

static enum fake_ca_kind
route(const struct fake_ca *ca, const char *url, size_t ret_ids[2])
{
	size_t len = strlen(ca->base);

	for (size_t i = 0; strncmp(url, ca->base, len) == 0 && i < ARRAY_SIZE(routes); i++)
		if (path_matches(url + len, routes[i].path, ret_ids))
			return routes[i].kind;
	if (strncmp(url, ca->base, len) == 0 && strncmp(url + len, renewal_path, strlen(renewal_path)) == 0)
		return FAKE_CA_RENEWAL_INFO;
	return FAKE_CA_UNKNOWN;
}

struct fake_ca *
fake_ca_new(struct loop *loop, const char *base_url, uint64_t seed)
{
	static const struct http_ops ops = { .send = fake_ca_send, .cancel = fake_ca_cancel };
	struct fake_ca *ca = xcalloc(1, sizeof(*ca));

	ca->loop = loop;
	ca->base = xstrdup(base_url);
	ca->random = seed ? seed : 1;
	ca->http = (struct http){ .ops = &ops, .self = ca };
	return ca;
}

static void
exchange_free(struct fake_exchange *x)
{
	struct fake_ca *ca = x->ca;

	*(x->prev ? &x->prev->next : &ca->exchanges) = x->next;
	if (x->next)
		x->next->prev = x->prev;
	ca->in_flight--;
	loop_timer_cancel(&x->timer);
	http_response_clear(&x->answer.res);
	free(x);
}

void
fake_ca_free(struct fake_ca *ca)
{
	if (!ca)
		return;
	while (ca->exchanges)
		exchange_free(ca->exchanges);
	fake_objects_clear(ca);
	fake_issuer_free(ca->issuer);
	free(ca->nonces);
	free(ca->base);
	free(ca->complaint);
	free(ca->renewal_asked);
	free(ca);
}

const struct http *
fake_ca_transport(const struct fake_ca *ca)
{
	return &ca->http;
}

struct fake_ca_script *
fake_ca_script(struct fake_ca *ca)
{
	return &ca->script;
}

unsigned
fake_ca_count(const struct fake_ca *ca, enum fake_ca_kind kind)
{
	return ca->counts[kind];
}

unsigned
fake_ca_count_all(const struct fake_ca *ca)
{
	unsigned sum = 0;

	for (size_t i = 0; i < FAKE_CA_KIND_COUNT; i++)
		sum += ca->counts[i];
	return sum;
}

void
fake_ca_reset_counts(struct fake_ca *ca)
{
	memset(ca->counts, 0, sizeof(ca->counts));
	ca->nonces_rejected = ca->overlaps = ca->max_in_flight = 0;
}

unsigned
fake_ca_nonces_rejected(const struct fake_ca *ca)
{
	return ca->nonces_rejected;
}

unsigned
fake_ca_overlaps(const struct fake_ca *ca)
{
	return ca->overlaps;
}

unsigned
fake_ca_max_in_flight(const struct fake_ca *ca)
{
	return ca->max_in_flight;
}

const char *
fake_ca_complaint(const struct fake_ca *ca)
{
	return ca->complaint;
}

size_t
fake_ca_accounts(const struct fake_ca *ca)
{
	return ca->n_accounts;
}

size_t
fake_ca_orders(const struct fake_ca *ca)
{
	return ca->n_orders;
}

const char *
fake_ca_order_profile(const struct fake_ca *ca, size_t order)
{
	return ca->orders[order].profile;
}

const char *
fake_ca_order_replaces(const struct fake_ca *ca, size_t order)
{
	return ca->orders[order].replaces;
}

int
fake_ca_order_revoked(const struct fake_ca *ca, size_t order, bool *ret_is_by_key)
{
	*ret_is_by_key = ca->orders[order].is_revoked_by_key;
	return ca->orders[order].revoked - 1;
}

const char *
fake_ca_renewal_asked(const struct fake_ca *ca)
{
	return ca->renewal_asked;
}

const char *
fake_ca_account_jwk(const struct fake_ca *ca, size_t account)
{
	return ca->accounts[account].jwk;
}

const char *
fake_ca_root_pem(struct fake_ca *ca, unsigned index)
{
	return fake_issuer_root_pem(fake_ca_issuer(ca), index);
}

void
fake_ca_crl(struct fake_ca *ca, const struct crl_spec *spec, bool is_of_root, struct buf *ret)
{
	fake_issuer_crl(fake_ca_issuer(ca), spec, is_of_root, ret);
}

void
fake_ca_ocsp(struct fake_ca *ca, const struct buf *leaf, const struct ocsp_spec *spec, struct buf *ret)
{
	fake_issuer_ocsp(fake_ca_issuer(ca), leaf, spec, ret);
}

void
fake_ca_replace_issuer(struct fake_ca *ca)
{
	fake_issuer_free(ca->issuer);
	ca->issuer = NULL;
}

char *
fake_ca_issuer_serial(struct fake_ca *ca)
{
	return fake_issuer_serial(fake_ca_issuer(ca));
}

struct fake_issuer *
fake_ca_issuer(struct fake_ca *ca)
{
	if (!ca->issuer)
		ca->issuer = fake_issuer_new(ca->script.alternates, ca->script.issuer_crl_url,
			clock_wall(loop_clock(ca->loop)) - ca->script.clock_behind_sec);
	return ca->issuer;
}

int64_t
fake_ca_now_ms(const struct fake_ca *ca)
{
	return clock_boot_ms(loop_clock(ca->loop));
}

uint64_t
fake_ca_random(struct fake_ca *ca)
{
	ca->random ^= ca->random << 13; /* xorshift64 */
	ca->random ^= ca->random >> 7;
	ca->random ^= ca->random << 17;
	return ca->random;
}

void
fake_ca_complain(struct fake_ca *ca, const char *about, const char *what)
{
	if (!ca->complaint)
		ca->complaint = xasprintf("%s: %s", about, what);
}

void
fake_ca_answer_body(struct fake_ca_answer *answer, int status, const char *body)
{
	answer->res.status = status;
	buf_reset(&answer->res.body);
	buf_add_str(&answer->res.body, body);
	str_replace(&answer->res.content_type, "application/json");
}

void
fake_ca_answer_problem(struct fake_ca_answer *answer, int status, const char *type, const char *detail)
{
	_cleanup_json_ struct json_object *problem = json_object_new_object();
	_cleanup_free_ char *urn = xasprintf("urn:ietf:params:acme:error:%s", type);
	_cleanup_buf_ struct buf text = BUF_INIT;

	json_add_string(problem, "type", urn);
	json_add_string(problem, "detail", detail);
	json_write(problem, &text);
	fake_ca_answer_body(answer, status, buf_str(&text));
	str_replace(&answer->res.content_type, "application/problem+json");
}

/* A nonce is its number; the array says which ones were given and not used yet. */
static char *
nonce_new(struct fake_ca *ca)
{
	if (ca->n_nonces % 1024 == 0)
		ca->nonces = xreallocarray(ca->nonces, ca->n_nonces + 1024, 1);
	ca->nonces[ca->n_nonces] = true;
	return xasprintf("nonce-%zu", ca->n_nonces++);
}

/* Takes a nonce. Return: whether it was good. */
static bool
nonce_use(struct fake_ca *ca, const char *nonce)
{
	size_t id[2] = { 0 };
	bool is_good;

	if (!nonce || !path_matches(nonce, "nonce-#", id) || id[0] >= ca->n_nonces)
		return false;
	is_good = ca->nonces[id[0]];
	ca->nonces[id[0]] = false;
	return is_good;
}

static EVP_PKEY *
find_account_key(const char *kid, void *arg)
{
	struct fake_ca *ca = arg;
	size_t id[2];
	size_t len = strlen(ca->base);

	if (strncmp(kid, ca->base, len) != 0 || !path_matches(kid + len, "/account/#", id) || id[0] >= ca->n_accounts)
		return NULL;
	return ca->accounts[id[0]].key;
}

/* A signed request: verified, then carried out. */
static void
post(struct fake_ca *ca, enum fake_ca_kind kind, const size_t ids[2], const struct http_request *req,
	struct fake_ca_answer *answer)
{
	_cleanup_(fake_jws_clear) struct fake_jws jws = { .kid = NULL };
	const char *refusal;
	const char *wrong = fake_jws_open(req->body, req->body_len, find_account_key, ca, &jws);

	if (!wrong && (!req->content_type || strcmp(req->content_type, "application/jose+json") != 0))
		wrong = "wrong content type";
	if (!wrong && strcmp(jws.url, req->url) != 0)
		wrong = "signed for another URL";
	if (!wrong && kind != FAKE_CA_REVOKE && !jws.jwk != (kind != FAKE_CA_ACCOUNT))
		wrong = "jwk where kid belongs, or the other way round";
	if (!wrong && !nonce_use(ca, jws.nonce))
		wrong = "nonce unknown or used";
	if (wrong) {
		fake_ca_complain(ca, req->url, wrong);
		fake_ca_answer_problem(answer, 400, "malformed", wrong);
	} else if (fake_ca_random(ca) % 100 < ca->script.nonce_reject_percent) {
		ca->nonces_rejected++;
		fake_ca_answer_problem(answer, 400, "badNonce", "rejected on purpose");
	} else if (jws.kid && (refusal = fake_objects_refuse_account(ca, jws.kid)) != NULL) {
		fake_ca_answer_problem(answer, strcmp(refusal, "unauthorized") == 0 ? 403 : 400, refusal,
			strcmp(refusal, "unauthorized") == 0 ? "the account is deactivated" : "no such account");
	} else {
		fake_objects_post(ca, kind, ids, &jws, answer);
	}
}

/* POSTs with a payload to an authorization deactivate it. */
static enum fake_ca_kind
refine_kind(enum fake_ca_kind kind, const struct http_request *req)
{
	static const char empty[] = "\"payload\":\"\"";

	if (kind == FAKE_CA_AUTHORIZATION && !memmem(req->body, req->body_len, empty, strlen(empty)))
		return FAKE_CA_DEACTIVATE;
	return kind;
}

static void
answer_renewal_info(struct fake_ca *ca, const char *url, struct fake_ca_answer *answer)
{
	static const char later[] =
		"{\"suggestedWindow\":{\"start\":\"2098-01-01T00:00:00Z\",\"end\":\"2098-01-02T00:00:00Z\"}}";
	const struct fake_ca_script *script = &ca->script;

	str_replace(&ca->renewal_asked, strrchr(url, '/') + 1);
	fake_ca_answer_body(answer, 200,
		!script->renewal_id || strcmp(script->renewal_id, ca->renewal_asked) == 0 ? script->renewal_info
											  : later);
	answer->res.retry_after_sec = script->renewal_retry ? retry_after_read(script->renewal_retry,
								      clock_wall(loop_clock(ca->loop)))
							    : script->renewal_retry_sec;
}

static void
carry_out(struct fake_ca *ca, struct fake_exchange *x, const struct http_request *req, const size_t ids[2])
{
	struct fake_ca_script *script = &ca->script;
	unsigned nth = ca->counts[x->kind];
	bool is_post = strcmp(req->method, "POST") == 0;

	if (script->intercept && script->intercept(FAKE_CA_BEFORE, x->kind, nth, &x->answer, script->arg))
		return;
	if (x->kind == FAKE_CA_DIRECTORY && !is_post)
		fake_objects_directory(ca, &x->answer);
	else if (x->kind == FAKE_CA_NONCE && !is_post) /* HEAD or GET, RFC 8555 s7.2 */
		x->answer.res.status = 200;
	else if (x->kind == FAKE_CA_RENEWAL_INFO && !is_post && script->renewal_info)
		answer_renewal_info(ca, req->url, &x->answer);
	else if (is_post)
		post(ca, x->kind, ids, req, &x->answer);
	else
		fake_ca_answer_problem(&x->answer, 405, "malformed", "no such method here");
	if (script->intercept)
		script->intercept(FAKE_CA_AFTER, x->kind, nth, &x->answer, script->arg);
}

static void
note_overlaps(struct fake_ca *ca, enum fake_ca_kind kind)
{
	for (const struct fake_exchange *x = ca->exchanges; x; x = x->next)
		ca->overlaps += (x->kind == FAKE_CA_NEW_ORDER && kind == FAKE_CA_AUTHORIZATION) ||
				(x->kind == FAKE_CA_AUTHORIZATION && kind == FAKE_CA_NEW_ORDER);
}

static void
exchange_answer(void *arg)
{
	struct fake_exchange *x = arg;
	http_done_fn *done = x->done;
	void *done_arg = x->arg;
	_cleanup_(http_response_clear) struct http_response res = x->answer.res;
	_cleanup_error_ struct error err = ERROR_INIT;

	x->answer.res = (struct http_response){ .status = 0 };
	if (x->answer.failure) {
		error_set(&err, x->answer.failure, "fake CA: %s", error_code_name(x->answer.failure));
		err.may_retry = x->answer.failure != ERROR_LIMIT; /* as base/http_result.c has it */
	}
	exchange_free(x);
	if (error_is_set(&err))
		done(NULL, &err, done_arg);
	else
		done(&res, NULL, done_arg);
}

void *
fake_ca_send(void *self, const struct http_request *req, http_done_fn *done, void *arg)
{
	struct fake_ca *ca = self;
	struct fake_exchange *x = xcalloc(1, sizeof(*x));
	size_t ids[2] = { 0, 0 };
	size_t max_body = req->max_body ? req->max_body : 256 * 1024;

	x->ca = ca;
	x->kind = refine_kind(route(ca, req->url, ids), req);
	x->done = done;
	x->arg = arg;
	note_overlaps(ca, x->kind);
	x->next = ca->exchanges;
	if (x->next)
		x->next->prev = x;
	ca->exchanges = x;
	ca->counts[x->kind]++;
	if (++ca->in_flight > ca->max_in_flight)
		ca->max_in_flight = ca->in_flight;
	if (strncmp(req->url, ca->base, strlen(ca->base)) != 0)
		x->answer.failure = ERROR_NETWORK;
	else
		carry_out(ca, x, req, ids);
	if (x->answer.res.body.len > max_body)
		x->answer.failure = ERROR_LIMIT;
	if (!x->answer.failure && x->kind != FAKE_CA_DIRECTORY && !x->answer.res.replay_nonce)
		x->answer.res.replay_nonce = nonce_new(ca);
	loop_timer_init(&x->timer, ca->loop, exchange_answer, x);
	loop_timer_set(&x->timer, ca->script.latency_ms);
	return x;
}

void
fake_ca_cancel(void *self, void *handle)
{
	(void)self;
	exchange_free(handle);
}
