/* tests/unit/dnsprovider/script.h: a DNS API that plays a script, for drivers over HTTP. */
#ifndef TESTS_UNIT_DNSPROVIDER_SCRIPT_H
#define TESTS_UNIT_DNSPROVIDER_SCRIPT_H

#include "common/error.h"
#include "daemon/base/clock.h"
#include "daemon/base/http.h"
#include "daemon/base/loop.h"
#include "daemon/dnsprovider/http_api.h"

enum { SCRIPT_NOW = 1800000000 };

/* One call that must come, and what it gets. */
struct turn {
	const char *call; /* start of "METHOD path", behind the endpoint; NULL ends the script */
	int status;       /* 0: the connection breaks */
	const char *body;
	int64_t retry_after_sec;
	const char *header; /* a header line that must be sent; NULL: script.header */
	const char *sent;   /* the body that must be sent; NULL: any */
	const char *link;   /* header Link of the answer */
	const char *type;   /* its content type */
	const char *cookie; /* that it sets; or NULL */
	bool is_read;       /* a POST that changes nothing, and may be repeated */
};

struct script {
	struct clock *clock;
	struct dnsprovider_env env;
	struct http http;
	struct dnsprovider d;
	const char *endpoint;
	const char *header; /* that every call must have; NULL: "Authorization: Bearer tok"; "none": no header */
	const struct turn *turns;
	size_t at;
	int64_t delay_ms;        /* of the answers; 0: 1 */
	struct loop_timer timer; /* the answer under way */
	http_done_fn *done;
	void *arg;
	int n_done;
	struct error error;
};

/* A DNS provider "ion" of @kind with the token "tok", whose API is at @endpoint. @turns: borrowed. */
void
script_setup(struct script *s, const char *kind, const char *endpoint, const struct turn *turns);

void
script_teardown(struct script *s);

/* For changes: s->n_done and s->error. */
void
script_on_done(const struct error *err, void *arg);

/* Runs until the loop has nothing to do; the change must have ended and the script, too. */
void
script_run(struct script *s);

/* Adds or removes "v1" at _acme-challenge.example.com through the driver of the kind. */
struct dnsprovider_op *
script_change(struct script *s, bool is_removal, const char *zone);

#endif
