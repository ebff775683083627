/*
 * daemon/renew/decision.h: what certd has decided about an auto-certificate, in words: what it knew, the rule that
 * decided, and what it does next. Pure: records before and after in, text out.
 */
#ifndef DAEMON_RENEW_DECISION_H
#define DAEMON_RENEW_DECISION_H

#include "daemon/renew/policy.h"
#include "daemon/rollout/rollout.h"
#include "daemon/store/object.h"

struct decision {
	const char *rule; /* a word, such as "ca-window"; static */
	char *about;      /* owned; what it is about: equal rule and this are the same decision again; or NULL */
	char *text;       /* owned; one sentence */
	bool is_state;    /* the state of a rollout: it is decided again each time that it is saved */
};

#define _cleanup_decision_ _cleanup_(decision_clear)

void
decision_clear(struct decision *d);

struct decision_in {
	const struct autocert *old; /* all zero: it was declared */
	const struct autocert *new;
	struct renewal_in renewal; /* of new */
	bool is_revoked;           /* its newest certificate is */
	const char *staging;       /* name of the provider that the next order is rehearsed with; NULL: it is not */
	const char *windows;       /* for which the next order waits (window_text()); NULL: it does not */
	int64_t now;
};

/* Return: whether there is a decision between the two records; @ret: cleared by the caller. */
bool
decision_of_autocert(const struct decision_in *in, struct decision *ret);

/* The same for the state of its rollout; none while it has no outcome. */
bool
decision_of_rollout(const struct rollout_state *state, struct decision *ret);

#endif
