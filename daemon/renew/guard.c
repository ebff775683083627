/* Each rule is a function with the line that it adds; names in certificates are printable (x509.c). */
#include "daemon/renew/guard.h"

#include "common/timefmt.h"

#include <stdlib.h>
#include <string.h>

enum { EMERGENCY_PART = 20 /* of the lifetime; as for renewals (policy.h) */ };

struct guard {
	const struct guard_in *in;
	struct strlist *differences; /* the notes, if the declaration was changed */
	struct strlist *notes;
};

static const char *
guard_shown(const char *name)
{
	return name ? name : "(no name)";
}

static void
guard_names(const struct guard *g, struct strlist *differences)
{
	const struct strlist *old = &g->in->old->names;

	for (size_t i = 0; i < old->count; i++)
		if (strlist_has(g->in->names, old->items[i]) && !strlist_has(&g->in->new->names, old->items[i]))
			strlist_take(differences, xasprintf("it does not contain the name '%s'", old->items[i]));
}

/* Without any, or with anyExtendedKeyUsage, it is valid for all. */
static void
guard_usages(const struct guard *g)
{
	const struct strlist *old = &g->in->old->usages, *new = &g->in->new->usages;

	if (new->count == 0 || strlist_has(new, "anyExtendedKeyUsage"))
		return;
	for (size_t i = 0; i < old->count; i++) {
		bool is_expected = strcmp(old->items[i], "clientAuth") == 0;

		if (!strlist_has(new, old->items[i]))
			strlist_take(is_expected ? g->notes : g->differences,
				xasprintf("it is not valid for %s any more%s", old->items[i],
					is_expected ? ", which public CAs do not certify any more" : ""));
	}
}

static void
guard_subject(const struct guard *g)
{
	if (g->in->old->subject_cn && !g->in->new->subject_cn)
		strlist_add(g->differences, "it has no common name any more");
}

static void
guard_key(const struct guard *g)
{
	if (!str_is_same(g->in->old_key, g->in->new_key))
		strlist_take(g->differences,
			xasprintf("its key is %s, not %s", guard_shown(g->in->new_key), guard_shown(g->in->old_key)));
}

/* A CA without an organization has only its common name. */
static void
guard_issuer(const struct guard *g)
{
	const struct cert_info *old = g->in->old, *new = g->in->new;
	bool has_org = old->issuer_org || new->issuer_org;
	bool is_same_org = str_is_same(old->issuer_org, new->issuer_org);

	if (has_org && !is_same_org)
		strlist_take(g->differences, xasprintf("it is issued by '%s', not by '%s'",
						     guard_shown(new->issuer_org), guard_shown(old->issuer_org)));
	else if (!str_is_same(old->issuer_cn, new->issuer_cn))
		strlist_take(has_org ? g->notes : g->differences,
			xasprintf("it is issued by '%s', not by '%s'", guard_shown(new->issuer_cn),
				guard_shown(old->issuer_cn)));
}

static void
guard_chain(const struct guard *g)
{
	const struct cert_info *old = g->in->old, *new = g->in->new;

	if (old->has_chain && !new->has_chain)
		strlist_add(g->differences, "it comes without a chain");
	else if (old->has_chain && !str_is_same(old->top_issuer_cn, new->top_issuer_cn))
		strlist_take(g->differences, xasprintf("its chain ends at '%s', not at '%s'",
						     guard_shown(new->top_issuer_cn), guard_shown(old->top_issuer_cn)));
}

static void
guard_staple(const struct guard *g)
{
	if (g->in->old->must_staple != g->in->new->must_staple)
		strlist_add(g->differences, g->in->new->must_staple
						    ? "clients refuse it unless the server staples an OCSP response"
						    : "it does not require OCSP stapling any more");
}

static void
guard_lifetime(const struct guard *g)
{
	int64_t old = time_add(g->in->old->not_after_at, -g->in->old->not_before_at);
	int64_t new = time_add(g->in->new->not_after_at, -g->in->new->not_before_at);
	char was[TIME_SPAN_SIZE], is[TIME_SPAN_SIZE];

	if (new >= old / 2)
		return;
	time_format_span(old, was);
	time_format_span(new, is);
	strlist_take(g->differences, xasprintf("it lives for %s, not for %s", is, was));
}

void
guard_compare(const struct guard_in *in, struct strlist *ret_differences, struct strlist *ret_notes)
{
	const struct guard g = { in, in->is_redeclared ? ret_notes : ret_differences, ret_notes };

	guard_names(&g, ret_differences);
	guard_usages(&g);
	guard_subject(&g);
	guard_key(&g);
	guard_issuer(&g);
	guard_chain(&g);
	guard_staple(&g);
	guard_lifetime(&g);
}

int64_t
guard_hold_until(const char *policy, int64_t old_not_before_at, int64_t old_not_after_at, int64_t now)
{
	int64_t lifetime = time_add(old_not_after_at, -old_not_before_at);
	int64_t until = time_add(old_not_after_at, -lifetime / EMERGENCY_PART);

	return policy && strcmp(policy, "hold") == 0 && now < until ? until : 0;
}
