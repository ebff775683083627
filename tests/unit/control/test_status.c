/* What server.status warns of, and what waiting calls are answered when certd stops. */
#include "common/api/api.h"
#include "daemon/base/clock.h"
#include "daemon/base/loop.h"
#include "daemon/service/call.h"
#include "tests/unit/renew/run.h"

#include <criterion/criterion.h>
#include <string.h>

static struct peer root = { .role = ROLE_ADMIN, .user_id = "0", .label = "uid:0" };

struct answer {
	unsigned calls;
	struct json_object *result;
	struct error err;
};

static void
note_answer(struct json_object *result, const struct error *err, void *arg)
{
	struct answer *a = arg;

	a->calls++;
	a->result = result;
	if (err)
		error_copy(&a->err, err);
}

static void
answer_clear(struct answer *a)
{
	json_object_put(a->result);
	error_clear(&a->err);
	*a = (struct answer){ .err = ERROR_INIT };
}

static void
call(struct run *r, enum api_method_id method, const char *text, struct answer *a)
{
	_cleanup_json_ struct json_object *params = json_parse(text, strlen(text), NULL);

	cr_assert_not_null(params);
	service_call(&r->world.service, &root, method, params, note_answer, a);
	cr_assert_eq(loop_run_until(r->world.loop, clock_wall(r->world.clock), NULL), 0);
}

/* As text, one each line; owned by the caller. */
static char *
warnings(struct run *r)
{
	struct answer a = { .err = ERROR_INIT };
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct json_object *list;

	call(r, RPC_SERVER_STATUS, "{}", &a);
	cr_assert_eq(a.calls, 1);
	list = json_path(a.result, "warnings");
	cr_assert_not_null(list);
	for (size_t i = 0; i < json_object_array_length(list); i++)
		buf_printf(&text, "%s\n", json_object_get_string(json_object_array_get_idx(list, i)));
	answer_clear(&a);
	return xstrdup(buf_str(&text));
}

Test(status, warns_of_what_somebody_has_to_do)
{
	struct run r;
	struct service *s = &r.world.service;
	_cleanup_free_ char *none = NULL, *all = NULL, *again = NULL;

	run_begin(&r, 0);
	none = warnings(&r);
	cr_expect_str_empty(none);
	strlist_add(&s->needs_restart, "state-dir");
	strlist_add(&s->needs_restart, "rest-listen");
	s->is_master_key_beside_store = true;
	s->rest_warning = "the certificate is not there yet";
	all = warnings(&r);
	cr_expect_str_eq(all, "changes of state-dir, rest-listen in certd.conf take effect when certd is restarted\n"
			      "the master key is in the same directory as the store; pass it as a systemd credential "
			      "(LoadCredentialEncrypted=master-key)\n"
			      "REST does not listen on TCP yet: the certificate is not there yet\n");
	strlist_clear(&s->needs_restart);
	s->is_master_key_beside_store = false;
	s->rest_warning = NULL;
	again = warnings(&r);
	cr_expect_str_empty(again);
	run_end(&r);
}

/* How many certificates a consumer has beyond those that it lists; 0: it does not say. */
static int64_t
more_rollouts(struct run *r)
{
	struct answer a = { .err = ERROR_INIT };
	struct json_object *more;
	int64_t n;

	call(r, RPC_CONSUMER_GET, "{\"ref\":\"web\"}", &a);
	cr_assert_eq(a.calls, 1);
	cr_assert_not_null(a.result, "%s", a.err.message);
	more = json_path(a.result, "metadata.moreRollouts");
	n = more ? json_object_get_int64(more) : 0;
	answer_clear(&a);
	return n;
}

Test(status, a_consumer_says_how_many_certificates_it_does_not_list)
{
	struct run r;
	struct store *store;
	_cleanup_consumer_ struct consumer web = { 0 };

	run_begin(&r, 0);
	store = r.world.store;
	cr_assert(world_call(&r.world, RPC_CONSUMER_CREATE, "{'properties':{'name':'web'}}"));
	cr_assert_eq(object_find(store, &consumer_class, "web", &web, NULL), 1);
	for (int i = 1; i <= 103; i++) {
		_cleanup_certificate_ struct certificate c = { .o.name = xasprintf("c%d", i) };

		strlist_add(&c.consumers, web.o.id);
		c.is_held_back = true; /* nothing is deployed here */
		cr_assert_eq(object_save(store, store_begin(store), &certificate_class, &c, NULL), 0);
		if (i == 100)
			cr_expect_eq(more_rollouts(&r), 0);
	}
	cr_expect_eq(more_rollouts(&r), 3);
	run_end(&r);
}

static const char with_profile[] =
	"{\"properties\":{\"name\":\"second\",\"email\":\"a@b.test\",\"server\":"
	"\"https://ca1.sim.test/directory\",\"termsOfServiceAgreed\":true,\"profile\":\"short\"}}";

Test(status, a_call_that_waits_for_the_profiles_of_a_ca_is_cancelled_when_certd_stops)
{
	struct run r;
	struct answer a = { .err = ERROR_INIT };

	run_begin(&r, 0);
	world_set_weather(&r.world.cas[1], WEATHER_SLOW, world_now(&r.world) + HOUR);
	call(&r, RPC_PROVIDER_CREATE, with_profile, &a);
	cr_assert_eq(a.calls, 0, "%s", a.err.message);
	call_waits_stop(&r.world.service);
	cr_assert_eq(a.calls, 1);
	cr_expect_eq(a.err.code, ERROR_CANCELLED);
	cr_expect_str_eq(a.err.message, "certd is stopping");
	cr_expect_null(r.world.service.waits);
	answer_clear(&a);
	run_end(&r);
}

Test(status, a_call_waits_for_profiles_for_some_seconds_only)
{
	struct run r;
	struct answer a = { .err = ERROR_INIT };

	run_begin(&r, 0);
	world_set_weather(&r.world.cas[1], WEATHER_SLOW, world_now(&r.world) + HOUR);
	call(&r, RPC_PROVIDER_CREATE, with_profile, &a);
	cr_assert_eq(a.calls, 0, "%s", a.err.message);
	for (int sec = 0; sec < 19 && !a.calls; sec++)
		world_run_until(&r.world, world_now(&r.world) + 1);
	cr_assert_eq(a.calls, 1, "it waits as long as the CA does");
	cr_expect_not(error_is_set(&a.err), "%s", a.err.message);
	cr_expect_null(r.world.service.waits);
	answer_clear(&a);
	run_end(&r);
}

Test(status, a_call_that_waits_for_zones_is_cancelled_when_certd_stops)
{
	struct run r;
	struct answer a = { .err = ERROR_INIT };

	run_begin(&r, 0);
	cr_assert(world_call(
		&r.world, RPC_DNSPROVIDER_CREATE, "{'properties':{'name':'cf','kind':'cloudflare','token':'x'}}"));
	call(&r, RPC_AUTOCERTIFICATE_CREATE,
		"{\"properties\":{\"name\":\"z\",\"provider\":\"ca\",\"commonName\":\"*.z.test\"}}", &a);
	cr_assert_eq(a.calls, 0, "%s", a.err.message);
	call_waits_stop(&r.world.service);
	cr_assert_eq(a.calls, 1);
	cr_expect_eq(a.err.code, ERROR_CANCELLED);
	cr_expect_null(r.world.service.waits);
	answer_clear(&a);
	run_end(&r);
}
