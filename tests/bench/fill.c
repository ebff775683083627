/*
 * fill: a store as it is after years: COUNT auto-certificates with a certificate and the rows of their futures each,
 * due in two months. Written through the store's own interface, in turns of many objects. For benchmarks:
 *
 *	fill STATE COUNT [DIRECTORY]
 *
 * The daemon of STATE must not run. Names are n0000001.example.com and so on. DIRECTORY gets each certificate as
 * NAME/NAME.crt and NAME/NAME.key, which is how another client keeps them.
 *
 * With FILL_MIXED in the environment they are of all ages, and some are in each kind of trouble: what a page has to
 * show.
 */
#include "common/conf.h"
#include "common/crypto/x509.h"
#include "daemon/master_key.h"
#include "daemon/rollout/rollout.h"
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
	bool is_mixed;
	int64_t age_sec; /* of the next certificate */
	char *consumer;  /* id; of the mixed ones */
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
		.not_before_at = f->now - f->age_sec,
		.not_after_at = f->now - f->age_sec + 3600 + LIFETIME_DAYS * MINI_DAY,
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

/* The ages and troubles of the mixed ones, by number: one in some dozens is in each. */
enum trouble {
	TROUBLE_NONE,
	TROUBLE_EXPIRED,
	TROUBLE_LATE,
	TROUBLE_FAILING,
	TROUBLE_PAUSED,
	TROUBLE_NONE_YET,
	TROUBLE_STALE
};

static enum trouble
trouble_of(const struct fill *f, unsigned number)
{
	static const unsigned every[] = {
		[TROUBLE_EXPIRED] = 1201,
		[TROUBLE_LATE] = 449,
		[TROUBLE_FAILING] = 211,
		[TROUBLE_PAUSED] = 97,
		[TROUBLE_NONE_YET] = 577,
		[TROUBLE_STALE] = 307,
	};

	for (unsigned t = TROUBLE_EXPIRED; f->is_mixed && t < ARRAY_SIZE(every); t++)
		if (number % every[t] == 7)
			return t;
	return TROUBLE_NONE;
}

static int64_t
age_of(const struct fill *f, enum trouble trouble, unsigned number)
{
	if (!f->is_mixed)
		return 3600;
	switch (trouble) {
	case TROUBLE_EXPIRED:
		return (LIFETIME_DAYS + 1 + number % 9) * MINI_DAY;
	case TROUBLE_LATE:
		return (LIFETIME_DAYS - 12 + number % 9) * MINI_DAY;
	default:
		return number * 7919 % (DUE_DAYS * 24) * 3600;
	}
}

/* What a proxy in front of a CA says; a page must not take it for its own markup. */
static void
put_in_trouble(struct fill *f, struct autocert *a, enum trouble trouble)
{
	if (trouble == TROUBLE_PAUSED)
		a->is_paused = true;
	if (trouble == TROUBLE_EXPIRED || trouble == TROUBLE_LATE || trouble == TROUBLE_FAILING ||
		trouble == TROUBLE_NONE_YET) {
		a->attempts = 3;
		a->last_attempt_at = f->now - 600;
		error_set(&a->last_error, ERROR_CA,
			"HTTP status 403: <html><img src=x onerror=\"document.title='broken'\">"
			"<b>Forbidden</b></html>");
		error_copy(&a->o.failure, &a->last_error);
	}
	if (trouble == TROUBLE_NONE_YET) {
		a->o.state = OBJECT_FAILED;
		str_replace(&a->last_certificate, NULL);
		a->last_not_before_at = a->last_not_after_at = 0;
	}
}

/* Not is_written: certd then does not write thousands of drops when it starts. */
static void
put_rollout(struct fill *f, const struct autocert *a, const char *certificate, enum trouble trouble)
{
	const struct record_class *item = NULL;
	struct rollout_state state = { .generation = 1, .done_at = f->now - 3600 };
	struct rollout_target *t;

	for (size_t i = 0; i < rollout_class.n_fields; i++)
		if (rollout_class.fields[i].type == RECORD_LIST)
			item = rollout_class.fields[i].item;
	state.certificate = xstrdup(certificate);
	t = record_list_add(item, &state.targets);
	t->consumer = xstrdup(f->consumer);
	t->step = trouble == TROUBLE_STALE ? ROLLOUT_PROBED : ROLLOUT_SERVED;
	t->served = xstrdup(trouble == TROUBLE_STALE ? "stale" : "served");
	t->probed_at = f->now - 1800;
	t->next_at = f->now + MINI_DAY;
	record_save(f->store, f->txn, &rollout_class, a->o.id, &state);
	schedule_set(f->store, f->txn, SCHEDULE_PROBE, a->o.id, "", f->now + MINI_DAY);
	record_clear(&rollout_class, &state);
}

static void
save_consumer(struct fill *f)
{
	static const char *const hosts[] = { "192.0.2.10", "192.0.2.11" };
	_cleanup_consumer_ struct consumer c = { 0 };

	object_begin(f, &c.o, "web");
	c.activate = xstrdup("none");
	for (size_t i = 0; i < ARRAY_SIZE(hosts); i++) {
		struct probe *p = record_list_add(&probe_class, &c.probes);

		p->host = xstrdup(hosts[i]);
		p->port = 443;
	}
	save(f, &consumer_class, &c);
	f->consumer = xstrdup(c.o.id);
}

static void
save_one(struct fill *f, unsigned number)
{
	_cleanup_free_ char *name = xasprintf("n%07u.example.com", number);
	_cleanup_free_ char *issue_name = xasprintf("%s first", name);
	_cleanup_autocert_ struct autocert a = { 0 };
	_cleanup_certificate_ struct certificate c = { 0 };
	enum trouble trouble = trouble_of(f, number);

	f->age_sec = age_of(f, trouble, number);
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
	if (f->is_mixed) {
		int64_t due_at = c.not_before_at + DUE_DAYS * MINI_DAY + number;

		a.next_at = due_at > f->now + 3600 ? due_at : f->now + 3600;
		strlist_add(&a.consumers, f->consumer);
		put_in_trouble(f, &a, trouble);
	}
	save(f, &certificate_class, &c);
	save(f, &autocert_class, &a);
	if (f->is_mixed && trouble != TROUBLE_NONE_YET)
		put_rollout(f, &a, c.o.id, trouble);
	if (!a.is_paused)
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
	if (f->is_mixed)
		save_consumer(f);
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
	free(f->consumer);
}

int
main(int argc, char **argv)
{
	struct fill f = { .directory = argc > 3 ? argv[3] : NULL, .now = time(NULL), .is_mixed = getenv("FILL_MIXED") };
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
