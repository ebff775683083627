/*
 * The account of the provider, and what its CA offers. A CA that is out of reach is a note: it concerns a certificate
 * when that becomes late.
 */
#include "common/shell.h"
#include "daemon/ready/ready_private.h"
#include "daemon/renew/clients.h"

#include <stdlib.h>
#include <string.h>

static void
account_start(struct ready_step *s)
{
	const struct provider *p = &s->run->p;
	const char *why = error_is_set(&p->o.failure) ? p->o.failure.message : NULL;

	if (p->account_status) {
		_cleanup_free_ char *command = shell_certctl("new-account", p->o.name, NULL);

		ready_add(s, READY_BLOCKED, "the account of provider '%s' is %s; to register another: %s", p->o.name,
			p->account_status, command);
	} else if (p->terms == TERMS_CHANGED) {
		_cleanup_free_ char *command = shell_certctl("set provider", p->o.name, "--agree-tos");

		ready_add(s, READY_BLOCKED,
			"the CA of provider '%s' demands agreement to changed terms: %s; to agree: %s", p->o.name,
			why ? why : "", command);
	} else if (!p->account_url) {
		ready_add(s, READY_WARNING, "provider '%s' has no account yet%s%s", p->o.name, why ? ": " : "",
			why ? why : "");
	}
	ready_next(s);
}

const struct ready_check ready_check_account = { .word = "account", .start = account_start };

/* --- the CA --- */

struct ready_ca {
	struct ca_client *client;
	struct acme_call *call;
};

static void
profile_cancel(struct ready_step *s)
{
	struct ready_ca *ca = s->data;

	acme_call_cancel(ca->call);
	clients_release(s->run->ready->config.env->clients, ca->client);
	free(ca);
}

static void
profile_end(struct ready_step *s)
{
	profile_cancel(s);
	ready_next(s);
}

/* Without an answer and an error the CA offers it. Other errors than the CA's own answer say nothing about it. */
static void
profile_checked(const struct acme_reply *reply _unused_, const struct error *err, void *arg)
{
	struct ready_step *s = arg;
	struct ready_ca *ca = s->data;

	ca->call = NULL;
	if (err && err->field && strcmp(err->field, "profile") == 0)
		ready_add(s, READY_BLOCKED, "%s", err->message);
	profile_end(s);
}

static void
profile_directory(const struct acme_directory *directory, const struct error *err, void *arg)
{
	struct ready_step *s = arg;
	struct ready_ca *ca = s->data;
	const char *profile = s->run->a.profile ? s->run->a.profile : s->run->p.profile;

	ca->call = NULL;
	if (err)
		ready_add(s, READY_NOTE, "the CA of provider '%s' cannot be asked: %s", s->run->p.o.name, err->message);
	else
		strlist_copy(&s->run->identities, &directory->caa_identities);
	if (err || !profile)
		profile_end(s);
	else
		ca->call = acme_client_check_profile(ca->client->acme, profile, profile_checked, s);
}

static void
profile_start(struct ready_step *s)
{
	struct clients *clients = s->run->ready->config.env->clients;
	_cleanup_error_ struct error err = ERROR_INIT;
	struct ready_ca *ca;

	if (clients_room(clients, s->run->p.o.id, &err) <= 0) { /* it has no account */
		ready_next(s);
		return;
	}
	ca = xcalloc(1, sizeof(*ca));
	s->data = ca;
	s->cancel = profile_cancel;
	ca->client = clients_take(clients, s->run->p.o.id);
	ca->call = acme_client_directory(ca->client->acme, profile_directory, s);
}

const struct ready_check ready_check_profile = { .word = "profile", .start = profile_start };
