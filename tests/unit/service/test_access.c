#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/base/loop.h"
#include "daemon/service/access.h"
#include "daemon/service/handlers.h"
#include "daemon/service/peer.h"
#include "daemon/service/resource.h"
#include "daemon/service/slices.h"
#include "tests/unit/store/tmp_store.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Test(access, groups_narrow_their_role_and_one_that_is_not_narrowed_lifts_it)
{
	struct role_map map = { 0 };
	_cleanup_strlist_ struct strlist operators = STRLIST_INIT;
	_cleanup_strlist_ struct strlist viewers = STRLIST_INIT;
	_cleanup_strlist_ struct strlist entries = STRLIST_INIT;
	_cleanup_strlist_ struct strlist unknown = STRLIST_INIT;
	static const struct {
		const char *why;
		uid_t uid;
		gid_t gids[3];
		size_t n_gids;
		size_t n_rules; /* 0: no scope */
	} cases[] = {
		{ "root", 0, { 4001 }, 1, 0 },
		{ "a narrowed group", 5000, { 4001 }, 1, 1 },
		{ "two of them", 5000, { 4001, 4002 }, 2, 2 },
		{ "one that is not", 5000, { 4001, 4003 }, 2, 0 },
		{ "a narrowed operator who is a viewer as well", 5000, { 4001, 4005 }, 2, 1 },
		{ "a viewer", 5000, { 4005 }, 1, 0 },
		{ "nobody", 5000, { 1 }, 1, 0 },
	};

	strlist_split(&operators, "4001 4002 4003", ' ');
	strlist_split(&viewers, "4005", ' ');
	strlist_split(&entries, "4001:domain=*.x.org 4001:label=web 4002:label=db no-such-group:label=x", ' ');
	role_map_add(&map, ROLE_OPERATOR, &operators, &unknown);
	role_map_add(&map, ROLE_VIEWER, &viewers, &unknown);
	role_map_scope(&map, &entries, &unknown);
	cr_assert_eq(unknown.count, 1);
	cr_expect_str_eq(unknown.items[0], "no-such-group");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		enum api_role role = role_of(&map, cases[i].uid, cases[i].gids, cases[i].n_gids);
		struct scope *scope = scope_of(&map, role, cases[i].uid, cases[i].gids, cases[i].n_gids);

		cr_expect_eq(scope ? scope->n_rules : 0, cases[i].n_rules, "%s", cases[i].why);
		scope_release(scope);
	}
	role_map_clear(&map);
}

Test(access, copies_of_a_peer_share_its_scope)
{
	struct peer a = { .scope = scope_new() }, b = { .role = ROLE_NONE };

	peer_copy(&b, &a);
	cr_expect_eq(a.scope, b.scope);
	cr_expect_eq(a.scope->holders, 2);
	peer_copy(&b, &a);
	cr_expect_eq(a.scope->holders, 2);
	peer_clear(&a);
	cr_expect_eq(b.scope->holders, 1);
	peer_clear(&b);
}

/* --- what may be asked for --- */

struct rig {
	struct tmp_store t;
	struct clock *clock;
	struct loop *loop;
	struct log *log;
	struct events *events;
	struct conf conf;
	struct service service;
	struct peer peer;
};

static void
save(struct rig *r, const struct record_class *cls, void *obj)
{
	_cleanup_error_ struct error err = ERROR_INIT;

	cr_assert_eq(object_save(r->t.store, store_begin(r->t.store), cls, obj, &err), 0, "%s", err.message);
	record_clear(cls, obj);
}

static void
add_provider(struct rig *r, const char *name)
{
	struct provider p = { .email = xstrdup("a@b.c"), .server = xstrdup("https://x.example/") };

	p.o.name = xstrdup(name);
	save(r, &provider_class, &p);
}

