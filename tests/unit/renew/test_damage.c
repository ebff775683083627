/* Jobs whose record cannot be read are reported and tried again later; those whose record is gone end. */
#include "daemon/schedule/schedule.h"
#include "tests/unit/renew/run.h"

#include <criterion/criterion.h>
#include <string.h>

enum whose { PROVIDER, AUTOCERT, CERTIFICATE, AUTHORIZATION, REMOVAL };

struct job {
	const char *why;
	enum schedule_kind kind;
	enum whose object;
	enum store_db db;
	enum whose record; /* whose record of @db it is */
};

static const struct job jobs[] = {
	{ "issue", SCHEDULE_ISSUE, AUTOCERT, STORE_AUTOCERT, AUTOCERT },
	{ "account", SCHEDULE_ACCOUNT, PROVIDER, STORE_PROVIDER, PROVIDER },
	{ "deploy, whose subject", SCHEDULE_DEPLOY, AUTOCERT, STORE_AUTOCERT, AUTOCERT },
	{ "deploy, whose state", SCHEDULE_DEPLOY, AUTOCERT, STORE_ROLLOUT, AUTOCERT },
	{ "deploy, whose certificate", SCHEDULE_DEPLOY, AUTOCERT, STORE_CERTIFICATE, CERTIFICATE },
	{ "probe, whose subject", SCHEDULE_PROBE, AUTOCERT, STORE_AUTOCERT, AUTOCERT },
	{ "purge", SCHEDULE_PURGE, CERTIFICATE, STORE_CERTIFICATE, CERTIFICATE },
	{ "expiry", SCHEDULE_EXPIRY, CERTIFICATE, STORE_CERTIFICATE, CERTIFICATE },
	{ "authorization", SCHEDULE_AUTHORIZE, AUTHORIZATION, STORE_AUTHZ, AUTHORIZATION },
	{ "removal", SCHEDULE_REMOVE, REMOVAL, STORE_REMOVAL, REMOVAL },
	{ "revocation", SCHEDULE_REVOKE, CERTIFICATE, STORE_CERTIFICATE, CERTIFICATE },
	{ "renewal information", SCHEDULE_ARI, AUTOCERT, STORE_AUTOCERT, AUTOCERT },
	{ "approval", SCHEDULE_APPROVAL, AUTOCERT, STORE_AUTOCERT, AUTOCERT },
	{ "standing records", SCHEDULE_PERSIST, AUTOCERT, STORE_AUTOCERT, AUTOCERT },
};

static void
id_of(struct run *r, enum whose whose, char ret[STORE_ID_SIZE])
{
	_cleanup_autocert_ struct autocert a = { 0 };

	run_load(r, "a-90d", &a);
	switch (whose) {
	case PROVIDER:
		memcpy(ret, a.provider, STORE_ID_SIZE);
		break;
	case AUTOCERT:
		memcpy(ret, a.o.id, STORE_ID_SIZE);
		break;
	case CERTIFICATE:
		memcpy(ret, a.last_certificate, STORE_ID_SIZE);
		break;
	case AUTHORIZATION:
	case REMOVAL:
		memcpy(ret, "00000000-0000-4000-8000-00000000000a", STORE_ID_SIZE);
		break;
	}
}

static void
begin(struct run *r, const struct job *job, bool is_damaged, char id[STORE_ID_SIZE])
{
	struct store *store;
	struct store_txn *txn;
	char record[STORE_ID_SIZE], lane[STORE_ID_SIZE] = "";

	run_begin(r, 0);
	world_run_until(&r->world, world_now(&r->world) + MINUTE);
	cr_assert_eq(r->world.issued, 1);
	store = r->world.store;
	id_of(r, job->object, id);
	id_of(r, job->record, record);
	if (job->kind == SCHEDULE_ISSUE || job->kind == SCHEDULE_AUTHORIZE)
		id_of(r, PROVIDER, lane);
	r->world.is_peculiar = true;
	txn = store_begin(store);
	if (is_damaged)
		store_put(txn, job->db, record, strlen(record), "\xff\xff", 2);
	else
		store_del(txn, job->db, record, strlen(record));
	schedule_set(store, txn, job->kind, id, lane, world_now(&r->world));
	store_commit(store);
}

Test(damage, a_job_whose_record_cannot_be_read_is_reported_and_tried_again_later)
{
	for (size_t i = 0; i < ARRAY_SIZE(jobs); i++) {
		struct run r;
		struct world *w = &r.world;
		char id[STORE_ID_SIZE];
		uint64_t requests;

		begin(&r, &jobs[i], true, id);
		requests = w->requests;
		world_run_until(w, world_now(w) + 30);
		cr_expect_eq(w->store_failed, 1, "%s: reported %d times", jobs[i].why, (int)w->store_failed);
		world_run_until(w, world_now(w) + HOUR);
		cr_expect_leq(w->store_failed, 2, "%s: reported %d times", jobs[i].why, (int)w->store_failed);
		cr_expect_neq(run_due(&r, jobs[i].kind, id), 0, "%s: the row is gone", jobs[i].why);
		world_run_until(w, world_now(w) + 2 * DAY);
		cr_expect_geq(w->store_failed, 2, "%s: not tried again", jobs[i].why);
		cr_expect_eq(w->requests, requests, "%s: the CA was asked", jobs[i].why);
		run_end(&r);
	}
}

Test(damage, a_job_whose_record_is_gone_ends)
{
	for (size_t i = 0; i < ARRAY_SIZE(jobs); i++) {
		struct run r;
		struct world *w = &r.world;
		char id[STORE_ID_SIZE];
		uint64_t requests;

		begin(&r, &jobs[i], false, id);
		requests = w->requests;
		world_run_until(w, world_now(w) + 30);
		cr_expect_eq(run_due(&r, jobs[i].kind, id), 0, "%s", jobs[i].why);
		cr_expect_eq(w->store_failed, 0, "%s: it is a fault", jobs[i].why);
		cr_expect_eq(w->requests, requests, "%s: the CA was asked", jobs[i].why);
		run_end(&r);
	}
}
