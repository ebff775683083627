/*
 * One CA, one account. This file has what all requests share: the directory (kept for a day, or until a failure) and
 * the nonces. Both are fetched only when a call waits for them, and retried like any request. The requests themselves
 * are in acme_call.c.
 */
#include "daemon/acme/acme_client.h"

#include "common/printable.h"
#include "common/retry.h"
#include "daemon/acme/acme_client_private.h"
#include "daemon/acme/acme_problem.h"
#include "daemon/base/clock.h"
#include "daemon/base/http_url.h"

#include <stdlib.h>
#include <string.h>

enum {
	DIRECTORY_MS = 24 * 3600 * 1000,
	RETRY_AFTER_HERE_SEC = 10, /* longer waits are left to the schedule */
	TIMEOUT_TRIES = 1,         /* a timeout already took long */
	REDIRECTS_MAX = 5
};

/* The end of a URL that needs no closer look: what RFC 3986 allows in paths and queries. */
#define PATH_CHARS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/?=&%:@!$'()*+,;"
#define SCHEME "https://"

static void
directory_done(struct acme_fetch *fetch, struct http_response *res);
static void
nonce_done(struct acme_fetch *fetch, struct http_response *res);
static void
fetch_send(void *arg);

static void
pump_later(void *arg)
{
	acme_client_pump(arg);
}

static void
fetch_init(struct acme_fetch *fetch, struct acme_client *client, const char *what,
	void (*done)(struct acme_fetch *fetch, struct http_response *res))
{
	*fetch = (struct acme_fetch){ .client = client, .what = what, .done = done };
	loop_timer_init(&fetch->again, client->loop, fetch_send, fetch);
}

/* By the host of its directory, with the port if it is unusual: several accounts at one CA are one peer. */
static struct meter *
acme_client_meter(struct meters *meters, const char *directory_url)
{
	_cleanup_http_url_ struct http_url url = { .scheme = NULL };
	_cleanup_free_ char *name = NULL;

	if (http_url_parse(directory_url, &url, NULL) < 0)
		return NULL; /* it is never requested */
	name = strcmp(url.port, "443") == 0 ? xstrdup(url.host) : xasprintf("%s:%s", url.host, url.port);
	return meters_get(meters, METER_CA, name);
}

/* The length of "https://host[:port]/"; 0: @url is not valid, or has no path. */
static size_t
acme_client_origin_len(const char *url)
{
	const char *path = NULL;

	if (strncmp(url, SCHEME, strlen(SCHEME)) == 0 && acme_url_check(url, NULL) == 0)
		path = strchr(url + strlen(SCHEME), '/');
	return path ? (size_t)(path + 1 - url) : 0;
}

struct acme_client *
acme_client_new(
	struct loop *loop, const struct http *http, const struct acme_client_config *config, struct key *account_key)
{
	struct acme_client *client = xcalloc(1, sizeof(*client));

	client->loop = loop;
	client->http = http;
	client->directory_url = xstrdup(config->directory_url);
	client->origin_len = acme_client_origin_len(client->directory_url);
	client->ca_file = xstrdup_null(config->ca_file);
	client->account_url = xstrdup_null(config->account_url);
	client->account_doubted = config->account_doubted;
	client->arg = config->arg;
	client->may_use_other_hosts = config->may_use_other_hosts;
	client->meter = acme_client_meter(config->meters, config->directory_url);
	client->signer = config->signer;
	client->key = account_key;
	client->thumbprint = key_thumbprint(account_key, NULL);
	fetch_init(&client->directory_fetch, client, "directory", directory_done);
	for (size_t i = 0; i < ARRAY_SIZE(client->nonce_fetches); i++)
		fetch_init(&client->nonce_fetches[i], client, "newNonce", nonce_done);
	loop_timer_init(&client->pump, loop, pump_later, client);
	return client;
}

static void
fetch_stop(struct acme_fetch *fetch)
{
	http_cancel(fetch->client->http, fetch->http);
	fetch->http = NULL;
	loop_timer_cancel(&fetch->again);
	fetch->is_active = false;
}