static bool
is_there(struct rig *r, const struct record_class *cls, const char *name)
{
	struct object *o = xcalloc(1, cls->size);
	bool is_found = object_find_peek(r->t.store, cls, name, o, NULL) == 1;

	record_clear(cls, o);
	free(o);
	return is_found;
}

static void
id_of(struct rig *r, const struct record_class *cls, const char *name, char **ret)
{
	struct object *o = xcalloc(1, cls->size);

	cr_assert_eq(object_find_peek(r->t.store, cls, name, o, NULL), 1, "%s", name);
	str_replace(ret, o->id);
	record_clear(cls, o);
	free(o);
}

static void
add_autocert(struct rig *r, const char *name, const char *provider, const char *label)
{
	struct autocert a = { .common_name = xstrdup(name), .slug = xstrdup(name) };

	a.o.name = xstrdup(name);
	id_of(r, &provider_class, provider, &a.provider);
	strlist_add(&a.labels, label);
	save(r, &autocert_class, &a);
}

/* An operator for *.x.org by provider p1. */
static void
rig_init(struct rig *r)
{
	struct scope_rule rule = { .domains = STRLIST_INIT };

	*r = (struct rig){ .peer = { .role = ROLE_OPERATOR, .label = "uid:5000" } };
	tmp_store_init(&r->t, 0);
	r->clock = clock_new_virtual(1750000000);
	r->loop = loop_new(r->clock);
	r->log = log_new(LOG_LEVEL_ERROR);
	r->events = events_new(r->t.store, r->clock, r->log, 100);
	conf_init(&r->conf);
	r->service = (struct service){
		.methods = service_methods, .loop = r->loop, .store = r->t.store, .events = r->events, .conf = &r->conf
	};
	add_provider(r, "p1");
	add_provider(r, "p2");
	add_autocert(r, "in.x.org", "p1", "web");
	add_autocert(r, "out.z.org", "p1", "web");
	add_autocert(r, "other.x.org", "p2", "db");
	strlist_add(&rule.domains, "*.x.org");
	strlist_add(&rule.providers, "p1");
	r->peer.scope = scope_new();
	scope_add(r->peer.scope, &rule);
	scope_rule_clear(&rule);
}

static void
rig_clear(struct rig *r)
{
	peer_clear(&r->peer);
	events_free(r->events);
	log_free(r->log);
	loop_free(r->loop);
	clock_free(r->clock);
	conf_clear(&r->conf);
	tmp_store_clear(&r->t);
}

static void
answered(struct json_object *result, const struct error *err, void *arg)
{
	if (err)
		error_copy(arg, err);
	json_object_put(result);
}

/* Declarations are read, not stored: that takes all of certd. */
static void
declare(struct rig *r, enum api_method_id method, struct json_object *params, struct error *err)
{
	struct call call = { .service = &r->service,
		.peer = &r->peer,
		.method = method,
		.ops = service_methods[method].ops,
		.params = params };
	_cleanup_autocert_ struct autocert old = { 0 };
	_cleanup_autocert_ struct autocert a = { 0 };
	_cleanup_effect_ struct effect effect = { 0 };

	if (api_validate(method, params, err) < 0)
		return;
	if (api_methods[method].verb == API_CREATE)
		resource_declare(&call, &a, err);
	else
		resource_redeclare(&call, &old, &a, &effect, err);
	json_object_put(call.result);
	json_object_put(call.effect);
	change_clear(&call.change);
}

static void
ask(struct rig *r, enum api_method_id method, struct json_object *params, struct error *err)
{
	if (api_methods[method].resource == API_AUTOCERTIFICATE && api_methods[method].verb != API_LIST_ALL)
		declare(r, method, params, err);
	else
		service_call(&r->service, &r->peer, method, params, answered, err);
}

