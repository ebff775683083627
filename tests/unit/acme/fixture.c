#include "tests/unit/acme/fixture.h"

#include "common/crypto/csr.h"
#include "common/crypto/key.h"
#include "common/crypto/x509.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

void
fixture_new_client(struct fixture *f, const struct acme_client_config *config)
{
	struct key *key = NULL;

	acme_client_free(f->client);
	cr_assert_eq(key_generate(KEY_SECP256R1, &key, NULL), 0);
	f->client = acme_client_new(f->loop, fake_ca_transport(f->ca), config, key);
}

void
fixture_init(struct fixture *f)
{
	*f = (struct fixture){ .clock = clock_new_virtual(FIXTURE_NOW) };
	f->loop = loop_new(f->clock);
	f->ca = fake_ca_new(f->loop, FIXTURE_BASE, 42);
	fixture_new_client(f, &(struct acme_client_config){ .directory_url = FIXTURE_BASE "/directory" });
}

void
fixture_run(struct fixture *f)
{
	_cleanup_error_ struct error err = ERROR_INIT;

	cr_assert_eq(loop_run(f->loop, &err), 0, "%s", err.message);
}

void
fixture_register(struct fixture *f, struct outcome *ret)
{
	acme_account_register(f->client,
		&(struct acme_account_request){ .email = "ops@example.com", .has_agreed_terms = true }, outcome_set,
		ret);
	fixture_run(f);
}

void
fixture_init_registered(struct fixture *f)
{
	struct outcome outcome = { .calls = 0 };

	fixture_init(f);
	fixture_register(f, &outcome);
	cr_assert_not_null(acme_client_account_url(f->client), "%s", outcome.err.message);
	outcome_clear(&outcome);
	fake_ca_reset_counts(f->ca);
}

void
fixture_clear(struct fixture *f)
{
	cr_expect_null(fake_ca_complaint(f->ca), "%s", fake_ca_complaint(f->ca));
	acme_client_free(f->client);
	fake_ca_free(f->ca);
	loop_free(f->loop);
	clock_free(f->clock);
}

void
outcome_clear(struct outcome *outcome)
{
	free(outcome->location);
	error_clear(&outcome->err);
	*outcome = (struct outcome){ .calls = 0 };
}

void
outcome_set(const struct acme_reply *reply, const struct error *err, void *arg)
{
	struct outcome *outcome = arg;

	outcome->calls++;
	if (err) {
		error_copy(&outcome->err, err);
		return;
	}
	outcome->status = reply->status;
	str_replace(&outcome->location, reply->location);
}

static void
owner_save_url(const char *url, void *arg)
{
	struct owner *owner = arg;
	_cleanup_error_ struct error err = ERROR_INIT;

	str_replace(&owner->url, url);
	owner->saves++;
	if (owner->stay_silent)
		return;
	if (owner->save_error)
		error_set(&err, ERROR_NO_SPACE, "disk full");
	acme_order_saved(owner->order, owner->save_error ? &err : NULL);
}

static void
owner_solve(size_t index, const struct acme_authorization *authz, void *arg)
{
	struct owner *owner = arg;
	_cleanup_error_ struct error err = ERROR_INIT;
	size_t choice = 0;

	owner->solves++;
	owner->up++;
	if (owner->stay_silent)
		return;
	if (owner->solve_error && strcmp(owner->solve_error, authz->name) == 0) {
		error_set(&err, ERROR_DNS, "cannot publish");
		acme_order_solved(owner->order, index, 0, &err);
		return;
	}
	while (choice < authz->n_challenges &&
		strcmp(authz->challenges[choice].type, authz->is_wildcard ? "dns-01" : "http-01") != 0)
		choice++;
	acme_order_solved(owner->order, index, choice, NULL);
}

static void
owner_unsolve(size_t index, void *arg)
{
	struct owner *owner = arg;

	(void)index;
	owner->up--;
}

static void
owner_csr(void *arg)
{
	struct owner *owner = arg;
	_cleanup_buf_ struct buf der = BUF_INIT;

	owner->csrs++;
	cr_assert_eq(csr_make(owner->key, &(struct csr_content){ .names = &owner->names }, &der, NULL), 0);
	acme_order_csr(owner->order, &der, NULL);
}

static void
owner_progress(enum acme_order_state state, const char *why, void *arg)
{
	struct owner *owner = arg;

	strlist_take(&owner->told, xasprintf("%s%s%s", acme_order_state_name(state), why ? ": " : "", why ? why : ""));
}

static void
owner_done(const struct buf *chain_pem, const struct error *err, bool is_spent, void *arg)
{
	struct owner *owner = arg;

	owner->dones++;
	owner->is_spent = is_spent;
	owner->done_at_ms = clock_boot_ms(loop_clock(owner->loop));
	if (chain_pem)
		buf_add(&owner->chain, chain_pem->data, chain_pem->len);
	if (err)
		error_copy(&owner->err, err);
	strlist_copy(&owner->notes, acme_order_notes(owner->order));
	acme_order_free(owner->order);
	owner->order = NULL;
}

void
owner_init(struct owner *owner, struct fixture *f, const char *names)
{
	*owner = (struct owner){ .loop = f->loop };
	strlist_split(&owner->names, names, ',');
	cr_assert_eq(key_generate(KEY_SECP256R1, &owner->key, NULL), 0);
}

void
owner_clear(struct owner *owner)
{
	acme_order_free(owner->order);
	key_free(owner->key);
	strlist_clear(&owner->names);
	strlist_clear(&owner->told);
	strlist_clear(&owner->notes);
	free(owner->url);
	buf_clear(&owner->chain);
	error_clear(&owner->err);
}

void
owner_start(struct owner *owner, struct fixture *f, const struct acme_order_config *config)
{
	static const struct acme_order_ops ops = {
		.save_url = owner_save_url,
		.solve = owner_solve,
		.unsolve = owner_unsolve,
		.csr = owner_csr,
		.progress = owner_progress,
		.done = owner_done,
	};
	struct acme_order_config c = *config;

	if (!c.names)
		c.names = &owner->names;
	owner->order = acme_order_new(f->loop, f->client, &c, &ops, owner);
	acme_order_start(owner->order);
}

void
owner_run(struct owner *owner, struct fixture *f)
{
	owner_start(owner, f, &(struct acme_order_config){ .url = NULL });
	fixture_run(f);
}

void
owner_expect_issued(const struct owner *owner, const char *why)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_(cert_info_clear) struct cert_info info = { .serial = NULL };
	_cleanup_buf_ struct buf leaf = BUF_INIT;
	_cleanup_buf_ struct buf chain = BUF_INIT;
	_cleanup_strlist_ struct strlist doubts = STRLIST_INIT;
	struct x509_asked asked = { .names = &owner->names, .now = FIXTURE_NOW };

	cr_assert_eq(key_spki_sha256(owner->key, asked.spki, NULL), 0);
	cr_expect_eq(owner->dones, 1, "%s: done was called %u times", why, owner->dones);
	cr_expect_not(error_is_set(&owner->err), "%s: %s", why, owner->err.message);
	cr_expect_eq(owner->up, 0, "%s: %u challenges are still up", why, owner->up);
	cr_expect_eq(x509_chain_accept(
			     buf_str(&owner->chain), owner->chain.len, &asked, &leaf, &chain, &info, &doubts, &err),
		0, "%s: %s", why, err.message);
	cr_expect_eq(doubts.count, 0, "%s", why);
}
