/*
 * tests/unit/ctl/scripted.h: certctl against a server that answers by a script: a thread on a real Unix socket.
 */
#ifndef TESTS_UNIT_CTL_SCRIPTED_H
#define TESTS_UNIT_CTL_SCRIPTED_H

#include "common/alloc.h"

#include <stddef.h>

enum { MAX_EVENTS = 6 };

/* One call that is expected. */
struct exchange {
	const char *method; /* NULL: any */
	const char *result; /* JSON; "!.." an error object; NULL: the connection is closed instead */
	/*
	 * Sent behind the answer; "": the connection is closed then; ">..": written into the descriptor that came with
	 * the call.
	 */
	const char *events[MAX_EVENTS];
};

struct outcome {
	int status;
	char *out;
	char *err;
	char *requests; /* "method params\n" each, as they came */
};

/* 2026-11-21T10:30:00Z, what `now` is in all of these. */
enum { NOW = 1795257000 };

/* Runs one command line (words, NULL-terminated). @script may be NULL: the socket has no listener. */
struct outcome
run_certctl(const struct exchange *script, size_t n, const char *const *words);

void
outcome_clear(struct outcome *outcome);

#define _cleanup_outcome_ _cleanup_(outcome_clear)
#define WORDS(...) ((const char *const[]){ __VA_ARGS__, NULL })

#endif