Test(access, a_declaration_outside_of_the_scope_is_refused_with_its_field)
{
	static const struct {
		enum api_method_id method;
		const char *params;
		const char *field; /* NULL: allowed */
		enum error_code code;
	} cases[] = {
		{ RPC_AUTOCERTIFICATE_CREATE, "{\"properties\":{\"provider\":\"p1\",\"commonName\":\"A.X.org\"}}", NULL,
			ERROR_NONE },
		{ RPC_AUTOCERTIFICATE_CREATE, "{\"properties\":{\"provider\":\"p1\",\"commonName\":\"a.z.org\"}}",
			"properties.commonName", ERROR_DENIED },
		{ RPC_AUTOCERTIFICATE_CREATE,
			"{\"properties\":{\"provider\":\"p1\",\"commonName\":\"a.x.org\","
			"\"subjectAlternativeNames\":[\"b.x.org\",\"x.org\"]}}",
			"properties.subjectAlternativeNames[1]", ERROR_DENIED },
		{ RPC_AUTOCERTIFICATE_CREATE, "{\"properties\":{\"provider\":\"p2\",\"commonName\":\"a.x.org\"}}",
			"properties.provider", ERROR_INVALID },
		{ RPC_AUTOCERTIFICATE_CREATE, "{\"properties\":{\"provider\":\"p3\",\"commonName\":\"a.x.org\"}}",
			"properties.provider", ERROR_INVALID },
		{ RPC_AUTOCERTIFICATE_UPDATE,
			"{\"ref\":\"in.x.org\",\"properties\":{\"subjectAlternativeNames\":[\"a.z.org\"]}}",
			"properties.subjectAlternativeNames[0]", ERROR_DENIED },
		{ RPC_AUTOCERTIFICATE_UPDATE,
			"{\"ref\":\"in.x.org\",\"properties\":{\"subjectAlternativeNames\":[\"a.x.org\"]}}", NULL,
			ERROR_NONE },
		{ RPC_AUTOCERTIFICATE_LIST, "{\"provider\":\"p2\"}", "provider", ERROR_INVALID },
		{ RPC_AUTOCERTIFICATE_LIST, "{\"provider\":\"p1\",\"offset\":9}", NULL, ERROR_NONE },
		{ RPC_CERTIFICATE_LIST, "{\"autoCertificate\":\"out.z.org\"}", "autoCertificate", ERROR_INVALID },
		{ RPC_SERVER_RELOAD, "{}", NULL, ERROR_DENIED },
		{ RPC_PROVIDER_CREATE,
			"{\"properties\":{\"name\":\"p\",\"email\":\"a@b.c\",\"server\":\"letsencrypt\"}}", NULL,
			ERROR_DENIED },
		{ RPC_TOKEN_LIST, "{}", NULL, ERROR_DENIED },
		{ RPC_AUDIT_LIST, "{}", NULL, ERROR_DENIED },
		{ RPC_DISCOVER, "{}", NULL, ERROR_NONE },
	};
	struct rig r;

	rig_init(&r);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_error_ struct error err = ERROR_INIT;
		_cleanup_json_ struct json_object *params = json_parse(cases[i].params, strlen(cases[i].params), NULL);

		ask(&r, cases[i].method, params, &err);
		cr_expect_eq(err.code, cases[i].code, "%s: %s", cases[i].params, err.message);
		cr_expect_str_eq(
			err.field ? err.field : "", cases[i].field ? cases[i].field : "", "%s", cases[i].params);
		slices_stop(&r.service); /* otherwise a running list would report its end to &err */
	}
	rig_clear(&r);
}

Test(access, what_lies_outside_and_what_is_not_there_are_refused_with_the_same_words)
{
	struct rig r;
	_cleanup_error_ struct error outside = ERROR_INIT;
	_cleanup_error_ struct error absent = ERROR_INIT;
	_cleanup_json_ struct json_object *a = json_parse("{\"autoCertificate\":\"out.z.org\"}", 31, NULL);
	_cleanup_json_ struct json_object *b = json_parse("{\"autoCertificate\":\"not.z.org\"}", 31, NULL);

	rig_init(&r);
	ask(&r, RPC_CERTIFICATE_LIST, a, &outside);
	ask(&r, RPC_CERTIFICATE_LIST, b, &absent);
	cr_expect_str_eq(outside.message, "there is no auto-certificate 'out.z.org'");
	cr_expect_str_eq(absent.message, "there is no auto-certificate 'not.z.org'");
	cr_expect_eq(outside.code, absent.code);
	rig_clear(&r);
}

