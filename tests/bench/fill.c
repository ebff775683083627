/*
 * fill: a store as it is after years: COUNT auto-certificates with a certificate and the rows of their futures each,
 * due in two months. Written through the store's own interface, in turns of many objects. For benchmarks:
 *
 *	fill STATE COUNT [DIRECTORY]
 *
 * The daemon of STATE must not run. Names are n0000001.example.com and so on. DIRECTORY gets each certificate as
 * NAME/NAME.crt and NAME/NAME.key, which is how another client keeps them.
 */
#include "common/conf.h"
#include "common/crypto/x509.h"
#include "daemon/master_key.h"
#include "daemon/schedule/schedule.h"
#include "daemon/store/object.h"
#include "tests/unit/common/crypto/mini_ca.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

enum { PER_TURN = 1000, LIFETIME_DAYS = 90, DUE_DAYS = 60, PURGE_DAYS = 120 };

struct fill {
	struct store *store;
	struct store_txn *txn;
	struct mini_cert ca;
	struct provider provider;
	const char *directory; /* or NULL */
	int64_t now;
};

static void
must(int rc, struct error *err)
{
	if (rc >= 0)
		return;
	fprintf(stderr, "fill: %s\n", error_is_set(err) ? err->message : "failed");
	exit(1);
}

static void
committed(const struct error *err, void *arg)
{
	(void)arg;
	if (err)
		must(-1, &(struct error){ .code = err->code, .message = err->message });
}

static void
turn_begin(struct fill *f)
{
	f->txn = store_begin(f->store);
	store_then(f->txn, committed, f);
}

static void
object_begin(const struct fill *f, struct object *o, const char *name)
{
	store_new_id(o->id);
	o->name = xstrdup(name);
	o->created_at = o->modified_at = f->now;
	o->created_by = xstrdup("uid:0");
	o->modified_by = xstrdup("uid:0");
	o->state = OBJECT_AVAILABLE;
}

static void
save(struct fill *f, const struct record_class *cls, void *obj)
{
	_cleanup_error_ struct error err = ERROR_INIT;

	must(object_save(f->store, f->txn, cls, obj, &err), &err);
}

static void
save_provider(struct fill *f)
{
	struct provider *p = &f->provider;
	_cleanup_key_ struct key *key = NULL;

	object_begin(f, &p->o, "ca");
	p->email = xstrdup("ops@example.com");
	p->server = xstrdup("https://127.0.0.1:9/dir");
	p->has_agreed_terms = true;
	must(key_generate(KEY_SECP256R1, &key, NULL), NULL);
	must(key_to_der(key, &p->account_key, NULL), NULL);
	p->account_url = xstrdup("https://127.0.0.1:9/account/1");
	save(f, &provider_class, p);
}

static void
write_file(const char *directory, const char *name, const char *end, const void *data, size_t len)
{
	_cleanup_free_ char *parent = xasprintf("%s/%s", directory, name);
	_cleanup_free_ char *path = xasprintf("%s/%s%s", parent, name, end);
	FILE *file;

	if (mkdir(parent, 0700) < 0 && errno != EEXIST)
		must(-1, NULL);
	file = fopen(path, "we");
	must(file && fwrite(data, 1, len, file) == len && fclose(file) == 0 ? 0 : -1, NULL);
}

static void
write_files(const struct fill *f, const char *name, const struct certificate *c)
{
	_cleanup_secret_ struct secret pem = SECRET_INIT;

	if (!f->directory)
		return;
	must(key_der_to_pem(&c->key, &pem, NULL), NULL);
	write_file(f->directory, name, ".crt", c->leaf_pem.data, c->leaf_pem.len);
	write_file(f->directory, name, ".key", pem.data, pem.len);
}

