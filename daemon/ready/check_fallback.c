/* The accounts of the fallback providers, which nobody notices before they are needed. */
#include "common/shell.h"
#include "daemon/ready/ready_private.h"

#include <stdlib.h>

static void
fallback_look(struct ready_step *s, const struct provider *p)
{
	const char *why = error_is_set(&p->o.failure) ? p->o.failure.message : NULL;
	_cleanup_free_ char *command = NULL;

	if (p->account_status) {
		command = shell_certctl("new-account", p->o.name, NULL);
		ready_add(s, READY_WARNING, "the account of the fallback provider '%s' is %s; to register another: %s",
			p->o.name, p->account_status, command);
	} else if (!p->account_url || p->o.state == OBJECT_FAILED) {
		command = shell_certctl("explain provider", p->o.name, NULL);
		ready_add(s, READY_WARNING, "the fallback provider '%s' %s%s%s; to see more: %s", p->o.name,
			p->account_url ? "is not usable" : "has no account", why ? ": " : "", why ? why : "", command);
	}
}

static void
fallback_start(struct ready_step *s)
{
	const struct strlist *fallbacks = &s->run->a.fallbacks;

	for (size_t i = 0; i < fallbacks->count; i++) {
		_cleanup_provider_ struct provider p = { 0 };

		if (object_peek(s->run->ready->store, &provider_class, fallbacks->items[i], &p, NULL) == 1)
			fallback_look(s, &p);
	}
	ready_next(s);
}

const struct ready_check ready_check_fallback = { .word = "fallback", .start = fallback_start };