Test(access, only_what_is_covered_is_seen)
{
	static const struct {
		const char *name;
		bool covers;
	} cases[] = { { "in.x.org", true }, { "out.z.org", false }, { "other.x.org", false } };
	struct rig r;

	rig_init(&r);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_autocert_ struct autocert a = { .provider = NULL };

		cr_assert_eq(object_find_peek(r.t.store, &autocert_class, cases[i].name, &a, NULL), 1);
		cr_expect_eq(access_covers(r.peer.scope, r.t.store, &autocert_class, &a), cases[i].covers, "%s",
			cases[i].name);
		cr_expect_eq(access_covers_id(r.peer.scope, r.t.store, &autocert_class, a.o.id), cases[i].covers);
		cr_expect(access_covers(NULL, r.t.store, &autocert_class, &a), "without a scope");
	}
	rig_clear(&r);
}

/* Each rule covers its objects by another index; what they use is covered by way of them. */
Test(access, what_a_covered_object_uses_is_covered_and_all_else_may_only_be_used)
{
	static const struct {
		const char *why, *domain, *provider, *label, *user; /* @user: of the consumer; NULL: nothing uses it */
		bool covers;
	} cases[] = {
		{ "nothing uses it", "*.x.org", NULL, NULL, NULL, false },
		{ "below the domain", "*.x.org", NULL, NULL, "in.x.org", true },
		{ "the domain itself", "in.x.org", NULL, NULL, "in.x.org", true },
		{ "another domain", "*.x.org", NULL, NULL, "out.z.org", false },
		{ "the label", NULL, NULL, "web", "in.x.org", true },
		{ "another label", NULL, NULL, "db", "in.x.org", false },
		{ "the provider", NULL, "p1", NULL, "in.x.org", true },
		{ "another provider", NULL, "p2", NULL, "in.x.org", false },
		{ "one of two conditions", "*.x.org", "p2", NULL, "in.x.org", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct rig r;
		_cleanup_consumer_ struct consumer web = { .o.name = xstrdup("web") };
		_cleanup_autocert_ struct autocert a = { .provider = NULL };
		_cleanup_provider_ struct provider p1 = { .email = NULL };
		struct scope_rule rule = { .domains = STRLIST_INIT };
		struct scope scope = { .rules = &rule, .n_rules = 1 };

		rig_init(&r);
		cr_assert_eq(object_save(r.t.store, store_begin(r.t.store), &consumer_class, &web, NULL), 0);
		if (cases[i].user) {
			cr_assert_eq(object_find(r.t.store, &autocert_class, cases[i].user, &a, NULL), 1);
			strlist_clear(&a.labels);
			strlist_add(&a.labels, "web");
			strlist_add(&a.consumers, web.o.id);
			cr_assert_eq(object_save(r.t.store, store_begin(r.t.store), &autocert_class, &a, NULL), 0);
		}
		if (cases[i].domain)
			strlist_add(&rule.domains, cases[i].domain);
		if (cases[i].provider)
			strlist_add(&rule.providers, cases[i].provider);
		if (cases[i].label)
			strlist_add(&rule.labels, cases[i].label);
		cr_expect_eq(
			access_covers(&scope, r.t.store, &consumer_class, &web), cases[i].covers, "%s", cases[i].why);
		cr_expect(access_may_use(&scope, r.t.store, &consumer_class, &web), "%s", cases[i].why);
		cr_assert_eq(object_find(r.t.store, &provider_class, "p1", &p1, NULL), 1);
		cr_expect_eq(access_may_use(&scope, r.t.store, &provider_class, &p1),
			!cases[i].provider || strcmp(cases[i].provider, "p1") == 0, "%s", cases[i].why);
		scope_rule_clear(&rule);
		rig_clear(&r);
	}
}

/* --- what calls reach beside what they are about --- */

static void
add_authorization(struct rig *r, const char *name, const char *provider, const char *autocert)
{
	struct authorization a = { .status = xstrdup("pending") };

	a.o.name = xstrdup(name);
	a.o.state = autocert ? OBJECT_PROVISIONING : OBJECT_FAILED;
	id_of(r, &provider_class, provider, &a.provider);
	if (autocert)
		id_of(r, &autocert_class, autocert, &a.autocert);
	save(r, &authorization_class, &a);
}

static void
add_certificate(struct rig *r, const char *name, const char *autocert)
{
	struct certificate c = { .names = STRLIST_INIT };

	c.o.name = xstrdup(name);
	strlist_add(&c.names, name);
	id_of(r, &autocert_class, autocert, &c.autocert);
	save(r, &certificate_class, &c);
}

Test(access, a_call_that_would_touch_what_lies_outside_too_is_refused_as_a_whole)
{
	static const struct {
		service_fn *fn;
		enum api_method_id method;
		const char *params;
		enum error_code code;
	} cases[] = {
		{ authorization_validate, RPC_AUTHORIZATION_VALIDATE, "{\"ref\":\"asked.x.org\"}", ERROR_DENIED },
		{ autocert_delete, RPC_AUTOCERTIFICATE_DELETE, "{\"ref\":\"in.x.org\",\"withCertificates\":true}",
			ERROR_DENIED },
	};
	struct rig r;

	rig_init(&r);
	add_authorization(&r, "failed.x.org", "p2", NULL);
	add_authorization(&r, "asked.x.org", "p1", "out.z.org");
	add_certificate(&r, "was.z.org", "in.x.org");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_error_ struct error err = ERROR_INIT;
		_cleanup_json_ struct json_object *params = json_parse(cases[i].params, strlen(cases[i].params), NULL);
		struct call call = { .service = &r.service,
			.peer = &r.peer,
			.method = cases[i].method,
			.ops = service_methods[cases[i].method].ops,
			.params = params };

		cr_assert_eq(cases[i].fn(&call, params, &err), -1, "%s", cases[i].params);
		cr_expect_eq(err.code, cases[i].code, "%s: %s", cases[i].params, err.message);
		if (call.txn)
			store_fail(call.txn, &err);
		change_clear(&call.change);
		json_object_put(call.effect);
		cr_expect(is_there(&r, &authorization_class, "failed.x.org"));
		cr_expect(is_there(&r, &certificate_class, "was.z.org"));
	}
	rig_clear(&r);
}

