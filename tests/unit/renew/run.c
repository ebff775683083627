#include "tests/unit/renew/run.h"

#include <criterion/criterion.h>
#include <openssl/crypto.h>

void
run_begin(struct run *r, uint64_t n)
{
	struct world *w = &r->world;

	CRYPTO_secure_malloc_init(1 << 20, 64);
	sim_init(&r->sim, 1);
	sim_seed_random(1);
	sim_enter_directory();
	world_init(w, &r->sim);
	for (size_t i = 0; i < WORLD_CAS; i++)
		world_set_weather(&w->cas[i], WEATHER_PERFECT, 0);
	w->stop_at = n;
	world_start(w);
	world_call(w, RPC_PROVIDER_CREATE,
		"{'properties':{'name':'ca','email':'a@b.test','server':'%s/directory',"
		"'termsOfServiceAgreed':true}}",
		w->cas[0].url);
	cr_assert(world_call(w, RPC_AUTOCERTIFICATE_CREATE,
		"{'properties':{'name':'a-90d','provider':'ca','commonName':'a-90d.sim.test',"
		"'subjectAlternativeNames':['b.sim.test']}}"));
}

void
run_end(struct run *r)
{
	world_clear(&r->world);
	sim_leave_directory();
}

bool
run_restart(struct run *r)
{
	bool is_reached = world_commits(&r->world) >= r->world.stop_at_commit;

	r->world.stop_at_commit = 0;
	world_stop(&r->world);
	world_start(&r->world);
	return is_reached;
}

void
run_load(struct run *r, const char *name, struct autocert *ret)
{
	_cleanup_error_ struct error err = ERROR_INIT;

	cr_assert_eq(object_find(r->world.store, &autocert_class, name, ret, &err), 1, "%s", name);
}

int64_t
run_due(struct run *r, enum schedule_kind kind, const char *id)
{
	struct schedule_row row;
	_cleanup_error_ struct error err = ERROR_INIT;
	int found = schedule_get(r->world.store, kind, id, &row, &err);

	cr_assert_geq(found, 0, "%s", err.message);
	return found ? row.due_at : 0;
}

static bool
spoil(enum fake_ca_phase phase, enum fake_ca_kind kind, unsigned nth, struct fake_ca_answer *answer, void *arg)
{
	const struct run_fault *fault = arg;

	(void)nth;
	while (fault && fault->kind != kind)
		fault = fault->also;
	if (phase != FAKE_CA_BEFORE || !fault)
		return false;
	answer->failure = fault->failure;
	if (fault->problem)
		fake_ca_answer_problem(answer, fault->status, fault->problem, "spoiled");
	else if (fault->body)
		fake_ca_answer_body(answer, fault->status, fault->body);
	return true;
}

void
run_spoil(struct run *r, const struct run_fault *fault)
{
	struct fake_ca_script *script = fake_ca_script(r->world.cas[0].ca);

	script->intercept = spoil;
	script->arg = (void *)(uintptr_t)fault;
}

void
run_mend(struct run *r)
{
	world_set_weather(&r->world.cas[0], WEATHER_PERFECT, 0);
}
