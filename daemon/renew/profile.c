/*
 * A directory is fetched at least daily, and again when it lacks a profile, so the stored offer is that of the last
 * order.
 */
#include "daemon/renew/profile.h"

#include "common/printable.h"

#include <stdlib.h>
#include <string.h>

enum { OFFERS_MAX = 50, OFFER_NAME_MAX = 64, OFFER_HELP_MAX = 300 };

/* @p: with an empty list. */
static void
profile_fill(struct provider *p, const struct acme_directory *d)
{
	for (size_t i = 0; i < d->profiles.count && i < OFFERS_MAX; i++) {
		const char *name = d->profiles.items[i];
		const char *help = d->profile_help.items[i];
		struct offered_profile *offer = record_list_add(&offered_profile_class, &p->profiles);

		offer->name = printable_line(name, strlen(name), OFFER_NAME_MAX);
		offer->help = *help ? printable_line(help, strlen(help), OFFER_HELP_MAX) : NULL;
	}
}

static bool
profile_is_same_offer(const struct record_list *a, const struct record_list *b)
{
	const struct offered_profile *x = a->items, *y = b->items;

	for (size_t i = 0; a->count == b->count && i < a->count; i++)
		if (strcmp(x[i].name, y[i].name) != 0 || !x[i].help != !y[i].help ||
			(x[i].help && strcmp(x[i].help, y[i].help) != 0))
			return false;
	return a->count == b->count;
}

bool
profile_take_offer(struct provider *p, const struct acme_directory *directory)
{
	struct provider offer = { .profiles = { .items = NULL } };
	bool is_same;

	profile_fill(&offer, directory);
	is_same = profile_is_same_offer(&p->profiles, &offer.profiles);
	record_list_clear(&offered_profile_class, is_same ? &offer.profiles : &p->profiles);
	if (!is_same)
		p->profiles = offer.profiles;
	return !is_same;
}

const char *
profile_of(const struct autocert *a, const struct provider *p)
{
	return a->profile ? a->profile : p->profile;
}

bool
profile_is_preferred(const struct autocert *a, const struct provider *p)
{
	const char *policy = a && a->profile_policy ? a->profile_policy : p->profile_policy;

	return policy && strcmp(policy, "preferred") == 0;
}

void
profile_note_offer(const struct issue_env *env, struct store_txn *txn, struct ca_client *client)
{
	const struct acme_directory *directory = acme_client_known_directory(client->acme);
	_cleanup_provider_ struct provider p = { 0 };
	_cleanup_error_ struct error err = ERROR_INIT;

	if (!directory || !profile_take_offer(&client->provider, directory))
		return;
	if (object_load(env->store, &provider_class, client->provider.o.id, &p, NULL) != 1 ||
		!profile_take_offer(&p, directory))
		return;
	if (object_save(env->store, txn, &provider_class, &p, &err) < 0)
		store_fail(txn, &err);
}