Test(access, each_provider_may_have_an_authorization_of_one_name)
{
	static const char json[] = "{\"properties\":{\"name\":\"failed.x.org\",\"provider\":\"p1\"}}";
	struct rig r;
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_json_ struct json_object *params = json_parse(json, strlen(json), NULL);
	_cleanup_strlist_ struct strlist ids = STRLIST_INIT;
	_cleanup_authorization_ struct authorization a = { .provider = NULL };
	struct call call = { .service = &r.service,
		.peer = &r.peer,
		.method = RPC_AUTHORIZATION_CREATE,
		.ops = service_methods[RPC_AUTHORIZATION_CREATE].ops,
		.params = params };
	char *p2 = NULL;

	rig_init(&r);
	add_authorization(&r, "failed.x.org", "p2", NULL); /* outside: its existence is not revealed */
	cr_assert_eq(authorization_create(&call, params, &err), 0, "%s", err.message);
	cr_assert_eq(object_ids_of_name(r.t.store, &authorization_class, "failed.x.org", 10, &ids, NULL), 0);
	cr_expect_eq(ids.count, 2);
	id_of(&r, &provider_class, "p2", &p2);
	cr_assert_eq(authorization_find(r.t.store, "failed.x.org", p2, &a, NULL), 1);
	cr_expect_eq(a.o.state, OBJECT_FAILED, "it is left alone");
	free(p2);
	json_object_put(call.result);
	change_clear(&call.change);
	rig_clear(&r);
}

