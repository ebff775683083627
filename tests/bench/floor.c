/*
 * floor: what a certificate costs at least: one connection, nonces used again, the order asked for after 2 ms and then
 * twice as late, key and certificate written and synced; no store, no checks, no second try. For a CA that calls every
 * challenge valid:
 *
 *	floor account URL CA-FILE DIRECTORY           makes the account; its key and URL into DIRECTORY
 *	floor issue URL CA-FILE DIRECTORY NAME...     one certificate after the other: DIRECTORY/NAME.key and .crt
 */
#include "common/buf.h"
#include "common/crypto/base64url.h"
#include "common/crypto/csr.h"
#include "common/crypto/jws.h"
#include "common/crypto/secret.h"
#include "common/error.h"
#include "common/json.h"
#include "common/strlist.h"
#include "tests/support/key_pem.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct floor {
	CURL *curl;
	struct curl_slist *headers;
	struct json_object *directory;
	struct key *account;
	char *kid;
	char *nonce;
	char *location;
	struct buf body;
};

static void
fail(const char *what, const struct error *err)
{
	fprintf(stderr, "floor: %s%s%s\n", what, err && err->message ? ": " : "",
		err && err->message ? err->message : "");
	exit(1);
}

static size_t
on_body(char *data, size_t size, size_t n, void *arg)
{
	struct floor *f = arg;

	buf_add(&f->body, data, size * n);
	return size * n;
}

static void
take_header(char **ret, const char *name, const char *data, size_t len)
{
	size_t name_len = strlen(name);

	if (len <= name_len || strncasecmp(data, name, name_len) != 0)
		return;
	free(*ret);
	while (len && strchr("\r\n", data[len - 1]))
		len--;
	*ret = xstrndup(data + name_len, len - name_len);
}

static size_t
on_header(char *data, size_t size, size_t n, void *arg)
{
	struct floor *f = arg;

	take_header(&f->nonce, "replay-nonce: ", data, size * n);
	take_header(&f->location, "location: ", data, size * n);
	return size * n;
}

static void
perform(struct floor *f, const char *url)
{
	long status = 0;
	CURLcode rc;

	buf_reset(&f->body);
	curl_easy_setopt(f->curl, CURLOPT_URL, url);
	rc = curl_easy_perform(f->curl);
	curl_easy_getinfo(f->curl, CURLINFO_RESPONSE_CODE, &status);
	if (rc != CURLE_OK || status >= 300) {
		fprintf(stderr, "floor: %s: %s, status %ld: %s\n", url, curl_easy_strerror(rc), status,
			buf_str(&f->body));
		exit(1);
	}
}

/* @payload "": POST-as-GET. */
static void
post(struct floor *f, const char *url, const char *payload)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_buf_ struct buf text = BUF_INIT;
	const struct jws_header header = { .url = url, .nonce = f->nonce, .kid = f->kid };

	if (jws_sign(f->account, &header, payload, strlen(payload), &text, &err) < 0)
		fail("sign", &err);
	curl_easy_setopt(f->curl, CURLOPT_HTTPHEADER, f->headers);
	curl_easy_setopt(f->curl, CURLOPT_POSTFIELDSIZE, (long)text.len);
	curl_easy_setopt(f->curl, CURLOPT_POSTFIELDS, text.data);
	perform(f, url);
}

static struct json_object *
answer(struct floor *f)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	struct json_object *json = json_parse(f->body.data, f->body.len, &err);

	if (!json)
		fail("an answer", &err);
	return json;
}

/* Owned by the caller. */
static char *
text_of(struct json_object *json, const char *name)
{
	const char *text = NULL;

	if (json_get_string(json, name, &text, NULL) != 1)
		fail(name, NULL);
	return xstrdup(text);
}

/* The only item of an array of strings. */
static char *
first_of(struct json_object *json, const char *name)
{
	struct json_object *array = NULL;

	if (json_get_array(json, name, &array, NULL) != 1 || json_object_array_length(array) < 1)
		fail(name, NULL);
	return xstrdup(json_object_get_string(json_object_array_get_idx(array, 0)));
}

/* Asks for the order until it has that status; the last answer. */
static struct json_object *
wait_for(struct floor *f, const char *order_url, const char *status, struct json_object *order)
{
	for (long ms = 2; ms < 10000; ms *= 2) {
		_cleanup_free_ char *is = text_of(order, "status");
		const struct timespec pause = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

		if (strcmp(is, status) == 0)
			return order;
		nanosleep(&pause, NULL);
		json_object_put(order);
		post(f, order_url, "");
		order = answer(f);
	}
	fail("the order does not get on", NULL);
	return NULL;
}

static void
write_synced(const char *directory, const char *name, const char *end, const void *data, size_t len)
{
	_cleanup_free_ char *path = xasprintf("%s/%s.%s", directory, name, end);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, data, len) != (ssize_t)len || fsync(fd) < 0 || close(fd) < 0)
		fail(path, NULL);
}

static void
challenge(struct floor *f, const char *authorization_url)
{
	_cleanup_json_ struct json_object *authorization = NULL;
	_cleanup_free_ char *url = NULL;
	struct json_object *all = NULL;

	post(f, authorization_url, "");
	authorization = answer(f);
	if (json_get_array(authorization, "challenges", &all, NULL) != 1)
		fail("challenges", NULL);
	url = text_of(json_object_array_get_idx(all, 0), "url");
	post(f, url, "{}");
}

