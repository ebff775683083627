/*
 * Questions to DNS servers and DNS services. Names of one zone lead to the same ones, so each is asked once, however
 * many checks want to know: those that come meanwhile wait for its answer, and later ones get it too while checks run.
 * When none runs, all is forgotten: what an operator has just corrected is seen by the next check.
 */
#include "common/alloc.h"
#include "daemon/base/clock.h"
#include "daemon/dnsprovider/dnsprovider.h"
#include "daemon/ready/ready_private.h"

#define HASH_FUNCTION HASH_FNV /* the default has switch labels that fall through, which clang refuses */
#include <stdlib.h>
#include <string.h>
#include <uthash.h>
#include <utlist.h>

enum { FRESH_MS = 30 * 1000 };

struct ready_question {
	char *key;
	struct ready *ready;
	struct ready_step *waiters;
	bool is_answered;
	int64_t answered_ms;
	struct dns_answer answer;
	struct error failure;      /* instead of an answer */
	struct dns_query *query;   /* while a DNS server is asked */
	struct dnsprovider_op *op; /* while a DNS service is asked for its zones */
	const struct dnsprovider_driver *driver;
	struct dnsprovider provider; /* with its secrets, as long as @op */
	UT_hash_handle hh;
};

static int64_t
question_now_ms(const struct ready *ready)
{
	return clock_boot_ms(loop_clock(ready->config.env->loop));
}

static void
question_free(struct ready_question *q)
{
	HASH_DEL(q->ready->questions, q);
	dns_cancel(q->query);
	if (q->op)
		q->driver->cancel(q->op);
	dnsprovider_clear(&q->provider);
	dns_answer_clear(&q->answer);
	error_clear(&q->failure);
	free(q->key);
	free(q);
}

/* --- waiting --- */

void
question_leave(struct ready_step *s)
{
	if (s->question)
		DL_DELETE2(s->question->waiters, s, prev_waiter, next_waiter);
	s->question = NULL;
}

/* In a turn of its own for each, so that no step that is woken changes the list while it is walked. */
static void
question_give(void *arg)
{
	struct ready_step *s = arg;
	struct ready_question *q = s->question;

	question_leave(s);
	if (error_is_set(&q->failure))
		s->answered(s, NULL, &q->failure);
	else
		s->answered(s, &q->answer, NULL);
}

static void
question_over(struct ready_question *q, const struct error *err)
{
	struct ready_step *s;

	q->is_answered = true;
	q->answered_ms = question_now_ms(q->ready);
	if (err)
		error_copy(&q->failure, err);
	DL_FOREACH2(q->waiters, s, next_waiter)
	ready_after(s, 0, question_give);
}

/* A failure may pass: a step that asks once more is not given the answer from which it has just waited. */
static bool
question_is_stale(const struct ready_question *q, const struct ready_step *s)
{
	bool has_failed = error_is_set(&q->failure) || q->answer.rcode == READY_SERVFAIL;

	return s->tries > 0 && q->is_answered && has_failed && !q->waiters &&
	       question_now_ms(q->ready) - q->answered_ms >= READY_AGAIN_MS;
}

/* @key: taken. Return: true: it is new, and is to be asked. */
static bool
question_join(struct ready_step *s, char *key, ready_answered_fn *answered)
{
	struct ready *ready = s->run->ready;
	struct ready_question *q;
	bool is_new;

	HASH_FIND_STR(ready->questions, key, q);
	if (q && question_is_stale(q, s)) {
		question_free(q);
		q = NULL;
	}
	is_new = !q;
	if (is_new) {
		q = xcalloc(1, sizeof(*q));
		q->key = key;
		q->ready = ready;
		HASH_ADD_KEYPTR(hh, ready->questions, q->key, strlen(q->key), q);
	} else {
		free(key);
	}
	s->answered = answered;
	s->question = q;
	DL_APPEND2(q->waiters, s, prev_waiter, next_waiter);
	if (q->is_answered)
		ready_after(s, 0, question_give);
	return is_new;
}

/* --- DNS servers --- */

static void
question_answered(const struct dns_answer *answer, const struct error *err, void *arg)
{
	struct ready_question *q = arg;

	q->query = NULL;
	if (answer) {
		q->answer = *answer;
		q->answer.values = (struct strlist)STRLIST_INIT;
		strlist_copy(&q->answer.values, &answer->values);
		q->answer.cname = xstrdup_null(answer->cname);
		q->answer.soa_zone = xstrdup_null(answer->soa_zone);
		q->answer.soa_mname = xstrdup_null(answer->soa_mname);
	}
	question_over(q, err);
}

void
ready_ask(struct ready_step *s, const char *server, const char *name, enum dns_type type, ready_answered_fn *answered)
{
	if (question_join(s, xasprintf("%s %s %d", server ? server : "-", name, (int)type), answered))
		s->question->query = dns_ask(
			s->run->ready->dns->dns, server, name, type, READY_ASK_MS, question_answered, s->question);
}

void
ready_ask_unvalidated(struct ready_step *s, const char *name, enum dns_type type, ready_answered_fn *answered)
{
	if (question_join(s, xasprintf("unvalidated %s %d", name, (int)type), answered))
		s->question->query = dns_ask_unvalidated(
			s->run->ready->dns->dns, name, type, READY_ASK_MS, question_answered, s->question);
}

void
ready_ask_addresses(struct ready_step *s, const char *host, ready_answered_fn *answered)
{
	if (question_join(s, xasprintf("host %s", host), answered))
		s->question->query = dns_resolve(
			s->run->ready->dns->dns, host, READY_ASK_MS, question_answered, s->question);
}

/* --- DNS services --- */

static void
question_listed(const struct strlist *zones, const struct error *err, void *arg)
{
	struct ready_question *q = arg;

	q->op = NULL;
	dnsprovider_clear(&q->provider);
	memset(&q->provider, 0, sizeof(q->provider));
	if (zones)
		strlist_copy(&q->answer.values, zones);
	question_over(q, err);
}

bool
ready_ask_zones(struct ready_step *s, const char *id, ready_answered_fn *answered)
{
	struct ready *ready = s->run->ready;
	_cleanup_dnsprovider_ struct dnsprovider d = { 0 };
	const struct dnsprovider_driver *driver;
	struct ready_question *q;

	if (object_load(ready->store, &dnsprovider_class, id, &d, NULL) != 1)
		return false;
	driver = dnsprovider_driver(d.kind);
	if (!driver || !driver->list_zones)
		return false;
	if (!question_join(s, xasprintf("zones %s %lld", id, (long long)d.o.modified_at), answered))
		return true;
	q = s->question;
	q->provider = d;
	memset(&d, 0, sizeof(d));
	q->driver = driver;
	q->op = driver->list_zones(ready->dns, &q->provider, question_listed, q);
	return true;
}

/* --- forgetting --- */

void
questions_drop(struct ready *ready, bool all)
{
	int64_t now_ms = question_now_ms(ready);
	struct ready_question *q, *tmp;

	HASH_ITER(hh, ready->questions, q, tmp)
	if (!q->waiters && (all || (q->is_answered && now_ms - q->answered_ms > FRESH_MS)))
		question_free(q);
}
