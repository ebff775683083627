/*
 * The question is sent by POST, so that no cache on the way answers it. An answer is used only if it repeats ID 0 and
 * the question: a server over UDP is checked in the same way by c-ares.
 */
#include "daemon/base/dns_doh.h"

#include "common/error.h"
#include "daemon/base/dns_message.h"
#include "daemon/base/http.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define DOH_TYPE "application/dns-message"

enum { MESSAGE_MAX = 65535, HEADER_LEN = 12, QDCOUNT_AT = 4 };

struct dns_doh {
	const struct http *http;
	void *handle;
	char *name;
	enum dns_type type;
	struct buf question;
	dns_done_fn *done;
	void *arg;
};

bool
dns_doh_is_url(const char *server)
{
	return strstr(server, "://");
}

void
dns_doh_cancel(struct dns_doh *q)
{
	if (!q)
		return;
	http_cancel(q->http, q->handle);
	buf_clear(&q->question);
	free(q->name);
	free(q);
}

static bool
is_message_type(const char *type)
{
	size_t len = strlen(DOH_TYPE);

	return type && strncasecmp(type, DOH_TYPE, len) == 0 && (!type[len] || strchr("; ", type[len]));
}

/* Names may differ in case; the octets of the label lengths, type and class are no letters. */
static bool
repeats_question(const struct buf *question, const struct buf *answer)
{
	if (answer->len < question->len || answer->data[0] || answer->data[1] ||
		memcmp(answer->data + QDCOUNT_AT, question->data + QDCOUNT_AT, 2) != 0)
		return false;
	for (size_t i = HEADER_LEN; i < question->len; i++)
		if (tolower((unsigned char)answer->data[i]) != tolower((unsigned char)question->data[i]))
			return false;
	return true;
}

static int
dns_doh_read(const struct dns_doh *q, const struct http_response *res, struct dns_answer *ret, struct error *err)
{
	if (res->status < 200 || res->status > 299)
		return error_set(err, ERROR_DNS, "HTTP status %d", res->status);
	if (!is_message_type(res->content_type))
		return error_set(err, ERROR_DNS, "the answer is not of type " DOH_TYPE);
	if (!repeats_question(&q->question, &res->body))
		return error_set(err, ERROR_DNS, "the answer is not for this question");
	return dns_message_parse(res->body.data, res->body.len, q->name, q->type, ret, err);
}

static void
dns_doh_on_answer(struct http_response *res, const struct error *failure, void *arg)
{
	struct dns_doh *q = arg;
	dns_done_fn *done = q->done;
	void *done_arg = q->arg;
	_cleanup_(dns_answer_clear) struct dns_answer answer = { .rcode = 0 };
	_cleanup_error_ struct error err = ERROR_INIT;

	q->handle = NULL;
	if (failure)
		error_copy(&err, failure);
	else if (dns_doh_read(q, res, &answer, &err) < 0)
		err.may_retry = true;
	dns_doh_cancel(q);
	done(error_is_set(&err) ? NULL : &answer, error_is_set(&err) ? &err : NULL, done_arg);
}

struct dns_doh *
dns_doh_ask(const struct http *http, const char *url, const char *name, enum dns_type type, int64_t timeout_ms,
	dns_done_fn *done, void *arg)
{
	struct dns_doh *q = xcalloc(1, sizeof(*q));

	*q = (struct dns_doh){ .http = http, .name = xstrdup(name), .type = type, .done = done, .arg = arg };
	dns_message_question(0, name, type, DNS_MESSAGE_RECURSIVE, &q->question, NULL);
	struct http_request request = {
		.method = "POST",
		.url = url,
		.content_type = DOH_TYPE,
		.accept = DOH_TYPE,
		.body = q->question.data,
		.body_len = q->question.len,
		.max_body = MESSAGE_MAX,
		.timeout_ms = timeout_ms,
		.may_use_http = strncmp(url, "http:", strlen("http:")) == 0,
	};
	q->handle = http_send(http, &request, dns_doh_on_answer, q);
	return q;
}
