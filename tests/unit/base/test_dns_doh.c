/* DNS over HTTPS: what is sent, and which answers are used. The transport is played here. */
#include "common/error.h"
#include "daemon/base/dns_doh.h"
#include "daemon/base/http.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define NAME "_acme-challenge.example.test"
#define VALUE \
	"\x05" \
	"value"
/* The owner is that of the question; TXT, IN, TTL 60, 6 octets. */
#define RECORD "\xc0\x0c\x00\x10\x00\x01\x00\x00\x00\x3c\x00\x06" VALUE

enum { ID_AT = 1, FLAGS_AT = 2, QDCOUNT_AT = 5, ANCOUNT_AT = 7, LETTER_AT = 14 };

struct peer {
	struct http http;
	struct buf question;
	http_done_fn *done;
	void *arg;
	bool is_cancelled;
	int calls;
	struct error error;
	struct strlist values;
};

static void *
peer_take(void *self, const struct http_request *req, http_done_fn *done, void *arg)
{
	struct peer *p = self;

	cr_expect_str_eq(req->method, "POST");
	cr_expect_str_eq(req->content_type, "application/dns-message");
	cr_expect_str_eq(req->accept, "application/dns-message");
	cr_expect_eq(req->max_body, 65535);
	cr_expect_eq(req->timeout_ms, 2500);
	cr_expect_eq(req->may_use_http, strncmp(req->url, "http:", 5) == 0);
	buf_add(&p->question, req->body, req->body_len);
	p->done = done;
	p->arg = arg;
	return p;
}

static void
peer_cancel(void *self, void *handle _unused_)
{
	((struct peer *)self)->is_cancelled = true;
}

static const struct http_ops peer_ops = { peer_take, peer_cancel };

static void
peer_note(const struct dns_answer *answer, const struct error *err, void *arg)
{
	struct peer *p = arg;

	p->calls++;
	cr_assert_neq(!answer, !err);
	if (err)
		error_copy(&p->error, err);
	else
		strlist_copy(&p->values, &answer->values);
}

static struct dns_doh *
peer_ask(struct peer *p, const char *url)
{
	*p = (struct peer){ .http = { &peer_ops, p } };
	return dns_doh_ask(&p->http, url, NAME, DNS_TXT, 2500, peer_note, p);
}

static void
peer_clear(struct peer *p)
{
	buf_clear(&p->question);
	error_clear(&p->error);
	strlist_clear(&p->values);
}

Test(dns_doh, the_question_is_recursive_with_id_zero_and_may_be_cancelled)
{
	static const char *const urls[] = { "https://dns.example/dns-query", "http://127.0.0.1:1/" };

	for (size_t i = 0; i < ARRAY_SIZE(urls); i++) {
		struct peer p;
		struct dns_doh *q = peer_ask(&p, urls[i]);

		cr_assert_eq(p.question.len, 12 + strlen(NAME) + 2 + 4);
		cr_expect_arr_eq(p.question.data, "\0\0\x01\0\0\x01\0\0\0\0\0\0\x0f_acme-challenge", 28);
		dns_doh_cancel(q);
		cr_expect(p.is_cancelled && p.calls == 0);
		peer_clear(&p);
	}
}

Test(dns_doh, an_answer_counts_only_if_it_is_one_to_this_question)
{
	static const char TYPE[] = "application/dns-message";
	static const struct {
		const char *why;
		int status;
		const char *type;
		int at;            /* the octet that is changed ... */
		char octet;        /* ... to this one; at 0: none */
		const char *body;  /* in place of a message; or NULL */
		const char *error; /* NULL: the answer is used */
	} cases[] = {
		{ "an answer", 200, TYPE, 0, 0, NULL, NULL },
		{ "any 2xx, type with a parameter", 203, "Application/DNS-Message; charset=x", 0, 0, NULL, NULL },
		{ "a name in another case", 200, TYPE, LETTER_AT, 'A', NULL, NULL },
		{ "status 500", 500, TYPE, 0, 0, NULL, "HTTP status 500" },
		{ "a redirect", 302, TYPE, 0, 0, NULL, "HTTP status 302" },
		{ "HTML", 200, "text/html", 0, 0, "<html>", "is not of type application/dns-message" },
		{ "no type", 200, NULL, 0, 0, NULL, "is not of type" },
		{ "a longer type", 200, "application/dns-messages", 0, 0, NULL, "is not of type" },
		{ "HTML that says it is a message", 200, TYPE, 0, 0, "<html>", "not for this question" },
		{ "nothing", 200, TYPE, 0, 0, "", "not for this question" },
		{ "another ID", 200, TYPE, ID_AT, 7, NULL, "not for this question" },
		{ "no question", 200, TYPE, QDCOUNT_AT, 0, NULL, "not for this question" },
		{ "another name", 200, TYPE, LETTER_AT, 'b', NULL, "not for this question" },
		{ "a query", 200, TYPE, FLAGS_AT, 1, NULL, "the answer is a query" },
		{ "a record that is missing", 200, TYPE, ANCOUNT_AT, 9, NULL, "not a DNS message" },
		{ "no connection", 0, NULL, 0, 0, NULL, "cannot connect" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct peer p;
		struct http_response res = { .status = cases[i].status, .content_type = (char *)cases[i].type };
		_cleanup_error_ struct error err = ERROR_INIT;

		peer_ask(&p, "https://dns.example/dns-query");
		if (cases[i].body) {
			buf_add_str(&res.body, cases[i].body);
		} else {
			buf_add(&res.body, p.question.data, p.question.len);
			buf_add(&res.body, RECORD, sizeof(RECORD) - 1);
			res.body.data[FLAGS_AT] = (char)0x81;
			res.body.data[ANCOUNT_AT] = 1;
			if (cases[i].at)
				res.body.data[cases[i].at] = cases[i].octet;
		}
		if (!cases[i].status)
			error_set(&err, ERROR_NETWORK, "cannot connect");
		p.done(cases[i].status ? &res : NULL, cases[i].status ? NULL : &err, p.arg);
		cr_assert_eq(p.calls, 1);
		if (cases[i].error) {
			cr_assert(error_is_set(&p.error), "%s", cases[i].why);
			cr_expect(strstr(p.error.message, cases[i].error), "%s: %s", cases[i].why, p.error.message);
		} else {
			cr_expect_not(error_is_set(&p.error), "%s: %s", cases[i].why, p.error.message);
			cr_expect(p.values.count == 1 && strlist_has(&p.values, "value"), "%s", cases[i].why);
		}
		buf_clear(&res.body);
		peer_clear(&p);
	}
}