void
acme_client_free(struct acme_client *client)
{
	if (!client)
		return;
	while (client->calls)
		acme_call_free(client->calls);
	fetch_stop(&client->directory_fetch);
	for (size_t i = 0; i < ARRAY_SIZE(client->nonce_fetches); i++)
		fetch_stop(&client->nonce_fetches[i]);
	loop_timer_cancel(&client->pump);
	acme_nonces_clear(&client->nonces);
	acme_directory_clear(&client->directory);
	key_free(client->key);
	free(client->directory_url);
	free(client->directory_target);
	free(client->ca_file);
	free(client->thumbprint);
	free(client->account_url);
	free(client);
}

const char *
acme_client_account_url(const struct acme_client *client)
{
	return client->account_url;
}

const char *
acme_client_thumbprint(const struct acme_client *client)
{
	return client->thumbprint;
}

/*
 * Nearly all URLs of a CA begin as its directory's does, letter for letter. What follows the host's slash then cannot
 * change the host. Parsing each several times took a twentieth of an order's CPU time.
 */
static bool
acme_client_is_plain(const struct acme_client *client, const char *url)
{
	return client->origin_len && strncmp(url, client->directory_url, client->origin_len) == 0 &&
	       strlen(url) <= ACME_URL_MAX &&
	       url[client->origin_len + strspn(url + client->origin_len, PATH_CHARS)] == '\0';
}

int
acme_client_check_url(const struct acme_client *client, const char *url, struct error *err)
{
	if (acme_client_is_plain(client, url))
		return 0;
	if (acme_url_check(url, err) < 0)
		return -1;
	if (!client->may_use_other_hosts && !acme_url_same_host(url, client->directory_url))
		return error_set(err, ERROR_PROTOCOL, "the CA's directory contains a URL on another host: %s", url);
	return 0;
}

int64_t
acme_client_clock_us(const struct acme_client *client)
{
	return clock_boot_us(loop_clock(client->loop));
}

void
acme_client_count(struct acme_client *client, int64_t sent_us, const struct error *err)
{
	meter_request(client->meter, acme_client_clock_us(client) - sent_us);
	if (err)
		meter_error(
			client->meter, acme_problem_is_known(err->problem) ? err->problem : error_code_name(err->code));
}

int64_t
acme_client_retry_after(const struct acme_client *client, const struct http_response *res)
{
	return retry_after(res->retry_after_sec, clock_wall(loop_clock(client->loop)));
}

/* Only the directory may redirect, and only on its host: the operator chose that host. */
static void
read_redirect(const struct http_response *res, struct error *ret)
{
	if (res->location && acme_url_check(res->location, NULL) == 0)
		error_set(ret, ERROR_PROTOCOL,
			"the CA redirects to %s (HTTP status %d), which certd does not follow; if that is the CA's "
			"directory, set the provider's server to it",
			res->location, res->status);
	else
		error_set(ret, ERROR_PROTOCOL, "the CA redirects or answers HTTP status %d", res->status);
}

/* The CA must say which terms have changed (RFC 8555 s7.3.3). */
static void
name_terms(const struct http_response *res, struct error *ret)
{
	_cleanup_strlist_ struct strlist urls = STRLIST_INIT;
	_cleanup_free_ char *url = NULL;
	_cleanup_free_ char *text = NULL;

	acme_msg_links(&res->links, "terms-of-service", &urls);
	if (urls.count == 0)
		return;
	url = printable_line(urls.items[0], strlen(urls.items[0]), ACME_URL_MAX);
	if (strstr(ret->message, url))
		return;
	text = xasprintf("%s; the terms are at %s", ret->message, url);
	str_replace(&ret->message, text);
}

