/* The kinds of consumers by name, and the values that all of them pass to a consumer. */
#include "daemon/rollout/consumer_kind.h"

#include <string.h>

#define CONSUMER_KIND_ROW(kind, help) &consumer_kind_##kind,
static const struct consumer_kind *const kinds[] = { CONSUMER_KINDS(CONSUMER_KIND_ROW) };

const struct consumer_kind *
consumer_kind_of(const struct consumer *c)
{
	for (size_t i = 0; c->activate && i < ARRAY_SIZE(kinds); i++)
		if (strcmp(kinds[i]->name, c->activate) == 0)
			return kinds[i];
	return kinds[0];
}

bool
consumer_is_batch(const struct consumer *c)
{
	const struct consumer_kind *kind = consumer_kind_of(c);

	return kind->is_batch ||
	       (api_kind_setting(&consumer_kinds, api_kind_find(&consumer_kinds, kind->name), "batch") &&
		       setting_is_set(&c->settings, "batch"));
}

int
consumer_check(const struct consumer *c, struct error *err)
{
	const struct consumer_kind *kind = consumer_kind_of(c);

	if (settings_check(&consumer_kinds, kind->name, &c->settings, &c->secrets, err) < 0)
		return -1;
	return kind->check ? kind->check(c, err) : 0;
}

void
consumer_kind_describe(const struct activate_request *r, const char *prefix, struct strlist *ret)
{
	_cleanup_free_ char *domains = strlist_join(&r->cert->names, " ");

	strlist_take(ret, xasprintf("%sNAME=%s", prefix, r->name));
	strlist_take(ret, xasprintf("%sCERTIFICATE=%s", prefix, r->cert->o.id));
	strlist_take(ret, xasprintf("%sDIRECTORY=%s", prefix, r->directory));
	strlist_take(ret, xasprintf("%sGENERATION=%lld", prefix, (long long)r->generation));
	strlist_take(ret, xasprintf("%sSERIAL=%s", prefix, r->cert->serial));
	strlist_take(ret, xasprintf("%sDOMAINS=%s", prefix, domains));
}