static void
make_certificate(struct fill *f, const char *name, unsigned number, struct certificate *c)
{
	_cleanup_free_ char *san = xasprintf("DNS:%s", name);
	_cleanup_free_ char *serial = xasprintf("%x", number + 1);
	const struct mini_spec spec = {
		.cn = name,
		.san = san,
		.key_usage = "critical,digitalSignature",
		.extended_key_usage = "serverAuth",
		.authority_key_id = "keyid",
		.serial = serial,
		.not_before_at = f->now - 3600,
		.not_after_at = f->now + LIFETIME_DAYS * MINI_DAY,
	};
	struct mini_cert made = { 0 };
	struct cert_info info = { 0 };

	mini_make(&made, &spec, &f->ca);
	mini_pem(&made, &c->leaf_pem);
	mini_pem(&f->ca, &c->chain_pem);
	must(key_to_der(made.key, &c->key, NULL), NULL);
	must(x509_chain_parse(c->leaf_pem.data, c->leaf_pem.len, NULL, NULL, &info, NULL), NULL);
	c->serial = xstrdup(info.serial);
	c->sha256 = xstrdup(info.sha256);
	c->issuer_cn = xstrdup_null(info.issuer_cn);
	c->not_before_at = info.not_before_at;
	c->not_after_at = info.not_after_at;
	c->key_algorithm = xstrdup(key_algorithm_name(KEY_SECP256R1));
	strlist_copy(&c->names, &info.names);
	cert_info_clear(&info);
	mini_clear(&made);
}

static void
save_one(struct fill *f, unsigned number)
{
	_cleanup_free_ char *name = xasprintf("n%07u.example.com", number);
	_cleanup_free_ char *issue_name = xasprintf("%s first", name);
	_cleanup_autocert_ struct autocert a = { 0 };
	_cleanup_certificate_ struct certificate c = { 0 };

	object_begin(f, &a.o, name);
	object_begin(f, &c.o, issue_name);
	c.autocert = xstrdup(a.o.id);
	c.provider = xstrdup(f->provider.o.id);
	c.common_name = xstrdup(name);
	make_certificate(f, name, number, &c);
	a.provider = xstrdup(f->provider.o.id);
	a.common_name = xstrdup(name);
	a.slug = xstrdup(name);
	a.last_certificate = xstrdup(c.o.id);
	a.last_not_before_at = c.not_before_at;
	a.last_not_after_at = c.not_after_at;
	a.next_at = f->now + DUE_DAYS * MINI_DAY + number;
	save(f, &certificate_class, &c);
	save(f, &autocert_class, &a);
	schedule_set(f->store, f->txn, SCHEDULE_ISSUE, a.o.id, a.provider, a.next_at);
	schedule_set(f->store, f->txn, SCHEDULE_PURGE, c.o.id, "", f->now + PURGE_DAYS * MINI_DAY + number);
	write_files(f, name, &c);
}

static void
fill(struct fill *f, unsigned count)
{
	mini_make_ca(&f->ca, "Benchmark CA", NULL);
	turn_begin(f);
	save_provider(f);
	for (unsigned i = 1; i <= count; i++) {
		save_one(f, i);
		if (i % PER_TURN == 0) {
			store_commit(f->store);
			turn_begin(f);
		}
	}
	store_commit(f->store);
	mini_clear(&f->ca);
	provider_clear(&f->provider);
}

int
main(int argc, char **argv)
{
	struct fill f = { .directory = argc > 3 ? argv[3] : NULL, .now = time(NULL) };
	_cleanup_secret_ struct secret master_key = SECRET_INIT;
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_free_ char *path = NULL;
	struct conf conf;
	bool beside;

	if (argc < 3) {
		fputs("usage: fill STATE COUNT [DIRECTORY]\n", stderr);
		return 64;
	}
	must(secret_process_init(true, &err), &err);
	conf_init(&conf);
	free(conf.state_dir);
	conf.state_dir = xstrdup(argv[1]);
	conf_finish(&conf);
	must(master_key_get(&conf, &master_key, &beside, &err), &err);
	path = xasprintf("%s/store", argv[1]);
	f.store = store_open(path, &master_key, &err);
	must(f.store ? 0 : -1, &err);
	must(objects_upgrade(f.store, &err), &err); /* there is nothing yet: only noted */
	fill(&f, (unsigned)strtoul(argv[2], NULL, 10));
	store_close(f.store);
	conf_clear(&conf);
	return 0;
}