void
acme_client_read_refusal(const struct acme_client *client, const struct http_response *res, struct error *ret)
{
	if (res->status < 400) {
		read_redirect(res, ret);
		return;
	}
	acme_msg_problem(res->status, buf_str(&res->body), res->body.len, acme_client_retry_after(client, res), ret);
	if (ret->problem && strcmp(ret->problem, "userActionRequired") == 0)
		name_terms(res, ret);
	ret->retry_at = retry_not_before(ret->retry_at, clock_wall(loop_clock(client->loop)));
}

int64_t
acme_client_retry_delay_ms(const struct acme_client *client, const struct error *err, int status, unsigned tries)
{
	static const int64_t delays_ms[ACME_TRANSIENT_TRIES] = { 250, 500, 1000, 2000, 4000 };
	int64_t now = clock_wall(loop_clock(client->loop));
	bool is_transient = status ? status >= 500
				   : err->code == ERROR_NETWORK || err->code == ERROR_DNS || err->code == ERROR_TIMEOUT;

	if (!is_transient || tries >= (err->code == ERROR_TIMEOUT ? TIMEOUT_TRIES : ACME_TRANSIENT_TRIES))
		return -1;
	if (err->retry_at <= now)
		return delays_ms[tries];
	if (err->retry_at - now > RETRY_AFTER_HERE_SEC)
		return -1;
	return (err->retry_at - now) * 1000 > delays_ms[tries] ? (err->retry_at - now) * 1000 : delays_ms[tries];
}

/* It failed: retry, or fail all waiting calls. */
static void
fetch_failed(struct acme_fetch *fetch, const struct error *err, int status)
{
	struct acme_client *client = fetch->client;
	_cleanup_error_ struct error why = ERROR_INIT;
	int64_t delay_ms = acme_client_retry_delay_ms(client, err, status, fetch->tries++);

	if (delay_ms >= 0) {
		loop_timer_set(&fetch->again, delay_ms);
		return;
	}
	fetch->is_active = false;
	acme_client_distrust_directory(client);
	error_copy(&why, err);
	error_wrap(&why, "%s of '%s'", fetch->what, client->directory_url);
	acme_client_fail_waiting(client, &why);
}

/* The directory's URL may redirect to another one on the same host. */
static bool
directory_moves(struct acme_client *client, const struct http_response *res)
{
	if (res->status < 300 || res->status > 399 || !res->location || client->redirects >= REDIRECTS_MAX ||
		acme_url_check(res->location, NULL) < 0 || !acme_url_same_host(res->location, client->directory_url))
		return false;
	client->redirects++;
	str_replace(&client->directory_target, res->location);
	return true;
}

/* Is there another way to ask? RFC 8555 s7.2 has HEAD and GET for nonces; some CAs only support GET. */
static bool
fetch_goes_elsewhere(struct acme_fetch *fetch, const struct http_response *res)
{
	struct acme_client *client = fetch->client;
	bool has_nonce = res->status >= 200 && res->status <= 299 && res->replay_nonce;

	if (fetch == &client->directory_fetch)
		return directory_moves(client, res);
	if (has_nonce || client->is_nonce_by_get || res->status == 429 || res->status >= 500)
		return false;
	client->is_nonce_by_get = true;
	return true;
}

static void
fetch_answered(struct http_response *res, const struct error *err, void *arg)
{
	struct acme_fetch *fetch = arg;
	_cleanup_error_ struct error why = ERROR_INIT;

	fetch->http = NULL;
	if (err) {
		acme_client_count(fetch->client, fetch->sent_us, err);
		fetch_failed(fetch, err, 0);
		return;
	}
	if (fetch_goes_elsewhere(fetch, res)) {
		acme_client_count(fetch->client, fetch->sent_us, NULL);
		fetch_send(fetch);
		return;
	}
	if (res->status < 200 || res->status > 299) {
		acme_client_read_refusal(fetch->client, res, &why);
		acme_client_count(fetch->client, fetch->sent_us, &why);
		fetch_failed(fetch, &why, res->status);
		return;
	}
	acme_client_count(fetch->client, fetch->sent_us, NULL);
	fetch->done(fetch, res);
}

