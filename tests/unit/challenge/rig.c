#include "tests/unit/challenge/rig.h"

#include "daemon/base/clock.h"
#include "daemon/base/dns.h"
#include "daemon/base/log.h"
#include "daemon/base/loop.h"
#include "daemon/store/object.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static bool
commit(void *arg)
{
	struct rig *rig = arg;

	return store_commit(rig->store.store);
}

static void
on_stop(void *arg)
{
	loop_stop(arg);
}

static void
rig_start(struct rig *rig, const char *resolver)
{
	_cleanup_error_ struct error err = ERROR_INIT;

	rig->env.loop = loop_new(rig->clock);
	loop_set_turn_end(rig->env.loop, commit, rig);
	rig->env.dns = dns_new(rig->env.loop, resolver ? resolver : "127.0.0.1:1", &err);
	cr_assert_not_null(rig->env.dns, "%s", err.message);
}

void
rig_init(struct rig *rig, const char *resolver)
{
	*rig = (struct rig){ .config.propagation_poll_ms = 20 };
	tmp_store_init(&rig->store, 0);
	rig->clock = clock_new_real();
	rig_start(rig, resolver);
	rig->log = log_new(LOG_LEVEL_ERROR - 1);
	rig->config.events = events_new(rig->store.store, rig->clock, rig->log, 100);
	store_commit(rig->store.store);
	rig_restart(rig);
}

void
rig_restart(struct rig *rig)
{
	solver_free(rig->solver);
	rig->solver = solver_new(&rig->env, rig->store.store, &rig->config);
}

void
rig_kill(struct rig *rig, const char *resolver, struct rig_remains *ret)
{
	*ret = (struct rig_remains){ rig->env.loop, rig->env.dns, rig->solver };
	rig->solver = NULL;
	rig_start(rig, resolver);
	rig_restart(rig);
}

void
rig_bury(struct rig_remains *remains)
{
	solver_free(remains->solver);
	dns_free(remains->dns);
	loop_free(remains->loop);
}

void
rig_clear(struct rig *rig)
{
	solver_free(rig->solver);
	dns_free(rig->env.dns);
	loop_free(rig->env.loop);
	tmp_store_clear(&rig->store);
	events_free(rig->config.events);
	log_free(rig->log);
	clock_free(rig->clock);
	strlist_clear(&rig->config.http_listen);
	strlist_clear(&rig->config.tlsalpn_listen);
	strlist_clear(&rig->config.webroots);
}

void
rig_run_ms(struct rig *rig, int64_t ms)
{
	struct loop_timer timer;

	loop_timer_init(&timer, rig->env.loop, on_stop, rig->env.loop);
	loop_timer_set(&timer, ms);
	cr_assert_eq(loop_run(rig->env.loop, NULL), 0);
	loop_timer_cancel(&timer);
}

bool
rig_wait(struct rig *rig, struct result *result, int64_t ms)
{
	int before = result->calls;

	result->rig = rig;
	rig_run_ms(rig, ms);
	result->rig = NULL;
	return result->calls > before;
}

void
result_clear(struct result *result)
{
	error_clear(&result->error);
	strlist_clear(&result->progress);
	*result = (struct result){ 0 };
}

void
note_done(const struct error *err, void *arg)
{
	struct result *result = arg;

	result->calls++;
	error_clear(&result->error);
	if (err)
		error_copy(&result->error, err);
	if (result->rig)
		loop_stop(result->rig->env.loop);
}

void
note_progress(const char *why, void *arg)
{
	struct result *result = arg;

	strlist_add(&result->progress, why);
}

static const char *
member(struct json_object *event, const char *path)
{
	struct json_object *value = json_path(event, path);

	return value ? json_object_get_string(value) : "";
}

void
rig_expect_event(struct rig *rig, enum event_kind kind, const struct event_object *about, const char *says)
{
	_cleanup_json_ struct json_object *list = events_list(rig->config.events, NULL, -1, 100, NULL);
	struct json_object *event = NULL;

	cr_assert_not_null(list);
	for (size_t i = 0; i < json_object_array_length(list); i++)
		if (strcmp(member(json_object_array_get_idx(list, i), "kind"), event_info(kind)->name) == 0)
			event = json_object_array_get_idx(list, i);
	cr_assert_not_null(event, "there is no event %s", event_info(kind)->name);
	cr_expect_str_eq(member(event, "object.type"), about ? about->type : "");
	cr_expect_str_eq(member(event, "object.id"), about ? about->id : "");
	cr_expect_str_eq(member(event, "object.name"), about ? about->name : "");
	cr_expect_not_null(strstr(member(event, "message"), says), "%s", member(event, "message"));
	cr_expect_null(strchr(member(event, "message"), '\n'));
}

static void
on_published(const struct dns_answer *answer _unused_, const struct error *err, void *arg)
{
	struct rig *rig = arg;

	cr_expect_null(err, "%s", err ? err->message : "");
	loop_stop(rig->env.loop);
}

void
rig_publish(
	struct rig *rig, const char *server, const char *zone, const char *owner, const char *value, bool is_removal)
{
	_cleanup_secret_ struct secret key = SECRET_INIT;
	unsigned char octets[32];

	for (size_t i = 0; i < sizeof(octets); i++)
		octets[i] = (unsigned char)i;
	secret_set(&key, octets, sizeof(octets));
	dns_send_update(rig->env.dns,
		&(struct dns_update){ .server = server,
			.zone = zone,
			.name = owner,
			.value = value,
			.ttl = 1,
			.is_removal = is_removal,
			.tsig_name = "certd-key",
			.tsig_algorithm = "hmac-sha256",
			.tsig_key = &key },
		10000, on_published, rig);
	rig_run_ms(rig, 10000);
}

void
rig_add_provider(struct rig *rig, const char *name, const char *server, const char *zone, char ret_id[STORE_ID_SIZE])
{
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_dnsprovider_ struct dnsprovider d = { 0 };
	unsigned char key[32];

	for (size_t i = 0; i < sizeof(key); i++)
		key[i] = (unsigned char)i;
	d.o.name = xstrdup(name);
	d.kind = xstrdup("rfc2136");
	setting_put(&d.settings, "server", server);
	setting_put(&d.settings, "tsigName", "certd-key");
	setting_put_secret(&d.secrets, "tsigKey", key, sizeof(key));
	if (zone)
		strlist_add(&d.zones, zone);
	cr_assert_eq(object_save(rig->store.store, store_begin(rig->store.store), &dnsprovider_class, &d, &err), 0,
		"%s", err.message);
	if (ret_id)
		memcpy(ret_id, d.o.id, sizeof(d.o.id));
	store_commit(rig->store.store);
}

void
authz_init(struct acme_authorization *authz, const char *name, bool is_wildcard, const char *types, const char *token)
{
	_cleanup_strlist_ struct strlist list = STRLIST_INIT;

	strlist_split(&list, types, ',');
	*authz = (struct acme_authorization){ .name = xstrdup(name), .is_wildcard = is_wildcard };
	authz->challenges = xcalloc(list.count + 1, sizeof(*authz->challenges));
	for (size_t i = 0; i < list.count; i++) {
		bool is_persist = strcmp(list.items[i], "dns-persist-01") == 0;
		struct acme_challenge *c = &authz->challenges[authz->n_challenges++];

		c->type = xstrdup(list.items[i]);
		c->token = is_persist ? NULL : xstrdup(token);
		if (is_persist)
			strlist_add(&c->issuers, "ca.test");
	}
}