/* {"csr": ...} of a new key, which is written at once. */
static char *
make_csr(const char *directory, const char *name)
{
	_cleanup_strlist_ struct strlist names = STRLIST_INIT;
	_cleanup_key_ struct key *key = NULL;
	_cleanup_secret_ struct secret pem = SECRET_INIT;
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_buf_ struct buf der = BUF_INIT;
	struct buf payload = BUF_INIT;

	strlist_add(&names, name);
	if (key_generate(KEY_SECP256R1, &key, &err) < 0 || key_to_pem(key, &pem, &err) < 0 ||
		csr_make(key, &(struct csr_content){ .names = &names }, &der, &err) < 0)
		fail("key", &err);
	write_synced(directory, name, "key", pem.data, pem.len);
	buf_add_str(&payload, "{\"csr\":\"");
	base64url_encode(der.data, der.len, &payload);
	buf_add_str(&payload, "\"}");
	return buf_steal(&payload);
}

static void
issue(struct floor *f, const char *directory, const char *name)
{
	_cleanup_free_ char *payload = xasprintf("{\"identifiers\":[{\"type\":\"dns\",\"value\":\"%s\"}]}", name);
	_cleanup_free_ char *new_order = text_of(f->directory, "newOrder");
	_cleanup_free_ char *order_url = NULL, *authorization = NULL, *finalize = NULL, *csr = NULL, *url = NULL;
	struct json_object *order;

	post(f, new_order, payload);
	order_url = xstrdup(f->location);
	order = answer(f);
	authorization = first_of(order, "authorizations");
	challenge(f, authorization);
	csr = make_csr(directory, name);
	json_object_put(order);
	post(f, order_url, "");
	order = wait_for(f, order_url, "ready", answer(f));
	finalize = text_of(order, "finalize");
	json_object_put(order);
	post(f, finalize, csr);
	order = wait_for(f, order_url, "valid", answer(f));
	url = text_of(order, "certificate");
	json_object_put(order);
	post(f, url, "");
	write_synced(directory, name, "crt", f->body.data, f->body.len);
}

static void
begin(struct floor *f, const char *url, const char *ca_file)
{
	_cleanup_free_ char *new_nonce = NULL;

	f->curl = curl_easy_init();
	f->headers = curl_slist_append(NULL, "Content-Type: application/jose+json");
	curl_easy_setopt(f->curl, CURLOPT_CAINFO, ca_file);
	curl_easy_setopt(f->curl, CURLOPT_CAPATH, NULL);
	curl_easy_setopt(f->curl, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(f->curl, CURLOPT_WRITEDATA, f);
	curl_easy_setopt(f->curl, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(f->curl, CURLOPT_HEADERDATA, f);
	perform(f, url);
	f->directory = answer(f);
	new_nonce = text_of(f->directory, "newNonce");
	curl_easy_setopt(f->curl, CURLOPT_NOBODY, 1L);
	perform(f, new_nonce);
	curl_easy_setopt(f->curl, CURLOPT_NOBODY, 0L);
}

static void
make_account(struct floor *f, const char *directory)
{
	_cleanup_free_ char *new_account = text_of(f->directory, "newAccount");
	_cleanup_secret_ struct secret der = SECRET_INIT;
	_cleanup_error_ struct error err = ERROR_INIT;

	if (key_generate(KEY_SECP256R1, &f->account, &err) < 0 || key_to_der(f->account, &der, &err) < 0)
		fail("account key", &err);
	post(f, new_account, "{\"termsOfServiceAgreed\":true}");
	write_synced(directory, "account", "der", der.data, der.len);
	write_synced(directory, "account", "url", f->location, strlen(f->location));
}

static void
read_account(struct floor *f, const char *directory)
{
	_cleanup_free_ char *key_path = xasprintf("%s/account.der", directory);
	_cleanup_free_ char *url_path = xasprintf("%s/account.url", directory);
	_cleanup_secret_ struct secret der = SECRET_INIT, url = SECRET_INIT;
	_cleanup_error_ struct error err = ERROR_INIT;

	if (secret_read_file(&der, key_path, 4096, false, &err) < 0 ||
		secret_read_file(&url, url_path, 4096, false, &err) < 0 || key_from_der(&der, &f->account, &err) < 0)
		fail("account", &err);
	f->kid = xstrndup((const char *)url.data, url.len);
}

int
main(int argc, char **argv)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	struct floor f = { .body = BUF_INIT };

	if (argc < 5) {
		fputs("usage: floor account|issue URL CA-FILE DIRECTORY [NAME...]\n", stderr);
		return 64;
	}
	if (secret_process_init(true, &err) < 0)
		fail("memory", &err);
	begin(&f, argv[2], argv[3]);
	if (strcmp(argv[1], "account") == 0)
		make_account(&f, argv[4]);
	else
		read_account(&f, argv[4]);
	for (int i = 5; i < argc; i++)
		issue(&f, argv[4], argv[i]);
	curl_easy_cleanup(f.curl);
	curl_slist_free_all(f.headers);
	json_object_put(f.directory);
	key_free(f.account);
	free(f.kid);
	free(f.nonce);
	free(f.location);
	buf_clear(&f.body);
	return 0;
}
