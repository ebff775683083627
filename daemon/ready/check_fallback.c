/*
 * The fallback providers, which nobody looks at before they are needed: their accounts, and who their CAs are, for the
 * CAA check of each name.
 */
#include "common/shell.h"
#include "daemon/ready/ready_private.h"
#include "daemon/renew/clients.h"

#include <stdlib.h>

struct ready_directories {
	size_t next; /* index of the fallback that is looked at next */
	struct provider provider;
	struct ca_client *client; /* of the one that is asked; or NULL */
	struct acme_call *call;
};

void
ready_fallbacks_clear(struct ready_run *run)
{
	for (size_t i = 0; i < run->n_fallbacks; i++) {
		free(run->fallbacks[i].name);
		free(run->fallbacks[i].account_url);
		strlist_clear(&run->fallbacks[i].identities);
	}
	free(run->fallbacks);
	run->fallbacks = NULL;
	run->n_fallbacks = 0;
}

static void
fallback_add(struct ready_run *run, const struct provider *p, const struct strlist *identities)
{
	struct ready_fallback *f;

	run->fallbacks = xreallocarray(run->fallbacks, run->n_fallbacks + 1, sizeof(*run->fallbacks));
	f = &run->fallbacks[run->n_fallbacks++];
	*f = (struct ready_fallback){ .name = xstrdup(p->o.name), .account_url = xstrdup(p->account_url) };
	strlist_copy(&f->identities, identities);
}

/* Return: whether it has an account. */
static bool
fallback_look(struct ready_step *s, const struct provider *p)
{
	const char *why = error_is_set(&p->o.failure) ? p->o.failure.message : NULL;
	_cleanup_free_ char *command = NULL;

	if (p->account_status) {
		command = shell_certctl("new-account", p->o.name, NULL);
		ready_add(s, READY_WARNING, "the account of the fallback provider '%s' is %s; to register another: %s",
			p->o.name, p->account_status, command);
		return false;
	}
	if (p->account_url && p->o.state != OBJECT_FAILED)
		return true;
	command = shell_certctl("explain provider", p->o.name, NULL);
	ready_add(s, READY_WARNING, "the fallback provider '%s' %s%s%s; to see more: %s", p->o.name,
		p->account_url ? "is not usable" : "has no account", why ? ": " : "", why ? why : "", command);
	return false;
}

static void
fallback_forget_client(struct ready_step *s)
{
	struct ready_directories *d = s->data;

	acme_call_cancel(d->call);
	clients_release(s->run->ready->config.env->clients, d->client);
	provider_clear(&d->provider);
	d->call = NULL;
	d->client = NULL;
}

static void
fallback_cancel(struct ready_step *s)
{
	fallback_forget_client(s);
	free(s->data);
}

static void
fallback_next(struct ready_step *s);

/* A CA that cannot be asked is no trouble of the declaration. */
static void
fallback_directory(const struct acme_directory *directory, const struct error *err, void *arg)
{
	struct ready_step *s = arg;
	struct ready_directories *d = s->data;

	d->call = NULL;
	if (!err)
		fallback_add(s->run, &d->provider, &directory->caa_identities);
	fallback_forget_client(s);
	fallback_next(s);
}

static void
fallback_next(struct ready_step *s)
{
	struct clients *clients = s->run->ready->config.env->clients;
	const struct strlist *ids = &s->run->a.fallbacks;
	struct ready_directories *d = s->data;

	while (d->next < ids->count) {
		const char *id = ids->items[d->next++];

		if (object_peek(s->run->ready->store, &provider_class, id, &d->provider, NULL) == 1 &&
			fallback_look(s, &d->provider) && clients_room(clients, id, NULL) > 0) {
			d->client = clients_take(clients, id);
			d->call = acme_client_directory(d->client->acme, fallback_directory, s);
			return;
		}
		provider_clear(&d->provider);
	}
	fallback_cancel(s);
	ready_next(s);
}

static void
fallback_start(struct ready_step *s)
{
	s->data = xcalloc(1, sizeof(struct ready_directories));
	s->cancel = fallback_cancel;
	fallback_next(s);
}

const struct ready_check ready_check_fallback = { .word = "fallback", .start = fallback_start };