/* The rows of the others need not be readable to be counted. */
Test(access, the_number_of_authorizations_is_limited)
{
	enum { AUTHORIZATIONS_MAX = 10000 };
	static const char *const names[] = { "one.x.org", "two.x.org" };
	struct rig r;
	struct store_txn *txn;

	rig_init(&r);
	txn = store_begin(r.t.store);
	for (unsigned i = 0; i < AUTHORIZATIONS_MAX - 1; i++) {
		char key[16];

		snprintf(key, sizeof(key), "%06u", i);
		put_text(txn, STORE_AUTHZ, key, "x");
	}
	store_commit(r.t.store);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_error_ struct error err = ERROR_INIT;
		_cleanup_json_ struct json_object *params = json_object_new_object();
		struct json_object *properties = json_object_new_object();
		struct call call = { .service = &r.service,
			.peer = &r.peer,
			.method = RPC_AUTHORIZATION_CREATE,
			.ops = service_methods[RPC_AUTHORIZATION_CREATE].ops,
			.params = params };

		json_add_string(properties, "name", names[i]);
		json_add_string(properties, "provider", "p1");
		json_object_object_add(params, "properties", properties);
		cr_expect_eq(authorization_create(&call, params, &err), i == 0 ? 0 : -1, "%s: %s", names[i],
			err.message ? err.message : "");
		if (i > 0) {
			cr_expect_eq(err.code, ERROR_LIMIT, "%s", err.message);
			cr_expect_str_eq(err.message, "there are already 10000 authorizations");
		}
		if (i > 0 && call.txn)
			store_fail(call.txn, &err);
		json_object_put(call.result);
		change_clear(&call.change);
		store_commit(r.t.store);
	}
	rig_clear(&r);
}

static void
refused_for_scope(struct json_object *result, const struct error *err, void *arg)
{
	enum error_code *code = arg;

	(void)result;
	*code = err ? err->code : ERROR_NONE;
}

Test(access, a_call_that_is_refused_after_its_handler_cancels_nothing)
{
	struct service service = { .scheduler = NULL }; /* nothing can be cancelled there */
	enum error_code code = ERROR_NONE;
	_cleanup_error_ struct error err = ERROR_INIT;
	struct call *call = xcalloc(1, sizeof(*call));

	call->service = &service;
	call->peer = &call->caller;
	call->done = refused_for_scope;
	call->arg = &code;
	call->change.type = "autocertificate";
	call->change.is_outside = true;
	call_cancel(call, "11111111-1111-4111-8111-111111111111");
	cr_expect_eq(call->cancels.count, 1);
	call_end(call, 0, &err);
	cr_expect_eq(code, ERROR_DENIED);
}

Test(access, the_state_of_a_consumer_is_that_of_the_rollouts_that_are_shown)
{
	static const struct {
		const char *rollouts, *state, *message;
	} cases[] = {
		{ "[]", "AVAILABLE", "" },
		{ "[{},{\"lastError\":{\"message\":\"no space\"}}]", "FAILED", "no space" },
	};
	static const struct scope nothing;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *text = xasprintf(
			"{\"metadata\":{\"state\":\"FAILED\",\"message\":\"of others\",\"rollouts\":%s}}",
			cases[i].rollouts);
		_cleanup_json_ struct json_object *object = json_parse(text, strlen(text), NULL);

		access_strip(&nothing, NULL, &consumer_class, object);
		cr_expect_str_eq(json_object_get_string(json_path(object, "metadata.state")), cases[i].state);
		cr_expect_str_eq(json_object_get_string(json_path(object, "metadata.message")), cases[i].message);
	}
}