/* It succeeded: the calls continue. */
static void
fetch_finish(struct acme_fetch *fetch)
{
	fetch->is_active = false;
	acme_client_pump(fetch->client);
}

static void
fetch_send(void *arg)
{
	struct acme_fetch *fetch = arg;
	struct acme_client *client = fetch->client;
	bool is_directory = fetch == &client->directory_fetch;
	const char *directory = client->directory_target ? client->directory_target : client->directory_url;
	struct http_request req = {
		.method = is_directory || client->is_nonce_by_get ? "GET" : "HEAD",
		.url = is_directory ? directory : client->directory.new_nonce,
		.ca_file = client->ca_file,
	};

	fetch->sent_us = acme_client_clock_us(client);
	fetch->http = http_send(client->http, &req, fetch_answered, fetch);
}

static void
fetch_start(struct acme_fetch *fetch)
{
	if (fetch->is_active)
		return;
	fetch->is_active = true;
	fetch->tries = 0;
	fetch_send(fetch);
}

/* Every entry must be on the directory's host. */
static int
acme_client_check_directory(const struct acme_client *client, const struct acme_directory *d, struct error *err)
{
	const struct {
		const char *name;
		const char *url;
	} entries[] = {
		{ "newNonce", d->new_nonce },
		{ "newAccount", d->new_account },
		{ "newOrder", d->new_order },
		{ "revokeCert", d->revoke_cert },
		{ "keyChange", d->key_change },
		{ "renewalInfo", d->renewal_info },
	};

	for (size_t i = 0; i < ARRAY_SIZE(entries); i++)
		if (entries[i].url && acme_client_check_url(client, entries[i].url, err) < 0)
			return error_wrap(err, "%s", entries[i].name);
	return 0;
}

static void
directory_done(struct acme_fetch *fetch, struct http_response *res)
{
	struct acme_client *client = fetch->client;
	_cleanup_(acme_directory_clear) struct acme_directory d = { .new_nonce = NULL };
	_cleanup_error_ struct error err = ERROR_INIT;

	if (acme_msg_directory(buf_str(&res->body), res->body.len, &d, &err) < 0 ||
		acme_client_check_directory(client, &d, &err) < 0) {
		fetch_failed(fetch, &err, res->status);
		return;
	}
	acme_directory_clear(&client->directory);
	client->directory = d;
	d = (struct acme_directory){ .new_nonce = NULL };
	client->directory_until_ms = clock_boot_ms(loop_clock(client->loop)) + DIRECTORY_MS;
	fetch_finish(fetch);
}

static void
nonce_done(struct acme_fetch *fetch, struct http_response *res)
{
	_cleanup_error_ struct error err = ERROR_INIT;

	if (!res->replay_nonce || !acme_nonce_is_valid(res->replay_nonce)) {
		error_set(&err, ERROR_PROTOCOL, "the answer contains no nonce");
		fetch_failed(fetch, &err, res->status);
		return;
	}
	acme_nonces_put(&fetch->client->nonces, res->replay_nonce);
	fetch_finish(fetch);
}

bool
acme_client_has_directory(const struct acme_client *client)
{
	return clock_boot_ms(loop_clock(client->loop)) < client->directory_until_ms;
}

void
acme_client_distrust_directory(struct acme_client *client)
{
	client->directory_until_ms = 0;
}

void
acme_client_fetch_directory(struct acme_client *client)
{
	if (!client->directory_fetch.is_active) {
		str_replace(&client->directory_target, NULL);
		client->redirects = 0;
	}
	fetch_start(&client->directory_fetch);
}

void
acme_client_fetch_nonces(struct acme_client *client, size_t count)
{
	size_t is_active = 0;

	for (size_t i = 0; i < ARRAY_SIZE(client->nonce_fetches); i++)
		is_active += client->nonce_fetches[i].is_active;
	for (size_t i = 0; is_active < count && i < ARRAY_SIZE(client->nonce_fetches); i++)
		if (!client->nonce_fetches[i].is_active) {
			fetch_start(&client->nonce_fetches[i]);
			is_active++;
		}
}
