/* The parts of drops that all of their tests need. */
#include "tests/unit/rollout/drop_rig.h"

#include "common/crypto/key.h"
#include "common/error.h"
#include "tests/support/process.h"

#include <criterion/criterion.h>
#include <openssl/crypto.h>
#include <sys/stat.h>

void
rig_set_leaf(struct certificate *c, const char *leaf)
{
	unsigned char pair[32];

	buf_clear(&c->leaf_pem);
	buf_clear(&c->pair);
	buf_add_str(&c->leaf_pem, leaf);
	key_pair_digest(&c->key, c->leaf_pem.data, c->leaf_pem.len, pair);
	buf_add(&c->pair, pair, sizeof(pair));
}

void
rig_certificate(struct certificate *c, const char *autocert, int64_t not_after_at)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	struct key *key = NULL;

	certificate_clear(c);
	cr_assert_eq(key_generate(KEY_SECP256R1, &key, &err), 0, "%s", err.message);
	cr_assert_eq(key_to_der(key, &c->key, &err), 0, "%s", err.message);
	key_free(key);
	store_new_id(c->o.id);
	c->o.name = xstrdup(SLUG);
	c->autocert = xstrdup(autocert);
	c->common_name = xstrdup(SLUG);
	c->key_algorithm = xstrdup("secp256r1");
	c->serial = xstrdup("01:02");
	c->sha256 = xstrdup("ab");
	c->not_before_at = NOW;
	c->not_after_at = not_after_at;
	buf_add_str(&c->chain_pem, "-chain-\n");
	rig_set_leaf(c, "-leaf-\n");
}

void
rig_open(struct rig *r)
{
	_cleanup_error_ struct error err = ERROR_INIT;

	r->drops = drops_open(r->loop, r->workers, r->root, r->root, &err);
	cr_assert_not_null(r->drops, "%s", err.message);
}

void
rig_init(struct rig *r, struct clock *clock)
{
	*r = (struct rig){ .clock = clock };
	umask(0077);
	CRYPTO_secure_malloc_init(1 << 20, 64);
	r->root = scratch_new();
	r->loop = loop_new(r->clock);
	r->workers = workers_new(r->loop, 4);
	rig_open(r);
	rig_certificate(&r->cert, AUTO_A, NOW + 90 * DAY);
}

void
rig_clear(struct rig *r)
{
	drops_stop(r->drops);
	workers_free(r->workers);
	drops_close(r->drops);
	loop_free(r->loop);
	clock_free(r->clock);
	certificate_clear(&r->cert);
	error_clear(&r->err);
	scratch_remove(&r->root);
}

void
rig_ended(const struct error *err, const char *where _unused_, void *arg)
{
	struct rig *r = arg;

	r->ended++;
	error_clear(&r->err);
	if (err)
		error_copy(&r->err, err);
}

void
rig_run(struct rig *r)
{
	cr_assert_eq(loop_run_until(r->loop, clock_wall(r->clock) + 3, NULL), 0);
}

char *
rig_path(const struct rig *r, const char *name)
{
	return xasprintf("%s/%s", r->root, name);
}
